#include "handshake/extension_list.hpp"

#include "bytes/ascii.hpp"

namespace hawser {

namespace {

// What is left of a value. Each function takes something off its front, and the blanks behind it; false if it is not
// there.
class Rest {
 public:
  explicit Rest(std::string_view text) : text_(trim(text)) {}

  bool empty() const { return text_.empty(); }
  bool is_at(char c) const { return text_.starts_with(c); }

  bool take(char c) {
    if (!is_at(c)) return false;
    advance(1);
    return true;
  }

  bool take_token(std::string_view &token) {
    size_t size = 0;
    while (size < text_.size() && is_token_char(text_[size]))
      size++;
    token = text_.substr(0, size);
    advance(size);
    return size != 0;
  }

  // A quoted-string which is a token when its quotes and backslashes are gone.
  bool take_quoted_token(std::string &token) {
    size_t at = 1;
    for (; at < text_.size() && text_[at] != '"'; at++) {
      if (text_[at] == '\\') at++;
      if (at >= text_.size() || !is_token_char(text_[at])) return false;
      token += text_[at];
    }
    if (at >= text_.size() || token.empty()) return false;
    advance(at + 1);
    return true;
  }

 private:
  void advance(size_t size) {
    text_.remove_prefix(size);
    text_ = trim(text_);
  }

  std::string_view text_;
};

bool take_value(Rest &rest, std::string &value) {
  if (rest.is_at('"')) return rest.take_quoted_token(value);
  std::string_view token;
  if (!rest.take_token(token)) return false;
  value = token;
  return true;
}

bool take_parameter(Rest &rest, ExtensionParameter &parameter) {
  if (!rest.take_token(parameter.name)) return false;
  return !rest.take('=') || take_value(rest, parameter.value.emplace());
}

bool take_extension(Rest &rest, Extension &extension) {
  if (!rest.take_token(extension.name)) return false;
  while (rest.take(';')) {
    if (!take_parameter(rest, extension.parameters.emplace_back())) return false;
  }
  return true;
}

}  // namespace

std::optional<std::vector<Extension>> parse_extension_list(std::string_view value) {
  Rest rest(value);
  std::vector<Extension> extensions;
  while (!rest.empty()) {
    if (rest.take(',')) continue;
    if (!take_extension(rest, extensions.emplace_back())) return std::nullopt;
    if (!rest.empty() && !rest.is_at(',')) return std::nullopt;
  }
  if (extensions.empty()) return std::nullopt;
  return extensions;
}

bool is_extension_list(std::string_view value) {
  return parse_extension_list(value).has_value();
}

}  // namespace hawser
