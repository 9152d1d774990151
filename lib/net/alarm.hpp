// A descriptor that becomes readable at a time: a timerfd on the clock of now_ms. A loop that has it in its poller
// needs not read the clock before it waits.
#pragma once

#include <cstdint>

#include "bytes/error.hpp"
#include "net/socket.hpp"

namespace hawser {

// Milliseconds, and microseconds, of the monotonic clock.
int64_t now_ms();
int64_t now_us();

class Alarm {
 public:
  static Result<Alarm> make();
  int fd() const { return descriptor_.get(); }
  // Readable from `deadline` (a now_ms) on, until it is set again; -1: never.
  [[gnu::noinline]] void set(int64_t deadline);
  // Readable at `deadline` at the latest; it may be so earlier, at a time that was set before. -1: no matter when.
  void ring_by(int64_t deadline) {
    if (static_cast<uint64_t>(deadline) < static_cast<uint64_t>(deadline_)) set(deadline);  // -1 is the latest
  }

 private:
  explicit Alarm(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
  Descriptor descriptor_;
  int64_t deadline_ = -1;
};

}  // namespace hawser
