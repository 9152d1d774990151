#include "session/session.hpp"

#include <cstring>
#include <new>

#include "bytes/ascii.hpp"
#include "bytes/deadline.hpp"

namespace hawser {

namespace {

// A peer that sends pings and does not read its pongs is read no further beyond this many bytes of them.
constexpr int32_t kMaxPongBytes = 64 * 1024;

constexpr Failure kNoMemory{Error::NO_MEMORY, 0, "no memory, or over the option memory_budget"};
constexpr Failure kNoRandom{Error::RANDOM, 0, "no random bytes for a masking key"};

const uint8_t *bytes_of(std::string_view text) {
  return reinterpret_cast<const uint8_t *>(text.data());
}

}  // namespace

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

// ---------------------------------------------------------------------------------------------------------------------
// The opening handshake

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

// Throws std::bad_alloc.
const CodecTerms *Session::agreed_terms() {
  const std::optional<DeflateAgreement> &agreement = handshake().deflate();
  if (!agreement) return nullptr;
  return &surroundings_.codecs.terms(*agreement, config_.deflate, surroundings_.memory.deflate);
}

void Session::agree_on(std::string subprotocol, const CodecTerms *terms) {
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

// Limits and UTF-8 are about what was inflated: each piece as it comes.
void Session::handle_compressed(const FramePiece &piece, Event &event) {
  bool final = piece.last && piece.header.final;
  Buffer part(surroundings_.memory.received);
  Buffer &to = config_.parts ? part : message().payload();
  size_t before = to.size();
  uint64_t room = message().room(config_.message);
  MessageCodec *inflater = codec();
  Failure failure = inflater != nullptr ? inflater->inflate(piece.payload, piece.size, final, room, to) : kNoMemory;
  // What was inflated before a fault comes before it.
  if (Failure earlier = message().inflated(to.data() + before, to.size() - before)) return fail(earlier);
  if (failure) return fail(failure);
  if (!config_.parts && !final) return;
  if (final) {
    rest_codec();
    if (Failure failure = message().finish()) return fail(failure);
  }
  deliver_part(to.data(), to.size(), final, event);
  if (event.kind != EventKind::NONE) keep(std::move(to));
  if (final) incoming_->message.reset();
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

// ---------------------------------------------------------------------------------------------------------------------
// Sending

Error Session::can_send() const {
  if (phase_ == Phase::OPEN || phase_ == Phase::ANSWERING) return Error::OK;
  return is_opening() ? Error::STATE : Error::CLOSED;
}

Error Session::send(Opcode marked, const uint8_t *data, size_t size, bool utf8_checked) {
  Opcode opcode = without_mark(marked);
  if (Error error = can_send(); error != Error::OK) return error;
  if (!begins_message(opcode)) return Error::OPCODE;
  if (in_part()) return Error::STATE;
  if (opcode == Opcode::TEXT && !utf8_checked && !utf8_is_valid(data, size)) return Error::UTF8;
  uint8_t first = frame_first_byte(true, opcode);
  bool compress = terms_for(marked, size) != nullptr;
  Error error = compress ? write_compressed(first | kCompressedBit, data, size) : write_frame(first, data, size);
  if (error == Error::OK) note_message_sent();
  return error;
}

// Whether a message is compressed is decided with its first part, when nobody knows how long it will be.
Error Session::send_part(Opcode marked, const uint8_t *data, size_t size, bool final) {
  Opcode opcode = without_mark(marked);
  if (Error error = can_send(); error != Error::OK) return error;
  if (in_part() ? opcode != part_opcode_ : !begins_message(opcode)) return Error::OPCODE;
  Utf8Validator utf8 = in_part() ? part_utf8_ : Utf8Validator();
  if (opcode == Opcode::TEXT && (!utf8.add(data, size) || (final && !utf8.complete()))) return Error::UTF8;
  uint8_t first = frame_first_byte(final, in_part() ? Opcode::CONTINUATION : opcode);
  bool compress = in_part() ? part_compressed_ : terms_ != nullptr && !is_marked_uncompressed(marked);
  if (compress && !in_part()) first |= kCompressedBit;
  Error error = compress ? write_compressed(first, data, size) : write_frame(first, data, size);
  if (error != Error::OK) return error;
  note_sent();
  if (final) surroundings_.traffic.messages_sent++;
  part_compressed_ = compress;
  part_opcode_ = final ? Opcode::CONTINUATION : opcode;
  note_way_of_sending();
  part_utf8_ = utf8;
  return Error::OK;
}

size_t Session::write_shared_header(uint8_t (&to)[kMaxFrameHeader], Opcode opcode, bool compressed, size_t size) {
  uint8_t bit = compressed ? kCompressedBit : uint8_t{0};
  return write_frame_header(to, frame_first_byte(true, opcode) | bit, size, nullptr);
}

const CodecTerms *Session::terms_for(Opcode opcode, size_t size) const {
  bool compress = terms_ != nullptr && terms_->worth_while(size) && !is_marked_uncompressed(opcode);
  return compress ? terms_ : nullptr;
}

Error Session::ping(const uint8_t *data, size_t size) {
  if (Error error = can_send(); error != Error::OK) return error;
  if (size > kMaxControlPayload) return Error::TOO_LARGE;
  Error error = write_frame(frame_first_byte(true, Opcode::PING), data, size);
  if (error == Error::OK && pings_ < UINT16_MAX) pings_++;
  return error;
}

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

Error Session::write_frame(uint8_t first, const uint8_t *data, size_t size) {
  Error error = role_ == Role::CLIENT ? write_masked_frame(first, data, size) : write_plain_frame(first, data, size);
  if (error == Error::OK) surroundings_.traffic.frames_sent++;
  return error;
}

Error Session::write_plain_frame(uint8_t first, const uint8_t *data, size_t size) {
  if (size >= Sink::kBorrowed) {
    uint8_t header[kMaxFrameHeader];
    size_t header_size = write_frame_header(header, first, size, nullptr);
    return surroundings_.sink.append_borrowed(*this, header, header_size, data, size) ? Error::OK : Error::NO_MEMORY;
  }
  uint8_t *to = surroundings_.sink.append(*this, short_frame_size<false>(size));
  if (to == nullptr) return Error::NO_MEMORY;
  put_short_frame(to, first, data, size);
  return Error::OK;
}

Error Session::write_compressed(uint8_t first, const uint8_t *data, size_t size) {
  Buffer compressed(surroundings_.memory.deflate);
  bool final = (first & 0x80) != 0;
  bool whole = final && !in_part() && terms_->compresses_alone();
  MessageCodec passing(*terms_);  // for what is not to be remembered
  MessageCodec *compressor = whole ? &passing : codec();
  Error error = Error::NO_MEMORY;
  bool done = compressor != nullptr && compressor->compress(data, size, final, compressed);
  rest_codec();
  if (done) error = write_frame(first, compressed.data(), compressed.size());
  // The compressor has taken what the peer will never see: what it makes from now on refers to that.
  if (error == Error::NO_MEMORY && !whole) abandon(kNoMemory, false);
  return error;
}

// RFC 6455 5.3: a client masks every frame, with a fresh key that cannot be foretold.
Error Session::write_masked_frame(uint8_t first, const uint8_t *data, size_t size) {
  MaskingKey key;
  if (!surroundings_.random.mask(key.octets)) {
    abandon(kNoRandom, false);
    return Error::RANDOM;
  }
  uint8_t header[kMaxFrameHeader];
  size_t header_size = write_frame_header(header, first, size, &key);
  uint8_t *to = surroundings_.sink.append(*this, header_size + size);
  if (to == nullptr) return Error::NO_MEMORY;
  std::memcpy(to, header, header_size);
  copy_masked(to + header_size, data, size, key);
  return Error::OK;
}

void Session::put_masked_short_frame(uint8_t *to, uint8_t first, const uint8_t *data, size_t size) const {
  to = put_short_header(to, first, size, 0x80);
  // Drawn where it stands: a key on the stack would bring a stack protector into all sends.
  auto *key = reinterpret_cast<MaskingKey *>(to);
  [[maybe_unused]] bool drawn = surroundings_.random.mask(key->octets);
  assert(drawn);  // see can_mask
  copy_masked(to + sizeof *key, data, size, *key);
}

Error Session::write_text(std::string_view text) {
  if (text.empty()) return Error::OK;
  if (text.size() >= Sink::kBorrowed) {
    return surroundings_.sink.append_borrowed(*this, nullptr, 0, bytes_of(text), text.size()) ? Error::OK
                                                                                              : Error::NO_MEMORY;
  }
  uint8_t *to = surroundings_.sink.append(*this, text.size());
  if (to == nullptr) return Error::NO_MEMORY;
  std::memcpy(to, text.data(), text.size());
  return Error::OK;
}

// ---------------------------------------------------------------------------------------------------------------------
// The end

void Session::enter(Phase phase) {
  phase_ = phase;
  routine_ = false;
  note_way_of_sending();
  if (phase == Phase::ANSWERING || phase == Phase::OVER) incoming_.reset();
  if (phase == Phase::OVER) drop_codec();
  if (phase == Phase::OVER && flushed_) since_ = surroundings_.now;
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

size_t Session::held() const {
  size_t all = opening() != nullptr ? handshake().held() : 0;
  if (rare_ && rare_->codec) all += rare_->codec->held();
  if (!incoming_) return all;
  if (incoming_->message) all += incoming_->message->held();
  return all + incoming_->control.held();
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
  event.data = bytes_of(rare_->reason);
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

Session::Rare *Session::rare() {
  if (!rare_) rare_.reset(new (std::nothrow) Rare);
  return rare_.get();
}

void Session::trim_rare() {
  if (rare_ && rare_->empty()) rare_.reset();
}

// Where compression was agreed on. nullptr: no memory.
MessageCodec *Session::codec() {
  if (rare() == nullptr) return nullptr;
  if (!rare_->codec) rare_->codec.reset(new (std::nothrow) MessageCodec(*terms_));
  return rare_->codec.get();
}

// A connection that has nothing to remember holds no codec.
void Session::rest_codec() {
  if (rare_ && rare_->codec && rare_->codec->at_rest()) drop_codec();
}

void Session::drop_codec() {
  if (!rare_) return;
  rare_->codec.reset();
  trim_rare();
}

// ---------------------------------------------------------------------------------------------------------------------
// Time

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
