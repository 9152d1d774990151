#include "measurement.hpp"

#include <bit>
#include <cstdio>

#include <unistd.h>

#include "fault.hpp"

namespace load {

void Histogram::add(Clock::duration time, size_t count) {
  const auto nanoseconds = static_cast<uint64_t>(std::chrono::nanoseconds(time).count());
  const size_t bits = static_cast<size_t>(std::bit_width(nanoseconds));
  const size_t shift = bits > kStepBits + 1 ? bits - (kStepBits + 1) : 0;
  counts_[(shift << kStepBits) + (nanoseconds >> shift)] += count;
  total_ += count;
}

double Histogram::quantile(double share) const {
  uint64_t below = 0;
  size_t step = 0;
  while (step + 1 < counts_.size() && static_cast<double>(below + counts_[step]) < share * static_cast<double>(total_))
    below += counts_[step++];
  const size_t shift = step >> (kStepBits + 1) == 0 ? 0 : (step >> kStepBits) - 1;
  return static_cast<double>((step - (shift << kStepBits)) << shift) / 1000;
}

void Measurement::tell_runner() const {
  char byte = '.';
  if (signal_ < 0) return;
  if (write(signal_, &byte, 1) != 1 || read(signal_, &byte, 1) != 1) fail("the runner has gone");
}

void Measurement::begin() {
  tell_runner();
  is_running_ = true;
  begun_ = Clock::now();
}

void Measurement::end() {
  seconds_ = std::chrono::duration<double>(Clock::now() - begun_).count();
  is_running_ = false;
  tell_runner();
}

void Measurement::add(Clock::duration time, size_t count) {
  if (!is_running_) return;
  times_.add(time, count);
  has_times_ = true;
}

void Measurement::print(const std::string &unit, size_t count) const {
  std::printf("{\"%s\": %zu", unit.c_str(), count);
  if (seconds_ > 0) std::printf(", \"seconds\": %.6f", seconds_);
  if (has_times_) {
    std::printf(", \"p50\": %.1f, \"p99\": %.1f, \"p999\": %.1f", times_.quantile(0.5), times_.quantile(0.99),
                times_.quantile(0.999));
  }
  std::printf("}\n");
}

}  // namespace load
