// permessage-deflate on one connection: compresses and inflates messages as was agreed on (RFC 7692 7.2). Where there
// is context takeover it has a codec of its own, from the first compressed message on; where not, one of the pool for
// as long as a message is under way. At rest it is as good as a new one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "deflate/codec_pool.hpp"

namespace hawser {

class MessageCodec {
 public:
  explicit MessageCodec(const CodecTerms &terms) : terms_(terms) { terms_.hold(); }
  MessageCodec(const MessageCodec &) = delete;
  MessageCodec &operator=(const MessageCodec &) = delete;
  ~MessageCodec() { terms_.release(); }

  bool at_rest() const { return compressor_ == nullptr && decompressor_ == nullptr; }

  // Appends the compressed form of a piece of a message; `final`: the message ends with it. False: no memory, and
  // nothing more can be compressed if there is context takeover.
  [[nodiscard]] bool compress(const uint8_t *data, size_t size, bool final, Buffer &to);

  // Bytes of the budget.
  size_t held() const { return (compressor_ ? compressor_->held() : 0) + (decompressor_ ? decompressor_->held() : 0); }

  // Appends the inflated form of a piece of a message, at most `most` bytes. A failure is for ever.
  Failure inflate(const uint8_t *data, size_t size, bool final, uint64_t most, Buffer &to);

 private:
  const CodecTerms &terms_;
  std::unique_ptr<Compressor> compressor_;
  std::unique_ptr<Decompressor> decompressor_;
};

}  // namespace hawser
