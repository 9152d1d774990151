// The poller of POSIX: poll(2), level-triggered. Each wait costs the kernel a look at every descriptor, so it is for
// systems that have nothing better. Its array is kept from wait to wait.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include <poll.h>

#include "bytes/error.hpp"
#include "net/poller.hpp"

namespace hawser {

class PollPoller final : public Poller {
 public:
  static Result<std::unique_ptr<Poller>> make();

  Failure add_stream(int fd, uint64_t token, uint32_t interest) override { return add_level(fd, token, interest); }
  void set_stream_interest(int fd, uint32_t interest) override;
  Failure add_level(int fd, uint64_t token, uint32_t interest) override;
  void set_interest(int fd, uint64_t token, uint32_t interest) override;
  void remove(int fd) override;
  int wait(std::span<Ready> ready, int timeout_ms) override;
  int fd() const override { return -1; }

 private:
  static constexpr size_t kNowhere = SIZE_MAX;

  size_t place_of(int fd) const;
  int collect(std::span<Ready> ready, size_t count);

  std::vector<pollfd> entries_;
  std::vector<uint64_t> tokens_;  // by descriptor
  std::vector<size_t> places_;    // by descriptor: its entry, or kNowhere
  size_t next_ = 0;               // the entry that the next wait reports first
};

}  // namespace hawser
