// What the kernel did not take of one connection's output. Its blocks are counted by reference, so that a message to
// many connections is held once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include <sys/uio.h>

#include "bytes/budget.hpp"

namespace hawser {

// Bytes with a count of those who hold them. One thread at a time.
class Block {
 public:
  // Holds one reference for the caller; nullptr when there is no memory.
  static Block *make(size_t capacity, Budget &budget);
  void hold() { references_++; }
  void release();

  uint8_t *data() { return reinterpret_cast<uint8_t *>(this + 1); }
  size_t size() const { return size_; }
  size_t room() const { return capacity_ - size_; }
  // The share of each holder in bytes of the budget.
  size_t held() const { return (sizeof(Block) + capacity_) / references_; }
  bool shared() const { return references_ > 1; }
  // Counts bytes as written and returns where they stand.
  uint8_t *extend(size_t size);

 private:
  Block(size_t capacity, Budget &budget) : budget_(budget), capacity_(capacity) {}

  Budget &budget_;
  size_t size_ = 0;
  const size_t capacity_;
  size_t references_ = 1;
};

class Outbox {
 public:
  static constexpr size_t kSmallestBlock = 4096;
  // Less than that is copied: holding a part of a block costs memory too, and a write takes few parts at a time.
  static constexpr size_t kLeastShared = 512;

  explicit Outbox(Budget &budget) : budget_(budget) {}
  Outbox(const Outbox &) = delete;
  Outbox &operator=(const Outbox &) = delete;
  ~Outbox();

  int64_t stalled_since = -1;  // when the kernel took nothing any more; -1: it takes, or was not asked yet

  bool empty() const { return pieces_.empty(); }
  // Bytes of the budget.
  size_t held() const;

  // Room at the end, to be written at once; nullptr when there is no memory.
  uint8_t *append(size_t size);
  // A part of a block, which the outbox holds from now on, or has copied.
  [[nodiscard]] bool share(Block &block, size_t offset);

  // Fills in what comes first, up to `most` pieces; returns how many.
  int gather(iovec *pieces, int most) const;
  // Up to `size` bytes from the front were sent. Returns how many there were.
  size_t consume(size_t size);

 private:
  struct Piece {
    Block *block;
    size_t begin;
    size_t end;
  };

  bool add(const Piece &piece);
  void remove_first();

  Budget &budget_;
  std::deque<Piece> pieces_;
};

}  // namespace hawser
