// Non-blocking, close-on-exec TCP sockets. Nothing here raises SIGPIPE; EINTR is retried.
#pragma once

#include <cerrno>
#include <cstddef>

#include <sys/socket.h>
#include <sys/uio.h>

#include "bytes/error.hpp"
#include "net/address.hpp"

namespace hawser {

// A file descriptor with an owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor &&other) noexcept : fd_(other.release()) {}
  Descriptor &operator=(Descriptor &&other) noexcept;
  ~Descriptor() { close(); }

  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  int release();
  void close();

 private:
  int fd_ = -1;
};

// Makes a system call again for as long as signals interrupt it.
template <typename Call>
ssize_t retry_interrupted(Call call) {
  ssize_t result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

// A socket that is non-blocking, close-on-exec and without SIGPIPE; not open, with errno, if there is none to be had.
Descriptor open_socket(int family, int kind, int protocol);

struct ListenOptions {
  int backlog = 4096;
  bool reuse_port = false;  // SO_REUSEPORT: several processes on one port
  bool ipv6_only = false;   // [::] takes IPv4 too unless this is set
};

// The outcome of one read or write, which is one system call: `size` bytes were moved.
// `would_block`: a read found nothing (size is 0), or a write found room for `size` bytes only; the poller tells when
// there is more. A read of some bytes never sets it, however short it came: whether a short read means that the socket
// is drained depends on the poller, and on whether a hang-up was reported. `end`: the end of the stream (a read; size
// is 0). `error`: the errno of a failure (size is 0).
struct Transfer {
  size_t size = 0;
  bool would_block = false;
  bool end = false;
  int error = 0;
};

// SO_REUSEADDR is set; TCP_NODELAY too, which accepted sockets inherit. Error::LISTEN with errno.
Result<Descriptor> listen_tcp(const Address &address, const ListenOptions &options);

// The next connection that waits at a listener. `system` is the errno: EAGAIN (none waits), EMFILE, ENFILE, ENOBUFS,
// ENOMEM (the system has no room: try later), ECONNABORTED and its like (that one is lost, go on).
Result<Descriptor> accept_tcp(int listener, Address &peer);

// Starts to connect, with TCP_NODELAY; the socket becomes writable when it is decided. Error::CONNECT with errno.
Result<Descriptor> connect_tcp(const Address &address);

// 0 or the errno with which a connect ended or a connection broke (SO_ERROR, which it clears).
int take_socket_error(int fd);

Address local_address(int fd);

// Of more than 1024 pieces the first 1024 are moved, in which case a short size is no reason to stop.
Transfer read_socket(int fd, void *data, size_t size);
Transfer read_socket(int fd, const iovec *pieces, int count);
Transfer write_socket(int fd, const void *data, size_t size);
Transfer write_socket(int fd, const iovec *pieces, int count);
// From so many bytes on a first write to a plain socket is better a write_bulk: it tells the kernel with the first
// bytes that more follow. It changes the first piece. If `error` is set, `size` bytes were sent before it.
inline constexpr size_t kBulk = 512 * 1024;
Transfer write_bulk(int fd, iovec *pieces, int count);
// With control data for the kernel. At most 1024 pieces.
Transfer write_message(int fd, const msghdr &message);
// Ends our direction of the stream: the peer reads what was written and then the end.
void shutdown_writing(int fd);

}  // namespace hawser
