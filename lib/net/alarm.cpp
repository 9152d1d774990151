#include "net/alarm.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <limits>

#if defined(__linux__)
#include <sys/timerfd.h>
#endif

namespace hawser {

int64_t now_ms() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + static_cast<uint32_t>(now.tv_nsec) / 1'000'000;
}

int64_t now_us() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

#if defined(__linux__)

Result<Alarm> Alarm::make() {
  Descriptor timer(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!timer.open()) return Failure{Error::SYSTEM, errno, "timerfd_create failed"};
  return Alarm(std::move(timer));
}

void Alarm::set(int64_t deadline) {
  if (deadline == deadline_) return;
  deadline_ = deadline;
  itimerspec when = {};  // all zero: never
  if (deadline > 0) {
    constexpr int64_t kLatest = std::numeric_limits<time_t>::max();  // which may have 32 bits
    when.it_value.tv_sec = static_cast<time_t>(std::min(deadline / 1000, kLatest));
    when.it_value.tv_nsec = static_cast<long>(deadline % 1000) * 1'000'000;
  } else if (deadline == 0) {
    when.it_value.tv_nsec = 1;
  }
  timerfd_settime(descriptor_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

#else

Result<Alarm> Alarm::make() {
  return Failure{Error::UNSUPPORTED, 0, "this system has no timer descriptors"};
}

void Alarm::set(int64_t deadline) {
  deadline_ = deadline;
}

#endif

}  // namespace hawser
