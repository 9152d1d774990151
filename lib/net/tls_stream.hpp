// TLS on one socket, in either role, by OpenSSL. It neither waits nor owns the socket, which each call is given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "bytes/budget.hpp"
#include "bytes/buffer.hpp"
#include "net/socket.hpp"
#include "net/tls_context.hpp"

namespace hawser {

class KernelTls;

class TlsStream {
 public:
  // Bytes of the budget that a handshake takes, as the allocations of OpenSSL 3 add up on 64 bits, rounded up: it has
  // buffers for records in both directions.
  static constexpr size_t kHandshakeBytes = 64 * 1024;

  // `host`, of a client: the name or address that the server's certificate has to be for, and that is asked for (SNI).
  // nullptr: no memory, or over the budget.
  static std::unique_ptr<TlsStream> make(std::shared_ptr<TlsContext> context, const std::string &host, Budget &budget);
  TlsStream(const TlsStream &) = delete;
  TlsStream &operator=(const TlsStream &) = delete;
  ~TlsStream();

  enum class Step : uint8_t {
    DONE,
    WANTS_READ,
    WANTS_WRITE,
    FAILED,      // failure() and reason() say why; the peer was sent an alert if there was room for one
    PLAIN_HTTP,  // server: the peer does not speak TLS, but HTTP
  };
  // Goes on with the handshake as far as the socket allows.
  Step handshake(int fd);

  // As read_socket, but until `size` bytes are there or the socket has no more, which would_block tells even if there
  // were some: then the poller reports the next ones. It is short, and none of these, when the peer sends much that is
  // no data (RFC 8446 4.6.3): then it goes on with the next call. `hung_up`: the poller has reported
  // the end of the stream, and reports nothing more: only the end itself is the end. `end` is close_notify, or the end
  // of the TCP connection: truncated() tells which. `error` without a failure() is an errno. Both come without bytes,
  // as from a socket, and stay: each later read tells them again.
  Transfer read(int fd, void *data, size_t size, bool hung_up);
  // TLS itself has something to send, for which the socket has no room (RFC 8446 4.6.3): the next read sends it.
  bool awaits_room() const { return awaits_room_; }
  // As write_socket. Pieces that are small together leave in one record.
  Transfer write(int fd, const iovec *pieces, int count);
  // A record was sent in part: the bytes in it, which were not reported as written, have to be offered again. (What
  // they are does not matter any more.)
  bool retrying() const { return pending_ != 0; }
  // Sends close_notify, if there is room for it.
  void shut_down(int fd);

  // What the peer began with; 0: nothing has come.
  uint8_t first_byte() const { return first_; }
  // The TCP connection ended without close_notify.
  bool truncated() const { return truncated_; }
  // OpenSSL's words about what failed, with the certificate's subject and depth where it is one; and its code: of the
  // verification (X509_V_ERR_...), else the reason.
  const std::string &failure() const { return failure_; }
  int reason() const { return reason_; }

  // Bytes of the budget.
  size_t held() const { return held_ + unsent_.held(); }

  // After the handshake. "TLSv1.3"; "TLS_AES_256_GCM_SHA384".
  const char *version() const;
  const char *cipher() const;
  bool resumed() const;
  // The kernel makes the records of what is written (TlsConfig::kernel).
  bool kernel_encrypts() const;
  // The subject of the peer's certificate (RFC 2253); empty if it has shown none.
  std::string peer_subject() const;

 private:
  struct FreeSsl {
    void operator()(ssl_st *ssl) const;
  };
  friend struct TlsWire;  // the calls that OpenSSL makes

  TlsStream(std::shared_ptr<TlsContext> context, const std::string &host, Budget &budget);
  bool set_up();
  bool set_up_client();
  void begin(int fd, bool hung_up);
  Transfer receive(uint8_t *data, size_t size);
  Transfer decrypt(uint8_t *data, size_t size);
  Step conclude();
  Step stop(int result);
  void end_read(int result, Transfer &all);
  void give_up();
  void set_failure(unsigned long error);
  bool write_record(const uint8_t *data, size_t size);
  size_t send(const uint8_t *data, size_t size);
  bool send_unsent();
  bool check_pin();

  const std::shared_ptr<TlsContext> context_;
  const std::string host_;
  Budget &budget_;
  std::unique_ptr<KernelTls> kernel_;
  size_t held_ = 0;  // bytes of the budget
  std::unique_ptr<ssl_st, FreeSsl> ssl_;
  std::string failure_;
  std::string rejected_;  // what the verification did not like
  Buffer unsent_;         // of records: the socket had no room for it
  Transfer end_;          // how the stream has ended, once it has
  size_t pending_ = 0;    // bytes in the last of them, or of it what was not reported yet
  int reason_ = 0;
  int fd_ = -1;
  int asked_ = 0;      // how often OpenSSL has asked for bytes since it had some for us
  int system_ = 0;     // errno of the socket
  int rejection_ = 0;  // X509_V_ERR_... of what the verification did not like
  uint8_t first_ = 0;  // the first byte of the peer
  bool any_ = false;   // there was one
  bool hung_up_ = false;
  bool drained_ = false;  // the socket has no more for this call
  bool ended_ = false;    // the socket has come to its end
  bool reset_ = false;    // OpenSSL was told that the peer has reset the connection, and may have passed over it
  bool open_ = false;     // the handshake is done
  bool broken_ = false;   // nothing more can be said
  bool truncated_ = false;
  bool awaits_room_ = false;
};

}  // namespace hawser
