// The pieces of memory of one write, as they are used up.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <sys/uio.h>

namespace hawser {

class Pieces {
 public:
  Pieces(const iovec *next, int count) : next_(next) {
    for (int i = 0; i < count; i++)
      size_ += next[i].iov_len;
  }

  size_t size() const { return size_; }
  // The next `size` bytes where they lie; nullptr: not in one place.
  const uint8_t *contiguous(size_t size) const { return next_->iov_len - used_ >= size ? at(*next_) + used_ : nullptr; }
  const uint8_t *copy(uint8_t *to, size_t size) const {
    const iovec *piece = next_;
    size_t from = used_;
    for (size_t copied = 0; copied < size; from = 0, piece++) {
      size_t more = std::min(size - copied, piece->iov_len - from);
      if (more != 0) std::memcpy(to + copied, at(*piece) + from, more);
      copied += more;
    }
    return to;
  }
  void skip(size_t size) {
    size_ -= size;
    used_ += size;
    while (size_ != 0 && used_ >= next_->iov_len)
      used_ -= next_++->iov_len;
  }

 private:
  static const uint8_t *at(const iovec &piece) { return static_cast<const uint8_t *>(piece.iov_base); }

  const iovec *next_;
  size_t used_ = 0;  // bytes of *next_
  size_t size_ = 0;
};

}  // namespace hawser
