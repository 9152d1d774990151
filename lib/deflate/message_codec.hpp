// permessage-deflate on one connection: compresses and inflates messages as was agreed on (RFC 7692 7.2). Where there
// is context takeover it has a codec of its own, from the first compressed message on; where not, one of the pool for
// as long as a message is under way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "deflate/codec.hpp"
#include "deflate/deflate_options.hpp"
#include "deflate/negotiation.hpp"

namespace hawser {

class MessageCodec {
 public:
  MessageCodec(DeflateAgreement agreement, const DeflateOptions &options, CodecPool &pool, Budget &budget)
      : agreement_(std::move(agreement)), options_(options), pool_(pool), budget_(budget) {}

  const DeflateAgreement &agreement() const { return agreement_; }
  bool worth_while(size_t size) const { return size >= static_cast<uint64_t>(options_.min_size); }
  // Each message is compressed on its own: what is sent here may be sent to others.
  bool compresses_alone() const { return !agreement_.compress_takeover; }

  // Appends the compressed form of a piece of a message; `final`: the message ends with it. False: no memory, and
  // nothing more can be compressed if there is context takeover.
  [[nodiscard]] bool compress(const uint8_t *data, size_t size, bool final, Buffer &to);

  // Appends the inflated form of a piece of a message, at most `most` bytes. A failure is for ever.
  Failure inflate(const uint8_t *data, size_t size, bool final, uint64_t most, Buffer &to);

 private:
  CompressorShape shape() const { return {agreement_.compress_bits, options_.memory_level, options_.level}; }

  const DeflateAgreement agreement_;
  const DeflateOptions &options_;
  CodecPool &pool_;
  Budget &budget_;
  std::unique_ptr<Compressor> compressor_;
  std::unique_ptr<Decompressor> decompressor_;
};

}  // namespace hawser
