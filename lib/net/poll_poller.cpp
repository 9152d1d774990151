#include "net/poll_poller.hpp"

#include <cerrno>
#include <new>

namespace hawser {

namespace {

// poll(2) reports errors and hang-ups even of a descriptor without interest, for ever: a negative number silences it.
pollfd entry_of(int fd, uint32_t interest) {
  int events = ((interest & READABLE) != 0 ? POLLIN : 0) | ((interest & WRITABLE) != 0 ? POLLOUT : 0);
  return {interest != 0 ? fd : ~fd, static_cast<short>(events), 0};
}

int descriptor_of(const pollfd &entry) {
  return entry.fd >= 0 ? entry.fd : ~entry.fd;
}

uint32_t readiness_of(short events) {
  uint32_t readiness = 0;
  if ((events & POLLIN) != 0) readiness |= READABLE;
  if ((events & POLLOUT) != 0) readiness |= WRITABLE;
  // Writing finds out too what went wrong.
  if ((events & (POLLHUP | POLLERR | POLLNVAL)) != 0) readiness |= HANGUP | READABLE | WRITABLE;
  return readiness;
}

}  // namespace

Result<std::unique_ptr<Poller>> PollPoller::make() {
  std::unique_ptr<Poller> poller(new (std::nothrow) PollPoller);
  if (poller == nullptr) return Failure{Error::NO_MEMORY, 0, "no memory for a poller"};
  return poller;
}

size_t PollPoller::place_of(int fd) const {
  return fd >= 0 && static_cast<size_t>(fd) < places_.size() ? places_[static_cast<size_t>(fd)] : kNowhere;
}

Failure PollPoller::add_level(int fd, uint64_t token, uint32_t interest) try {
  if (fd < 0) return {Error::SYSTEM, EBADF, "no descriptor to wait for"};
  if (place_of(fd) != kNowhere) return {Error::SYSTEM, EEXIST, "the descriptor is waited for already"};
  size_t index = static_cast<size_t>(fd);
  if (index >= places_.size()) {
    tokens_.resize(index + 1);
    places_.resize(index + 1, kNowhere);
  }
  entries_.push_back(entry_of(fd, interest));
  tokens_[index] = token;
  places_[index] = entries_.size() - 1;
  return {};
} catch (const std::bad_alloc &) {
  return {Error::NO_MEMORY, 0, "no memory to wait for a descriptor"};
}

void PollPoller::set_interest(int fd, uint64_t token, uint32_t interest) {
  size_t place = place_of(fd);
  if (place == kNowhere) return;
  entries_[place] = entry_of(fd, interest);
  tokens_[static_cast<size_t>(fd)] = token;
}

void PollPoller::set_stream_interest(int fd, uint32_t interest) {
  size_t place = place_of(fd);
  if (place != kNowhere) entries_[place] = entry_of(fd, interest);
}

void PollPoller::remove(int fd) {
  size_t place = place_of(fd);
  if (place == kNowhere) return;
  places_[static_cast<size_t>(fd)] = kNowhere;
  if (place + 1 < entries_.size()) {
    entries_[place] = entries_.back();
    places_[static_cast<size_t>(descriptor_of(entries_[place]))] = place;
  }
  entries_.pop_back();
}

int PollPoller::wait(std::span<Ready> ready, int timeout_ms) {
  int count = poll(entries_.data(), static_cast<nfds_t>(entries_.size()), timeout_ms);
  return count < 0 ? -errno : collect(ready, static_cast<size_t>(count));
}

// Begins where the last wait ended, so that with little room nobody is passed over for ever.
int PollPoller::collect(std::span<Ready> ready, size_t count) {
  size_t found = 0;
  for (size_t seen = 0; seen < entries_.size() && found < count && found < ready.size(); seen++) {
    if (next_ >= entries_.size()) next_ = 0;
    const pollfd &entry = entries_[next_];
    if (entry.revents != 0) ready[found++] = {readiness_of(entry.revents), tokens_[static_cast<size_t>(entry.fd)]};
    next_++;
  }
  return static_cast<int>(found);
}

}  // namespace hawser
