// The value of Sec-WebSocket-Extensions (RFC 6455 9.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hawser {

struct ExtensionParameter {
  std::string_view name;
  std::optional<std::string> value;  // without its quotes
};

struct Extension {
  std::string_view name;
  std::vector<ExtensionParameter> parameters;
};

// The extensions of an extension-list, of which there is one at least; nullopt if `value`, into which they point, is
// none.
std::optional<std::vector<Extension>> parse_extension_list(std::string_view value);

// True if `value` is an extension-list: one extension or more, each a token with parameters. As in every HTTP list,
// blanks and empty elements do not count.
bool is_extension_list(std::string_view value);

}  // namespace hawser
