#include "net/tls_stream.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "net/address.hpp"
#include "net/kernel_tls.hpp"
#include "net/pieces.hpp"

namespace hawser {

namespace {

// RFC 8446 5.1: the most that a record carries.
constexpr size_t kRecord = 16 * 1024;
// What OpenSSL 3 holds for a connection after the handshake, counted likewise: buffers are there only while bytes are
// under way.
constexpr size_t kOpenBytes = 16 * 1024;
// How often OpenSSL may ask for bytes until it has some for us. It takes 16 KiB each time, in which there may be
// hundreds of KeyUpdates, each at the cost of many messages, and no end of them: others have their turn before.
constexpr int kMostAsked = 2;
// Bytes that the socket has no room for, from which on OpenSSL has to wait.
constexpr size_t kMostUnsent = 16 * 1024;

struct FreeX509 {
  void operator()(X509 *certificate) const { X509_free(certificate); }
};

std::string name_of(const X509_NAME *name) {
  std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0) return "";
  char *data = nullptr;
  long size = BIO_get_mem_data(bio.get(), &data);
  return size > 0 ? std::string(data, static_cast<size_t>(size)) : "";
}

// What OpenSSL says of TLS, and not of what failed below it; then its queue is empty.
unsigned long take_error() {
  unsigned long found = ERR_peek_error();
  while (unsigned long error = ERR_get_error()) {
    if (ERR_GET_LIB(error) != ERR_LIB_SSL) continue;
    found = error;
    break;
  }
  ERR_clear_error();
  return found;
}

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
    BIO_clear_retry_flags(bio);
    *written = stream_of(bio).send(reinterpret_cast<const uint8_t *>(data), size);
    if (*written == 0 && stream_of(bio).system_ == 0) BIO_set_retry_write(bio);
    return *written != 0 ? 1 : 0;
  }

  static int read(BIO *bio, char *data, size_t size, size_t *got) {
    TlsStream &stream = stream_of(bio);
    BIO_clear_retry_flags(bio);
    *got = 0;
    if (stream.drained_ || stream.asked_ == kMostAsked) {
      BIO_set_retry_read(bio);
      return 0;
    }
    if (stream.open_) stream.asked_++;
    Transfer done = stream.receive(reinterpret_cast<uint8_t *>(data), size);
    *got = done.size;
    if (done.would_block) BIO_set_retry_read(bio);
    return done.size != 0 ? 1 : 0;
  }

  static long control(BIO *bio, int command, long number, void *pointer) {
    const TlsStream &stream = stream_of(bio);
    if (command == BIO_CTRL_EOF) return stream.ended_ ? 1 : 0;
    if (command == BIO_CTRL_FLUSH) return 1;
    return stream.kernel_ ? stream.kernel_->control(command, number, pointer) : 0;
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
    : context_(std::move(context)), host_(without_dot(host)), budget_(budget), unsent_(budget) {}

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
  // RFC 9110 4.3.4: the names of a certificate are its alternative ones; the subject's CN is none.
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  return X509_VERIFY_PARAM_set1_host(rules, host_.c_str(), 0) == 1;
}

void TlsStream::begin(int fd, bool hung_up) {
  fd_ = fd;
  hung_up_ = hung_up;
  drained_ = false;
  asked_ = 0;
  system_ = 0;
  if (context_->uses_kernel() && kernel_ == nullptr) kernel_ = KernelTls::make(fd);
  ERR_clear_error();  // SSL_get_error looks at it, and another user of OpenSSL may have left something
}

