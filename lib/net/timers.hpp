// At most one deadline for each of a dense set of small keys: a binary heap that knows where each key stands.
#pragma once

#include <cstdint>
#include <vector>

namespace hawser {

class Timers {
 public:
  static constexpr int64_t kNever = -1;

  // Makes room for the keys 0 to count - 1, so that set never allocates; false when there is no memory.
  [[nodiscard]] bool reserve(uint32_t count);
  // Sets or moves the deadline of a reserved key; kNever cancels it.
  void set(uint32_t key, int64_t deadline);
  void cancel(uint32_t key) { set(key, kNever); }
  int64_t deadline(uint32_t key) const;

  // The earliest deadline, kNever if there is none.
  int64_t next() const { return next_; }
  // Something is to be popped at that time.
  bool due(int64_t now) const { return static_cast<uint64_t>(next_) <= static_cast<uint64_t>(now); }
  // Takes a key whose deadline is `now` or earlier; false if there is none.
  bool pop(int64_t now, uint32_t &key);

 private:
  struct Entry {
    int64_t deadline;
    uint32_t key;
  };
  static constexpr uint32_t kAbsent = UINT32_MAX;

  void put(uint32_t place, const Entry &entry);
  // Moves the gap at `place` up or down to where `entry` belongs, and puts it there.
  void rise(uint32_t place, Entry entry);
  void sink(uint32_t place, Entry entry);
  void remove(uint32_t place);

  void note_next();

  std::vector<Entry> heap_;
  std::vector<uint32_t> places_;  // key -> index in heap_
  int64_t next_ = kNever;         // as an unsigned number later than any other
};

}  // namespace hawser
