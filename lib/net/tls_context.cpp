#include "net/tls_context.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes/ascii.hpp"
#include "net/socket.hpp"
#include "net/tls_stream.hpp"

namespace hawser {

namespace {

// Sessions that are kept: TLS 1.3 gives two with each connection, and each is good for one (RFC 8446 C.4).
constexpr size_t kMostHosts = 64;
constexpr size_t kMostSessions = 16;
constexpr size_t kMostPem = 16 << 20;

struct Free {
  void operator()(BIO *bio) const { BIO_free(bio); }
  void operator()(X509 *certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY *key) const { EVP_PKEY_free(key); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

// What OpenSSL said last, and then forgets.
std::string openssl_words() {
  const char *data = nullptr;
  int flags = 0;
  unsigned long error = ERR_peek_last_error_data(&data, &flags);
  const char *reason = ERR_reason_error_string(error);
  std::string words = reason != nullptr ? reason : "no memory";
  if ((flags & ERR_TXT_STRING) != 0 && data != nullptr && *data != '\0') words += std::string(" (") + data + ")";
  ERR_clear_error();
  return words;
}

bool fails(std::string &detail, std::string words) {
  detail = std::move(words);
  ERR_clear_error();
  return false;
}

// No file has such a name.
bool is_pem(std::string_view source) {
  return source.find("-----BEGIN") != std::string_view::npos;
}

// How a source is named in words.
std::string name_of(const std::string &source) {
  return is_pem(source) ? "the PEM text" : source;
}

// OpenSSL would open files without O_CLOEXEC. A pipe, or a file system that is slow, lets signals come in between.
bool read_file(const std::string &name, std::string &content) {
  Descriptor file(static_cast<int>(retry_interrupted([&] { return open(name.c_str(), O_RDONLY | O_CLOEXEC); })));
  if (!file.open()) return false;
  char piece[4096];
  ssize_t got = 0;
  while ((got = retry_interrupted([&] { return read(file.get(), piece, sizeof piece); })) > 0 &&
         content.size() < kMostPem)
    content.append(piece, static_cast<size_t>(got));
  if (got > 0) errno = EFBIG;
  return got == 0;
}

bool read_pem(const std::string &source, std::string &pem, std::string &detail) {
  if (is_pem(source)) {
    pem = source;
    return true;
  }
  if (read_file(source, pem)) return true;
  return fails(detail, source + ": " + std::strerror(errno));
}

Owned<BIO> reader_of(const std::string &pem) {
  return Owned<BIO>(BIO_new_mem_buf(pem.data(), static_cast<int>(std::min<size_t>(pem.size(), kMostPem))));
}

// A key that asks for a password is refused: nobody is there to type it.
int no_password(char *, int, int, void *) {
  return -1;
}

Owned<X509> next_certificate(BIO *bio) {
  return Owned<X509>(PEM_read_bio_X509_AUX(bio, nullptr, no_password, nullptr));
}

// There was no next certificate because the text ends, and not because something in it cannot be read.
bool text_ends() {
  unsigned long error = ERR_peek_last_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

bool use_chain(SSL_CTX *context, const std::string &source, std::string &detail) {
  std::string pem;
  if (!read_pem(source, pem, detail)) return false;
  Owned<BIO> bio = reader_of(pem);
  Owned<X509> certificate = bio ? next_certificate(bio.get()) : nullptr;
  if (!certificate || SSL_CTX_use_certificate(context, certificate.get()) != 1) {
    return fails(detail, name_of(source) + ": no certificate: " + openssl_words());
  }
  while (Owned<X509> next = next_certificate(bio.get())) {
    if (SSL_CTX_add0_chain_cert(context, next.get()) != 1)
      return fails(detail, name_of(source) + ": " + openssl_words());
    (void)next.release();  // the context's now
  }
  if (!text_ends()) return fails(detail, name_of(source) + ": a certificate behind the first: " + openssl_words());
  ERR_clear_error();
  return true;
}

bool use_key(SSL_CTX *context, const TlsCertificate &certificate, std::string &detail) {
  const std::string &source = certificate.key;
  std::string pem;
  if (!read_pem(source, pem, detail)) return false;
  Owned<BIO> bio = reader_of(pem);
  Owned<EVP_PKEY> key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr) : nullptr);
  OPENSSL_cleanse(pem.data(), pem.size());
  if (!key) return fails(detail, name_of(source) + ": no private key: " + openssl_words());
  if (SSL_CTX_use_PrivateKey(context, key.get()) == 1 && SSL_CTX_check_private_key(context) == 1) return true;
  return fails(detail, name_of(source) + " is not the key of " + name_of(certificate.chain) + ": " + openssl_words());
}

bool trust_one(SSL_CTX *context, X509 *certificate, bool ask_for) {
  return X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate) == 1 &&
         (!ask_for || SSL_CTX_add_client_CA(context, certificate) == 1);
}

bool trust_pem(SSL_CTX *context, const std::string &pem, const std::string &name, bool ask_for, std::string &detail) {
  Owned<BIO> bio = reader_of(pem);
  size_t count = 0;
  while (Owned<X509> certificate = bio ? next_certificate(bio.get()) : nullptr) {
    if (!trust_one(context, certificate.get(), ask_for)) return fails(detail, name + ": " + openssl_words());
    count++;
  }
  if (count == 0) return fails(detail, name + ": no certificate to trust: " + openssl_words());
  if (!text_ends()) return fails(detail, name + ": a certificate behind the first: " + openssl_words());
  ERR_clear_error();
  return true;
}

// OpenSSL takes any name, and looks for certificates there as long as it lives.
bool trust_folder(SSL_CTX *context, const std::string &name, std::string &detail) {
  struct stat found = {};
  int error = stat(name.c_str(), &found) != 0 ? errno : S_ISDIR(found.st_mode) ? 0 : ENOTDIR;
  if (error != 0) return fails(detail, name + ": " + std::strerror(error));
  return SSL_CTX_load_verify_dir(context, name.c_str()) == 1 || fails(detail, name + ": " + openssl_words());
}

// RFC 7301 3.2: who offers protocols, and not this one, is refused with no_application_protocol. So nobody is led into
// speaking another protocol to us.
int choose_protocol(SSL *, const unsigned char **out, unsigned char *size, const unsigned char *offered,
                    unsigned int offered_size, void *) {
  static constexpr unsigned char kHttp[] = "\x08http/1.1";
  unsigned char *chosen = nullptr;
  int found = SSL_select_next_proto(&chosen, size, kHttp, sizeof kHttp - 1, offered, offered_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool set_common(SSL_CTX *context, const TlsConfig &config) {
  // A fresh handshake on a running connection is what RFC 8446 abolished, and a way to make the peer work.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  if (config.kernel) SSL_CTX_set_options(context, SSL_OP_ENABLE_KTLS);
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
  return SSL_CTX_set_min_proto_version(context, config.tls13_only ? TLS1_3_VERSION : TLS1_2_VERSION) == 1;
}

// "*.example.org" stands for one label (RFC 6125 6.4.3).
bool wildcard_matches(std::string_view pattern, std::string_view host) {
  if (!pattern.starts_with("*.")) return false;
  size_t dot = host.find('.');
  return dot != std::string_view::npos && dot != 0 && equal_ignoring_case(pattern.substr(1), host.substr(dot));
}

}  // namespace

void TlsContext::FreeContext::operator()(ssl_ctx_st *context) const {
  SSL_CTX_free(context);
}

void TlsContext::FreeSession::operator()(ssl_session_st *session) const {
  SSL_SESSION_free(session);
}

TlsContext::TlsContext(bool client, const TlsConfig &config)
    : client_(client), verify_(config.verify), kernel_(config.kernel), pinned_keys_(config.pinned_keys) {}

TlsContext::~TlsContext() = default;

std::shared_ptr<TlsContext> TlsContext::make_client(const TlsConfig &config, std::string &detail) {
  return make(true, config, detail);
}

std::shared_ptr<TlsContext> TlsContext::make_server(const TlsConfig &config, std::string &detail) {
  return make(false, config, detail);
}

std::shared_ptr<TlsContext> TlsContext::make(bool client, const TlsConfig &config, std::string &detail) {
  ERR_clear_error();
  std::shared_ptr<TlsContext> made(new TlsContext(client, config));
  if (RAND_bytes(made->session_scope_, sizeof made->session_scope_) != 1) {
    fails(detail, "no random bytes");
    return nullptr;
  }
  if (!made->add_all(config, detail)) made.reset();
  ERR_clear_error();  // also of what OpenSSL says when it takes down what is half made
  return made;
}

bool TlsContext::add_all(const TlsConfig &config, std::string &detail) {
  const std::vector<TlsCertificate> &certificates = config.certificates;
  if (client_) return add(config, certificates.empty() ? nullptr : &certificates.front(), detail);
  if (certificates.empty()) return fails(detail, "a wss:// listener needs the options tls_certificate and tls_key");
  // The one for all others is the first; without such a one, the first that there is.
  auto is_default = [](const TlsCertificate &certificate) { return certificate.host.empty(); };
  auto first = std::find_if(certificates.begin(), certificates.end(), is_default);
  if (first != certificates.end() && !add(config, &*first, detail)) return false;
  for (const TlsCertificate &certificate : certificates) {
    if (!certificate.host.empty() && !add(config, &certificate, detail)) return false;
  }
  return true;
}

bool TlsContext::add(const TlsConfig &config, const TlsCertificate *certificate, std::string &detail) {
  Context context(SSL_CTX_new(client_ ? TLS_client_method() : TLS_server_method()));
  if (!context || !set_common(context.get(), config)) return fails(detail, openssl_words());
  if (certificate != nullptr) {
    if (!use_chain(context.get(), certificate->chain, detail) || !use_key(context.get(), *certificate, detail))
      return false;
  }
  if (client_) {
    static constexpr unsigned char kHttp[] = "\x08http/1.1";
    if (SSL_CTX_set_alpn_protos(context.get(), kHttp, sizeof kHttp - 1) != 0) return fails(detail, openssl_words());
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    if (config.verify && !trust(context.get(), config, detail)) return false;
  } else {
    SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
    SSL_CTX_set_tlsext_servername_callback(context.get(), choose_certificate);
    SSL_CTX_set_tlsext_servername_arg(context.get(), this);
    // Tickets carry the sessions (RFC 5077): nothing is kept here.
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(context.get(), session_scope_, sizeof session_scope_);
    if (!set_client_auth(context.get(), config, detail)) return false;
  }
  contexts_.push_back({certificate != nullptr ? certificate->host : "", std::move(context)});
  return true;
}

bool TlsContext::trust(ssl_ctx_st *context, const TlsConfig &config, std::string &detail) const {
  bool system = config.ca_file.empty() && config.ca_path.empty() && config.ca.empty();
  if (system) {
    return SSL_CTX_set_default_verify_paths(context) == 1 ||
           fails(detail, "the system's certificates: " + openssl_words());
  }
  if (!config.ca_file.empty()) {
    std::string pem;
    if (!read_pem(config.ca_file, pem, detail)) return false;
    if (!trust_pem(context, pem, name_of(config.ca_file), !client_, detail)) return false;
  }
  if (!config.ca.empty() && !trust_pem(context, config.ca, "tls_ca", !client_, detail)) return false;
  return config.ca_path.empty() || trust_folder(context, config.ca_path, detail);
}

bool TlsContext::set_client_auth(ssl_ctx_st *context, const TlsConfig &config, std::string &detail) const {
  if (config.client_auth == ClientAuth::NONE) return true;
  // The system's authorities vouch for servers: who has a certificate of theirs is not for that reason a client of
  // ours.
  if (config.ca_file.empty() && config.ca_path.empty() && config.ca.empty()) {
    return fails(detail, "tls_client_auth needs one of tls_ca_file, tls_ca_path and tls_ca");
  }
  bool required = config.client_auth == ClientAuth::REQUIRED;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  return trust(context, config, detail);
}

// The one for just this name, else one for a wildcard that covers it; nullptr: neither is there.
ssl_ctx_st *TlsContext::find(std::string_view host) const {
  for (const Hosted &hosted : contexts_) {
    if (equal_ignoring_case(hosted.host, host)) return hosted.context.get();
  }
  for (const Hosted &hosted : contexts_) {
    if (wildcard_matches(hosted.host, host)) return hosted.context.get();
  }
  return nullptr;
}

int TlsContext::choose_certificate(ssl_st *ssl, int *, void *self) {
  const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_CTX *context = static_cast<const TlsContext *>(self)->find(name);
  if (context != nullptr) SSL_set_SSL_CTX(ssl, context);
  return SSL_TLSEXT_ERR_OK;
}

bool TlsContext::accepts_key(std::string_view digest) const {
  if (pinned_keys_.empty()) return true;
  constexpr std::string_view kPrefix = "sha256//";
  std::string_view rest = pinned_keys_;
  while (!rest.empty()) {
    std::string_view pin = trim(rest.substr(0, rest.find(';')));
    if (pin.starts_with(kPrefix) && pin.substr(kPrefix.size()) == digest) return true;
    rest.remove_prefix(std::min(rest.find(';'), rest.size() - 1) + 1);
  }
  return false;
}

ssl_session_st *TlsContext::take_session(const std::string &host) {
  auto found = sessions_.find(host);
  if (found == sessions_.end()) return nullptr;
  std::vector<Session> &kept = found->second;
  SSL_SESSION *session = kept.back().get();
  // RFC 8446 C.4: a ticket of TLS 1.3 is used once, so that nobody can tell connections to be of one client.
  if (SSL_SESSION_get_protocol_version(session) < TLS1_3_VERSION) {
    SSL_SESSION_up_ref(session);
    return session;
  }
  (void)kept.back().release();
  kept.pop_back();
  if (kept.empty()) sessions_.erase(found);
  return session;
}

void TlsContext::keep_session(const std::string &host, ssl_session_st *session) try {
  Session owned(session);
  if (sessions_.size() >= kMostHosts && sessions_.find(host) == sessions_.end()) sessions_.erase(sessions_.begin());
  std::vector<Session> &kept = sessions_[host];
  if (kept.size() >= kMostSessions) kept.erase(kept.begin());
  kept.push_back(std::move(owned));
} catch (const std::bad_alloc &) {
  sessions_.clear();  // one of them may be an empty list; the next handshakes are whole ones
}

}  // namespace hawser