// What OpenSSL reads.
Transfer TlsStream::receive(uint8_t *data, size_t size) {
  bool decrypted = kernel_ && kernel_->decrypts();
  Transfer got = decrypted ? kernel_->read(data, size) : read_socket(fd_, data, size);
  if (got.size != 0 && !any_) {
    any_ = true;
    first_ = data[0];
  }
  // A short read means that there is no more, but for a hang-up that was reported already. The kernel gives records.
  drained_ = got.would_block || (got.size < size && !hung_up_ && !got.end && !decrypted);
  // The kernel tells of a reset once. If a write was told, a read sees no more than an end.
  if (got.end && reset_) system_ = ECONNRESET;
  if (got.end && !reset_) ended_ = true;
  if (got.error != 0) system_ = got.error;
  return got;
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
  unsigned long error = take_error();
  reason_ = rejection_ != 0 ? rejection_ : ERR_GET_REASON(error);
  set_failure(error);
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

// What comes before the end may have to wait for the application, and the end behind it.
Transfer TlsStream::read(int fd, void *data, size_t size, bool hung_up) {
  if (end_.end || end_.error != 0) return end_;
  begin(fd, hung_up);
  send_unsent();
  awaits_room_ = false;
  system_ = 0;  // if it cannot be sent, there may be something to read all the same
  Transfer all = decrypt(static_cast<uint8_t *>(data), size);
  // What a write has left goes with the next write.
  awaits_room_ = awaits_room_ || (pending_ == 0 && !unsent_.empty());
  if (all.end || all.error != 0) {
    end_ = {0, false, all.end, all.error};
    if (all.size != 0) return {all.size, false, false, 0};
  }
  return all;
}

Transfer TlsStream::decrypt(uint8_t *data, size_t size) {
  Transfer all;
  while (all.size < size) {
    size_t got = 0;
    int result = SSL_read_ex(ssl_.get(), data + all.size, size - all.size, &got);
    if (result != 1) {
      end_read(result, all);
      break;
    }
    all.size += got;
    asked_ = 0;
    // All that the socket had is decrypted. OpenSSL would make itself a buffer of 16 KiB only to say so: a ninth of the
    // instructions of a small message.
    if (drained_ && SSL_has_pending(ssl_.get()) == 0) {
      all.would_block = true;
      break;
    }
  }
  return all;
}

void TlsStream::end_read(int result, Transfer &all) {
  int why = SSL_get_error(ssl_.get(), result);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
    awaits_room_ = why == SSL_ERROR_WANT_WRITE;
    all.would_block = drained_ || asked_ < kMostAsked || awaits_room_;
  } else if (why == SSL_ERROR_ZERO_RETURN) {
    all.end = true;
  } else if (ended_ && ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    all.end = truncated_ = broken_ = true;  // and the alert about it may have failed
  } else if (system_ != 0) {
    all.error = system_;
    broken_ = true;
  } else {
    give_up();
    all.error = EPROTO;
  }
  ERR_clear_error();
}

// OpenSSL would have to be offered the same bytes again for a record that was sent in part, and could say nothing of
// its own before (a KeyUpdate that the peer asks for fails then). So it never sees a full socket once the connection is
// open: what the socket does not take is kept here. What moved; 0: nothing did, for want of room if system_ is 0.
size_t TlsStream::send(const uint8_t *data, size_t size) {
  Transfer done;
  bool typed = kernel_ && kernel_->record_is_due();
  if (unsent_.empty()) done = typed ? kernel_->write_record(data, size) : write_socket(fd_, data, size);
  if (done.error != 0) {
    system_ = done.error;
    reset_ = reset_ || done.error == ECONNRESET;
    return 0;
  }
  if (!open_ || typed || done.size == size || unsent_.size() >= kMostUnsent) return done.size;
  if (unsent_.append(data + done.size, size - done.size)) return size;
  system_ = ENOMEM;
  return 0;
}

// False if the socket has no room for all of it, or is broken, as system_ tells.
bool TlsStream::send_unsent() {
  if (unsent_.empty()) return true;
  Transfer done = write_socket(fd_, unsent_.data(), unsent_.size());
  system_ = done.error;
  unsent_.consume(done.size);
  if (!unsent_.empty()) return false;
  unsent_.release();
  return true;
}

// Pieces that are small together leave in one record. The bytes of a record count as written when all of it was sent.
Transfer TlsStream::write(int fd, const iovec *pieces, int count) {
  if (kernel_encrypts()) return write_socket(fd, pieces, count);
  begin(fd, false);
  Transfer done;
  Pieces rest(pieces, count);
  uint8_t together[kRecord];
  while (send_unsent()) {
    size_t sent = std::min(pending_, rest.size());
    pending_ -= sent;
    rest.skip(sent);
    done.size += sent;
    if (rest.size() == 0) return done;
    size_t size = std::min(rest.size(), kRecord);
    const uint8_t *data = rest.contiguous(size);
    if (data == nullptr) data = rest.copy(together, size);
    if (!write_record(data, size)) break;
  }
  done.would_block = system_ == 0;
  done.error = system_;
  broken_ = broken_ || system_ != 0;
  return done;
}

// It takes less than that where the peer wants shorter records (RFC 6066 4, RFC 8449).
bool TlsStream::write_record(const uint8_t *data, size_t size) {
  int result = SSL_write_ex(ssl_.get(), data, size, &pending_);
  if (result == 1) return true;
  int why = SSL_get_error(ssl_.get(), result);
  if (why != SSL_ERROR_WANT_WRITE && why != SSL_ERROR_WANT_READ && system_ == 0) system_ = EPROTO;
  ERR_clear_error();
  return false;
}

void TlsStream::shut_down(int fd) {
  if (!open_ || broken_) return;
  begin(fd, false);
  if (!send_unsent()) return;
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

bool TlsStream::kernel_encrypts() const {
  return kernel_ && kernel_->encrypts();
}

bool TlsStream::resumed() const {
  return SSL_session_reused(ssl_.get()) == 1;
}

std::string TlsStream::peer_subject() const {
  const X509 *certificate = SSL_get0_peer_certificate(ssl_.get());
  return certificate != nullptr ? name_of(X509_get_subject_name(certificate)) : "";
}

}  // namespace hawser
