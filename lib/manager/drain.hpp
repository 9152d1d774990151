// The plan of hws_manager_drain: when the connections that are open are closed, one after the other, and when whatever
// is left is cut off.
#pragma once

#include <cstdint>

#include "bytes/deadline.hpp"

namespace hawser {

class Drain {
 public:
  // `count` connections are open. `time` in milliseconds; -1: all are closed at once, and none is cut off.
  void begin(int64_t now, int64_t time, int64_t count) {
    active_ = true;
    begin_ = now;
    deadline_ = after(now, time);
    // The last quarter is for the answers to the last Closes.
    spread_ = time > 0 ? time * 3 / 4 : 0;
    count_ = count;
    closed_ = 0;
    cursor_ = 0;
  }
  void end() { active_ = false; }
  bool active() const { return active_; }

  // How many more Closes are due.
  int64_t due(int64_t now) const {
    int64_t passed = now - begin_;
    return (passed >= spread_ ? count_ : passed * count_ / spread_ + 1) - closed_;
  }
  void note_closed() { closed_++; }
  bool too_late(int64_t now) const { return deadline_ != kNever && now >= deadline_; }
  // When there is something to do.
  int64_t next() const {
    if (closed_ >= count_) return deadline_;
    return earlier(begin_ + (closed_ * spread_ + count_ - 1) / count_, deadline_);
  }

  // The slot where the search for the next connection goes on.
  uint32_t cursor() const { return cursor_; }
  void advance() { cursor_++; }
  // No slot is left: those that are missing have ended by themselves.
  void exhaust() { closed_ = count_; }

 private:
  bool active_ = false;
  int64_t begin_ = 0;
  int64_t spread_ = 0;
  int64_t deadline_ = kNever;
  int64_t count_ = 0;
  int64_t closed_ = 0;
  uint32_t cursor_ = 0;
};

}  // namespace hawser
