// How a session ends, and what CLOSE says of it.
#include <cstring>
#include <new>

#include "bytes/ascii.hpp"
#include "session/session.hpp"

namespace hawser {

Error Session::close(int32_t code, std::string_view reason) {
  if (Error error = check_close(code, reason); error != Error::OK) return error;
  if (is_opening()) {
    abandon({Error::ABORTED, 0, "the application closed it before the opening handshake was done"}, false);
    return Error::OK;
  }
  if (phase_ == Phase::ANSWERING) {
    settle();
    return Error::OK;
  }
  if (phase_ != Phase::OPEN) return Error::CLOSED;
  enter(Phase::CLOSING);
  write_close(code, reason);
  return Error::OK;
}

void Session::handle_close(const uint8_t *data, size_t size) {
  Result<ClosePayload> payload = parse_close_payload(data, size);
  if (!payload) return fail(payload.failure());
  close_code_ = static_cast<uint16_t>(payload->code);
  note(&Rare::reason, payload->reason);
  clean_ = phase_ == Phase::CLOSING;
  by_peer_ = !clean_;
  enter(clean_ ? Phase::OVER : Phase::ANSWERING);
}

void Session::receive_end(bool truncated) {
  constexpr Failure kEnd{Error::END, 0, "the peer ended the TCP connection without a Close frame"};
  constexpr Failure kTruncated{Error::TLS, 0, "the TLS connection was cut off (no close_notify)"};
  if (truncated && is_opening()) return abandon(kTruncated, true);
  if (is_opening()) {
    return abandon({Error::END, 0, "the peer ended the TCP connection during the opening handshake"}, true);
  }
  if (phase_ == Phase::OPEN || phase_ == Phase::CLOSING) fail(truncated ? kTruncated : kEnd);
}

// Fails the connection (RFC 6455 7.1.7) because of what the peer did: our Close, if it may still be sent, follows when
// the events before it were taken.
void Session::fail(const Failure &failure) {
  if (!failure_) {
    failure_ = failure;
    by_peer_ = failure.error != Error::NO_MEMORY;
  }
  enter(phase_ == Phase::OPEN ? Phase::ANSWERING : Phase::OVER);
}

void Session::abandon(const Failure &failure, bool by_peer, std::string_view detail) {
  abandoned_ = true;
  if (phase_ == Phase::OVER) return;
  if (!failure_) {
    failure_ = failure;
    by_peer_ = by_peer;
    note(&Rare::detail, detail);
  }
  enter(Phase::OVER);
}

void Session::shed(size_t holds, bool politely) try {
  constexpr Failure kHeldMost{Error::NO_MEMORY, 0,
                              "over the option memory_budget, of which this connection held the most"};
  if (!failure_) note(&Rare::detail, std::to_string(holds) + " bytes");
  if (!politely) return abandon(kHeldMost, false);
  drop_codec();
  fail(kHeldMost);
} catch (const std::bad_alloc &) {
  abandon(kNoMemory, false);
}

void Session::settle() {
  if (phase_ != Phase::ANSWERING) return;
  // The peer cannot be told any more what it ended without a Close.
  if (failure_.error == Error::END || failure_.error == Error::TLS) return enter(Phase::OVER);
  if (failure_) {
    write_close(close_code_for(failure_.error), std::string_view(failure_.words).substr(0, kMaxCloseReason));
  } else {
    // RFC 6455 5.5.1: the answer typically echoes the code.
    write_close(close_code_ == close_code::kNoneGiven ? 0 : close_code_, "");
    clean_ = !abandoned_;
  }
  enter(Phase::OVER);
}

void Session::write_close(int32_t code, std::string_view reason) {
  uint8_t payload[kMaxControlPayload];
  size_t size = write_close_payload(payload, code, reason);
  if (write_frame(frame_first_byte(true, Opcode::CLOSE), payload, size) == Error::NO_MEMORY) abandon(kNoMemory, false);
  flushed_ = false;  // only now: room for the frame may have been made by a flush
  await_output();
}

void Session::describe_close(Event &event) const {
  event = {};
  event.kind = EventKind::CLOSE;
  event.code = close_code_;
  event.error = static_cast<int32_t>(failure_.error);
  event.system = failure_.system;
  event.flags = (by_peer_ ? event_flag::kByPeer : 0) | (clean_ ? event_flag::kClean : 0);
  if (rare_ == nullptr || rare_->reason.empty()) return;
  event.size = static_cast<int64_t>(rare_->reason.size());
  event.data = reinterpret_cast<const uint8_t *>(rare_->reason.data());
}

// The peer's reason, status line and certificate are among them.
std::string Session::words_of_close() const {
  return printable(failure_ ? words_of_failure() : words_of_goodbye());
}

std::string Session::words_of_goodbye() const {
  std::string words =
      std::string("closed by ") + (by_peer_ ? "the peer" : "us") + " with " + std::to_string(close_code_);
  if (rare_ && !rare_->reason.empty()) words += ": " + rare_->reason;
  return words;
}

std::string Session::words_of_failure() const {
  std::string words = failure_.words;
  bool is_errno = failure_.error == Error::IO || failure_.error == Error::CONNECT || failure_.error == Error::SYSTEM;
  if (is_errno && failure_.system != 0) words += std::string(": ") + std::strerror(failure_.system);
  if (rare_ && !rare_->detail.empty()) words += ": " + rare_->detail.substr(0, rare_->detail.find('\n'));
  if (failure_.error == Error::HTTP && opening() != nullptr) words += ": " + std::string(handshake().status());
  return words;
}

// For people: where there is no memory for it, there are fewer words.
void Session::note(std::string Rare::*which, std::string_view words) try {
  if (!words.empty() && rare() != nullptr) (*rare_).*which = words;
} catch (const std::bad_alloc &) {
}

}  // namespace hawser
