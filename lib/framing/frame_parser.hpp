// Cuts a byte stream into frames, however it was chopped, in place: payloads are unmasked where they lie and handed on
// as they arrive. It keeps no payload.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "bytes/big_endian.hpp"
#include "framing/frame_header.hpp"

namespace hawser {

// A piece of a frame's payload: all of it, if the frame arrived whole. The first one may be empty: a header is handed
// on as soon as it is complete, so that it can be refused before its payload comes.
struct FramePiece {
  FrameHeader header;
  uint8_t *payload = nullptr;
  size_t size = 0;
  bool first = false;  // the frame begins here
  bool last = false;   // the frame ends here
};

// A message in one frame.
struct WholeMessage {
  uint8_t *payload = nullptr;
  size_t size = 0;
  Opcode opcode = Opcode::BINARY;

  // By the key that stands before it. Twice is not at all.
  void unmask() const { apply_mask(payload, size, key()); }
  // The same. True if it is known to be ASCII, which it finds out on the way.
  bool unmask_text() const { return apply_mask_to_text(payload, size, key()); }

 private:
  MaskingKey key() const {
    MaskingKey key;
    std::memcpy(key.octets, payload - sizeof key.octets, sizeof key.octets);
    return key;
  }
};

class FrameParser {
 public:
  enum class Status : uint8_t { NEED_MORE, PIECE, FAILED };

  // Consumes a header, or the rest of one, and the payload behind it as far as it is there, and tells in `used` how
  // much that was. NEED_MORE: all of `size` was used and there is no piece yet. FAILED: the peer broke the protocol,
  // `words` says how, and the parser is of no further use.
  Status next(uint8_t *data, size_t size, const FrameRules &rules, size_t &used, FramePiece &piece, const char *&words);

  // The next byte is the first one of a frame.
  bool between_frames() const { return !in_frame_ && partial_size_ == 0; }
  // What nearly all traffic is, for a few instructions: between frames, a whole message of under 64 KiB in one frame,
  // all of it in `data`, which the caller unmasks. Returns the size of the frame; 0 if the next frame is anything else:
  // then next() takes it.
  template <bool masked>
  static size_t take_whole(uint8_t *data, size_t size, uint64_t max_size, WholeMessage &message);

  // Bytes of the current frame's payload that have not arrived. The caller may read them elsewhere and pass them to
  // take_payload instead of next.
  uint64_t remaining() const { return remaining_; }
  // `size` bytes, at most remaining(), at `payload`: unmasks them.
  void take_payload(uint8_t *payload, size_t size, FramePiece &piece);

 private:
  size_t read_header(const uint8_t *data, size_t size, const FrameRules &rules, const char *&words);
  size_t complete_header(const uint8_t *data, size_t size, const FrameRules &rules, const char *&words);
  void start(const uint8_t *header, const char *&words);

  uint64_t remaining_ = 0;
  FrameHeader header_;                     // of the current frame; its key is rotated to the next byte
  uint8_t partial_[kMaxFrameHeader] = {};  // a header of which some bytes are missing
  uint8_t partial_size_ = 0;
  bool in_frame_ = false;  // the header is complete, the payload is not
  bool begun_ = false;     // a piece of the current frame was handed on
};

template <bool masked>
inline size_t FrameParser::take_whole(uint8_t *data, size_t size, uint64_t max_size, WholeMessage &message) {
  if (size < 2) return 0;
  bool known = data[0] == frame_first_byte(true, Opcode::TEXT) || data[0] == frame_first_byte(true, Opcode::BINARY);
  size_t length = data[1] ^ (masked ? 0x80U : 0U);  // above 127 if the mask bit is wrong
  size_t begin = masked ? 6 : 2;
  if (length >= 126) {
    if (length != 126 || size < 4) return 0;
    length = load_be16(data + 2);
    begin += 2;
    if (length < 126) return 0;
  }
  if (!known || size < begin + length || length > max_size) return 0;
  message = {data + begin, length, static_cast<Opcode>(data[0] & 0x0F)};
  return begin + length;
}

}  // namespace hawser
