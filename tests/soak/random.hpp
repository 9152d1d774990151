// Choices that a seed repeats.
#pragma once

#include <cstddef>
#include <cstdint>

namespace soak {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  // What becomes of a connection in one of its lives depends on nothing else.
  Random(uint64_t seed, uint64_t number, uint64_t life) : Random(Random(Random(seed).next() + number).next() + life) {}

  uint64_t next() {  // SplitMix64
    uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  size_t between(size_t least, size_t most) { return least + next() % (most - least + 1); }
  bool is_one_in(size_t count) { return next() % count == 0; }
  // Most are short, some nearly the longest.
  int64_t pause(int64_t longest) {
    const double share = static_cast<double>(next() >> 11) / (uint64_t{1} << 53);
    return static_cast<int64_t>(share * share * share * static_cast<double>(longest));
  }

 private:
  uint64_t state_;
};

}  // namespace soak
