#include "net/socket.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace hawser {

namespace {

#if defined(MSG_NOSIGNAL)
constexpr int kSendFlags = MSG_NOSIGNAL;
#else
constexpr int kSendFlags = 0;  // SO_NOSIGPIPE is set instead
#endif

constexpr int kMostPieces = 1024;  // more, and the kernel refuses the call (IOV_MAX)

int family_of(const Address &address) {
  switch (address.family) {
    case Address::Family::IPV4:
      return AF_INET;
    case Address::Family::IPV6:
      return AF_INET6;
    default:
      return AF_UNSPEC;
  }
}

int set_option(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value);
}

#if !defined(SOCK_CLOEXEC) || defined(SO_NOSIGPIPE)
// For systems that cannot give a socket these properties at its birth.
Descriptor tame(Descriptor socket) {
  if (!socket.open()) return socket;
  int fd = socket.get();
  bool ok = fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
#if defined(SO_NOSIGPIPE)
  ok = ok && set_option(fd, SOL_SOCKET, SO_NOSIGPIPE, 1) == 0;
#endif
  return ok ? std::move(socket) : Descriptor();
}
#else
Descriptor tame(Descriptor socket) {
  return socket;
}
#endif

int accept_any(int listener, sockaddr *peer, socklen_t *size) {
#if defined(SOCK_CLOEXEC)
  return accept4(listener, peer, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
  return accept(listener, peer, size);
#endif
}

Failure listen_failure(const char *words) {
  return {Error::LISTEN, errno, words};
}

Failure connect_failure(const char *words) {
  return {Error::CONNECT, errno, words};
}

bool set_listen_options(int fd, const Address &address, const ListenOptions &options) {
  if (set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0) return false;
  if (options.reuse_port && set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) != 0) return false;
  if (address.family == Address::Family::IPV6 &&
      set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only ? 1 : 0) != 0) {
    return false;
  }
  return set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) == 0;
}

Transfer failed_transfer() {
  Transfer transfer;
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    transfer.would_block = true;
  } else {
    transfer.error = errno;
  }
  return transfer;
}

Transfer read_transfer(ssize_t result, bool asked) {
  if (result < 0) return failed_transfer();
  Transfer transfer;
  transfer.size = static_cast<size_t>(result);
  transfer.end = result == 0 && asked;
  return transfer;
}

Transfer write_transfer(ssize_t result, size_t asked) {
  if (result < 0) return failed_transfer();
  Transfer transfer;
  transfer.size = static_cast<size_t>(result);
  transfer.would_block = transfer.size < asked;
  return transfer;
}

size_t size_of(const iovec *pieces, int count) {
  size_t size = 0;
  for (int i = 0; i < count; i++) {
    size += pieces[i].iov_len;
  }
  return size;
}

}  // namespace

Descriptor &Descriptor::operator=(Descriptor &&other) noexcept {
  if (this == &other) return *this;
  close();
  fd_ = other.release();
  return *this;
}

int Descriptor::release() {
  return std::exchange(fd_, -1);
}

void Descriptor::close() {
  // Never twice, not even after EINTR: the number is free by then and may be another thread's.
  if (fd_ >= 0) ::close(release());
}

Descriptor open_socket(int family, int kind, int protocol) {
#if defined(SOCK_CLOEXEC)
  kind |= SOCK_NONBLOCK | SOCK_CLOEXEC;
#endif
  return tame(Descriptor(::socket(family, kind, protocol)));
}

Result<Descriptor> listen_tcp(const Address &address, const ListenOptions &options) {
  Descriptor socket = open_socket(family_of(address), SOCK_STREAM, IPPROTO_TCP);
  if (!socket.open()) return listen_failure("no socket");
  if (!set_listen_options(socket.get(), address, options)) return listen_failure("a socket option is refused");
  sockaddr_storage name;
  socklen_t size = to_sockaddr(address, name);
  if (bind(socket.get(), reinterpret_cast<sockaddr *>(&name), size) != 0) return listen_failure("bind failed");
  if (listen(socket.get(), options.backlog) != 0) return listen_failure("listen failed");
  return socket;
}

