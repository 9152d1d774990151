// Cuts a byte stream into frames, however it was chopped, in place: payloads are unmasked where they lie and handed on
// as they arrive. Small (48 bytes), because every idle connection has one, and keeps no payload.
#pragma once

#include <cstddef>
#include <cstdint>

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

class FrameParser {
 public:
  enum class Status : uint8_t { NEED_MORE, PIECE, FAILED };

  // Consumes a header, or the rest of one, and the payload behind it as far as it is there, and tells in `used` how
  // much that was. NEED_MORE: all of `size` was used and there is no piece yet. FAILED: the peer broke the protocol,
  // `words` says how, and the parser is of no further use.
  Status next(uint8_t *data, size_t size, const FrameRules &rules, size_t &used, FramePiece &piece, const char *&words);

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

}  // namespace hawser
