#include "deflate/message_codec.hpp"

#include <utility>

namespace hawser {

bool MessageCodec::compress(const uint8_t *data, size_t size, bool final, Buffer &to) {
  if (!compressor_) compressor_ = terms_.pool.take_compressor(terms_.shape(), terms_.budget);
  if (!compressor_) return false;
  bool done = compressor_->compress(data, size, final, to);
  if (!done) {
    compressor_.reset();
  } else if (final && terms_.compresses_alone()) {
    terms_.pool.give(std::move(compressor_));
  }
  return done;
}

Failure MessageCodec::inflate(const uint8_t *data, size_t size, bool final, uint64_t most, Buffer &to) {
  if (!decompressor_) decompressor_ = terms_.pool.take_decompressor(terms_.agreement.inflate_bits, terms_.budget);
  if (!decompressor_) return kNoCodecMemory;
  size_t before = to.size();
  if (Failure failure = decompressor_->inflate(data, size, most, to)) return failure;
  if (!final) return {};
  if (Failure failure = decompressor_->finish(most - (to.size() - before), to)) return failure;
  if (!terms_.agreement.inflate_takeover) terms_.pool.give(std::move(decompressor_));
  return {};
}

}  // namespace hawser
