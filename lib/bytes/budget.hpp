// The memory that all of a manager may hold (option memory_budget): everything that grows with what peers send or do
// not read is taken from a Budget before it is allocated. What is held for one purpose is counted by a part of it. Any
// thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace hawser {

class Budget {
 public:
  static constexpr int64_t kUnlimited = -1;

  // What a part takes is taken from the whole.
  explicit Budget(int64_t limit, Budget *whole = nullptr)
      : ceiling_(limit == kUnlimited ? INT64_MAX : limit), whole_(whole) {}
  Budget(const Budget &) = delete;
  Budget &operator=(const Budget &) = delete;

  // False, and nothing taken, if `size` more bytes would exceed the limit. A part has none.
  [[nodiscard]] bool take(size_t size) {
    if (whole_ != nullptr && !whole_->take(size)) return false;
    int64_t before = used_.load(std::memory_order_relaxed);
    do {
      if (size > static_cast<uint64_t>(ceiling_ - before)) return false;
    } while (!used_.compare_exchange_weak(before, before + static_cast<int64_t>(size), std::memory_order_relaxed));
    return true;
  }
  void give(size_t size) {
    used_.fetch_sub(static_cast<int64_t>(size), std::memory_order_relaxed);
    if (whole_ != nullptr) whole_->give(size);
  }
  // From one part to another of the same whole.
  void hand_over(size_t size, Budget &other) {
    used_.fetch_sub(static_cast<int64_t>(size), std::memory_order_relaxed);
    other.used_.fetch_add(static_cast<int64_t>(size), std::memory_order_relaxed);
  }

  // The last sixteenth, 1 MiB at most, is left to those who need little: before it is touched, memory is to be got back
  // from whoever holds the most.
  int64_t comfortable() const { return comfortable_; }
  bool is_scarce() const { return used() > comfortable_; }

  int64_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  static constexpr int64_t kMostReserve = 1 << 20;

  std::atomic<int64_t> used_{0};
  const int64_t ceiling_;
  const int64_t comfortable_ = ceiling_ - std::min(ceiling_ / 16, kMostReserve);
  Budget *const whole_;
};

// Bytes of a budget that are given back at the end of its life.
class Claim {
 public:
  Claim() = default;
  Claim(Claim &&other) noexcept : budget_(std::exchange(other.budget_, nullptr)), size_(other.size_) {}
  Claim &operator=(Claim &&other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Claim() {
    if (budget_ != nullptr) budget_->give(size_);
  }

  // Once. False: the budget has not so much left.
  [[nodiscard]] bool take(Budget &budget, size_t size) {
    if (!budget.take(size)) return false;
    budget_ = &budget;
    size_ = size;
    return true;
  }

 private:
  Budget *budget_ = nullptr;
  size_t size_ = 0;
};

// What the memory of a manager is held for.
struct MemoryParts {
  explicit MemoryParts(Budget &whole)
      : handshakes(Budget::kUnlimited, &whole),
        received(Budget::kUnlimited, &whole),
        delivered(Budget::kUnlimited, &whole),
        queued(Budget::kUnlimited, &whole),
        deflate(Budget::kUnlimited, &whole),
        tls(Budget::kUnlimited, &whole) {}

  Budget handshakes;  // heads
  Budget received;    // what has begun to come, or cannot be parsed yet
  Budget delivered;   // what the events of the batch point to
  Budget queued;      // what waits to be sent
  Budget deflate;
  Budget tls;
};

}  // namespace hawser
