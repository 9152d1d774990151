// What the fuzz targets share. A target is one function that takes any bytes: libFuzzer calls it with inputs that it
// makes up, replay.cpp with the seeds. It ends the process when something that has to hold does not.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

namespace fuzz {

inline void hold(bool held, const char *what, const char *file, int line) {
  if (held) return;
  std::fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
  std::abort();
}

inline const uint8_t *octets(std::string_view text) {
  return reinterpret_cast<const uint8_t *>(text.data());
}
inline std::string_view text_of(const uint8_t *data, size_t size) {
  return {reinterpret_cast<const char *>(data), size};
}

// Bytes in memory of their own, where a sanitizer sees who reads behind them.
class Copy {
 public:
  explicit Copy(std::string_view text) : data_(new uint8_t[text.size()]), size_(text.size()) {
    if (size_ != 0) std::memcpy(data_.get(), text.data(), size_);
  }
  uint8_t *data() { return data_.get(); }
  size_t size() const { return size_; }

 private:
  std::unique_ptr<uint8_t[]> data_;
  size_t size_;
};

// An input as a program that is read from the front: numbers, and texts that end with \ and a byte other than \, so
// that a text which grows or shrinks leaves what is behind it as it is. Behind the end everything is 0 and empty.
class Program {
 public:
  Program(const uint8_t *data, size_t size) : rest_(text_of(data, size)) {}

  bool ended() const { return rest_.empty(); }
  uint8_t byte() {
    if (ended()) return 0;
    uint8_t byte = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return byte;
  }
  int number() {
    int high = byte();
    return high << 8 | byte();
  }
  std::string text() {
    std::string text;
    while (!ended()) {
      char c = static_cast<char>(byte());
      if (c == '\\' && (ended() || byte() != '\\')) break;
      text += c;
    }
    return text;
  }
  std::string_view rest() { return std::exchange(rest_, {}); }

 private:
  std::string_view rest_;
};

// Pieces to chop bytes into, which depend on the bytes alone: a reproducer is a reproducer.
class Pieces {
 public:
  explicit Pieces(std::string_view bytes, uint32_t salt = 0) : state_(2166136261U ^ salt) {
    for (char c : bytes)
      state_ = (state_ ^ static_cast<uint8_t>(c)) * 16777619U;  // FNV-1a
  }
  // 1 to `left`, small ones more often.
  size_t next(size_t left) {
    state_ = state_ * 1664525U + 1013904223U;
    size_t most = size_t{1} << (state_ >> 28);
    return 1 + (state_ >> 8) % std::min(left, most);
  }

 private:
  uint32_t state_;
};

}  // namespace fuzz

// assert, in every build.
#define HOLDS(condition) fuzz::hold((condition), #condition, __FILE__, __LINE__)
