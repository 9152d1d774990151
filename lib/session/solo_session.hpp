// A session by itself, for those who bring their own I/O (hws_session): it has its own clock, budget and random pool, a
// buffer for what it writes, and a batch for what it tells.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "bytes/buffer.hpp"
#include "session/event_batch.hpp"
#include "session/session.hpp"

namespace hawser {

struct SoloLimits {
  int64_t memory_budget = -1;
  int64_t max_send_queue = -1;
  int64_t max_events = 256;
  int64_t write_stall_timeout = -1;
};

class SoloSession final : private Sink {
 public:
  SoloSession(Role role, std::shared_ptr<const Config> config, const SoloLimits &limits);

  Failure start(const Url &url) { return session_.start(url); }
  void assume_open() { session_.assume_open(); }

  // Returns how many bytes were used: 0 while events wait to be taken.
  size_t receive(uint8_t *data, size_t size);
  void receive_end();
  // nullptr when none is left; then what the session has to answer is written.
  const Event *next_event();
  // Words about the event that was taken last.
  const char *event_text();

  // Nothing once the transport has to go at once: what is left is not to be sent.
  const uint8_t *output() const { return output_.data() + sent_; }
  size_t output_size() const { return session_.abandoned() ? 0 : output_.size() - sent_; }
  void output_sent(size_t size);

  Error send(Opcode opcode, const uint8_t *data, size_t size);
  Error send_part(Opcode opcode, const uint8_t *data, size_t size, bool final);
  Error ping(const uint8_t *data, size_t size);
  Error close(int32_t code, std::string_view reason) { return session_.close(code, reason); }
  Error accept(std::string_view subprotocol, std::string_view headers);
  Error respond(int32_t status, std::string_view headers, const uint8_t *body, size_t size);

  // The driver does not read: nothing can be heard, and the keep-alive clock stands still.
  void set_reading(bool reading) { session_.set_reading(reading); }

  int64_t deadline() const;
  // Time does not go back: an earlier one is ignored.
  void advance_to(int64_t now);
  // After both Closes a client waits for the server to end the transport (RFC 6455 7.1.1), as long as close_timeout.
  bool should_close_transport() const {
    return session_.over() && (ended_ || session_.abandoned() || !session_.awaits_end());
  }

  // Handshake data; nullptr when it is gone.
  const Opening *handshake() const { return session_.opening(); }
  const char *subprotocol() const { return session_.subprotocol(); }
  const char *extensions() const { return session_.extensions(); }

 private:
  uint8_t *append(Session &writer, size_t size) override;
  bool append_borrowed(Session &writer, const uint8_t *head, size_t head_size, const uint8_t *payload,
                       size_t payload_size) override;
  int64_t pending(Session &) const override { return static_cast<int64_t>(output_size()); }
  void keep(Buffer payload) override { batch_.keep(std::move(payload)); }

  bool queue_full() const {
    return limits_.max_send_queue >= 0 && static_cast<int64_t>(output_size()) >= limits_.max_send_queue;
  }
  Error refuse();
  const Event *tell(EventKind kind);
  void forget_handshake();

  const std::shared_ptr<const Config> config_;
  const SoloLimits limits_;
  Budget budget_;
  OsRandom random_;
  Surroundings surroundings_;
  EventBatch batch_;
  int32_t taken_ = 0;
  Buffer output_;
  size_t sent_ = 0;
  int64_t stalled_since_ = 0;  // since when nothing of the output has left, while there is some
  bool refused_ = false;
  bool open_due_ = false;
  bool ended_ = false;                // the peer ended its side of the transport
  bool closed_ = false;               // CLOSE was told
  Event own_event_;                   // one that did not come of received bytes
  EventKind last_ = EventKind::NONE;  // the event that was taken last
  std::string text_;
  Session session_;
};

}  // namespace hawser
