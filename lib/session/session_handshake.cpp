// The opening handshake of a session.
#include <cassert>
#include <new>
#include <utility>

#include "session/session.hpp"

namespace hawser {

Failure Session::start(const Url &url) try {
  if (!begin_opening()) return kNoMemory;
  Result<std::string> request = handshake().make_request(url, surroundings_.random);
  if (!request) return request.failure();
  return write_text(*request) == Error::OK ? Failure{} : kNoMemory;
} catch (const std::bad_alloc &) {
  return kNoMemory;
}

// False: no memory.
bool Session::begin_opening() {
  if (rare() == nullptr) return false;
  rare_->opening.reset(new (std::nothrow) Opening(role_, config_, surroundings_.memory.handshakes));
  return rare_->opening != nullptr;
}

void Session::assume_open() {
  open();
}

size_t Session::receive_head(uint8_t *data, size_t size, Event &event) try {
  if (opening() == nullptr && !begin_opening()) {
    abandon(kNoMemory, false);
    return size;
  }
  size_t used = 0;
  Result<bool> complete = handshake().collect(data, size, used);
  if (!complete) {
    fail_head(complete.failure());
  } else if (*complete && role_ == Role::SERVER) {
    handle_request(event);
  } else if (*complete) {
    handle_response(event);
  }
  return used;
} catch (const std::bad_alloc &) {
  abandon(kNoMemory, false);
  return size;
}

void Session::fail_head(const Failure &failure) {
  if (failure.error == Error::NO_MEMORY) return abandon(failure, false);
  if (role_ == Role::CLIENT) return abandon({failure.error, 0, failure.words}, true);
  refuse({failure.system, std::string(failure.words) + "\n"}, failure);
}

void Session::handle_request(Event &event) {
  if (Failure failure = handshake().parse_request()) return fail_head(failure);
  RequestCheck check = handshake().check_request();
  if (!check) {
    rare_->detail = check.refusal().body;
    return refuse(check.refusal(), {Error::HANDSHAKE, check.refusal().status, "the request was refused"});
  }
  if (!surroundings_.has_room_for_another()) {
    constexpr Failure kNoRoom{Error::NO_MEMORY, 503, "no room for another connection in the option memory_budget"};
    return refuse({503, "the server is short of memory\n", handshake().request().head_only}, kNoRoom);
  }
  if (surroundings_.draining) {
    constexpr Failure kDraining{Error::ABORTED, 503, "the manager is draining"};
    return refuse({503, "the server is shutting down\n", handshake().request().head_only}, kDraining);
  }
  if (config_.requests) {
    enter(Phase::DECIDING);
    event.kind = EventKind::REQUEST;
    event.flags = handshake().request().upgrade ? event_flag::kUpgrade : 0;
    return;
  }
  if (accept_with(handshake().request().subprotocol, "") != Error::OK) return abandon(kNoMemory, false);
  event.kind = EventKind::OPEN;
}

void Session::handle_response(Event &event) {
  if (Failure failure = handshake().parse_response()) return fail_head(failure);
  if (handshake().is_interim()) {
    if (Failure failure = handshake().discard_interim()) abandon(failure, true);
    return;
  }
  if (Failure failure = handshake().check_response()) return abandon(failure, true);
  agree_on(handshake().subprotocol(), agreed_terms());
  open();
  event.kind = EventKind::OPEN;
}

void Session::refuse_opening(const Refusal &refusal, const Failure &failure) try {
  refuse(refusal, failure);
} catch (const std::bad_alloc &) {
  abandon(kNoMemory, false);
}

// The answer to a request that is no good: an HTTP status and a line of text.
void Session::refuse(const Refusal &refusal, const Failure &failure) {
  failure_ = failure;
  by_peer_ = true;
  std::string head = write_response_head(refusal.status, "", refusal.body.size(), refusal.reason);
  if (!refusal.head_only) head += refusal.body;
  flushed_ = false;  // before the text, which may leave at once
  if (write_text(head) != Error::OK) return abandon(kNoMemory, false);
  enter(Phase::OVER);
}

Error Session::accept(std::string_view subprotocol, std::string_view headers) {
  if (phase_ != Phase::DECIDING || !handshake().request().upgrade) return Error::STATE;
  // RFC 6455 4.2.2 step 5.5: the value must be one that the client sent.
  if (!subprotocol.empty() && !offers_subprotocol(handshake().request().offered, subprotocol)) return Error::ARGUMENT;
  return accept_with(subprotocol, headers);
}

Error Session::accept_with(std::string_view subprotocol, std::string_view headers) {
  std::string head = handshake().make_accept(subprotocol, headers);
  if (head.empty()) return Error::NO_MEMORY;  // OpenSSL could not make a SHA-1
  std::string agreed(subprotocol);
  const CodecTerms *terms = agreed_terms();
  Error error = write_text(head);
  if (error != Error::OK) return error;
  agree_on(std::move(agreed), terms);
  open();
  return Error::OK;
}

Error Session::respond(int32_t status, std::string_view headers, const uint8_t *body, size_t size) {
  if (phase_ != Phase::DECIDING) return Error::STATE;
  std::string head = write_response_head(status, headers, size);
  flushed_ = false;  // before the body, which may leave at once
  Error error = write_text(head);
  bool bodiless = handshake().request().head_only || status == 204 || status == 304;  // RFC 9110 6.4.1
  if (error == Error::OK && !bodiless) {
    error = write_text({reinterpret_cast<const char *>(body), size});
  }
  if (error != Error::OK) {
    abandon(kNoMemory, false);
    return error;
  }
  failure_ = {Error::ABORTED, status, "the application answered the request"};
  enter(Phase::OVER);
  return Error::OK;
}

// Of the pool, until somebody holds them. Throws std::bad_alloc.
const CodecTerms *Session::agreed_terms() {
  const std::optional<DeflateAgreement> &agreement = handshake().deflate();
  if (!agreement) return nullptr;
  return &surroundings_.codecs.terms(*agreement, config_.deflate, surroundings_.memory.deflate);
}

void Session::agree_on(std::string subprotocol, const CodecTerms *terms) {
  assert(terms_ == nullptr);
  rare_->subprotocol = std::move(subprotocol);
  terms_ = terms;
  if (terms_ != nullptr) terms_->hold();
}

void Session::open() {
  heard_ = active_ = surroundings_.now;
  enter(Phase::OPEN);
}

void Session::forget_handshake() {
  if (is_opening() || config_.keep_handshake || rare_ == nullptr) return;
  rare_->opening.reset();
  trim_rare();
}

const char *Session::subprotocol() const {
  if (phase_ == Phase::DECIDING && !handshake().subprotocol().empty()) return handshake().subprotocol().c_str();
  return rare_ && !rare_->subprotocol.empty() ? rare_->subprotocol.c_str() : nullptr;
}

const char *Session::extensions() const {
  return terms_ != nullptr ? terms_->agreement.answer.c_str() : nullptr;
}

}  // namespace hawser
