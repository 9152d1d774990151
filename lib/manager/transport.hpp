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
  Failure attach(Descriptor socket, Poller &poller, uint64_t token, uint32_t interest) {
    socket_ = std::move(socket);
    readable_ = hung_up_ = ended_ = false;
    interest_ = interest;
    return poller.add_stream(socket_.get(), token, interest);
  }
  // What the poller is to report from now on.
  void watch(Poller &poller, uint32_t interest) {
    if (interest == interest_) return;
    interest_ = interest;
    poller.set_stream_interest(socket_.get(), interest);
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

  Transfer read(void *data, size_t size) {
    Transfer got = read_socket(fd(), data, size);
    note_read(got, size);
    return got;
  }
  Transfer read(const iovec *pieces, int count, size_t wanted) {
    Transfer got = read_socket(fd(), pieces, count);
    note_read(got, wanted);
    return got;
  }
  Transfer write(const iovec *pieces, int count) { return write_socket(fd(), pieces, count); }
  Transfer write(const void *data, size_t size) { return write_socket(fd(), data, size); }

 private:
  void note_read(const Transfer &got, size_t wanted) {
    // A short read means that the kernel has no more, and that the next byte will be reported: except once the peer has
    // hung up, which was reported already. Then only the end itself is the end.
    if (got.would_block || (got.size < wanted && !hung_up_)) readable_ = false;
    if (got.end || got.error != 0) {
      readable_ = false;
      ended_ = true;
    }
  }

  Descriptor socket_;
  bool readable_ = false;
  bool hung_up_ = false;
  bool ended_ = false;
  uint32_t interest_ = 0;
};

}  // namespace hawser
