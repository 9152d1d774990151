// A byte stream to a peer: a TCP socket, and what is known of its readiness.
#pragma once

#include "net/poller.hpp"
#include "net/socket.hpp"

namespace hawser {

class Transport {
 public:
  bool open() const { return socket_.open(); }
  int fd() const { return socket_.get(); }

  // Takes the socket over and has it watched.
  Failure attach(Descriptor socket, Poller &poller, uint64_t token) {
    socket_ = std::move(socket);
    readable_ = hung_up_ = ended_ = false;
    return poller.add_stream(socket_.get(), token);
  }
  void close(Poller &poller) {
    if (!socket_.open()) return;
    poller.remove(socket_.get());
    socket_.close();
  }

  void note(uint32_t readiness) {
    if ((readiness & (READABLE | HANGUP)) != 0) readable_ = true;
    if ((readiness & HANGUP) != 0) hung_up_ = true;
  }
  // True as long as a read may bring something.
  bool readable() const { return readable_; }
  bool ended() const { return ended_; }

  Transfer read(const iovec *pieces, int count, size_t wanted) {
    Transfer got = count == 1 ? read_socket(fd(), pieces->iov_base, pieces->iov_len) : read_socket(fd(), pieces, count);
    // A short read means that the kernel has no more, and that the next byte will be reported: except once the peer has
    // hung up, which was reported already. Then only the end itself is the end.
    if (got.would_block || (got.size < wanted && !hung_up_)) readable_ = false;
    if (got.end || got.error != 0) {
      readable_ = false;
      ended_ = true;
    }
    return got;
  }
  Transfer write(const iovec *pieces, int count) {
    return count == 1 ? write_socket(fd(), pieces->iov_base, pieces->iov_len) : write_socket(fd(), pieces, count);
  }

 private:
  Descriptor socket_;
  bool readable_ = false;
  bool hung_up_ = false;
  bool ended_ = false;
};

}  // namespace hawser
