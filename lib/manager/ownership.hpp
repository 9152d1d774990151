// Which thread the manager belongs to at the moment, so that the polling thread's sends take no lock and those of other
// threads are told apart.
//
// The thread that made the last call (other than send, close and wake, which any thread may make) is the owner. Its
// calls mark its seat as taken, look whether it still is the owner, and leave: no atomic read-modify-write, no fence.
// The price is paid by a thread that takes ownership over: it makes every other thread pass a memory barrier
// (membarrier(2)), and waits until the former owner has left its seat. Where the system has no such barrier, the fast
// path has a full one.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include <pthread.h>

namespace hawser {

// What tells threads apart, in one instruction where the compiler knows how. A pthread_t may be a pointer or a number:
// only a cast as in C takes both.
inline uintptr_t this_thread() {
#if defined(__has_builtin) && (defined(__x86_64__) || defined(__aarch64__))
#if __has_builtin(__builtin_thread_pointer)
  return reinterpret_cast<uintptr_t>(__builtin_thread_pointer());
#else
  return (uintptr_t)pthread_self();
#endif
#else
  return (uintptr_t)pthread_self();
#endif
}

class Ownership {
 public:
  class Seat;

  Ownership();
  ~Ownership();

  // For send and close: a seat if the calling thread is the owner. nullptr: use the mailbox.
  Seat *enter_as_owner() { return take_seat(Taken::CALL); }
  // For all other calls: the calling thread becomes the owner. nullptr: another thread is inside poll.
  Seat *enter() { return enter_for(Taken::CALL); }
  Seat *enter_to_poll() { return enter_for(Taken::POLL); }
  // The call is over.
  static void leave(Seat *seat);

 private:
  enum class Taken : int { FREE, CALL, POLL };

  Seat *enter_for(Taken call);
  Seat *take_seat(Taken call);
  Seat *take_over(Taken call);
  Seat *seat_of_this_thread();

  std::atomic<Seat *> owner_;  // at first a seat that is no thread's
  const bool asymmetric_;
  std::mutex mutex_;                          // for taking over
  std::vector<std::unique_ptr<Seat>> seats_;  // one for each thread that ever was the owner
};

class Ownership::Seat {
 public:
  explicit Seat(uintptr_t thread) : thread_(thread) {}

 private:
  friend class Ownership;

  const uintptr_t thread_;
  std::atomic<Taken> taken_{Taken::FREE};
};

inline Ownership::Seat *Ownership::enter_for(Taken call) {
  Seat *seat = take_seat(call);
  return seat != nullptr ? seat : take_over(call);
}

// nullptr: the calling thread is not the owner.
inline Ownership::Seat *Ownership::take_seat(Taken call) {
  Seat *seat = owner_.load(std::memory_order_acquire);
  if (seat->thread_ != this_thread()) return nullptr;
  if (asymmetric_) {
    seat->taken_.store(call, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  } else {
    seat->taken_.exchange(call, std::memory_order_seq_cst);
  }
  if (owner_.load(std::memory_order_seq_cst) == seat) return seat;
  leave(seat);
  return nullptr;
}

inline void Ownership::leave(Seat *seat) {
  seat->taken_.store(Taken::FREE, std::memory_order_release);
}

}  // namespace hawser
