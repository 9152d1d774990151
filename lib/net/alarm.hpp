// A descriptor that becomes readable at a time: a timerfd on the clock of now_ms. For managers that an outer loop
// drives.
#pragma once

#include <cstdint>

#include "bytes/error.hpp"
#include "net/socket.hpp"

namespace hawser {

// Milliseconds of the monotonic clock.
int64_t now_ms();

class Alarm {
 public:
  static Result<Alarm> make();
  int fd() const { return descriptor_.get(); }
  // Readable from `deadline` (a now_ms) on, until it is set again; -1: never.
  void set(int64_t deadline);

 private:
  explicit Alarm(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
  Descriptor descriptor_;
  int64_t deadline_ = -1;
};

}  // namespace hawser
