// At most one deadline for each of a dense set of small keys: a binary heap that knows where each key stands. An entry
// is one number, 8 bytes, because every connection has one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace hawser {

class Timers {
 public:
  static constexpr int64_t kNever = -1;
  static constexpr uint32_t kMaxKeys = 1 << 20;

  // Makes room for the keys 0 to count - 1, at most kMaxKeys, so that set never allocates; false when there is no
  // memory.
  [[nodiscard]] bool reserve(uint32_t count);
  // Sets or moves the deadline of a reserved key; kNever cancels it. One that is centuries away comes somewhat earlier.
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
  // The deadline, and below it the key: so they are in the order of their deadlines.
  class Entry {
   public:
    Entry(int64_t deadline, uint32_t key)
        : bits_(static_cast<uint64_t>(std::min(deadline, kLatest)) * kMaxKeys | key) {}
    int64_t deadline() const { return static_cast<int64_t>(bits_ / kMaxKeys); }
    uint32_t key() const { return bits_ % kMaxKeys; }
    bool operator<(const Entry &other) const { return bits_ < other.bits_; }

   private:
    static constexpr int64_t kLatest = INT64_MAX / kMaxKeys;

    uint64_t bits_;
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
