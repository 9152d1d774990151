#include "net/timers.hpp"

#include <algorithm>
#include <cstddef>
#include <new>

namespace hawser {

bool Timers::reserve(uint32_t count) try {
  if (count <= places_.size()) return true;
  // The heap first: whoever asks again after a failure must not find the keys there and no room for them. It doubles,
  // as resize does by itself.
  if (count > heap_.capacity()) heap_.reserve(std::max<size_t>(count, heap_.capacity() * 2));
  places_.resize(count, kAbsent);
  return true;
} catch (const std::bad_alloc &) {
  return false;
}

void Timers::set(uint32_t key, int64_t deadline) {
  uint32_t place = places_[key];
  Entry entry(deadline, key);
  if (deadline == kNever) {
    if (place != kAbsent) remove(place);
  } else if (place == kAbsent) {
    heap_.push_back(entry);
    rise(static_cast<uint32_t>(heap_.size() - 1), entry);
  } else if (entry < heap_[place]) {
    rise(place, entry);
  } else {
    sink(place, entry);
  }
  note_next();
}

int64_t Timers::deadline(uint32_t key) const {
  uint32_t place = places_[key];
  return place == kAbsent ? kNever : heap_[place].deadline();
}

void Timers::note_next() {
  next_ = heap_.empty() ? kNever : heap_.front().deadline();
}

bool Timers::pop(int64_t now, uint32_t &key) {
  if (!due(now)) return false;
  key = heap_.front().key();
  remove(0);
  note_next();
  return true;
}

void Timers::put(uint32_t place, const Entry &entry) {
  heap_[place] = entry;
  places_[entry.key()] = place;
}

void Timers::rise(uint32_t place, Entry entry) {
  while (place != 0) {
    uint32_t parent = (place - 1) / 2;
    if (heap_[parent] < entry) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, entry);
}

void Timers::sink(uint32_t place, Entry entry) {
  for (;;) {
    size_t child = size_t{place} * 2 + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1] < heap_[child]) child++;
    if (entry < heap_[child]) break;
    put(place, heap_[child]);
    place = static_cast<uint32_t>(child);
  }
  put(place, entry);
}

void Timers::remove(uint32_t place) {
  Entry removed = heap_[place];
  places_[removed.key()] = kAbsent;
  Entry last = heap_.back();
  heap_.pop_back();
  if (place == heap_.size()) return;
  // The last entry comes from another branch: it may belong above the gap as well as below it.
  if (last < removed) {
    rise(place, last);
  } else {
    sink(place, last);
  }
}

}  // namespace hawser
