#include "net/tls_stream.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <new>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "net/address.hpp"

namespace hawser {

namespace {

// RFC 8446 5.1: the most that a record carries.
constexpr size_t kRecord = 16 * 1024;
// What OpenSSL 3 holds for a connection, as its allocations add up on 64 bits, rounded up: during the handshake with
// the buffers for records in both directions, and afterwards, when they are there only while bytes are under way.
constexpr size_t kHandshakeBytes = 64 * 1024;
constexpr size_t kOpenBytes = 16 * 1024;

struct FreeX509 {
  void operator()(X509 *certificate) const { X509_free(certificate); }
};

std::string name_of(const X509_NAME *name) {
  std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0) return "";
  char *data = nullptr;
  long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<size_t>(size)};
}

// What is left of the pieces of a write.
class Pieces {
 public:
  Pieces(const iovec *next, int count) : next_(next) {
    for (int i = 0; i < count; i++)
      size_ += next[i].iov_len;
  }

  size_t size() const { return size_; }
  // The next `size` bytes where they lie; nullptr: not in one place.
  const uint8_t *contiguous(size_t size) const { return next_->iov_len - used_ >= size ? at(*next_) + used_ : nullptr; }
  const uint8_t *copy(uint8_t *to, size_t size) const {
    const iovec *piece = next_;
    size_t from = used_;
    for (size_t copied = 0; copied < size; from = 0, piece++) {
      size_t more = std::min(size - copied, piece->iov_len - from);
      if (more != 0) std::memcpy(to + copied, at(*piece) + from, more);
      copied += more;
    }
    return to;
  }
  void skip(size_t size) {
    size_ -= size;
    used_ += size;
    while (size_ != 0 && used_ >= next_->iov_len)
      used_ -= next_++->iov_len;
  }

 private:
  static const uint8_t *at(const iovec &piece) { return static_cast<const uint8_t *>(piece.iov_base); }

  const iovec *next_;
  size_t used_ = 0;  // bytes of *next_
  size_t size_ = 0;
};

// A certificate is for the name without the dot at its end, and so is SNI (RFC 6066 3).
std::string without_dot(const std::string &host) {
  return host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
}

}  // namespace

// What OpenSSL calls: our BIO, which moves bytes as sockets are moved here, and what it tells of certificates and
// sessions.
struct TlsWire {
  static TlsStream &stream_of(BIO *bio) { return *static_cast<TlsStream *>(BIO_get_data(bio)); }
  static TlsStream &stream_of(const SSL *ssl) { return *static_cast<TlsStream *>(SSL_get_app_data(ssl)); }

  static int write(BIO *bio, const char *data, size_t size, size_t *written) {
    TlsStream &stream = stream_of(bio);
    BIO_clear_retry_flags(bio);
    Transfer done = write_socket(stream.fd_, data, size);
    *written = done.size;
    if (done.error != 0) stream.system_ = done.error;
    if (done.size == 0 && done.would_block) BIO_set_retry_write(bio);
    return done.size != 0 ? 1 : 0;
  }

  static int read(BIO *bio, char *data, size_t size, size_t *got) {
    TlsStream &stream = stream_of(bio);
    BIO_clear_retry_flags(bio);
    *got = 0;
    if (stream.drained_) {
      BIO_set_retry_read(bio);
      return 0;
    }
    Transfer done = read_socket(stream.fd_, data, size);
    stream.note_received(reinterpret_cast<const uint8_t *>(data), done, size);
    *got = done.size;
    if (done.would_block) BIO_set_retry_read(bio);
    return done.size != 0 ? 1 : 0;
  }

