// Masking keys and nonces (RFC 6455 5.3 and 10.3: unpredictable, from a strong source). Random keeps a pool of bytes so
// that a key costs no system call; used bytes are wiped, and a child of fork starts with an empty pool. One thread at a
// time. Abstract, because to the protocol randomness is an input: tests bring their own.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace hawser {

class Random {
 public:
  Random() = default;
  Random(const Random &) = delete;
  Random &operator=(const Random &) = delete;
  virtual ~Random();

  // False if the source failed: `to` is zeros then, and the caller must not go on with it.
  [[nodiscard]] bool fill(std::span<uint8_t> to);
  // True if the next mask() cannot fail. It may be false where that would not.
  [[nodiscard]] bool has_mask() { return available() >= sizeof(uint32_t) || (forks_are_counted_ && refill_pool()); }
  // Four bytes for a masking key, in wire order in memory.
  [[nodiscard]] bool mask(uint8_t (&to)[4]) {
    if (available() < sizeof(to)) return fill(to);
    take(to, sizeof(to));
    return true;
  }

 protected:
  // Fills all of `to` from the source; false if it failed.
  virtual bool refill(std::span<uint8_t> to) = 0;

 private:
  static constexpr size_t kPoolSize = 1024;

  // Bytes that may be taken: none in a child of fork, whose pool is a copy of what the parent is going to use.
  size_t available() const { return generation_ == fork_generation_.load(std::memory_order_relaxed) ? left_ : 0; }

  // Moves the next bytes out of the pool. Plain stores wipe them well enough: the pool outlives the call, and the
  // destructor, which is not inline, reads it.
  void take(uint8_t *to, size_t size) {
    uint8_t *from = pool_ + kPoolSize - left_;
    std::memcpy(to, from, size);
    std::memset(from, 0, size);
    left_ -= size;
  }
  bool refill_pool();

  // The number of forks between the first process and this one.
  static std::atomic<uint32_t> fork_generation_;
  static void count_fork();
  static const bool forks_are_counted_;

  uint8_t pool_[kPoolSize];
  size_t left_ = 0;          // unused bytes, at the end of the pool
  uint32_t generation_ = 0;  // the fork generation in which the pool was filled
};

// The operating system's generator.
class OsRandom final : public Random {
 protected:
  bool refill(std::span<uint8_t> to) override;
};

}  // namespace hawser
