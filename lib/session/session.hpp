// One WebSocket connection as a pure machine: bytes and time in, events and bytes out. It knows no socket, no clock and
// no other connection.
//
// The driver (the manager, or hws_session) calls
//   receive          with what the peer sent, until everything is used; each call brings at most one event
//   receive_end      when the peer ended its side of the transport
//   settle           when the application has taken the events that came so far
//   output_flushed   when everything that was written to the sink has left; output_left when a part of it has
//   advance          when deadline() has come
// and closes the transport when over() says so: after the output was sent, or at once if abandoned().
//
// session.cpp receives; the handshake, sending, the close, time and compression have files of their own beside it.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bytes/error.hpp"
#include "bytes/random.hpp"
#include "bytes/utf8.hpp"
#include "deflate/message_codec.hpp"
#include "framing/close_code.hpp"
#include "framing/frame_parser.hpp"
#include "framing/message_assembler.hpp"
#include "session/config.hpp"
#include "session/event.hpp"
#include "session/opening.hpp"
#include "session/sink.hpp"

namespace hawser {

// What sessions have taken in and given out, but for what their driver takes and puts by itself.
struct Traffic {
  int64_t frames_received = 0;
  int64_t frames_sent = 0;
  int64_t messages_sent = 0;
};

// What all sessions of one driver share.
struct Surroundings {
  Random &random;
  Budget &budget;
  Sink &sink;
  int64_t now = 0;        // milliseconds; the driver sets it
  bool draining = false;  // a server answers handshakes with 503
  MemoryParts memory{budget};
  CodecPool codecs = {};  // for messages that are compressed without context
  Traffic traffic = {};

  // It would be, with so many bytes more. What was delivered goes by itself, at the next poll.
  bool memory_is_short(size_t more = 0) const {
    int64_t room = budget.comfortable() - budget.used() + memory.delivered.used();
    return room < 0 || static_cast<uint64_t>(room) < more;
  }
  // The same when codecs that nobody uses have been freed for it: else they might keep out everybody who could.
  bool memory_stays_short(size_t more = 0) {
    if (!memory_is_short(more)) return false;
    codecs.clear();
    return memory_is_short(more);
  }
  // A new connection may soon need 16 KiB, of which a small budget has less to give.
  bool has_room_for_another() {
    return !memory_stays_short(static_cast<size_t>(std::min<int64_t>(16 * 1024, budget.comfortable() / 2)));
  }
};

class Session {
 public:
  // Both must outlive the session. It begins before its handshake.
  Session(Role role, const Config &config, Surroundings &surroundings);
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;
  ~Session();

  // A client's first step: writes the request.
  Failure start(const Url &url);
  // Somebody else did the handshake.
  void assume_open();

  // Bytes of the peer. Payloads are unmasked in place and the event may point into them. Returns how many were used:
  // fewer than `size` after an event, or when reading is blocked(). event.kind is NONE if there is none.
  size_t receive(uint8_t *data, size_t size, Event &event);
  // Open, and nothing is under way: no message, no frame, no pongs, pings or Closes to be sent. Then a driver that has
  // bytes for many messages may take them by receive_whole (`masked`: they come from a client), until it returns 0, and
  // say note_messages once. What it leaves is receive's. It may say false where it is true: note_routine looks anew.
  bool is_routine() const {
    assert(!routine_ || nothing_is_under_way());
    return routine_;
  }
  void note_routine() { routine_ = nothing_is_under_way(); }
  template <bool masked>
  static size_t receive_whole(uint8_t *data, size_t size, uint64_t max_size, Event &event);
  // For receive_whole: -1, unlimited, is the largest.
  uint64_t max_whole_size() const { return static_cast<uint64_t>(config_.message.max_size); }
  void note_messages() {
    hear();
    active_ = surroundings_.now;
  }
  // It was pinged because it was silent, and has not been heard since.
  bool is_pinging() const { return phase_ == Phase::OPEN && pinging_; }
  // True while received bytes must wait: for the application's answer to a request, or until the peer reads its pongs.
  bool blocked() const;
  // For large messages: where the next bytes of the peer can be read to directly (size 0: nowhere), and that some were.
  MessageAssembler::Window window();
  void receive_in_window(size_t size, Event &event);
  // `truncated`: the transport was cut off, and may have had more to say.
  void receive_end(bool truncated = false);

  // Writes the Close that answers the peer's, or says that it failed, if one is due.
  void settle();
  bool needs_settling() const { return phase_ == Phase::ANSWERING; }

