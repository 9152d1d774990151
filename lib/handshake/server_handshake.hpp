// The server's side of the opening handshake (RFC 6455 4.2), and plain HTTP answers on the same port.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "bytes/error.hpp"
#include "handshake/header_field.hpp"
#include "handshake/http_head.hpp"
#include "handshake/origin.hpp"

namespace hawser {

struct ServerPolicy {
  // Who may connect from a browser (RFC 6455 10.2), as check_origins describes it.
  std::string origins = "same";
  std::string subprotocols;  // what the server speaks, in its order of preference; empty: none
  std::string headers;       // further lines of the 101
};

// What a request asks for, once it is found to be well-formed and allowed.
struct UpgradeRequest {
  bool upgrade = false;          // a WebSocket handshake; false: plain HTTP, GET or HEAD
  bool head_only = false;        // HEAD: the answer has no body
  std::string_view key;          // Sec-WebSocket-Key; points into the head
  std::string_view subprotocol;  // picked: the first of the server's that the client offers, "" if none; into the head
  std::string offered;           // the client's subprotocols as one list, which it may spread over several fields
  std::string extensions;        // likewise what it offers of these; "" if nothing
};

// An answer that is not 101.
struct Refusal {
  int status = 400;
  std::string body;              // text/plain, says why
  bool head_only = false;        // to a HEAD: the body is only counted in Content-Length, not sent
  std::string_view reason = {};  // constant: in place of the status's own phrase
};

class RequestCheck {
 public:
  RequestCheck(UpgradeRequest request) : request_(std::move(request)), accepted_(true) {}
  RequestCheck(Refusal refusal) : refusal_(std::move(refusal)) {}
  explicit operator bool() const { return accepted_; }
  const UpgradeRequest &request() const { return request_; }
  const Refusal &refusal() const { return refusal_; }

 private:
  UpgradeRequest request_;
  Refusal refusal_;
  bool accepted_ = false;
};

// Judges a request. Refusals: 400 (no or two Hosts, a body, Transfer-Encoding, a bad or
// repeated key, ...), 403 (origin; the body names both values and the option "origins"), 405 (neither GET nor HEAD, or
// an upgrade that is not GET), 426 (another Sec-WebSocket-Version than 13), 505 (HTTP/1.0). `plain_http`: the
// application answers requests that are no upgrade itself; else they get 426 with Upgrade: websocket.
RequestCheck check_request(const RequestHead &head, const ServerPolicy &policy, bool plain_http);

// The 101 head. `subprotocol` and `extensions` empty: none. `headers`: further lines, on top of the policy's. Empty if
// accept_key is.
std::string write_accept(std::string_view key, std::string_view subprotocol, std::string_view extensions,
                         std::string_view policy_headers, std::string_view headers);

// A head for an answer with a body of `body_size` bytes, "Connection: close" and, where the status demands it, Upgrade,
// Sec-WebSocket-Version: 13 (426) or Allow: GET (405). Content-Type is text/plain unless `headers` has one.
std::string write_response_head(int status, std::string_view headers, size_t body_size, std::string_view reason = {});

// The reason phrase of a status, "" if unknown.
std::string_view reason_phrase(int status);

}  // namespace hawser
