// permessage-deflate on one connection: compresses and inflates messages as was agreed on (RFC 7692 7.2). Where there
// is context takeover it has a codec of its own, from the first compressed message on; where not, one of the pool for
// as long as a message is under way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "deflate/codec.hpp"

namespace hawser {

class MessageCodec {
 public:
  // Throws std::bad_alloc.
  MessageCodec(const DeflateAgreement &agreement, const DeflateOptions &options, CodecPool &pool, Budget &budget);
  MessageCodec(const MessageCodec &) = delete;
  MessageCodec &operator=(const MessageCodec &) = delete;
  ~MessageCodec() { terms_.release(); }

  int compress_bits() const { return terms_.agreement.compress_bits; }
  // The server's Sec-WebSocket-Extensions.
  const std::string &answer() const { return terms_.agreement.answer; }
  bool worth_while(size_t size) const { return size >= static_cast<uint64_t>(terms_.options.min_size); }
  // Each message is compressed on its own: what is sent here may be sent to others.
  bool compresses_alone() const { return !terms_.agreement.compress_takeover; }

  // Appends the compressed form of a piece of a message; `final`: the message ends with it. False: no memory, and
  // nothing more can be compressed if there is context takeover.
  [[nodiscard]] bool compress(const uint8_t *data, size_t size, bool final, Buffer &to);

  // Bytes of the budget.
  size_t held() const { return (compressor_ ? compressor_->held() : 0) + (decompressor_ ? decompressor_->held() : 0); }
  // Gives them back. What is compressed from now on refers to nothing before; nothing more can be inflated.
  void release();

  // Appends the inflated form of a piece of a message, at most `most` bytes. A failure is for ever.
  Failure inflate(const uint8_t *data, size_t size, bool final, uint64_t most, Buffer &to);

 private:
  const CodecTerms &terms_;
  std::unique_ptr<Compressor> compressor_;
  std::unique_ptr<Decompressor> decompressor_;
};

}  // namespace hawser
