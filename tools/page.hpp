// The page that hawser serve answers to GET /; embedded from page.html by the build.
#pragma once

#include <string_view>

namespace hawser::tools {

// UTF-8. Contains kPageRole once, to be replaced by the server's role.
std::string_view page_template();

inline constexpr std::string_view kPageRole = "@ROLE@";

}  // namespace hawser::tools
