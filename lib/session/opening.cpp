#include "session/opening.hpp"

#include <algorithm>

#include "handshake/accept_key.hpp"

namespace hawser {

namespace {

// RFC 8446 5.1: the first byte of a record, and no HTTP head begins with one of these. A client begins with a handshake
// record (ClientHello), a server that was not understood answers with an alert.
bool is_tls_record(uint8_t first) {
  constexpr uint8_t kAlert = 21;
  constexpr uint8_t kHandshake = 22;
  return first == kAlert || first == kHandshake;
}

Failure speaks_tls(Role role) {
  if (role == Role::CLIENT) return {Error::TLS, 0, "the server speaks TLS: use wss://"};
  return {Error::TLS, 400, "the peer speaks TLS, and this is a ws:// port"};
}

}  // namespace

Result<std::string> Opening::make_request(const Url &url, Random &random) {
  uint8_t nonce[16];
  if (!random.fill(nonce)) return Failure{Error::RANDOM, 0, "no random bytes for the handshake key"};
  key_ = handshake_key(nonce);
  requested_ = url.target;
  return write_request(url, config_.offer, key_);
}

Result<bool> Opening::collect(uint8_t *data, size_t size, size_t &used) {
  used = size;
  if (head_.empty() && is_tls_record(data[0])) return speaks_tls(role_);
  return head_.empty() ? collect_whole(data, size, used) : collect_rest(data, size, used);
}

// The first bytes of a head: they are copied only if it is not complete, or has to be kept, and then nothing behind it.
Result<bool> Opening::collect_whole(uint8_t *data, size_t size, size_t &used) {
  HeadScanner::Status status = scanner_.scan(data, size, config_.head);
  if (status == HeadScanner::Status::FAILED) return scanner_.failure();
  bool complete = status == HeadScanner::Status::COMPLETE;
  if (complete) used = scanner_.head_size();
  whole_ = data;
  if (complete && !must_copy()) return true;
  if (Failure failure = copy(data, used)) return failure;
  whole_ = head_.data();
  return complete;
}

Result<bool> Opening::collect_rest(const uint8_t *data, size_t size, size_t &used) {
  size_t before = head_.size();
  if (Failure failure = copy(data, size)) return failure;
  whole_ = head_.data();
  HeadScanner::Status status = scanner_.scan(whole_, head_.size(), config_.head);
  if (status == HeadScanner::Status::FAILED) return scanner_.failure();
  if (status == HeadScanner::Status::INCOMPLETE) return false;
  used = scanner_.head_size() - before;
  return true;
}

// Takes no more than the largest head: what follows it in the same piece are frames.
Failure Opening::copy(const uint8_t *data, size_t size) {
  uint64_t room = UINT64_MAX;
  if (config_.head.max_size >= 0) room = static_cast<uint64_t>(config_.head.max_size) + 1 - head_.size();
  if (head_.append(data, static_cast<size_t>(std::min<uint64_t>(size, room)))) return {};
  return {Error::NO_MEMORY, 0, "no memory for the opening handshake, or over the option memory_budget"};
}

Failure Opening::parse_request() {
  Result<RequestHead> head = parse_request_head(whole_, scanner_.head_size(), config_.head);
  if (!head) return head.failure();
  request_head_ = *head;
  headers_ = head->headers;
  return {};
}

RequestCheck Opening::check_request() {
  RequestCheck check = hawser::check_request(request_head_, config_.policy, config_.requests);
  if (!check) return check;
  request_ = check.request();
  subprotocol_ = request_.subprotocol;  // until the application picks another one
  return check;
}

std::string Opening::make_accept(std::string_view subprotocol, std::string_view headers) {
  subprotocol_ = subprotocol;
  deflate_ = agree_to_deflate(request_.extensions, config_.deflate);
  std::string_view extensions = deflate_ ? std::string_view(deflate_->answer) : "";
  return write_accept(request_.key, subprotocol, extensions, config_.policy.headers, headers);
}

Failure Opening::parse_response() {
  Result<ResponseHead> head = parse_response_head(whole_, scanner_.head_size(), config_.head);
  if (!head) return head.failure();
  response_ = *head;
  headers_ = head->headers;
  return {};
}

Failure Opening::check_response() {
  Result<Answer> answer = hawser::check_response(response_, config_.offer, key_);
  if (!answer) return answer.failure();
  subprotocol_ = answer->subprotocol;
  if (answer->extensions.empty()) return {};
  Result<DeflateAgreement> agreement = check_deflate_answer(answer->extensions, config_.deflate);
  if (!agreement) return agreement.failure();
  deflate_ = std::move(*agreement);
  return {};
}

Failure Opening::discard_interim() {
  interim_size_ += scanner_.head_size();
  if (config_.head.max_size >= 0 && interim_size_ > static_cast<uint64_t>(config_.head.max_size)) {
    return {Error::LIMIT, 0, "interim answers over the option max_head_size"};
  }
  response_ = {};
  headers_ = {};
  head_.clear();
  scanner_ = HeadScanner();
  return {};
}

std::string_view Opening::target() const {
  return requested_.empty() ? request_head_.target : requested_;
}

}  // namespace hawser
