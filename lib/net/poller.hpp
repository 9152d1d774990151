// Waits for descriptors: what each of the kernel's interfaces for that implements in one file (epoll in
// epoll_poller.cpp).
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

struct Ready {
  uint64_t token;      // as given to add
  uint32_t readiness;  // Readiness bits
};

class Poller {
 public:
  virtual ~Poller() = default;

  // A stream socket, edge-triggered: reported once when it becomes readable, writable or is hung up, and not again
  // before it was used up. No further call is needed until remove.
  virtual Failure add_stream(int fd, uint64_t token) = 0;
  // Any descriptor, level-triggered, reported as long as one of `interest` (READABLE, WRITABLE) holds.
  virtual Failure add_level(int fd, uint64_t token, uint32_t interest) = 0;
  // Changes the interest of a level-triggered descriptor; 0 silences it (but an error may be reported once more).
  virtual void set_interest(int fd, uint64_t token, uint32_t interest) = 0;
  // Before the descriptor is closed. What was already reported of it may still be in the caller's array. Not in a
  // forked child: it shares the kernel's interest list with its parent.
  virtual void remove(int fd) = 0;

  // Waits up to timeout_ms (-1: for ever). Returns how many entries of `ready` were filled, which must have room for
  // one; -errno on failure, -EINTR too.
  virtual int wait(std::span<Ready> ready, int timeout_ms) = 0;

  // A descriptor that is readable while something is ready, for outer loops; -1 if this poller has none.
  virtual int fd() const = 0;
};

// "auto" takes the best one of the system. Error::UNSUPPORTED for a name that this system does not have, Error::SYSTEM.
Result<std::unique_ptr<Poller>> make_poller(std::string_view backend);

}  // namespace hawser
