// Owning handles for what hawser.h hands out, and a set of options that remembers its first refusal.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <hawser.h>

namespace hawser::tools {

struct HandleFree {
  void operator()(hws_options *options) const { hws_options_free(options); }
  void operator()(hws_manager *manager) const { hws_manager_free(manager); }
};

using Options = std::unique_ptr<hws_options, HandleFree>;
using Manager = std::unique_ptr<hws_manager, HandleFree>;

class OptionSet {
 public:
  OptionSet();

  void set_int(const char *name, int64_t value);
  void set_text(const char *name, const std::string &value);
  void set_list(const char *name, const std::vector<std::string> &values);  // nothing, if there are none
  void add_header(const std::string &line);                                 // "Name: value"
  void refuse(const std::string &words);  // what is wrong with the call, apart from single options

  // What was refused first, in words; empty if nothing was.
  const std::string &problem() const { return problem_; }
  const hws_options *get() const { return options_.get(); }

 private:
  void note(hws_result result, const std::string &what);

  Options options_;
  std::string problem_;
};

}  // namespace hawser::tools
