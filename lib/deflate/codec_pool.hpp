// What the connections of one driver share for compression: what was agreed on, and the codecs of those that have no
// context takeover (RFC 7692 7.1.1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "bytes/held.hpp"
#include "deflate/codec.hpp"
#include "deflate/deflate_options.hpp"
#include "deflate/negotiation.hpp"

namespace hawser {

class CodecPool;

// How connections compress, and with what.
struct CodecTerms : Held<CodecTerms> {
  CodecTerms(const DeflateAgreement &agreement, const DeflateOptions &options, CodecPool &pool, Budget &budget)
      : agreement(agreement), options(options), pool(pool), budget(budget) {}

  CompressorShape shape() const { return {agreement.compress_bits, options.memory_level, options.level}; }
  bool worth_while(size_t size) const { return size >= static_cast<uint64_t>(options.min_size); }
  // Each message is compressed on its own: what is sent to one may be sent to others.
  bool compresses_alone() const { return !agreement.compress_takeover; }

  const DeflateAgreement agreement;
  const DeflateOptions options;
  CodecPool &pool;
  Budget &budget;
};

// One compressor and one decompressor for all the connections of a driver that have no context takeover. Who takes one
// has it alone until it is given back, and another one is made meanwhile, if need be.
class CodecPool {
 public:
  std::unique_ptr<Compressor> take_compressor(const CompressorShape &shape, Budget &budget);
  std::unique_ptr<Decompressor> take_decompressor(int window_bits, Budget &budget);
  void give(std::unique_ptr<Compressor> compressor);
  void give(std::unique_ptr<Decompressor> decompressor);
  // Frees those that nobody has taken.
  void clear();

  // Most connections compress in one of a few ways: they share what tells it, and hold it as long as they need it.
  // Throws std::bad_alloc.
  const CodecTerms &terms(const DeflateAgreement &agreement, const DeflateOptions &options, Budget &budget);

 private:
  std::array<std::shared_ptr<const CodecTerms>, 8> terms_;  // the last ones; null where there were fewer
  size_t oldest_terms_ = 0;
  std::unique_ptr<Compressor> compressor_;
  std::unique_ptr<Decompressor> decompressor_;
};

}  // namespace hawser
