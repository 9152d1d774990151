// A first-in-first-out queue through a link in its elements: joining it allocates nothing, and joining twice is once.
#pragma once

#include <utility>

namespace hawser {

template <typename T>
struct QueueLink {
  T *next = nullptr;  // the last one's next is itself

  bool queued() const { return next != nullptr; }
};

template <typename T, QueueLink<T> T::*link>
class IntrusiveQueue {
 public:
  // `joined` is set whenever an element joins: one place to look at for many queues.
  explicit IntrusiveQueue(bool &joined) : joined_(&joined) {}

  bool empty() const { return first_ == nullptr; }

  void push(T &element) {
    QueueLink<T> &own = element.*link;
    if (own.queued()) return;
    own.next = &element;
    *joined_ = true;
    if (last_ != nullptr) {
      (last_->*link).next = &element;
    } else {
      first_ = &element;
    }
    last_ = &element;
  }

  // nullptr if there is none.
  T *pop() {
    T *element = first_;
    if (element == nullptr) return nullptr;
    first_ = std::exchange((element->*link).next, nullptr);
    if (first_ == element) first_ = last_ = nullptr;
    return element;
  }

  // Empties this queue into the value, so that elements that join meanwhile have to wait for the next turn.
  IntrusiveQueue take() {
    IntrusiveQueue taken = *this;
    first_ = last_ = nullptr;
    return taken;
  }

 private:
  bool *joined_;
  T *first_ = nullptr;
  T *last_ = nullptr;
};

}  // namespace hawser
