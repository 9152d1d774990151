#include "session/solo_session.hpp"

#include <algorithm>
#include <cstring>

#include "bytes/deadline.hpp"

namespace hawser {

SoloSession::SoloSession(Role role, std::shared_ptr<const Config> config, const SoloLimits &limits)
    : config_(std::move(config)),
      limits_(limits),
      budget_(limits.memory_budget),
      surroundings_{random_, budget_, *this, 0},
      batch_(static_cast<size_t>(limits.max_events)),
      output_(budget_),
      session_(role, *config_, surroundings_) {}

size_t SoloSession::receive(uint8_t *data, size_t size) {
  if (taken_ < batch_.size() || open_due_) return 0;
  forget_handshake();
  batch_.clear();
  taken_ = 0;
  size_t used = 0;
  while (used < size && !batch_.full()) {
    Event &event = batch_.next();
    used += session_.receive(data + used, size - used, event);
    if (event.kind == EventKind::NONE) break;
    batch_.commit();
  }
  return used;
}

void SoloSession::receive_end() {
  ended_ = true;
  session_.receive_end();
}

const Event *SoloSession::next_event() {
  if (taken_ < batch_.size()) {
    const Event *event = batch_.at(taken_++);
    last_ = event->kind;
    return event;
  }
  if (open_due_) {
    open_due_ = false;
    return tell(EventKind::OPEN);
  }
  if (refused_ && !session_.over() && static_cast<int64_t>(output_size()) <= limits_.max_send_queue / 4) {
    refused_ = false;
    return tell(EventKind::DRAIN);
  }
  session_.settle();
  if (!session_.over() || closed_) {
    forget_handshake();
    return nullptr;
  }
  closed_ = true;
  return tell(EventKind::CLOSE);
}

// The events were taken, so the received bytes may go, and with them the request that lies in them. The words of a
// client's CLOSE need the answer that it got, and it has a copy.
void SoloSession::forget_handshake() {
  bool needed = session_.over() && (session_.role() == Role::CLIENT || !closed_);
  if (!needed) session_.forget_handshake();
}

const Event *SoloSession::tell(EventKind kind) {
  own_event_ = {};
  if (kind == EventKind::CLOSE) session_.describe_close(own_event_);
  own_event_.kind = last_ = kind;
  return &own_event_;
}

const char *SoloSession::event_text() {
  text_ = last_ == EventKind::CLOSE ? session_.words_of_close() : "";
  return text_.c_str();
}

void SoloSession::output_sent(size_t size) {
  size = std::min(size, output_size());
  if (size != 0) stalled_since_ = surroundings_.now;
  sent_ += size;
  if (output_size() != 0) {
    session_.output_left(size);
    return;
  }
  output_.release();
  sent_ = 0;
  session_.output_flushed();
}

uint8_t *SoloSession::append(Session &, size_t size) {
  if (output_size() == 0) stalled_since_ = surroundings_.now;
  // What was sent is thrown away when it is the larger part, so that each byte is moved once at most.
  if (sent_ > output_size()) {
    output_.consume(sent_);
    sent_ = 0;
  }
  if (!output_.reserve(size)) return nullptr;
  uint8_t *at = output_.data() + output_.size();
  output_.commit(size);
  return at;
}

bool SoloSession::append_borrowed(Session &writer, const uint8_t *head, size_t head_size, const uint8_t *payload,
                                  size_t payload_size) {
  uint8_t *at = append(writer, head_size + payload_size);
  if (at == nullptr) return false;
  if (head_size != 0) std::memcpy(at, head, head_size);
  std::memcpy(at + head_size, payload, payload_size);
  return true;
}

Error SoloSession::refuse() {
  Error error = session_.can_send();
  if (error != Error::OK) return error;
  refused_ = true;
  return Error::WOULD_BLOCK;
}

Error SoloSession::send(Opcode opcode, const uint8_t *data, size_t size) {
  bool refused = queue_full() && !session_.in_part();
  return refused ? refuse() : session_.send(opcode, data, size);
}

Error SoloSession::send_part(Opcode opcode, const uint8_t *data, size_t size, bool final) {
  return queue_full() ? refuse() : session_.send_part(opcode, data, size, final);
}

Error SoloSession::ping(const uint8_t *data, size_t size) {
  return queue_full() ? refuse() : session_.ping(data, size);
}

Error SoloSession::accept(std::string_view subprotocol, std::string_view headers) {
  Error error = session_.accept(subprotocol, headers);
  open_due_ = open_due_ || error == Error::OK;
  return error;
}

Error SoloSession::respond(int32_t status, std::string_view headers, const uint8_t *body, size_t size) {
  return session_.respond(status, headers, body, size);
}

int64_t SoloSession::deadline() const {
  int64_t due = session_.deadline();
  return output_size() != 0 ? earlier(due, after(stalled_since_, limits_.write_stall_timeout)) : due;
}

void SoloSession::advance_to(int64_t now) {
  constexpr int64_t kLatest = INT64_MAX - INT32_MAX;  // a duration can be added to it
  surroundings_.now = std::clamp(now, surroundings_.now, kLatest);
  session_.advance();
  int64_t stall = limits_.write_stall_timeout;
  if (output_size() != 0 && stall >= 0 && surroundings_.now - stalled_since_ >= stall) {
    session_.abandon({Error::TIMEOUT, 0, "write_stall_timeout passed: the peer reads nothing"}, true);
  }
}

}  // namespace hawser