Result<Descriptor> accept_tcp(int listener, Address &peer) {
  sockaddr_storage name;
  name.ss_family = AF_UNSPEC;
  socklen_t size = sizeof name;
  auto fd = retry_interrupted([&] { return accept_any(listener, reinterpret_cast<sockaddr *>(&name), &size); });
  Descriptor socket = tame(Descriptor(static_cast<int>(fd)));
  if (!socket.open()) return Failure{Error::SYSTEM, errno, "accept failed"};
  peer = from_sockaddr(name);
  return socket;
}

Result<Descriptor> connect_tcp(const Address &address) {
  Descriptor socket = open_socket(family_of(address), SOCK_STREAM, IPPROTO_TCP);
  if (!socket.open()) return connect_failure("no socket");
  if (set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1) != 0) return connect_failure("a socket option is refused");
  sockaddr_storage name;
  socklen_t size = to_sockaddr(address, name);
  int result = connect(socket.get(), reinterpret_cast<sockaddr *>(&name), size);
  // An interrupted connect goes on by itself (POSIX), and calling it again would be an error.
  if (result != 0 && errno != EINPROGRESS && errno != EINTR) return connect_failure("connect failed");
  return socket;
}

int take_socket_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

Address local_address(int fd) {
  sockaddr_storage name;
  socklen_t size = sizeof name;
  if (getsockname(fd, reinterpret_cast<sockaddr *>(&name), &size) != 0) return {};
  return from_sockaddr(name);
}

Transfer read_socket(int fd, void *data, size_t size) {
  return read_transfer(retry_interrupted([&] { return recv(fd, data, size, 0); }), size != 0);
}

Transfer read_socket(int fd, const iovec *pieces, int count) {
  count = std::min(count, kMostPieces);
  return read_transfer(retry_interrupted([&] { return readv(fd, pieces, count); }), size_of(pieces, count) != 0);
}

Transfer write_socket(int fd, const void *data, size_t size) {
  return write_transfer(retry_interrupted([&] { return send(fd, data, size, kSendFlags); }), size);
}

Transfer write_socket(int fd, const iovec *pieces, int count) {
  msghdr message = {};
  message.msg_iov = const_cast<iovec *>(pieces);  // sendmsg does not write to it
  message.msg_iovlen = static_cast<decltype(message.msg_iovlen)>(std::min(count, kMostPieces));
  return write_message(fd, message);
}

Transfer write_message(int fd, const msghdr &message) {
  ssize_t result = retry_interrupted([&] { return sendmsg(fd, &message, kSendFlags); });
  return write_transfer(result, size_of(message.msg_iov, static_cast<int>(message.msg_iovlen)));
}

// The first bytes, which are a frame's header for the most part, go with MSG_MORE. Linux then wakes a peer on the same
// machine a third as often while the rest is copied (6.18; it makes no difference how many they are). How much CPU time
// of an echo of 1 MiB that saves differs much from run to run: up to 40 %.
Transfer write_bulk(int fd, iovec *pieces, int count) {
#if defined(MSG_MORE)
  constexpr size_t kLittle = 4 * 1024;
  iovec &first = pieces[0];
  size_t little = std::min(first.iov_len, kLittle);
  auto result = retry_interrupted([&] { return send(fd, first.iov_base, little, kSendFlags | MSG_MORE); });
  Transfer begun = write_transfer(result, little);
  if (begun.size < little) return begun;
  first = {static_cast<char *>(first.iov_base) + little, first.iov_len - little};
  Transfer rest = write_socket(fd, pieces, count);
  rest.size += little;
  return rest;
#else
  return write_socket(fd, pieces, count);
#endif
}

void shutdown_writing(int fd) {
  shutdown(fd, SHUT_WR);
}

}  // namespace hawser
