#include "fleet.hpp"

#include <cerrno>
#include <cstdio>

#include <sys/resource.h>

#include "fault.hpp"

namespace load {

namespace {

constexpr int kSilence = 60'000;        // milliseconds
constexpr size_t kOpeningAtOnce = 128;  // fast, and no server's queue overflows

void raise_descriptor_limit() {
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

Fleet::Fleet(const Options &options) : options_(options), shared_(options) {
  raise_descriptor_limit();
}

int Fleet::wait(epoll_event *events) {
  int count = 0;
  do {
    count = epoll_wait(shared_.epoll, events, kEvents, kSilence);
  } while (count < 0 && errno == EINTR);
  if (count < 0) fail_with_errno("epoll_wait");
  if (count == 0) fail("nothing has come for 60 s");
  return count;
}

void Fleet::place(size_t number, int fd) {
  if (number >= connections_.size()) connections_.resize(number + 1);
  connections_[number] = std::make_unique<Connection>(shared_, fd, number);
}

Connection &Fleet::connect(size_t number) {
  place(number, connect_to(options_.port));
  return *connections_[number];
}

void Fleet::accept() {
  while (connections_.size() < options_.connections) {
    const int fd = accept_from(listener_->fd());
    if (fd < 0) return;
    place(connections_.size(), fd);
  }
  listener_.reset();
}

void Fleet::listen() {
  listener_ = std::make_unique<Stream>(listen_on(options_.port), nullptr, true);
  epoll_event event = {};  // without a connection
  event.events = EPOLLIN;
  if (epoll_ctl(shared_.epoll, EPOLL_CTL_ADD, listener_->fd(), &event) != 0) fail_with_errno("epoll_ctl");
  std::puts("listening");
  std::fflush(stdout);
}

void Fleet::open() {
  const size_t all = options_.connections;
  if (options_.is_server()) listen();
  while (shared_.opened < all) {
    if (!options_.is_server() && connections_.size() < all && connections_.size() - shared_.opened < kOpeningAtOnce) {
      connect(connections_.size());
    } else {
      turn([](const Connection &, size_t) {});
    }
  }
}

void Fleet::close() {
  for (const auto &connection : connections_)
    connection->close();
  while (shared_.closed < connections_.size())
    turn([](const Connection &, size_t) {});
}

}  // namespace load
