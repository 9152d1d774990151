// The client's side of the opening handshake (RFC 6455 4.1).
#pragma once

#include <string>
#include <string_view>

#include "bytes/error.hpp"
#include "handshake/http_head.hpp"
#include "handshake/url.hpp"

namespace hawser {

// The texts are written as they are: whoever takes them from an application has checked them.
struct ClientOffer {
  std::string origin;        // value of Origin; empty: none is sent
  std::string subprotocols;  // "chat, superchat" in order of preference; empty: none
  std::string headers;       // further lines, each ended by CR LF, as append_header_field makes them
  std::string extensions;    // value of Sec-WebSocket-Extensions; empty: none
};

// The request head. `key` is the Sec-WebSocket-Key.
std::string write_request(const Url &url, const ClientOffer &offer, std::string_view key);

// What a server's answer says. The texts point into its head; empty: none.
struct Answer {
  std::string_view subprotocol;
  std::string_view extensions;  // for the extension to judge
};

// Checks a server's answer to such a request. Failures: Error::HTTP with `system` = status if the status is not 101;
// else Error::HANDSHAKE with words: Upgrade, Connection, Accept (compared in constant time), a subprotocol that was not
// offered or stands twice, an extension where none was offered.
Result<Answer> check_response(const ResponseHead &head, const ClientOffer &offer, std::string_view key);

}  // namespace hawser
