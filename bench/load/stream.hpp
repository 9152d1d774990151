// A socket that does not wait, with or without TLS on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <openssl/ssl.h>

namespace load {

// Certificates are not verified. They last as long as the program.
SSL_CTX *make_client_tls();
SSL_CTX *make_server_tls(const std::string &certificate, const std::string &key);

int connect_to(uint16_t port);
// Does not wait for the connection: writing does.
int start_connecting(uint16_t port);
int listen_on(uint16_t port);
// -1: nobody is waiting.
int accept_from(int listener);

class Stream {
 public:
  // Owns the descriptor. `tls`: nullptr if there is none.
  Stream(int fd, SSL_CTX *tls, bool is_server);
  Stream(const Stream &) = delete;
  Stream &operator=(const Stream &) = delete;
  ~Stream();

  int fd() const { return fd_; }
  // A client of TLS speaks first; the rest of the handshake comes with read() and write(). A server only reads: it
  // would not hear of what the client sent behind its handshake, and what OpenSSL read along with that.
  void begin();
  bool is_secured() const { return ssl_ == nullptr || SSL_is_init_finished(ssl_) != 0; }

  // How many bytes were taken.
  size_t write(std::string_view bytes);
  // write() took less because there is no room; it may also be that TLS has to read first.
  bool waits_for_room() const { return waits_for_room_; }
  // How many bytes came: less than `size` once nothing more is there.
  size_t read(uint8_t *data, size_t size);
  // The end, and how it came about in words: none if the peer ended it in good order.
  bool has_ended() const { return has_ended_; }
  const std::string &why() const { return why_; }
  // We say no more.
  void end_output();

 private:
  void note_failure(int outcome);

  const int fd_;
  SSL *ssl_ = nullptr;
  bool waits_for_room_ = false;
  bool has_ended_ = false;
  std::string why_;
};

}  // namespace load
