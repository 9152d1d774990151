#include "stream.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.hpp"

namespace load {

namespace {

constexpr int kBacklog = 4096;

sockaddr_in address_of(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int new_socket() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail_with_errno("no socket");
  return fd;
}

SSL_CTX *prepare(SSL_CTX *context) {
  if (context == nullptr) fail("no TLS");
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
  // Many end without a close_notify; whether a connection may end at that point is for others to say.
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
  return context;
}

int at_most_int(size_t size) {
  return static_cast<int>(std::min<size_t>(size, INT_MAX));
}

}  // namespace

SSL_CTX *make_client_tls() {
  return prepare(SSL_CTX_new(TLS_client_method()));
}

SSL_CTX *make_server_tls(const std::string &certificate, const std::string &key) {
  SSL_CTX *context = prepare(SSL_CTX_new(TLS_server_method()));
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    fail("--cert and --key are no certificate and its key");
  }
  return context;
}

// Waits: on loopback no longer than the server's queue is full.
int connect_to(uint16_t port) {
  const int fd = new_socket();
  const sockaddr_in address = address_of(port);
  if (connect(fd, reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0) fail_with_errno("cannot connect");
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

int start_connecting(uint16_t port) {
  const int fd = new_socket();
  const sockaddr_in address = address_of(port);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  if (connect(fd, reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0 && errno != EINPROGRESS) {
    fail_with_errno("cannot connect");
  }
  return fd;
}

int listen_on(uint16_t port) {
  const int fd = new_socket();
  const int one = 1;
  const sockaddr_in address = address_of(port);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0 || listen(fd, kBacklog) != 0) {
    fail_with_errno("cannot listen");
  }
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

int accept_from(int listener) {
  const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0 && errno != EAGAIN) fail_with_errno("cannot accept");
  return fd;
}

Stream::Stream(int fd, SSL_CTX *tls, bool is_server) : fd_(fd) {
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (tls == nullptr) return;
  ssl_ = SSL_new(tls);
  if (ssl_ == nullptr || SSL_set_fd(ssl_, fd) != 1) fail("no memory for TLS");
  is_server ? SSL_set_accept_state(ssl_) : SSL_set_connect_state(ssl_);
}

Stream::~Stream() {
  SSL_free(ssl_);
  close(fd_);
}

void Stream::begin() {
  if (ssl_ == nullptr || SSL_is_server(ssl_) != 0) return;
  ERR_clear_error();
  const int outcome = SSL_do_handshake(ssl_);
  if (outcome <= 0) note_failure(outcome);
}

size_t Stream::write(std::string_view bytes) {
  size_t written = 0;
  waits_for_room_ = false;
  ERR_clear_error();
  while (written < bytes.size() && !has_ended_) {
    const std::string_view rest = bytes.substr(written);
    const ssize_t outcome = ssl_ != nullptr ? SSL_write(ssl_, rest.data(), at_most_int(rest.size()))
                                            : send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (outcome <= 0) {
      waits_for_room_ = ssl_ == nullptr;
      note_failure(static_cast<int>(outcome));
      break;
    }
    written += static_cast<size_t>(outcome);
  }
  return written;
}

size_t Stream::read(uint8_t *data, size_t size) {
  size_t filled = 0;
  ERR_clear_error();
  while (filled < size) {
    const ssize_t outcome =
        ssl_ != nullptr ? SSL_read(ssl_, data + filled, at_most_int(size - filled)) : recv(fd_, data, size, 0);
    if (outcome <= 0) {
      note_failure(static_cast<int>(outcome));
      break;
    }
    filled += static_cast<size_t>(outcome);
    if (ssl_ == nullptr) break;  // epoll tells of more; TLS may hold a record that epoll knows nothing of
  }
  return filled;
}

// Why nothing was read or written: it has to wait, or it has ended.
void Stream::note_failure(int outcome) {
  if (ssl_ == nullptr) {
    if (outcome < 0 && errno == EAGAIN) return;
    if (outcome < 0) why_ = std::strerror(errno);
    has_ended_ = true;
    return;
  }
  const int saved_errno = errno;
  const int reason = SSL_get_error(ssl_, outcome);
  if (reason == SSL_ERROR_WANT_WRITE) waits_for_room_ = true;
  if (reason == SSL_ERROR_WANT_WRITE || reason == SSL_ERROR_WANT_READ) return;
  if (reason == SSL_ERROR_SSL) why_ = std::string("TLS: ") + ERR_reason_error_string(ERR_peek_last_error());
  if (reason == SSL_ERROR_SYSCALL) why_ = std::strerror(saved_errno);
  has_ended_ = true;
}

void Stream::end_output() {
  if (ssl_ != nullptr) SSL_shutdown(ssl_);
  shutdown(fd_, SHUT_WR);
}

}  // namespace load
