// The poller of the BSDs and macOS: streams are registered once, edge-triggered, and cost no further call.
#pragma once

#if defined(__APPLE__) || defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__) || defined(__DragonFly__)
#define HAWSER_HAS_KQUEUE

#include <memory>
#include <span>
#include <vector>

#include <sys/event.h>
#include <sys/types.h>
#include <unistd.h>

#include "bytes/error.hpp"
#include "net/poller.hpp"
#include "net/socket.hpp"

namespace hawser {

class KqueuePoller final : public Poller {
 public:
  static Result<std::unique_ptr<Poller>> make();
  ~KqueuePoller() override;

  Failure add_stream(int fd, uint64_t token, uint32_t interest) override;
  void set_stream_interest(int, uint32_t) override {}  // edge-triggered
  Failure add_level(int fd, uint64_t token, uint32_t interest) override;
  void set_interest(int fd, uint64_t token, uint32_t interest) override;
  void remove(int fd) override;
  int wait(std::span<Ready> ready, int timeout_ms) override;
  int fd() const override { return queue_.get(); }

 private:
  explicit KqueuePoller(Descriptor queue) : queue_(std::move(queue)), maker_(getpid()) {}
  Failure add(int fd, uint64_t token, uint32_t interest, unsigned flags);
  int control(int fd, int filter, unsigned flags);
  int collect(std::span<Ready> ready, int count);

  struct Known {
    uint64_t token = 0;  // the kernel's own field has 32 bits on 32-bit systems
    size_t place = 0;    // in events_, if it was reported by the wait that is going on
  };

  Descriptor queue_;
  const pid_t maker_;
  std::vector<Known> known_;  // by descriptor
  struct kevent events_[kMost] = {};
};

}  // namespace hawser

#endif
