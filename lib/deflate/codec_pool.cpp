#include "deflate/codec_pool.hpp"

#include <memory>
#include <utility>

namespace hawser {

std::unique_ptr<Compressor> CodecPool::take_compressor(const CompressorShape &shape, Budget &budget) {
  if (compressor_ && compressor_->shape() == shape) return std::move(compressor_);
  return Compressor::make(shape, budget);
}

std::unique_ptr<Decompressor> CodecPool::take_decompressor(int window_bits, Budget &budget) {
  if (decompressor_ && decompressor_->window_bits() == window_bits) return std::move(decompressor_);
  return Decompressor::make(window_bits, budget);
}

void CodecPool::give(std::unique_ptr<Compressor> compressor) {
  compressor->reset();
  compressor_ = std::move(compressor);
}

void CodecPool::give(std::unique_ptr<Decompressor> decompressor) {
  decompressor->reset();
  decompressor_ = std::move(decompressor);
}

void CodecPool::clear() {
  compressor_.reset();
  decompressor_.reset();
}

const CodecTerms &CodecPool::terms(const DeflateAgreement &agreement, const DeflateOptions &options, Budget &budget) {
  for (const auto &known : terms_) {
    if (known != nullptr && known->agreement == agreement && known->options == options) return *known;
  }
  auto &place = terms_[oldest_terms_];
  place = std::make_shared<const CodecTerms>(agreement, options, *this, budget);
  oldest_terms_ = (oldest_terms_ + 1) % terms_.size();
  return *place;
}

}  // namespace hawser
