// A byte buffer that grows, counts its capacity against a Budget, and says no instead of throwing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bytes/budget.hpp"

namespace hawser {

class Buffer {
 public:
  explicit Buffer(Budget &budget) : budget_(&budget) {}
  Buffer(Buffer &&other) noexcept;
  Buffer &operator=(Buffer &&other) noexcept;
  ~Buffer() { release(); }

  uint8_t *data() { return data_ + begin_; }
  const uint8_t *data() const { return data_ + begin_; }
  size_t size() const { return size_; }
  // What fits behind data() without growing: capacity() - size() more bytes.
  size_t capacity() const { return capacity_ - begin_; }
  bool empty() const { return size_ == 0; }
  Budget &budget() { return *budget_; }
  // All of its memory.
  size_t held() const { return capacity_; }

  // Room for `extra` more bytes behind the present ones, at least doubling when it grows; false when there is no memory
  // (the content stays).
  [[nodiscard]] bool reserve(size_t extra);
  // Room for exactly `capacity` bytes in all, if it is more than now.
  [[nodiscard]] bool reserve_exactly(size_t capacity);
  [[nodiscard]] bool append(const void *data, size_t size);
  // Counts `size` bytes, written behind the present ones into reserved room, as content.
  void commit(size_t size) { size_ += size; }
  // Removes bytes from the end.
  void shorten(size_t size) { size_ -= size; }
  // Removes bytes from the front, and leaves the others where they are.
  void consume(size_t size) {
    size_ -= size;
    begin_ = size_ == 0 ? 0 : begin_ + size;
  }
  void clear() { begin_ = size_ = 0; }
  // From now on its memory is counted by another part of the same budget.
  void hand_over(Budget &part);
  // Gives the memory back.
  void release();

 private:
  void move_to_front();

  Budget *budget_;
  uint8_t *data_ = nullptr;
  size_t begin_ = 0;     // consumed bytes before the content
  size_t size_ = 0;      // the content
  size_t capacity_ = 0;  // all of the memory
};

}  // namespace hawser
