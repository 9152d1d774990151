// The value of Sec-WebSocket-Extensions (RFC 6455 9.1).
#pragma once

#include <string_view>

namespace hawser {

// True if `value` is an extension-list: one extension or more, each a token with parameters. As in every HTTP list,
// blanks and empty elements do not count.
bool is_extension_list(std::string_view value);

}  // namespace hawser
