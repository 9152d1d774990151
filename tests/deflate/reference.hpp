// What the tests compare with: zlib itself, used in the plainest way, and the examples of RFC 7692 7.2.3.
#pragma once

#include <algorithm>
#include <optional>
#include <random>
#include <string>

#include <zlib.h>

#include "bytes/buffer.hpp"

namespace reference {

inline const std::string kTail("\x00\x00\xff\xff", 4);

// RFC 7692 7.2.3: "Hello".
inline const std::string kHello("\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
inline const std::string kHelloAgain("\xf2\x00\x11\x00\x00", 5);                                         // 7.2.3.2
inline const std::string kHelloStored("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11);               // 7.2.3.3
inline const std::string kHelloLast("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8);                              // 7.2.3.4
inline const std::string kHelloInTwoBlocks("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13);  // 7.2.3.5
inline const std::string kEmpty("\x00", 1);                                                              // 7.2.3.6

inline Bytef *octets(const std::string &text) {
  return reinterpret_cast<Bytef *>(const_cast<char *>(text.data()));
}

inline std::string content(const hawser::Buffer &buffer) {
  return std::string(reinterpret_cast<const char *>(buffer.data()), buffer.size());
}

// A raw deflate stream that compresses messages.
class Deflater {
 public:
  explicit Deflater(int bits = 15, int level = 6, int memory_level = 8, int strategy = Z_DEFAULT_STRATEGY) {
    good_ = deflateInit2(&stream_, level, Z_DEFLATED, -std::max(bits, 9), memory_level, strategy) == Z_OK;
  }
  Deflater(const Deflater &) = delete;
  Deflater &operator=(const Deflater &) = delete;
  ~Deflater() { deflateEnd(&stream_); }

  // Everything that the data give, with this flush behind each `block` bytes.
  std::string add(const std::string &data, int flush = Z_SYNC_FLUSH, size_t block = SIZE_MAX) {
    std::string all;
    for (size_t at = 0; at < data.size() || at == 0; at += std::min(block, data.size() + 1)) {
      std::string piece = data.substr(at, block);
      stream_.next_in = octets(piece);
      stream_.avail_in = static_cast<uInt>(piece.size());
      char room[4096];
      do {
        stream_.next_out = reinterpret_cast<Bytef *>(room);
        stream_.avail_out = sizeof room;
        if (!good_ || deflate(&stream_, flush) == Z_STREAM_ERROR) return "broken";
        all.append(room, sizeof room - stream_.avail_out);
      } while (stream_.avail_out == 0);
    }
    return all;
  }
  // A message, without its tail (RFC 7692 7.2.1).
  std::string message(const std::string &data, int flush = Z_SYNC_FLUSH, size_t block = SIZE_MAX) {
    std::string all = add(data, flush, block);
    if (all.size() < kTail.size() || all.substr(all.size() - kTail.size()) != kTail) return "broken";
    return all.substr(0, all.size() - kTail.size());
  }

 private:
  z_stream stream_ = {};
  bool good_;
};

// A raw deflate stream that inflates messages, by default one byte at a time: then all that a match can reach is what
// the window holds.
class Inflater {
 public:
  explicit Inflater(int bits = 15, size_t step = 1) : step_(step) { good_ = inflateInit2(&stream_, -bits) == Z_OK; }
  Inflater(const Inflater &) = delete;
  Inflater &operator=(const Inflater &) = delete;
  ~Inflater() { inflateEnd(&stream_); }

  // nullopt: it is no message, or does not end where a block does.
  std::optional<std::string> message(const std::string &compressed) {
    std::string bytes = compressed + kTail;
    std::string all;
    std::string room(step_, '\0');
    int state = 0;
    stream_.next_in = octets(bytes);
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      stream_.next_out = octets(room);
      stream_.avail_out = static_cast<uInt>(step_);
      int result = good_ ? inflate(&stream_, Z_SYNC_FLUSH) : Z_STREAM_ERROR;
      if (result != Z_OK && result != Z_BUF_ERROR) return std::nullopt;
      if (result == Z_OK) state = stream_.data_type;
      all.append(room, 0, step_ - stream_.avail_out);
    } while (stream_.avail_out == 0 || stream_.avail_in != 0);
    // zlib.h: 128, and no unused bits, at the end of a block.
    return (state & 0xBF) == 128 ? std::optional(all) : std::nullopt;
  }

 private:
  z_stream stream_ = {};
  size_t step_;
  bool good_;
};

inline std::string inflated(const std::string &compressed, int bits = 15, size_t step = 1) {
  return Inflater(bits, step).message(compressed).value_or("broken");
}
inline std::string deflated(const std::string &data) {
  return Deflater().message(data);
}

inline std::string noise(size_t size, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::string text(size, '\0');
  for (char &octet : text)
    octet = static_cast<char>(random());
  return text;
}

// Compressible, and no two stretches of it are equal for long.
inline std::string prose(size_t size, unsigned seed = 1) {
  static const char *const words[] = {"the ", "rope ", "that ",  "ties ", "two ",    "ships ",
                                      "to ",  "each ", "other ", "is ",   "called ", "a hawser. "};
  std::mt19937 random(seed);
  std::string text;
  while (text.size() < size)
    text += words[random() % std::size(words)];
  return text.substr(0, size);
}

}  // namespace reference
