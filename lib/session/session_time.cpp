// What time brings to a session: pings, and an end where the peer is late. Some of it runs from when our output has
// left.
#include "bytes/deadline.hpp"
#include "session/session.hpp"

namespace hawser {

// What was written last is something that has to be known to have left. Of more than can be counted only output_flushed
// tells.
void Session::await_output() {
  int64_t pending = surroundings_.sink.pending(*this);
  awaited_ = pending <= UINT32_MAX ? static_cast<uint32_t>(pending) : 0;
}

bool Session::output_left(size_t size) {
  if (awaited_ > size) {
    awaited_ -= static_cast<uint32_t>(size);
    return false;
  }
  return awaited_ != 0 && output_flushed();
}

bool Session::output_flushed() {
  bool news = !flushed_ || pong_bytes_ > kMaxPongBytes;
  if (!flushed_) since_ = surroundings_.now;
  flushed_ = true;
  pong_bytes_ = 0;
  awaited_ = 0;
  return news;
}

void Session::set_reading(bool reading) {
  if (reading && !reading_) {
    heard_ = surroundings_.now;
    if (pinging_ && flushed_) since_ = surroundings_.now;
  }
  reading_ = reading;
}

int64_t Session::deadline() const {
  if (abandoned_ || phase_ == Phase::ANSWERING) return kNever;  // it is the application's turn, not the peer's
  if (is_opening()) return after(since_, config_.handshake_timeout);
  if (phase_ == Phase::OPEN) return open_deadline();
  return flushed_ ? after(since_, config_.close_timeout) : kNever;
}

int64_t Session::open_deadline() const {
  int64_t idle = after(active_, config_.idle_timeout);
  if (!reading_) return idle;
  if (!pinging_) return earlier(idle, after(heard_, config_.ping_interval));
  return flushed_ ? earlier(idle, after(since_, config_.ping_timeout)) : idle;
}

void Session::advance() {
  int64_t due = deadline();
  if (due == kNever || due > surroundings_.now) return;
  if (is_opening()) {
    constexpr Failure kTooLate{Error::TIMEOUT, 0, "handshake_timeout passed before the opening handshake was done"};
    return abandon(kTooLate, phase_ == Phase::OPENING);  // DECIDING: it was the application that was late
  }
  if (phase_ == Phase::CLOSING)
    return abandon({Error::TIMEOUT, 0, "close_timeout passed before the peer's Close"}, true);
  if (phase_ == Phase::OVER) {
    abandoned_ = true;
    return;
  }
  if (due == after(active_, config_.idle_timeout)) {
    failure_ = {Error::TIMEOUT, 0, "idle_timeout passed without a message"};
    close(close_code::kGoingAway, "idle");
  } else if (pinging_) {
    abandon({Error::TIMEOUT, 0, "ping_timeout passed without an answer to a ping"}, true);
  } else {
    keep_alive();
  }
}

void Session::keep_alive() {
  if (!surroundings_.random.fill(keepalive_)) return abandon(kNoRandom, false);
  Error error = write_frame(frame_first_byte(true, Opcode::PING), keepalive_, sizeof keepalive_);
  if (error == Error::NO_MEMORY) return abandon(kNoMemory, false);
  pinging_ = pong_due_ = true;
  flushed_ = routine_ = false;
  await_output();
}

}  // namespace hawser
