// A first-in-first-out queue of slots of an id table, through a link in them: joining it allocates nothing, and joining
// twice is once. A slot that becomes free meanwhile keeps its place.
#pragma once

#include <cassert>
#include <cstdint>
#include <utility>

#include "manager/id_table.hpp"

namespace hawser {

// The slot that comes next; the last one's next is itself.
struct QueueLink {
  static constexpr uint32_t kNone = UINT32_MAX;

  uint32_t next = kNone;

  bool queued() const { return next != kNone; }
};

template <typename T, QueueLink T::*link>
class IntrusiveQueue {
 public:
  // `joined` is set whenever an element joins: one place to look at for many queues.
  IntrusiveQueue(const IdTable<T> &table, bool &joined) : table_(&table), joined_(&joined) {}

  bool empty() const { return first_ == kNone; }

  // Of a slot that is taken.
  void push(T &element) {
    QueueLink &own = element.*link;
    if (own.queued()) return;
    int64_t id = element.id.load(std::memory_order_relaxed);
    assert(id > 0);
    uint32_t slot = slot_of(id);
    own.next = slot;
    *joined_ = true;
    if (empty()) {
      first_ = slot;
    } else {
      (table_->at(last_)->*link).next = slot;
    }
    last_ = slot;
  }

  // nullptr if there is none.
  T *pop() {
    if (empty()) return nullptr;
    T *element = table_->at(first_);
    uint32_t next = std::exchange((element->*link).next, kNone);
    first_ = next == first_ ? kNone : next;
    return element;
  }

  // Empties this queue into the value, so that elements that join meanwhile have to wait for the next turn.
  IntrusiveQueue take() {
    IntrusiveQueue taken = *this;
    first_ = kNone;
    return taken;
  }

 private:
  static constexpr uint32_t kNone = QueueLink::kNone;

  const IdTable<T> *table_;
  bool *joined_;
  uint32_t first_ = kNone;
  uint32_t last_ = kNone;  // where there is a first one
};

}  // namespace hawser
