// What the TLS connections of one configuration share (OpenSSL's SSL_CTX): certificates, trust, and the sessions that
// can be resumed. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;

namespace hawser {

// Each text is the name of a PEM file, or PEM text, which has "-----BEGIN" in it.
struct TlsCertificate {
  std::string host;   // whom it is for (SNI): a name, "*.example.org", or "" for all others
  std::string chain;  // the certificate, and behind it those that lead to its authority
  std::string key;
};

enum class ClientAuth : uint8_t { NONE, OPTIONAL, REQUIRED };

struct TlsConfig {
  bool verify = true;   // a client: chain, name or address, and expiry of the server's certificate
  std::string ca_file;  // trusted instead of the system's; ca is PEM text
  std::string ca_path;
  std::string ca;
  std::vector<TlsCertificate> certificates;  // a client shows the first one
  ClientAuth client_auth = ClientAuth::NONE;
  bool tls13_only = false;
  bool kernel = false;      // the kernel may encrypt and decrypt, where it can
  std::string pinned_keys;  // a client: "sha256//BASE64", several with ";" between; empty: any key
};

class TlsContext {
 public:
  // nullptr: something is wrong with the configuration, or there is no memory; `detail` says what.
  static std::shared_ptr<TlsContext> make_client(const TlsConfig &config, std::string &detail);
  static std::shared_ptr<TlsContext> make_server(const TlsConfig &config, std::string &detail);
  TlsContext(const TlsContext &) = delete;
  TlsContext &operator=(const TlsContext &) = delete;
  ~TlsContext();

  bool is_client() const { return client_; }
  bool verifies() const { return verify_; }
  bool uses_kernel() const { return kernel_; }
  ssl_ctx_st *get() const { return contexts_.front().context.get(); }
  // True if the SHA-256 of a public key, in base64, is one of the pinned ones, or none is pinned.
  bool accepts_key(std::string_view digest) const;

  // Client: a session with this host to be resumed, which becomes the caller's; nullptr if there is none.
  ssl_session_st *take_session(const std::string &host);
  // Takes a session over, for later connections with the host.
  void keep_session(const std::string &host, ssl_session_st *session);

 private:
  struct FreeContext {
    void operator()(ssl_ctx_st *context) const;
  };
  struct FreeSession {
    void operator()(ssl_session_st *session) const;
  };
  using Context = std::unique_ptr<ssl_ctx_st, FreeContext>;
  using Session = std::unique_ptr<ssl_session_st, FreeSession>;

  // A certificate has a context of its own, in which nothing else differs.
  struct Hosted {
    std::string host;
    Context context;
  };

  TlsContext(bool client, const TlsConfig &config);
  static std::shared_ptr<TlsContext> make(bool client, const TlsConfig &config, std::string &detail);
  bool add(const TlsConfig &config, const TlsCertificate *certificate, std::string &detail);
  bool add_all(const TlsConfig &config, std::string &detail);
  bool trust(ssl_ctx_st *context, const TlsConfig &config, std::string &detail) const;
  bool set_client_auth(ssl_ctx_st *context, const TlsConfig &config, std::string &detail) const;
  ssl_ctx_st *find(std::string_view host) const;
  static int choose_certificate(ssl_st *ssl, int *alert, void *self);

  const bool client_;
  const bool verify_;
  const bool kernel_;
  const std::string pinned_keys_;
  uint8_t session_scope_[16] = {};  // sessions of one context are no good in another
  std::vector<Hosted> contexts_;    // the first one is the default
  std::map<std::string, std::vector<Session>> sessions_;
};

}  // namespace hawser