  static long control(BIO *bio, int command, long, void *) {
    if (command == BIO_CTRL_EOF) return stream_of(bio).ended_ ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static const BIO_METHOD *make_method() {
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket of hawser");
    if (method == nullptr) return nullptr;
    BIO_meth_set_write_ex(method, write);
    BIO_meth_set_read_ex(method, read);
    BIO_meth_set_ctrl(method, control);
    return method;
  }

  static BIO *make(TlsStream &stream) {
    static const BIO_METHOD *method = make_method();
    BIO *bio = method != nullptr ? BIO_new(method) : nullptr;
    if (bio == nullptr) return nullptr;
    BIO_set_data(bio, &stream);
    BIO_set_init(bio, 1);
    return bio;
  }

  // Remembers what was wrong first: OpenSSL's own words tell neither whose certificate it was nor where it stood. It
  // also asks where nobody wants to know.
  static int verified(int good, X509_STORE_CTX *store) try {
    auto *ssl = static_cast<SSL *>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    if (good == 1 || SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE) return good;
    TlsStream &stream = stream_of(ssl);
    if (stream.rejection_ != 0) return 0;
    stream.rejection_ = X509_STORE_CTX_get_error(store);
    stream.rejected_ = std::string(X509_verify_cert_error_string(stream.rejection_)) + " (depth " +
                       std::to_string(X509_STORE_CTX_get_error_depth(store));
    const X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    if (certificate != nullptr) stream.rejected_ += ", subject " + name_of(X509_get_subject_name(certificate));
    stream.rejected_ += ")";
    return 0;
  } catch (const std::bad_alloc &) {
    return 0;
  }

  static int new_session(SSL *ssl, SSL_SESSION *session) {
    TlsStream &stream = stream_of(ssl);
    stream.context_->keep_session(stream.host_, session);
    return 1;
  }
};

std::unique_ptr<TlsStream> TlsStream::make(std::shared_ptr<TlsContext> context, const std::string &host,
                                           Budget &budget) try {
  std::unique_ptr<TlsStream> made(new TlsStream(std::move(context), host, budget));
  return made->set_up() ? std::move(made) : nullptr;
} catch (const std::bad_alloc &) {
  return nullptr;
}

TlsStream::TlsStream(std::shared_ptr<TlsContext> context, const std::string &host, Budget &budget)
    : context_(std::move(context)), host_(without_dot(host)), budget_(budget) {}

TlsStream::~TlsStream() {
  // SSL_free would take the session for spoilt if there was no close_notify. That is no attack on it (RFC 5246 7.2.1),
  // and those whose connection was cut off come back soon.
  if (ssl_) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  budget_.give(held_);
}

void TlsStream::FreeSsl::operator()(ssl_st *ssl) const {
  SSL_free(ssl);
  ERR_clear_error();
}

bool TlsStream::set_up() {
  if (!budget_.take(kHandshakeBytes)) return false;
  held_ = kHandshakeBytes;
  ERR_clear_error();
  ssl_.reset(SSL_new(context_->get()));
  if (!ssl_) return false;
  SSL_set_app_data(ssl_.get(), this);
  BIO *bio = TlsWire::make(*this);
  if (bio == nullptr) return false;
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_verify(ssl_.get(), SSL_get_verify_mode(ssl_.get()), TlsWire::verified);
  if (context_->is_client()) return set_up_client();
  SSL_set_accept_state(ssl_.get());
  return true;
}

bool TlsStream::set_up_client() {
  SSL *ssl = ssl_.get();
  SSL_set_connect_state(ssl);
  SSL_CTX_sess_set_new_cb(context_->get(), TlsWire::new_session);
  bool is_address = parse_address(host_, 0).has_value();
  // RFC 6066 3: addresses are no names.
  if (!is_address && SSL_set_tlsext_host_name(ssl, host_.c_str()) != 1) return false;
  if (SSL_SESSION *session = context_->take_session(host_)) {
    SSL_set_session(ssl, session);
    SSL_SESSION_free(session);
  }
  if (!context_->verifies()) return true;
  SSL_set_verify(ssl, SSL_VERIFY_PEER, TlsWire::verified);
  X509_VERIFY_PARAM *rules = SSL_get0_param(ssl);
  if (is_address) return X509_VERIFY_PARAM_set1_ip_asc(rules, host_.c_str()) == 1;
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host(rules, host_.c_str(), 0) == 1;
}

void TlsStream::begin(int fd, bool hung_up) {
  fd_ = fd;
  hung_up_ = hung_up;
  drained_ = false;
  system_ = 0;
  ERR_clear_error();  // SSL_get_error looks at it, and another user of OpenSSL may have left something
}

void TlsStream::note_received(const uint8_t *data, const Transfer &got, size_t wanted) {
  if (got.size != 0 && !any_) {
    any_ = true;
    first_ = data[0];
  }
  // A short read means that there is no more, but for a hang-up that was reported already.
  drained_ = got.would_block || (got.size < wanted && !hung_up_ && !got.end);
  if (got.end) ended_ = true;
  if (got.error != 0) system_ = got.error;
}

// ---------------------------------------------------------------------------------------------------------------------
// The handshake

TlsStream::Step TlsStream::handshake(int fd) {
  if (broken_) return Step::FAILED;
  begin(fd, true);
  int result = SSL_do_handshake(ssl_.get());
  return result == 1 ? conclude() : stop(result);
}

TlsStream::Step TlsStream::conclude() {
  if (!check_pin()) return Step::FAILED;
  open_ = true;
  budget_.give(held_ - kOpenBytes);
  held_ = kOpenBytes;
  return Step::DONE;
}

TlsStream::Step TlsStream::stop(int result) {
  int why = SSL_get_error(ssl_.get(), result);
  if (why == SSL_ERROR_WANT_READ) return Step::WANTS_READ;
  if (why == SSL_ERROR_WANT_WRITE) return Step::WANTS_WRITE;
  // RFC 9110 9.1: a method is a token, in capital letters; a record begins with 20 to 23 (RFC 8446 5.1).
  bool method = any_ && first_ >= 'A' && first_ <= 'Z';
  give_up();
  return method && !context_->is_client() ? Step::PLAIN_HTTP : Step::FAILED;
}

// Says why nothing goes on, and leaves OpenSSL's queue clean.
void TlsStream::give_up() {
  broken_ = true;
  unsigned long error = ERR_peek_error();
  reason_ = rejection_ != 0 ? rejection_ : ERR_GET_REASON(error);
  set_failure(error);
  ERR_clear_error();
}

// For people: where there is no memory for it, there are no words.
void TlsStream::set_failure(unsigned long error) try {
  const char *words = ERR_reason_error_string(error);
  bool is_record = first_ >= SSL3_RT_CHANGE_CIPHER_SPEC && first_ <= SSL3_RT_APPLICATION_DATA;
  if (rejection_ != 0) {
    failure_ = "certificate verify failed: " + rejected_;
  } else if (any_ && !is_record && !open_) {
    failure_ =
        context_->is_client() ? "the peer does not speak TLS: is it a ws:// port?" : "the peer does not speak TLS";
  } else if (ended_ && (error == 0 || reason_ == SSL_R_UNEXPECTED_EOF_WHILE_READING)) {
    failure_ = "the peer ended the connection";
  } else if (system_ != 0) {
    failure_ = std::strerror(system_);
  } else {
    failure_ = words != nullptr ? words : "OpenSSL gives no reason";
  }
} catch (const std::bad_alloc &) {
  failure_.clear();
}

// RFC 7469 2.4: SHA-256 of the SubjectPublicKeyInfo.
bool TlsStream::check_pin() {
  if (!context_->is_client()) return true;
  X509 *certificate = SSL_get0_peer_certificate(ssl_.get());
  unsigned char *der = nullptr;
  int size = certificate != nullptr ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der) : 0;
  unsigned char digest[32];
  unsigned char base64[48] = {};
  bool made = size > 0 && EVP_Digest(der, static_cast<size_t>(size), digest, nullptr, EVP_sha256(), nullptr) == 1;
  OPENSSL_free(der);
  if (made) EVP_EncodeBlock(base64, digest, sizeof digest);
  if (context_->accepts_key(reinterpret_cast<const char *>(base64))) return true;
  broken_ = true;
  failure_ =
      std::string("the server's public key is not a pinned one: sha256//") + reinterpret_cast<const char *>(base64);
  ERR_clear_error();
  return false;
}

