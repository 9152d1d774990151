// The opening handshake of one connection (RFC 6455 4), either role: collects the peer's head, judges it, and remembers
// it for the application. Exists until the events of the handshake were taken (with keep_handshake as long as the
// session).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bytes/buffer.hpp"
#include "bytes/error.hpp"
#include "bytes/random.hpp"
#include "deflate/negotiation.hpp"
#include "handshake/client_handshake.hpp"
#include "handshake/http_head.hpp"
#include "handshake/server_handshake.hpp"
#include "session/config.hpp"

namespace hawser {

class Opening {
 public:
  Opening(Role role, const Config &config, Budget &budget) : config_(config), role_(role), head_(budget) {}

  // Client: the request, to be sent first. Error::RANDOM.
  Result<std::string> make_request(const Url &url, Random &random);

  // Collects the peer's head: true when it is complete. `used` tells how many of the bytes belong to it. A head that
  // came whole stays where it is, in `data`, unless it is to outlive it. Error::HANDSHAKE, LIMIT, NO_MEMORY.
  Result<bool> collect(uint8_t *data, size_t size, size_t &used);

  // Server, when the head is complete: takes the request apart, and judges it.
  Failure parse_request();
  RequestCheck check_request();
  // Server: the 101. `subprotocol` empty: none.
  std::string make_accept(std::string_view subprotocol, std::string_view headers);
  const UpgradeRequest &request() const { return request_; }

  // Client, when the head is complete: takes the answer apart, and judges it.
  Failure parse_response();
  Failure check_response();
  // Client: an interim answer (RFC 9110 15.2) is passed over; the next one is collected. Error::LIMIT.
  bool is_interim() const { return response_.status < 200 && response_.status != 101; }
  Failure discard_interim();

  // What the application may read; the strings end with NUL. Empty or null where there is nothing.
  std::string_view target() const;
  std::string_view status() const { return response_.status_text; }
  const HeaderList &headers() const { return headers_; }
  const std::string &subprotocol() const { return subprotocol_; }

  // Bytes of the budget.
  size_t held() const { return head_.held(); }

  // Whether and how messages are compressed, once that is agreed on.
  const std::optional<DeflateAgreement> &deflate() const { return deflate_; }

 private:
  // A client's head is read with its CLOSE, a request while it waits for its answer: both later than they came.
  bool must_copy() const { return role_ == Role::CLIENT || config_.requests || config_.keep_handshake; }
  Result<bool> collect_whole(uint8_t *data, size_t size, size_t &used);
  Result<bool> collect_rest(const uint8_t *data, size_t size, size_t &used);
  Failure copy(const uint8_t *data, size_t size);

  const Config &config_;
  const Role role_;
  HeadScanner scanner_;
  Buffer head_;               // the head, if it did not come whole or has to be kept
  uint8_t *whole_ = nullptr;  // the whole head, in head_ or where it came
  std::string key_;           // client: its Sec-WebSocket-Key
  std::string requested_;     // client: the target it asked for
  std::string subprotocol_;   // agreed on
  std::optional<DeflateAgreement> deflate_;
  size_t interim_size_ = 0;  // bytes of the interim answers so far
  UpgradeRequest request_;
  RequestHead request_head_;
  ResponseHead response_;
  HeaderList headers_;
};

}  // namespace hawser
