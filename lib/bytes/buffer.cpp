#include "bytes/buffer.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace hawser {

namespace {
constexpr size_t kSmallest = 64;
}

Buffer::Buffer(Buffer &&other) noexcept
    : budget_(other.budget_),
      data_(std::exchange(other.data_, nullptr)),
      begin_(std::exchange(other.begin_, 0)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

Buffer &Buffer::operator=(Buffer &&other) noexcept {
  if (this == &other) return *this;
  release();
  budget_ = other.budget_;
  data_ = std::exchange(other.data_, nullptr);
  begin_ = std::exchange(other.begin_, 0);
  size_ = std::exchange(other.size_, 0);
  capacity_ = std::exchange(other.capacity_, 0);
  return *this;
}

bool Buffer::reserve(size_t extra) {
  if (capacity() - size_ >= extra) return true;
  if (extra > SIZE_MAX / 2 - size_) return false;
  size_t needed = size_ + extra;
  // Moving no more than what has been consumed keeps the work linear in the bytes that pass through.
  if (begin_ >= size_) move_to_front();
  if (capacity() >= needed) return true;
  if (reserve_exactly(std::max({needed, capacity_ * 2, kSmallest}))) return true;
  return reserve_exactly(needed);  // near the budget doubling may be too much, and the need itself not
}

bool Buffer::reserve_exactly(size_t capacity) {
  if (capacity <= this->capacity()) return true;
  move_to_front();
  if (capacity <= capacity_) return true;
  if (!budget_->take(capacity - capacity_)) return false;
  void *grown = std::realloc(data_, capacity);
  if (grown == nullptr) {
    budget_->give(capacity - capacity_);
    return false;
  }
  data_ = static_cast<uint8_t *>(grown);
  capacity_ = capacity;
  return true;
}

void Buffer::hand_over(Budget &part) {
  budget_->hand_over(capacity_, part);
  budget_ = &part;
}

void Buffer::move_to_front() {
  if (begin_ == 0) return;
  std::memmove(data_, data_ + begin_, size_);
  begin_ = 0;
}

bool Buffer::append(const void *data, size_t size) {
  if (size == 0) return true;
  if (!reserve(size)) return false;
  std::memcpy(this->data() + size_, data, size);
  size_ += size;
  return true;
}

void Buffer::release() {
  if (data_ == nullptr) return;
  std::free(data_);
  budget_->give(capacity_);
  data_ = nullptr;
  begin_ = size_ = capacity_ = 0;
}

}  // namespace hawser
