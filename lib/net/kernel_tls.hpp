// TLS in the kernel (Linux kTLS) for one connection: OpenSSL does the handshake and hands its keys to the kernel, which
// encrypts and decrypts from then on. Which of both it can depends on the kernel, on OpenSSL and on the cipher suite.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "net/socket.hpp"

struct bio_st;

namespace hawser {

class KernelTls {
 public:
  // For a connected socket, which stays the caller's; nullptr: no memory.
  static std::unique_ptr<KernelTls> make(int fd);

  // The kernel encrypts: bytes of messages are written to the socket as they are.
  bool encrypts() const;
  // The kernel decrypts: OpenSSL reads records by read().
  bool decrypts() const;

  // What OpenSSL asks its BIO for: to hand over keys, or that the next write is a record of another type than data.
  long control(int command, long number, void *pointer);
  // That was asked for, and has not been written yet.
  bool record_is_due() const { return record_type_.has_value(); }
  Transfer write_record(const void *data, size_t size);
  // One record, with its header.
  Transfer read(void *data, size_t size);

 private:
  struct FreeBio {
    void operator()(bio_st *bio) const;
  };
  KernelTls(int fd, bio_st *bio) : fd_(fd), bio_(bio) {}

  const int fd_;
  const std::unique_ptr<bio_st, FreeBio> bio_;  // OpenSSL's own for sockets, which knows the kernel's calls
  std::optional<unsigned char> record_type_;
};

}  // namespace hawser
