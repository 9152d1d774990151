// Points in time, in milliseconds of the driver's clock, of which one is never.
#pragma once

#include <algorithm>
#include <cstdint>

namespace hawser {

inline constexpr int64_t kNever = -1;

// An unlimited duration, -1, ends never.
constexpr int64_t after(int64_t time, int64_t duration) {
  return duration < 0 ? kNever : time + duration;
}

constexpr int64_t earlier(int64_t a, int64_t b) {
  if (a == kNever) return b;
  return b == kNever ? a : std::min(a, b);
}

}  // namespace hawser
