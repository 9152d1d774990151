#include "deflate/message_codec.hpp"

#include <utility>

namespace hawser {

MessageCodec::MessageCodec(const DeflateAgreement &agreement, const DeflateOptions &options, CodecPool &pool,
                           Budget &budget)
    : compress_bits_(static_cast<uint8_t>(agreement.compress_bits)),
      inflate_bits_(static_cast<uint8_t>(agreement.inflate_bits)),
      compress_takeover_(agreement.compress_takeover),
      inflate_takeover_(agreement.inflate_takeover),
      answer_(pool.share_text(agreement.answer)),
      options_(options),
      pool_(pool),
      budget_(budget) {}

bool MessageCodec::compress(const uint8_t *data, size_t size, bool final, Buffer &to) {
  if (!compressor_) compressor_ = pool_.take_compressor(shape(), budget_);
  if (!compressor_) return false;
  bool done = compressor_->compress(data, size, final, to);
  if (!done) {
    compressor_.reset();
  } else if (final && !compress_takeover_) {
    pool_.give(std::move(compressor_));
  }
  return done;
}

Failure MessageCodec::inflate(const uint8_t *data, size_t size, bool final, uint64_t most, Buffer &to) {
  if (!decompressor_) decompressor_ = pool_.take_decompressor(inflate_bits_, budget_);
  if (!decompressor_) return kNoCodecMemory;
  size_t before = to.size();
  if (Failure failure = decompressor_->inflate(data, size, most, to)) return failure;
  if (!final) return {};
  if (Failure failure = decompressor_->finish(most - (to.size() - before), to)) return failure;
  if (!inflate_takeover_) pool_.give(std::move(decompressor_));
  return {};
}

void MessageCodec::release() {
  compressor_.reset();
  decompressor_.reset();
}

}  // namespace hawser
