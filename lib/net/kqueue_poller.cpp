#include "net/kqueue_poller.hpp"

#if defined(HAWSER_HAS_KQUEUE)

#include <cerrno>
#include <ctime>
#include <new>

#include <fcntl.h>

namespace hawser {

namespace {

uint32_t readiness_of(const struct kevent &event) {
  uint32_t readiness = event.filter == EVFILT_WRITE ? uint32_t{WRITABLE} : uint32_t{READABLE};
  if ((event.flags & (EV_EOF | EV_ERROR)) != 0) readiness |= HANGUP | READABLE;
  return readiness;
}

}  // namespace

Result<std::unique_ptr<Poller>> KqueuePoller::make() {
  Descriptor queue(kqueue());
  if (!queue.open()) return Failure{Error::SYSTEM, errno, "kqueue failed"};
  if (fcntl(queue.get(), F_SETFD, FD_CLOEXEC) != 0) return Failure{Error::SYSTEM, errno, "fcntl failed"};
  std::unique_ptr<Poller> poller(new (std::nothrow) KqueuePoller(std::move(queue)));
  if (poller == nullptr) return Failure{Error::NO_MEMORY, 0, "no memory for a poller"};
  return poller;
}

// A forked child does not inherit the queue: the number may be another descriptor's there.
KqueuePoller::~KqueuePoller() {
  if (getpid() != maker_) static_cast<void>(queue_.release());
}

int KqueuePoller::control(int fd, int filter, unsigned flags) {
  struct kevent change;
  EV_SET(&change, static_cast<uintptr_t>(fd), filter, flags, 0, 0, nullptr);
  return kevent(queue_.get(), &change, 1, nullptr, 0, nullptr);
}

Failure KqueuePoller::add(int fd, uint64_t token, uint32_t interest, unsigned flags) try {
  if (fd < 0) return {Error::SYSTEM, EBADF, "no descriptor to wait for"};
  size_t index = static_cast<size_t>(fd);
  if (index >= known_.size()) known_.resize(index + 1);
  unsigned read = (interest & READABLE) != 0 ? EV_ENABLE : EV_DISABLE;
  unsigned write = (interest & WRITABLE) != 0 ? EV_ENABLE : EV_DISABLE;
  if (control(fd, EVFILT_READ, EV_ADD | read | flags) != 0) return {Error::SYSTEM, errno, "kevent failed"};
  // Not every descriptor can be waited for to be writable: what is never to be needs no such filter.
  if (control(fd, EVFILT_WRITE, EV_ADD | write | flags) != 0 && write == EV_ENABLE) {
    int error = errno;
    remove(fd);
    return {Error::SYSTEM, error, "kevent failed"};
  }
  known_[index].token = token;
  return {};
} catch (const std::bad_alloc &) {
  return {Error::NO_MEMORY, 0, "no memory to wait for a descriptor"};
}

Failure KqueuePoller::add_stream(int fd, uint64_t token, uint32_t) {
  return add(fd, token, READABLE | WRITABLE, EV_CLEAR);
}

Failure KqueuePoller::add_level(int fd, uint64_t token, uint32_t interest) {
  return add(fd, token, interest, 0);
}

void KqueuePoller::set_interest(int fd, uint64_t token, uint32_t interest) {
  known_[static_cast<size_t>(fd)].token = token;
  control(fd, EVFILT_READ, (interest & READABLE) != 0 ? EV_ENABLE : EV_DISABLE);
  control(fd, EVFILT_WRITE, (interest & WRITABLE) != 0 ? EV_ENABLE : EV_DISABLE);
}

void KqueuePoller::remove(int fd) {
  control(fd, EVFILT_READ, EV_DELETE);
  control(fd, EVFILT_WRITE, EV_DELETE);
}

int KqueuePoller::wait(std::span<Ready> ready, int timeout_ms) {
  timespec time = {timeout_ms / 1000, (timeout_ms % 1000) * 1'000'000L};
  int count =
      kevent(queue_.get(), nullptr, 0, events_, static_cast<int>(ready.size()), timeout_ms >= 0 ? &time : nullptr);
  if (count < 0) return -errno;
  return collect(ready, count);
}

// Reading and writing are reported apart: puts them together, so that nothing of a descriptor is left to be told after
// it was used, and perhaps closed.
int KqueuePoller::collect(std::span<Ready> ready, int count) {
  size_t filled = 0;
  for (int i = 0; i < count; i++) {
    const struct kevent event = events_[i];
    Known &known = known_[event.ident];
    if (known.place < filled && events_[known.place].ident == event.ident) {
      ready[known.place].readiness |= readiness_of(event);
      continue;
    }
    known.place = filled;
    events_[filled] = event;
    ready[filled++] = {readiness_of(event), known.token};
  }
  return static_cast<int>(filled);
}

}  // namespace hawser

#endif
