// Ids that cannot dangle: each names a slot and a generation of it. Slots never move and are never given back, so that
// any thread may look at the atomic parts of one; everything else here is the polling thread's.
//
// An id has 53 bits, exact in a double:   generation 26 | listener 1 | manager 6 | slot 20
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <new>

namespace hawser {

namespace id_bits {
inline constexpr int kSlot = 20;
inline constexpr int kManager = 6;
inline constexpr int kListener = 1;
inline constexpr int kGeneration = 26;
inline constexpr int64_t kMaxSlots = int64_t{1} << kSlot;
inline constexpr int64_t kLastGeneration = (int64_t{1} << kGeneration) - 1;
}  // namespace id_bits

inline bool is_listener_id(int64_t id) {
  return (id >> (id_bits::kSlot + id_bits::kManager) & 1) != 0;
}

// The slot that it names.
inline uint32_t slot_of(int64_t id) {
  return static_cast<uint32_t>(id & (id_bits::kMaxSlots - 1));
}

// T has: std::atomic<int64_t> id, which is the table's: above 0 where the slot is taken, and else what the table keeps
// there.
template <typename T>
class IdTable {
 public:
  // `manager`: a number from 0 to 63 that ids of different managers are told apart by.
  IdTable(int64_t max_slots, uint32_t manager, bool listeners)
      : max_slots_(max_slots < 0 ? id_bits::kMaxSlots : std::min(max_slots, id_bits::kMaxSlots)),
        tag_((static_cast<int64_t>(listeners) << id_bits::kManager | manager) << id_bits::kSlot),
        chunks_(new std::atomic<T *>[static_cast<size_t>(max_slots_ / kChunk + 1)]()) {}
  IdTable(const IdTable &) = delete;
  IdTable &operator=(const IdTable &) = delete;
  ~IdTable() {
    for (uint32_t i = 0; i < slots_; i += kChunk)
      delete[] chunks_[i / kChunk].load(std::memory_order_relaxed);
  }

  // nullptr for an id that names nothing here, or nothing any more. Any thread, for the atomic parts.
  T *find(int64_t id) const {
    uint32_t slot = slot_of(id);
    if (id <= 0 || slot >= max_slots_) return nullptr;
    T *chunk = chunks_[slot / kChunk].load(std::memory_order_acquire);
    if (chunk == nullptr) return nullptr;
    T *found = &chunk[slot % kChunk];
    return found->id.load(std::memory_order_relaxed) == id ? found : nullptr;
  }

  // A free slot with a fresh id; nullptr when all are taken or there is no memory.
  T *claim() {
    if (first_free_ == kNone && !grow()) return nullptr;
    uint32_t slot = first_free_;
    T *claimed = at(slot);
    FreeSlot free(claimed->id.load(std::memory_order_relaxed));
    first_free_ = free.next() == slot ? kNone : free.next();
    claimed->id.store(free.generation() << kGenerationShift | tag_ | slot, std::memory_order_relaxed);
    live_++;
    return claimed;
  }

  // The id becomes stale. A slot whose generations are used up is retired.
  void release(T &taken) {
    int64_t id = taken.id.load(std::memory_order_relaxed);
    int64_t generation = id >> kGenerationShift;
    bool last = generation == id_bits::kLastGeneration;
    taken.id.store(0, std::memory_order_relaxed);
    live_--;
    if (!last) add_free(slot_of(id), taken, generation + 1);
  }

  T *at(uint32_t slot) const { return &chunks_[slot / kChunk].load(std::memory_order_relaxed)[slot % kChunk]; }
  uint32_t slots() const { return slots_; }
  uint32_t live() const { return live_; }

  template <typename Visitor>
  void for_each(Visitor visit) {
    for (uint32_t i = 0; i < slots_; i++) {
      if (at(i)->id.load(std::memory_order_relaxed) > 0) visit(*at(i));
    }
  }

 private:
  static constexpr uint32_t kChunk = 64;
  static constexpr uint32_t kNone = UINT32_MAX;  // no slot
  static constexpr int kGenerationShift = id_bits::kSlot + id_bits::kManager + id_bits::kListener;

  // What stands in the id of a free slot, below 0: the generation that comes next, and the next free slot. The last
  // one's next is itself.
  class FreeSlot {
   public:
    explicit FreeSlot(int64_t id) : bits_(-id) {}
    FreeSlot(int64_t generation, uint32_t next) : bits_(generation << id_bits::kSlot | next) {}
    int64_t id() const { return -bits_; }
    int64_t generation() const { return bits_ >> id_bits::kSlot; }
    uint32_t next() const { return slot_of(bits_); }

   private:
    int64_t bits_;
  };

  void add_free(uint32_t slot, T &free, int64_t generation) {
    uint32_t next = first_free_ == kNone ? slot : first_free_;
    free.id.store(FreeSlot(generation, next).id(), std::memory_order_relaxed);
    first_free_ = slot;
  }

  bool grow() {
    if (slots_ >= max_slots_) return false;
    T *chunk = new (std::nothrow) T[kChunk];
    if (chunk == nullptr) return false;
    uint32_t count = static_cast<uint32_t>(std::min<int64_t>(kChunk, max_slots_ - slots_));
    for (uint32_t i = count; i-- > 0;)
      add_free(slots_ + i, chunk[i], 1);
    chunks_[slots_ / kChunk].store(chunk, std::memory_order_release);
    slots_ += count;
    return true;
  }

  const int64_t max_slots_;
  const int64_t tag_;
  std::unique_ptr<std::atomic<T *>[]> chunks_;
  uint32_t first_free_ = kNone;
  uint32_t slots_ = 0;
  uint32_t live_ = 0;
};

}  // namespace hawser
