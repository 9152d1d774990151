// What the two sides agree on (RFC 7692 5 and 7.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bytes/error.hpp"
#include "deflate/deflate_options.hpp"

namespace hawser {

// As one side sees it: how it compresses, and how the other one does.
struct DeflateAgreement {
  int compress_bits = 15;
  int inflate_bits = 15;
  bool compress_takeover = true;
  bool inflate_takeover = true;
  std::string answer;  // the server's Sec-WebSocket-Extensions

  bool operator==(const DeflateAgreement &) const = default;
};

// The client's Sec-WebSocket-Extensions: offers in order of preference; empty if it offers nothing.
std::string make_deflate_offer(const DeflateOptions &options);

// Server: takes the first offer that it can agree to. An offer with a parameter that is unknown, invalid or there twice
// is declined (7.1), as one that the options do not allow. `offers`: the value of Sec-WebSocket-Extensions.
std::optional<DeflateAgreement> agree_to_deflate(std::string_view offers, const DeflateOptions &options);

// Client: judges the value of the server's Sec-WebSocket-Extensions. Error::HANDSHAKE: it is not what was offered.
Result<DeflateAgreement> check_deflate_answer(std::string_view answer, const DeflateOptions &options);

}  // namespace hawser
