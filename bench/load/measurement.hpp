// What is measured: the time between begin() and end(), of which the runner is told, and how long replies took.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace load {

using Clock = std::chrono::steady_clock;

// Counts times by their size: 128 steps for each power of two, so that what is read from it is right to 1 %.
class Histogram {
 public:
  void add(Clock::duration time, size_t count);
  // In microseconds: as long or less took this share of all.
  double quantile(double share) const;

 private:
  static constexpr size_t kStepBits = 7;

  std::array<uint64_t, (64 - kStepBits + 1) << kStepBits> counts_ = {};
  uint64_t total_ = 0;
};

class Measurement {
 public:
  // `signal`: a byte is written to it, and one awaited; -1: nobody wants to know.
  explicit Measurement(int signal) : signal_(signal) {}

  void begin();
  void end();
  void add(Clock::duration time, size_t count);
  // One line of JSON. `unit` names what there were `count` of.
  void print(const std::string &unit, size_t count) const;

 private:
  void tell_runner() const;

  const int signal_;
  Clock::time_point begun_;
  double seconds_ = 0;
  bool is_running_ = false;
  bool has_times_ = false;
  Histogram times_;
};

}  // namespace load
