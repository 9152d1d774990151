#include "handles.hpp"

namespace hawser::tools {

namespace {

std::string trimmed(const std::string &text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

}  // namespace

OptionSet::OptionSet() : options_(hws_options_new()) {
  if (options_ == nullptr) problem_ = hws_error_text(HWS_ERR_NO_MEMORY);
}

void OptionSet::set_int(const char *name, int64_t value) {
  note(hws_options_set_int(options_.get(), name, value), std::string(name) + " " + std::to_string(value));
}

void OptionSet::set_text(const char *name, const std::string &value) {
  note(hws_options_set_text(options_.get(), name, value.c_str()), std::string(name) + " \"" + value + "\"");
}

void OptionSet::set_list(const char *name, const std::vector<std::string> &values) {
  std::string list;
  for (const std::string &value : values)
    list += (list.empty() ? "" : ", ") + value;
  if (!list.empty()) set_text(name, list);
}

void OptionSet::add_header(const std::string &line) {
  const size_t colon = line.find(':');
  if (colon == std::string::npos) return note(HWS_ERR_HEADER, "header \"" + line + "\"");
  const std::string name = line.substr(0, colon);
  const std::string value = trimmed(line.substr(colon + 1));
  note(hws_options_add_header(options_.get(), name.c_str(), value.c_str()), "header \"" + line + "\"");
}

void OptionSet::refuse(const std::string &words) {
  if (problem_.empty()) problem_ = words;
}

void OptionSet::note(hws_result result, const std::string &what) {
  if (result < 0) refuse(what + ": " + hws_error_text(result));
}

}  // namespace hawser::tools
