// Header fields that an application adds to a request or an answer.
#pragma once

#include <string>
#include <string_view>

#include "bytes/error.hpp"

namespace hawser {

// Appends "Name: value\r\n" to `lines`, or says Error::HEADER: a name that is no token, a value with CR, LF, NUL or
// another control character but tab, or a name that belongs to the handshake or to HTTP's framing (Host, Upgrade,
// Connection, Sec-WebSocket-*, Content-Length, Transfer-Encoding, Trailer, TE, Expect ...). Origin does not.
Failure append_header_field(std::string &lines, std::string_view name, std::string_view value);

// True if `subprotocol` is one of the comma-separated `offered`; case matters (RFC 6455 11.3.4).
bool offers_subprotocol(std::string_view offered, std::string_view subprotocol);

// Checks a list such as "chat, superchat": every element a token, none twice (RFC 6455 4.1 item 10). Error::RANGE.
Failure check_subprotocols(std::string_view list);

}  // namespace hawser