// ---------------------------------------------------------------------------------------------------------------------
// Bytes

Transfer TlsStream::read(int fd, void *data, size_t size, bool hung_up) {
  begin(fd, hung_up);
  awaits_room_ = false;
  Transfer all;
  while (all.size < size) {
    size_t got = 0;
    int result = SSL_read_ex(ssl_.get(), static_cast<uint8_t *>(data) + all.size, size - all.size, &got);
    if (result != 1) {
      end_read(result, all);
      break;
    }
    all.size += got;
  }
  return all;
}

void TlsStream::end_read(int result, Transfer &all) {
  int why = SSL_get_error(ssl_.get(), result);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
    all.would_block = true;
    awaits_room_ = why == SSL_ERROR_WANT_WRITE;
  } else if (why == SSL_ERROR_ZERO_RETURN) {
    all.end = true;
  } else if (system_ != 0) {
    all.error = system_;
    broken_ = true;
  } else if (ended_ && ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    all.end = truncated_ = broken_ = true;
  } else {
    give_up();
    all.error = EPROTO;
  }
  ERR_clear_error();
}

// Pieces that are small together leave in one record. One that was begun has to be offered again with the bytes that it
// had: OpenSSL has encrypted them, or has not got to them yet, because something of its own had to go first.
Transfer TlsStream::write(int fd, const iovec *pieces, int count) {
  begin(fd, false);
  Transfer done;
  Pieces rest(pieces, count);
  uint8_t together[kRecord];
  while (rest.size() != 0) {
    size_t size = std::min(rest.size(), pending_ != 0 ? pending_ : kRecord);
    const uint8_t *data = rest.contiguous(size);
    if (data == nullptr) data = rest.copy(together, size);
    // Less than that where the peer takes shorter records only (RFC 6066 4, RFC 8449).
    size_t written = write_some(data, size, done);
    if (written == 0) break;
    rest.skip(written);
  }
  return done;
}

// What went; 0: nothing more does.
size_t TlsStream::write_some(const uint8_t *data, size_t size, Transfer &done) {
  size_t written = 0;
  int result = SSL_write_ex(ssl_.get(), data, size, &written);
  if (result == 1) {
    pending_ = 0;
    done.size += written;
    return written;
  }
  int why = SSL_get_error(ssl_.get(), result);
  if (why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ) {
    pending_ = size;
    done.would_block = true;
  } else {
    done.error = system_ != 0 ? system_ : EPROTO;
    broken_ = true;
  }
  ERR_clear_error();
  return 0;
}

void TlsStream::shut_down(int fd) {
  if (!open_ || broken_ || pending_ != 0) return;
  begin(fd, false);
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

// ---------------------------------------------------------------------------------------------------------------------
// What was agreed on

const char *TlsStream::version() const {
  return SSL_get_version(ssl_.get());
}

const char *TlsStream::cipher() const {
  return SSL_get_cipher_name(ssl_.get());
}

bool TlsStream::resumed() const {
  return SSL_session_reused(ssl_.get()) == 1;
}

std::string TlsStream::peer_subject() const {
  const X509 *certificate = SSL_get0_peer_certificate(ssl_.get());
  return certificate != nullptr ? name_of(X509_get_subject_name(certificate)) : "";
}

}  // namespace hawser