  // What the application says. Each checks everything before it writes anything. `utf8_checked`: done by the caller.
  Error send(Opcode opcode, const uint8_t *data, size_t size, bool utf8_checked = false);
  // Open, no message begun, none to be compressed: then the driver may send a message of under Sink::kBorrowed bytes by
  // itself, if it can be masked (or need not be). It checks it, has its frame put where the sink would, and notes it.
  // `masked`: it is a client's.
  bool sends_plainly() const { return sends_plainly_; }
  template <bool masked>
  static size_t short_frame_size(size_t size) {
    return (size < 126 ? 2 : 4) + (masked ? sizeof(MaskingKey) : 0) + size;
  }
  bool can_mask() const { return surroundings_.random.has_mask(); }
  template <bool masked>
  void put_message(uint8_t *to, Opcode opcode, const uint8_t *data, size_t size) const;
  void note_sent() { active_ = surroundings_.now; }
  // The driver has sent a message to many, in one frame of this session's.
  void note_shared() {
    note_message_sent();
    surroundings_.traffic.frames_sent++;
  }
  Error send_part(Opcode opcode, const uint8_t *data, size_t size, bool final);
  // A server's message to many is framed once, with this header; each of them notes that it was sent.
  static size_t write_shared_header(uint8_t (&to)[kMaxFrameHeader], Opcode opcode, bool compressed, size_t size);
  // How such a message is to be compressed for this one; nullptr: not at all. Where there is context takeover it cannot
  // be shared.
  const CodecTerms *terms_for(Opcode opcode, size_t size) const;
  Error ping(const uint8_t *data, size_t size);
  Error close(int32_t code, std::string_view reason);
  Error accept(std::string_view subprotocol, std::string_view headers);
  Error respond(int32_t status, std::string_view headers, const uint8_t *body, size_t size);
  // A message between the parts of another one has to wait.
  bool in_part() const { return part_opcode_ != Opcode::CONTINUATION; }
  // OK if a message could be sent now; STATE or CLOSED.
  Error can_send() const;

  // A server's answer to a peer whose request cannot even be read.
  void refuse_opening(const Refusal &refusal, const Failure &failure);

  // Memory is short, and this one holds the most of it: gives it back, and closes with 1013 if it is to be done
  // politely (when open), or is abandoned. `holds`, in bytes, is for the words.
  void shed(size_t holds, bool politely);
  // Bytes of the budget that it holds, but for what its transport does.
  size_t held() const;

  // The transport is gone, or has to go, for this reason; the first reason stays. `detail`: further words about it.
  void abandon(const Failure &failure, bool by_peer, std::string_view detail = {});

  Role role() const { return role_; }
  const Config &config() const { return config_; }
  bool over() const { return phase_ == Phase::OVER; }
  bool abandoned() const { return abandoned_; }
  // The peer knows that everything was said and waits for the transport to be closed: both Closes, role server.
  bool may_close_at_once() const { return clean_ && role_ == Role::SERVER; }
  // A client waits for the server to close the transport after both Closes (RFC 6455 7.1.1).
  bool awaits_end() const { return clean_ && role_ == Role::CLIENT; }
  bool is_open() const { return phase_ == Phase::OPEN; }
  bool is_deciding() const { return phase_ == Phase::DECIDING; }
  bool is_opening() const { return phase_ == Phase::OPENING || phase_ == Phase::DECIDING; }
  // The CLOSE event: final once over().
  void describe_close(Event &event) const;
  // The same in words, with errno or HTTP status, without control characters of the peer's.
  std::string words_of_close() const;

  // A ping or Close has not left, as far as is known: then the time has to be right when it has.
  bool awaits_flush() const { return !flushed_; }
  // True if that sets a deadline, or reading is no longer blocked().
  bool output_flushed();
  // So many bytes from the front of what was pending have left, and others wait. What the peer is given without a pause
  // does not keep its pongs, a ping or a Close from being known to have left.
  bool output_left(size_t size);
  // Reading stopped or goes on, by the driver's wish: the keep-alive clock stands still meanwhile.
  void set_reading(bool reading);
  // The time of the next deadline; -1 if there is none. It moves to an earlier time only by receive, settle, close,
  // ping, accept, output_flushed, output_left and set_reading.
  int64_t deadline() const;
  void advance();

  // Handshake data; nullptr when it is gone.
  const Opening *opening() const { return rare_ ? rare_->opening.get() : nullptr; }
  // The events of the handshake were taken: forgets its data, unless it is to be kept.
  void forget_handshake();
  // The one agreed on; while a request waits, the one that the library picks. nullptr: none.
  const char *subprotocol() const;
  // The extensions agreed on, as the server's answer has them. nullptr: none.
  const char *extensions() const;

 private:
  enum class Phase : uint8_t {
    OPENING,    // the peer's head is being collected
    DECIDING,   // REQUEST waits for accept or respond
    OPEN,       // messages go both ways
    CLOSING,    // our Close is written, the peer's has not come: messages still come in
    ANSWERING,  // the peer's Close came, or it failed; our Close waits for settle: messages still go out
    OVER,       // nothing more is read or written
  };

