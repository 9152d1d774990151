// How a session sends: from data to frames, and text of the handshake, in the sink.
#include <cstring>

#include "session/session.hpp"

namespace hawser {

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

Error Session::ping(const uint8_t *data, size_t size) {
  if (Error error = can_send(); error != Error::OK) return error;
  if (size > kMaxControlPayload) return Error::TOO_LARGE;
  Error error = write_frame(frame_first_byte(true, Opcode::PING), data, size);
  if (error == Error::OK && pings_ < UINT16_MAX) pings_++;
  return error;
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
    return surroundings_.sink.append_borrowed(*this, nullptr, 0, reinterpret_cast<const uint8_t *>(text.data()),
                                              text.size())
               ? Error::OK
               : Error::NO_MEMORY;
  }
  uint8_t *to = surroundings_.sink.append(*this, text.size());
  if (to == nullptr) return Error::NO_MEMORY;
  std::memcpy(to, text.data(), text.size());
  return Error::OK;
}

}  // namespace hawser
