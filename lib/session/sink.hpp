// Where a session writes to, given at its construction: the manager's is its output arena, that of hws_session a
// buffer.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "bytes/buffer.hpp"

namespace hawser {

class Sink;

// Free memory at the end of what one sink has written last. Sinks that share an arena share its region, which belongs
// to the one that wrote last.
struct Region {
  const Sink *owner = nullptr;
  uint8_t *next = nullptr;
  uint8_t *end = nullptr;
};

class Sink {
 public:
  Sink() = default;
  Sink(const Sink &) = delete;
  Sink &operator=(const Sink &) = delete;

  // Room for `size` bytes that the caller writes at once; nullptr when there is no memory.
  uint8_t *append(size_t size) {
    if (region_->owner != this || size > static_cast<size_t>(region_->end - region_->next))
      return append_elsewhere(size);
    uint8_t *at = region_->next;
    region_->next += size;
    count(static_cast<int64_t>(size));
    return at;
  }
  // Takes `head`, and `payload` behind it, which stays the caller's: what is not sent during the call is copied.
  // Payloads of kBorrowed bytes or more come this way. False when there is no memory, and then nothing was taken.
  virtual bool append_borrowed(const uint8_t *head, size_t head_size, const uint8_t *payload, size_t payload_size) = 0;
  // Keeps the payload of a message until its event was taken.
  virtual void keep(Buffer payload) = 0;

  // Bytes that were written and have not been sent. Written by one thread, read by any.
  int64_t queued() const { return queued_.load(std::memory_order_relaxed); }
  void count(int64_t size) { queued_.store(queued() + size, std::memory_order_relaxed); }

  static constexpr size_t kBorrowed = 16 * 1024;

 protected:
  ~Sink() = default;

  // The same when the region has no room or is another's. It has to count as well, where queued() is asked for.
  virtual uint8_t *append_elsewhere(size_t size) = 0;
  void share_region(Region &region) { region_ = &region; }

 private:
  static inline Region nowhere_;

  Region *region_ = &nowhere_;
  std::atomic<int64_t> queued_{0};
};

}  // namespace hawser