  static constexpr Failure kNoMemory{Error::NO_MEMORY, 0, "no memory, or over the option memory_budget"};
  static constexpr Failure kNoRandom{Error::RANDOM, 0, "no random bytes for a masking key"};
  // A peer that sends pings and does not read its pongs is read no further beyond this many bytes of them.
  static constexpr int32_t kMaxPongBytes = 64 * 1024;

  // What has begun to come and is not complete.
  struct Incoming {
    explicit Incoming(Budget &budget) : control(budget) {}
    bool is_complete() const { return !message && parser.between_frames(); }

    FrameParser parser;
    std::optional<MessageAssembler> message;  // did not come in one piece
    Buffer control;                           // a control frame that did not come in one piece
  };

  // What is rarely there once the handshake is done.
  struct Rare {
    bool empty() const {
      return opening == nullptr && codec == nullptr && subprotocol.empty() && detail.empty() && reason.empty();
    }

    std::unique_ptr<Opening> opening;
    std::unique_ptr<MessageCodec> codec;  // while it is not at rest
    std::string subprotocol;
    std::string detail;  // further words about why it ended: what a refused request was told
    std::string reason;  // the peer's, why it closed
  };

  [[gnu::noinline]] size_t receive_any(uint8_t *data, size_t size, Event &event);
  template <bool masked>
  static bool take_text(const WholeMessage &message);
  bool begin_opening();
  // While it goes on, or is remembered.
  Opening &handshake() const { return *rare_->opening; }
  size_t receive_head(uint8_t *data, size_t size, Event &event);
  void fail_head(const Failure &failure);
  void handle_request(Event &event);
  void handle_response(Event &event);
  void refuse(const Refusal &refusal, const Failure &failure);
  Error accept_with(std::string_view subprotocol, std::string_view headers);
  const CodecTerms *agreed_terms();
  void agree_on(std::string subprotocol, const CodecTerms *terms);
  void open();

  size_t receive_frame(uint8_t *data, size_t size, Event &event);
  void handle_piece(const FramePiece &piece, Event &event);
  void forget_complete();
  MessageAssembler &message() { return *incoming_->message; }
  void handle_whole(const FramePiece &piece, Event &event);
  void handle_data(const FramePiece &piece, Event &event);
  void finish_piece(const FramePiece &piece, Event &event);
  void keep(Buffer payload);
  void deliver_part(const uint8_t *data, size_t size, bool final, Event &event);
  void handle_compressed(const FramePiece &piece, Event &event);
  static void deliver(Event &event, Opcode opcode, const uint8_t *data, size_t size, uint32_t flags);
  void handle_control(const FramePiece &piece, Event &event);
  void handle_control_frame(Opcode opcode, const uint8_t *data, size_t size, Event &event);
  void answer_ping(const uint8_t *data, size_t size);
  void handle_pong(const uint8_t *data, size_t size, Event &event);
  void handle_close(const uint8_t *data, size_t size);

  void note_message_sent() {
    note_sent();
    surroundings_.traffic.messages_sent++;
  }
  Error write_frame(uint8_t first, const uint8_t *data, size_t size);
  Error write_plain_frame(uint8_t first, const uint8_t *data, size_t size);
  void await_output();
  void put_masked_short_frame(uint8_t *to, uint8_t first, const uint8_t *data, size_t size) const;
  static uint8_t *put_short_header(uint8_t *to, uint8_t first, size_t size, uint8_t mask_bit);
  static void put_short_frame(uint8_t *to, uint8_t first, const uint8_t *data, size_t size);
  Error write_compressed(uint8_t first, const uint8_t *data, size_t size);
  Error write_masked_frame(uint8_t first, const uint8_t *data, size_t size);
  Error write_text(std::string_view text);
  void write_close(int32_t code, std::string_view reason);

  void hear() {
    heard_ = surroundings_.now;
    pinging_ = false;  // any byte answers
  }
  bool nothing_is_under_way() const {
    return phase_ == Phase::OPEN && incoming_ == nullptr && pong_bytes_ == 0 && flushed_;
  }
  void enter(Phase phase);
  void note_way_of_sending() { sends_plainly_ = phase_ == Phase::OPEN && !in_part() && terms_ == nullptr; }
  [[gnu::noinline]] void fail(const Failure &failure);
  Rare *rare();
  void trim_rare();
  MessageCodec *codec();
  void rest_codec();
  void drop_codec();
  std::string words_of_goodbye() const;
  std::string words_of_failure() const;
  void note(std::string Rare::*which, std::string_view words);
  int64_t open_deadline() const;
  void keep_alive();

