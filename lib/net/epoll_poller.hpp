// The poller of Linux: streams are registered once, edge-triggered, and cost no further call.
#pragma once

#if defined(__linux__)
#define HAWSER_HAS_EPOLL

#include <memory>
#include <span>

#include <sys/epoll.h>

#include "bytes/error.hpp"
#include "net/poller.hpp"
#include "net/socket.hpp"

namespace hawser {

class EpollPoller final : public Poller {
 public:
  static Result<std::unique_ptr<Poller>> make();

  Failure add_stream(int fd, uint64_t token, uint32_t interest) override;
  void set_stream_interest(int, uint32_t) override {}  // edge-triggered
  Failure add_level(int fd, uint64_t token, uint32_t interest) override;
  void set_interest(int fd, uint64_t token, uint32_t interest) override;
  void remove(int fd) override;
  int wait(std::span<Ready> ready, int timeout_ms) override;
  int fd() const override { return epoll_.get(); }

 private:
  explicit EpollPoller(Descriptor epoll) : epoll_(std::move(epoll)) {}
  int control(int operation, int fd, uint64_t token, uint32_t events);

  Descriptor epoll_;
};

}  // namespace hawser

#endif
