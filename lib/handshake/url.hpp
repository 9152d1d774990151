// WebSocket URLs (RFC 6455 3): ws://host[:port]/path?query and wss://...
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bytes/error.hpp"

namespace hawser {

// The host and port of a URL, of a Host header field or of an origin (RFC 3986 3.2).
struct Authority {
  static constexpr int32_t kNoPort = -1;

  std::string_view host;  // a name, an IPv4 address, or an IPv6 address without its brackets
  bool ipv6 = false;      // the host stood in brackets
  int32_t port = kNoPort;
};

// Takes "host", "host:port" or "[IPv6]:port" apart; an empty port counts as none. Error::URL with words that name the
// fault: userinfo, empty host, bad bracket, zone id, a character that may not stand in a host, bad port. The value
// points into `text`.
Result<Authority> parse_authority(std::string_view text);

struct Url {
  bool secure = false;  // wss
  std::string host;     // a name, an IPv4 address, or an IPv6 address without its brackets
  bool ipv6 = false;    // the host stood in brackets
  uint16_t port = 0;    // as given, else 80 or 443
  std::string target;   // path and query, at least "/", percent-encoding kept as given

  // The value of the Host header field (RFC 6455 4.1): the port only if it is not the default one.
  std::string authority() const;
};

// Error::URL with words that name the fault: scheme, userinfo, empty host, bad port, bad bracket, a fragment, a
// character that may not stand in a URL (space, control, non-ASCII, quotes ...), a target longer than fits in a head.
Result<Url> parse_url(std::string_view text);

}  // namespace hawser
