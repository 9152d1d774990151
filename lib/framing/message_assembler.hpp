// Puts messages together from pieces of data frames (RFC 6455 5.4): the rules of fragmentation, the limits, and UTF-8
// as it arrives (8.1). Exists only while a message is under way.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bytes/buffer.hpp"
#include "bytes/error.hpp"
#include "bytes/utf8.hpp"
#include "framing/frame_parser.hpp"

namespace hawser {

struct MessageLimits {
  int64_t max_size = 16 << 20;      // bytes of a message
  int64_t max_fragments = 1 << 20;  // frames of a message
};

// True if a message that has `size` bytes may grow by a frame of `more`.
inline bool message_fits(uint64_t size, uint64_t more, const MessageLimits &limits) {
  uint64_t max = limits.max_size < 0 ? INT64_MAX : static_cast<uint64_t>(limits.max_size);
  return size <= max && more <= max - size;
}

// True if a data frame may stand here: a continuation inside a message, the begin of one outside.
inline bool continues_rightly(const FrameHeader &header, bool in_message) {
  return (header.opcode == Opcode::CONTINUATION) == in_message;
}

// The failures of messages, whether they are assembled or came whole.
Failure wrong_continuation(const FrameHeader &header);
inline constexpr Failure kMessageTooLarge{Error::LIMIT, 0, "a message over the option max_message_size"};
inline constexpr Failure kTextNotUtf8{Error::UTF8, 0, "a text message that is not UTF-8 (RFC 6455 8.1)"};

class MessageAssembler {
 public:
  // The message begins with a frame of this opcode. `keep`: collect the payload; else it is only checked.
  // `compressed`: the frames' sizes are not those of the message, whose bytes come inflated, by inflated().
  MessageAssembler(Opcode opcode, bool keep, Budget &budget, bool compressed = false)
      : payload_(budget), opcode_(opcode), keep_(keep), compressed_(compressed) {}

  Opcode opcode() const { return opcode_; }
  bool compressed() const { return compressed_; }

  // A frame of the message begins. Error::PROTOCOL, Error::LIMIT.
  Failure begin_frame(const FrameHeader &header, const MessageLimits &limits);
  // A piece of its payload. Error::UTF8 at the first wrong byte, Error::NO_MEMORY.
  Failure add(const uint8_t *data, size_t size);
  // A compressed message: how many bytes may still come, and that some did. Error::UTF8.
  uint64_t room(const MessageLimits &limits) const;
  Failure inflated(const uint8_t *data, size_t size);
  // The last frame has ended. Error::UTF8 if that cuts a character.
  Failure finish() const;

  // Room for the next bytes of the payload, up to `wanted` of them, to be read into directly and passed to added(). It
  // grows with what has arrived, not with what was announced. Size 0: that is too little yet, or there is no memory.
  struct Window {
    uint8_t *data = nullptr;
    size_t size = 0;
  };
  Window window(uint64_t wanted);
  // `size` unmasked bytes are in the window. Error::UTF8.
  Failure added(size_t size);

  // The collected payload; hand it on with std::move.
  Buffer &payload() { return payload_; }
  bool keeps() const { return keep_; }
  // Bytes of the budget.
  size_t held() const { return payload_.held(); }

  // For parts: true once for each message, before its first part.
  bool take_first() {
    bool first = first_;
    first_ = false;
    return first;
  }

 private:
  Failure check_text(const uint8_t *data, size_t size);

  Buffer payload_;
  uint64_t size_ = 0;  // announced by the frames so far; of a compressed message: inflated so far
  int64_t fragments_ = 0;
  Utf8Validator utf8_;
  Opcode opcode_;
  bool keep_;
  bool compressed_;
  bool first_ = true;
};

}  // namespace hawser
