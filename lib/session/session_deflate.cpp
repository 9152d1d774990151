// Compressed messages of a session (RFC 7692).
#include <new>

#include "session/session.hpp"

namespace hawser {

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

const CodecTerms *Session::terms_for(Opcode opcode, size_t size) const {
  bool compress = terms_ != nullptr && terms_->worth_while(size) && !is_marked_uncompressed(opcode);
  return compress ? terms_ : nullptr;
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

}  // namespace hawser
