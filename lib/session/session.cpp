#include "session/session.hpp"

#include <cstring>
#include <new>

namespace hawser {

Session::Session(Role role, const Config &config, Surroundings &surroundings)
    : config_(config),
      surroundings_(surroundings),
      heard_(surroundings.now),
      active_(surroundings.now),
      since_(surroundings.now),
      role_(role) {}

Session::~Session() {
  if (terms_ != nullptr) terms_->release();
}

void Session::enter(Phase phase) {
  phase_ = phase;
  routine_ = false;
  note_way_of_sending();
  if (phase == Phase::ANSWERING || phase == Phase::OVER) incoming_.reset();
  if (phase == Phase::OVER) drop_codec();
  if (phase == Phase::OVER && flushed_) since_ = surroundings_.now;
}

Session::Rare *Session::rare() {
  if (!rare_) rare_.reset(new (std::nothrow) Rare);
  return rare_.get();
}

void Session::trim_rare() {
  if (rare_ && rare_->empty()) rare_.reset();
}

size_t Session::held() const {
  size_t all = opening() != nullptr ? handshake().held() : 0;
  if (rare_ && rare_->codec) all += rare_->codec->held();
  if (!incoming_) return all;
  if (incoming_->message) all += incoming_->message->held();
  return all + incoming_->control.held();
}

// ---------------------------------------------------------------------------------------------------------------------
// Receiving

size_t Session::receive_any(uint8_t *data, size_t size, Event &event) {
  event = {};
  if (size != 0) hear();
  routine_ = false;
  size_t used = 0;
  while (used < size && event.kind == EventKind::NONE && !blocked()) {
    if (phase_ == Phase::OPEN || phase_ == Phase::CLOSING) {
      used += receive_frame(data + used, size - used, event);
    } else if (phase_ == Phase::OPENING) {
      used += receive_head(data + used, size - used, event);
    } else {
      return size;  // RFC 6455 1.4 and 7.1.7: after a Close or a failure, what still comes is discarded
    }
  }
  forget_complete();
  note_routine();
  return used;
}

void Session::forget_complete() {
  if (incoming_ && incoming_->is_complete()) incoming_.reset();
}

bool Session::blocked() const {
  return phase_ == Phase::DECIDING || pong_bytes_ > kMaxPongBytes;
}

size_t Session::receive_frame(uint8_t *data, size_t size, Event &event) {
  if (!incoming_) incoming_.reset(new (std::nothrow) Incoming(surroundings_.memory.received));
  if (!incoming_) {
    fail(kNoMemory);
    return size;
  }
  FramePiece piece;
  const char *words = nullptr;
  size_t used = 0;
  FrameRules rules{role_ == Role::SERVER, terms_ != nullptr ? kCompressedBit : uint8_t{0}};
  FrameParser::Status status = incoming_->parser.next(data, size, rules, used, piece, words);
  if (status == FrameParser::Status::PIECE) {
    if (piece.last) surroundings_.traffic.frames_received++;
    handle_piece(piece, event);
  } else if (status == FrameParser::Status::FAILED) {
    fail({Error::PROTOCOL, 0, words});
  }
  return used;
}

void Session::handle_piece(const FramePiece &piece, Event &event) {
  if (is_control(piece.header.opcode)) return handle_control(piece, event);
  if (!piece.first) return handle_data(piece, event);
  bool in_message = incoming_->message.has_value();
  if (!continues_rightly(piece.header, in_message)) return fail(wrong_continuation(piece.header));
  bool compressed = piece.header.reserved != 0;
  // RFC 7692 6: the bit stands on the first frame of a message only.
  if (in_message && compressed) return fail({Error::PROTOCOL, 0, "a continuation frame with RSV1 set (RFC 7692 6)"});
  if (!in_message && !compressed && piece.last && piece.header.final) return handle_whole(piece, event);
  if (!in_message)
    incoming_->message.emplace(piece.header.opcode, !config_.parts, surroundings_.memory.received, compressed);
  if (Failure failure = message().begin_frame(piece.header, config_.message)) return fail(failure);
  handle_data(piece, event);
}

// A message in one frame that came in one piece: the event points to where it lies.
void Session::handle_whole(const FramePiece &piece, Event &event) {
  if (!message_fits(0, piece.size, config_.message)) return fail(kMessageTooLarge);
  if (piece.header.opcode == Opcode::TEXT && !utf8_is_valid(piece.payload, piece.size)) return fail(kTextNotUtf8);
  active_ = surroundings_.now;
  deliver(event, piece.header.opcode, piece.payload, piece.size, event_flag::kFirst | event_flag::kFinal);
}

void Session::handle_data(const FramePiece &piece, Event &event) {
  if (message().compressed()) return handle_compressed(piece, event);
  if (Failure failure = message().add(piece.payload, piece.size)) return fail(failure);
  finish_piece(piece, event);
}

// The payload of a piece has been checked and, for whole messages, collected.
void Session::finish_piece(const FramePiece &piece, Event &event) {
  bool final = piece.last && piece.header.final;
  if (final) {
    if (Failure failure = message().finish()) return fail(failure);
  }
  if (config_.parts) {
    deliver_part(piece.payload, piece.size, final, event);
  } else if (final) {
    Buffer &payload = message().payload();
    deliver_part(payload.data(), payload.size(), true, event);
    keep(std::move(payload));
  }
  if (final) incoming_->message.reset();
}

// Until the event was taken that points there.
void Session::keep(Buffer payload) {
  payload.hand_over(surroundings_.memory.delivered);
  surroundings_.sink.keep(std::move(payload));
}

void Session::deliver_part(const uint8_t *data, size_t size, bool final, Event &event) {
  if (size == 0 && !final) return;
  uint32_t flags = (message().take_first() ? event_flag::kFirst : 0) | (final ? event_flag::kFinal : 0);
  active_ = surroundings_.now;
  deliver(event, message().opcode(), data, size, flags | (message().compressed() ? event_flag::kCompressed : 0));
}

MessageAssembler::Window Session::window() {
  if (!incoming_ || !incoming_->message || !message().keeps() || message().compressed()) return {};
  // More than a control frame can have is missing: so the frame is one of the message's.
  uint64_t remaining = incoming_->parser.remaining();
  if (remaining <= kMaxControlPayload) return {};
  return message().window(remaining);
}

void Session::receive_in_window(size_t size, Event &event) {
  event = {};
  hear();
  routine_ = false;
  FramePiece piece;
  Buffer &payload = message().payload();
  incoming_->parser.take_payload(payload.data() + payload.size(), size, piece);
  if (piece.last) surroundings_.traffic.frames_received++;
  if (Failure failure = message().added(size)) return fail(failure);
  finish_piece(piece, event);
  forget_complete();
}

void Session::handle_control(const FramePiece &piece, Event &event) {
  if (piece.first && piece.last) return handle_control_frame(piece.header.opcode, piece.payload, piece.size, event);
  Buffer &collected = incoming_->control;
  if (!collected.append(piece.payload, piece.size)) return fail(kNoMemory);
  if (!piece.last) return;
  Buffer control = std::move(collected);
  handle_control_frame(piece.header.opcode, control.data(), control.size(), event);
  if (event.kind == EventKind::PONG) keep(std::move(control));
}

void Session::handle_control_frame(Opcode opcode, const uint8_t *data, size_t size, Event &event) {
  if (opcode == Opcode::PING) return answer_ping(data, size);
  if (opcode == Opcode::PONG) return handle_pong(data, size, event);
  handle_close(data, size);
}

void Session::answer_ping(const uint8_t *data, size_t size) {
  // RFC 6455 5.5.2: a pong is due unless a Close has been received; 5.5.1: nothing may follow our own Close.
  if (phase_ != Phase::OPEN) return;
  Error error = write_frame(frame_first_byte(true, Opcode::PONG), data, size);
  if (error == Error::NO_MEMORY) return fail(kNoMemory);
  pong_bytes_ += static_cast<int32_t>(kMaxFrameHeader + size);
  await_output();
}

void Session::handle_pong(const uint8_t *data, size_t size, Event &event) {
  if (pong_due_ && size == sizeof keepalive_ && std::memcmp(data, keepalive_, size) == 0) {
    pong_due_ = false;
    return;
  }
  if (pings_ == 0) return;  // RFC 6455 5.5.3: an unsolicited pong is no answer to anything
  pings_--;
  if (!config_.pongs) return;
  event.kind = EventKind::PONG;
  event.data = data;
  event.size = static_cast<int64_t>(size);
}

}  // namespace hawser
