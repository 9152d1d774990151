#include "deflate/message_codec.hpp"

#include <utility>

namespace hawser {

bool MessageCodec::compress(const uint8_t *data, size_t size, bool final, Buffer &to) {
  if (!compressor_) compressor_ = pool_.take_compressor(shape(), budget_);
  if (!compressor_) return false;
  bool done = compressor_->compress(data, size, final, to);
  if (!done) {
    compressor_.reset();
  } else if (final && !agreement_.compress_takeover) {
    pool_.give(std::move(compressor_));
  }
  return done;
}

Failure MessageCodec::inflate(const uint8_t *data, size_t size, bool final, uint64_t most, Buffer &to) {
  if (!decompressor_) decompressor_ = pool_.take_decompressor(agreement_.inflate_bits, budget_);
  if (!decompressor_) return kNoCodecMemory;
  size_t before = to.size();
  if (Failure failure = decompressor_->inflate(data, size, most, to)) return failure;
  if (!final) return {};
  if (Failure failure = decompressor_->finish(most - (to.size() - before), to)) return failure;
  if (!agreement_.inflate_takeover) pool_.give(std::move(decompressor_));
  return {};
}

}  // namespace hawser
