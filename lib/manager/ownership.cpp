#include "manager/ownership.hpp"

#if defined(__linux__)
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <sched.h>

namespace hawser {

namespace {

#if defined(__linux__)
bool prepare_barrier() {
  return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}
void pass_barrier() {
  syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}
#else
bool prepare_barrier() {
  return false;
}
void pass_barrier() {}
#endif

}  // namespace

Ownership::Ownership() : asymmetric_(prepare_barrier()) {
  seats_.push_back(std::make_unique<Seat>(0));
  owner_.store(seats_.front().get(), std::memory_order_relaxed);
}

Ownership::~Ownership() = default;

Ownership::Seat *Ownership::take_over(Taken call) {
  std::lock_guard lock(mutex_);
  Seat *seat = seat_of_this_thread();
  seat->taken_.store(call, std::memory_order_relaxed);
  Seat *former = owner_.exchange(seat, std::memory_order_seq_cst);
  if (former == seat) return seat;
  if (asymmetric_) pass_barrier();
  // From here on the former owner sees that it is none any more, or has taken its seat visibly: for a send or close,
  // which is soon over, or for a poll, which is not.
  for (;;) {
    Taken taken = former->taken_.load(std::memory_order_acquire);
    if (taken == Taken::FREE) return seat;
    if (taken == Taken::POLL) break;
    sched_yield();
  }
  owner_.store(former, std::memory_order_seq_cst);
  leave(seat);
  return nullptr;
}

Ownership::Seat *Ownership::seat_of_this_thread() {
  for (const std::unique_ptr<Seat> &seat : seats_) {
    if (seat->thread_ == this_thread()) return seat.get();
  }
  seats_.push_back(std::make_unique<Seat>(this_thread()));
  return seats_.back().get();
}

}  // namespace hawser
