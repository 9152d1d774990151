#include "net/kernel_tls.hpp"

#include <cerrno>
#include <new>

#include <openssl/bio.h>
#include <sys/socket.h>

#if defined(__linux__)
#include <linux/tls.h>
#endif

namespace hawser {

namespace {

// bio.h tells these only in a comment, as calls of OpenSSL itself.
constexpr int kSetRecordType = 74;
constexpr int kClearRecordType = 75;

}  // namespace

void KernelTls::FreeBio::operator()(bio_st *bio) const {
  BIO_free(bio);
}

std::unique_ptr<KernelTls> KernelTls::make(int fd) {
  std::unique_ptr<bio_st, FreeBio> bio(BIO_new_socket(fd, BIO_NOCLOSE));
  if (!bio) return nullptr;
  std::unique_ptr<KernelTls> made(new (std::nothrow) KernelTls(fd, bio.get()));
  if (made) (void)bio.release();
  return made;
}

bool KernelTls::encrypts() const {
  return BIO_get_ktls_send(bio_.get());
}

bool KernelTls::decrypts() const {
  return BIO_get_ktls_recv(bio_.get());
}

long KernelTls::control(int command, long number, void *pointer) {
  if (command == kSetRecordType) {
    record_type_ = static_cast<unsigned char>(number);
    return 1;
  }
  if (command == kClearRecordType) {
    record_type_.reset();
    return 1;
  }
  return BIO_ctrl(bio_.get(), command, number, pointer);
}

#if defined(__linux__) && defined(SOL_TLS)
// OpenSSL's BIO would do the same, but raise SIGPIPE.
Transfer KernelTls::write_record(const void *data, size_t size) {
  iovec piece{const_cast<void *>(data), size};
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof(unsigned char))] = {};
  msghdr message = {};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = room;
  message.msg_controllen = sizeof room;
  cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_TLS;
  header->cmsg_type = TLS_SET_RECORD_TYPE;
  header->cmsg_len = CMSG_LEN(sizeof(unsigned char));
  *CMSG_DATA(header) = *record_type_;
  Transfer done = write_message(fd_, message);
  if (done.size != 0) record_type_.reset();
  return done;
}
#else
Transfer KernelTls::write_record(const void *, size_t) {
  return {0, false, false, ENOTSUP};  // nobody hands keys to a kernel that cannot use them
}
#endif

Transfer KernelTls::read(void *data, size_t size) {
  Transfer got;
  errno = 0;
  if (BIO_read_ex(bio_.get(), data, size, &got.size) == 1) return got;
  got.would_block = BIO_should_retry(bio_.get()) != 0;
  got.error = got.would_block ? 0 : errno;
  got.end = !got.would_block && got.error == 0;
  return got;
}

}  // namespace hawser
