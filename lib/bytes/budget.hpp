// The memory that all of a manager may hold (option memory_budget): everything that grows with what peers send or do
// not read is taken from a Budget before it is allocated. Any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace hawser {

class Budget {
 public:
  static constexpr int64_t kUnlimited = -1;

  explicit Budget(int64_t limit) : ceiling_(limit == kUnlimited ? INT64_MAX : limit) {}
  Budget(const Budget &) = delete;
  Budget &operator=(const Budget &) = delete;

  // False, and nothing taken, if `size` more bytes would exceed the limit.
  [[nodiscard]] bool take(size_t size) {
    int64_t before = used_.load(std::memory_order_relaxed);
    do {
      if (size > static_cast<uint64_t>(ceiling_ - before)) return false;
    } while (!used_.compare_exchange_weak(before, before + static_cast<int64_t>(size), std::memory_order_relaxed));
    return true;
  }
  void give(size_t size) { used_.fetch_sub(static_cast<int64_t>(size), std::memory_order_relaxed); }

  int64_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> used_{0};
  const int64_t ceiling_;
};

}  // namespace hawser
