// zlib's raw deflate streams, for messages (RFC 7692 7.2). Their memory is taken from the Budget.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "bytes/buffer.hpp"
#include "bytes/error.hpp"

struct z_stream_s;

namespace hawser {

inline constexpr Failure kNotDeflated{Error::DEFLATE, 0, "a compressed message that is malformed (RFC 7692 7.2.2)"};
inline constexpr Failure kInflatedTooLarge{Error::LIMIT, 0, "a compressed message over the option max_message_size"};
inline constexpr Failure kNoCodecMemory{Error::NO_MEMORY, 0,
                                        "no memory for compression, or over the option memory_budget"};

// How a compressor works; bits of 8 stand for a window of 256 bytes.
struct CompressorShape {
  int window_bits = 15;
  int memory_level = 8;
  int level = 6;

  bool operator==(const CompressorShape &) const = default;
};

struct DeflateEnd {
  void operator()(z_stream_s *stream) const;
};
struct InflateEnd {
  void operator()(z_stream_s *stream) const;
};

class Compressor {
 public:
  // nullptr: no memory, or over the budget.
  static std::unique_ptr<Compressor> make(const CompressorShape &shape, Budget &budget);

  const CompressorShape &shape() const { return shape_; }
  // Appends the compressed form of `data` to `to`, up to a byte boundary, without the empty block at the end of a
  // message if this is its end (RFC 7692 7.2.1). False: no memory, and the stream is of no further use.
  [[nodiscard]] bool compress(const uint8_t *data, size_t size, bool final, Buffer &to);
  // Bytes of the budget.
  size_t held() const;
  // Forgets what was compressed before.
  void reset();

 private:
  using Stream = std::unique_ptr<z_stream_s, DeflateEnd>;
  Compressor(const CompressorShape &shape, Stream stream) : shape_(shape), stream_(std::move(stream)) {}

  const CompressorShape shape_;
  const Stream stream_;
};

class Decompressor {
 public:
  static std::unique_ptr<Decompressor> make(int window_bits, Budget &budget);

  int window_bits() const { return window_bits_; }
  // Appends the inflated form of a piece of a message to `to`, `most` bytes of it and no more. kNotDeflated,
  // kInflatedTooLarge, kNoCodecMemory: what came before was appended, and the stream is of no further use.
  Failure inflate(const uint8_t *data, size_t size, uint64_t most, Buffer &to);
  // The message is complete: appends what is still due.
  Failure finish(uint64_t most, Buffer &to);
  // Bytes of the budget.
  size_t held() const;
  // Forgets what was inflated before.
  void reset();

 private:
  using Stream = std::unique_ptr<z_stream_s, InflateEnd>;
  Decompressor(int window_bits, Stream stream) : window_bits_(window_bits), stream_(std::move(stream)) {}

  const int window_bits_;
  const Stream stream_;
  bool at_end_ = false;  // the last byte ended a block that said to be the last one
};

}  // namespace hawser
