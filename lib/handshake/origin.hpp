// Who may connect from a browser: the Origin header field (RFC 6455 10.2, RFC 6454 7) against the option "origins".
#pragma once

#include <string_view>

#include "bytes/error.hpp"

namespace hawser {

// The option is "*" for everybody, or a list of origins "https://a.example, http://b:8080", in which "same" stands for
// the pages of the host that the client connects to, and "null" for pages that have no origin. Error::RANGE with words.
Failure check_origins(std::string_view origins);

// True if a page of `origin`, the value of Origin, may connect to `host`, the value of Host. "same" compares host names
// ignoring case, and ports, which must be equal or absent on both sides: the scheme is not guessed, because TLS may end
// in front of us. A listed origin also knows the default port of its scheme.
bool origin_is_allowed(std::string_view origin, std::string_view host, std::string_view origins);

}  // namespace hawser
