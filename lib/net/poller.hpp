// Waits for descriptors: what each of the kernel's interfaces for that implements in one file (epoll_poller.cpp,
// kqueue_poller.cpp, poll_poller.cpp). Nothing outside them and poller.cpp knows which one runs.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "bytes/error.hpp"

namespace hawser {

enum Readiness : uint32_t {
  READABLE = 1,
  WRITABLE = 4,
  HANGUP = 8,  // the peer ended its side, or the connection broke: read until the end
};

#if defined(__x86_64__)
#define HAWSER_PACKED [[gnu::packed]]
#else
#define HAWSER_PACKED
#endif

// Laid out as Linux' epoll_event, so that the kernel writes it where it is read.
struct HAWSER_PACKED Ready {
  uint32_t readiness;  // Readiness bits
  uint64_t token;      // as given to add
};

#undef HAWSER_PACKED

class Poller {
 public:
  virtual ~Poller() = default;

  // A stream socket. What is reported of it must be remembered, because a poller may be edge-triggered: then it reports
  // once that the socket became readable, writable or was hung up, whatever the interest, and not again before that was
  // used up. Or it is level-triggered: then it reports again and again what is of interest, and maybe a hang-up.
  virtual Failure add_stream(int fd, uint64_t token, uint32_t interest) = 0;
  // What is waited for changes: bytes to read, or room to write. An interest that stays makes a level-triggered poller
  // spin.
  virtual void set_stream_interest(int fd, uint32_t interest) = 0;
  // Any descriptor, level-triggered, reported as long as one of `interest` (READABLE, WRITABLE) holds.
  virtual Failure add_level(int fd, uint64_t token, uint32_t interest) = 0;
  // Changes the interest of a level-triggered descriptor; 0 silences it (but an error may be reported once more).
  virtual void set_interest(int fd, uint64_t token, uint32_t interest) = 0;
  // Before the descriptor is closed. What was already reported of it may still be in the caller's array. Not in a
  // forked child: it shares the kernel's interest list with its parent.
  virtual void remove(int fd) = 0;

  // Waits up to timeout_ms (-1: for ever). Returns how many entries of `ready`, of which there are 1 to kMost, were
  // filled, no more than one for a descriptor; -errno on failure, -EINTR too.
  static constexpr size_t kMost = 512;
  virtual int wait(std::span<Ready> ready, int timeout_ms) = 0;

  // A descriptor that is readable while something is ready, for outer loops; -1 if this poller has none.
  virtual int fd() const = 0;
};

// "auto" takes the best one of the system: epoll, kqueue, poll. Error::UNSUPPORTED for a name that this system does not
// have, Error::SYSTEM, NO_MEMORY.
Result<std::unique_ptr<Poller>> make_poller(std::string_view backend);

}  // namespace hawser