  const Config &config_;
  Surroundings &surroundings_;
  std::unique_ptr<Incoming> incoming_;
  std::unique_ptr<Rare> rare_;
  const CodecTerms *terms_ = nullptr;            // held; compression was agreed on
  Failure failure_;                              // why it ended, if not by the closing handshake
  int64_t heard_;                                // when bytes came last
  int64_t active_;                               // when a message came or went last
  int64_t since_;                                // start of the handshake; then when our last ping or Close left
  int32_t pong_bytes_ = 0;                       // pongs that have not left, as far as is known
  uint32_t awaited_ = 0;                         // bytes up to the end of the last pong, ping or Close; 0: not known
  uint16_t close_code_ = close_code::kAbnormal;  // the peer's
  uint16_t pings_ = 0;                           // pings of the application without an answer
  uint8_t keepalive_[4] = {};                    // payload of the last keep-alive ping
  Utf8Validator part_utf8_;
  const Role role_;
  Phase phase_ : 3 = Phase::OPENING;
  bool routine_ : 1 = false;        // see is_routine
  bool sends_plainly_ : 1 = false;  // see note_way_of_sending
  bool abandoned_ : 1 = false;
  bool clean_ : 1 = false;  // both Closes were exchanged
  bool by_peer_ : 1 = false;
  Opcode part_opcode_ : 4 = Opcode::CONTINUATION;  // of the message that send_part has begun; CONTINUATION: none
  bool part_compressed_ : 1 = false;               // the message that send_part has begun
  bool pong_due_ : 1 = false;                      // the pong to the keep-alive ping has not come
  bool flushed_ : 1 = true;                        // the ping or Close that since_ is about has left
  bool reading_ : 1 = true;
  bool pinging_ = false;  // a keep-alive ping is under way: nothing has come since
};

// The two ways that are worth their own code. What leaves them is kept out of line, so that they need few registers.
//
// A message that came whole, in one frame: what nearly all traffic is. A text that is not UTF-8 is masked again and
// left to receive(), which says what is wrong with it.
template <bool masked>
inline size_t Session::receive_whole(uint8_t *data, size_t size, uint64_t max_size, Event &event) {
  WholeMessage message;
  size_t used = FrameParser::take_whole<masked>(data, size, max_size, message);
  if (used == 0) return 0;
  // Before it is unmasked: what the event says needs not be kept in registers meanwhile.
  event.code = event.error = event.system = 0;
  deliver(event, message.opcode, message.payload, message.size, event_flag::kFirst | event_flag::kFinal);
  if (message.opcode == Opcode::TEXT) return take_text<masked>(message) ? used : 0;
  if (masked) message.unmask();
  return used;
}

// False if it is not UTF-8, and then it is as it was.
template <bool masked>
inline bool Session::take_text(const WholeMessage &message) {
  bool valid = (masked && message.unmask_text()) || utf8_is_valid(message.payload, message.size);
  if (masked && !valid) [[unlikely]]
    message.unmask();
  return valid;
}

inline size_t Session::receive(uint8_t *data, size_t size, Event &event) {
  size_t used = 0;
  if (is_routine()) {
    used = role_ == Role::SERVER ? receive_whole<true>(data, size, max_whole_size(), event)
                                 : receive_whole<false>(data, size, max_whole_size(), event);
  }
  if (used == 0) return receive_any(data, size, event);
  note_messages();
  return used;
}

inline void Session::deliver(Event &event, Opcode opcode, const uint8_t *data, size_t size, uint32_t flags) {
  event.kind = EventKind::MESSAGE;
  event.opcode = static_cast<int32_t>(opcode);
  event.data = data;
  event.size = static_cast<int64_t>(size);
  event.flags = flags;
}

template <bool masked>
inline void Session::put_message(uint8_t *to, Opcode opcode, const uint8_t *data, size_t size) const {
  uint8_t first = frame_first_byte(true, opcode);
  if (masked) return put_masked_short_frame(to, first, data, size);
  put_short_frame(to, first, data, size);
}

inline void Session::put_short_frame(uint8_t *to, uint8_t first, const uint8_t *data, size_t size) {
  to = put_short_header(to, first, size, 0);
  if (size != 0) std::memcpy(to, data, size);
}

// Of a frame of under 64 KiB, but for the key. Returns where it ends.
inline uint8_t *Session::put_short_header(uint8_t *to, uint8_t first, size_t size, uint8_t mask_bit) {
  to[0] = first;
  to[1] = mask_bit | static_cast<uint8_t>(size);
  if (size < 126) return to + 2;
  to[1] = mask_bit | 126;
  store_be16(to + 2, static_cast<uint16_t>(size));
  return to + 4;
}

}  // namespace hawser
