#include "net/epoll_poller.hpp"

#if defined(__linux__)

#include <cerrno>
#include <cstddef>

namespace hawser {

namespace {

constexpr uint32_t kStreamEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

uint32_t level_events(uint32_t interest) {
  // The kernel reports errors and hang-ups even of a descriptor without interest; edge-triggered it does so once, not
  // for ever.
  if (interest == 0) return EPOLLET;
  return ((interest & READABLE) != 0 ? uint32_t{EPOLLIN} : 0) | ((interest & WRITABLE) != 0 ? uint32_t{EPOLLOUT} : 0);
}

// The kernel's bits are ours, but for those that tell of an end.
static_assert(uint32_t{EPOLLIN} == uint32_t{READABLE} && uint32_t{EPOLLOUT} == uint32_t{WRITABLE});
static_assert(sizeof(Ready) == sizeof(epoll_event) && offsetof(Ready, token) == offsetof(epoll_event, data) &&
              offsetof(Ready, readiness) == offsetof(epoll_event, events));
constexpr uint32_t kEnds = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

}  // namespace

Result<std::unique_ptr<Poller>> EpollPoller::make() {
  Descriptor epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.open()) return Failure{Error::SYSTEM, errno, "epoll_create1 failed"};
  return std::unique_ptr<Poller>(new EpollPoller(std::move(epoll)));
}

int EpollPoller::control(int operation, int fd, uint64_t token, uint32_t events) {
  epoll_event event = {};
  event.events = events;
  event.data.u64 = token;
  return epoll_ctl(epoll_.get(), operation, fd, &event);
}

Failure EpollPoller::add_stream(int fd, uint64_t token, uint32_t) {
  if (control(EPOLL_CTL_ADD, fd, token, kStreamEvents) == 0) return {};
  return {Error::SYSTEM, errno, "epoll_ctl failed"};
}

Failure EpollPoller::add_level(int fd, uint64_t token, uint32_t interest) {
  if (control(EPOLL_CTL_ADD, fd, token, level_events(interest)) == 0) return {};
  return {Error::SYSTEM, errno, "epoll_ctl failed"};
}

void EpollPoller::set_interest(int fd, uint64_t token, uint32_t interest) {
  control(EPOLL_CTL_MOD, fd, token, level_events(interest));
}

void EpollPoller::remove(int fd) {
  control(EPOLL_CTL_DEL, fd, 0, 0);
}

int EpollPoller::wait(std::span<Ready> ready, int timeout_ms) {
  auto *events = reinterpret_cast<epoll_event *>(ready.data());
  int count = epoll_wait(epoll_.get(), events, static_cast<int>(ready.size()), timeout_ms);
  if (count < 0) return -errno;
  for (Ready &one : ready.first(static_cast<size_t>(count))) {
    if ((one.readiness & kEnds) != 0) [[unlikely]]
      one.readiness = (one.readiness & ~kEnds) | HANGUP | READABLE;
  }
  return count;
}

}  // namespace hawser

#endif
