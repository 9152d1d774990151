// Advisories about sockets, TLS and the life of a connection.
#include <cstring>
#include <string>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "history/advisory.hpp"
#include "history/talk.hpp"
#include "support/heap.hpp"

extern "C" {
#include "support/certificates.h"
#include "support/log.h"
}

using hawser::HeapMeter;
using history::kRoles;
using history::make_options;
using history::option;
using history::Settings;

namespace {

constexpr char kHosts[] = "DNS:localhost,IP:127.0.0.1";

struct Certificates {
  certificate root = certificate_make("a root", nullptr, nullptr, CERTIFICATE_AUTHORITY);
  certificate other_root = certificate_make("another root", nullptr, nullptr, CERTIFICATE_AUTHORITY);
  certificate same_name = certificate_make("a root", nullptr, nullptr, CERTIFICATE_AUTHORITY);
  certificate server = certificate_make("the server", kHosts, &root, 0);
};

const Certificates &certificates() {
  static const Certificates made;
  return made;
}

Settings serving(const certificate &one) {
  return {option("tls_certificate", one.pem), option("tls_key", one.key_pem)};
}

// A connection of hawser to itself over TLS, and how it ended for the client; error HWS_OK: both are open.
struct Meeting {
  int32_t error = HWS_OK;
  int32_t system = 0;
  int64_t opened = 0;    // on the listener's side
  int64_t received = 0;  // bytes of HTTP, on the listener's side
};

Meeting meet(const Settings &server, const Settings &client, const char *host) {
  struct log listening;
  struct log connecting;
  int port = 0;
  log_open(&listening, nullptr);
  log_open(&connecting, nullptr);
  hws_id listener = hws_manager_listen(listening.manager, "wss://127.0.0.1:0/", make_options(server).get());
  port = log_port(&listening, listener);
  const std::string url = "wss://" + std::string(host) + ":" + std::to_string(port) + "/";
  hws_id id = hws_manager_connect(connecting.manager, url.c_str(), make_options(client).get());
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  Meeting meeting;
  meeting.error = HWS_ERR_TIMEOUT;
  auto open_on_both_sides = [&] {
    return log_count(&connecting, HWS_EVENT_OPEN, id) != 0 && log_count(&listening, HWS_EVENT_OPEN, 0) != 0;
  };
  while (raw_now_ms() < until && log_count(&connecting, HWS_EVENT_CLOSE, id) == 0 && !open_on_both_sides()) {
    log_poll(&connecting, 1);
    log_poll(&listening, 1);
  }
  // A server of TLS 1.3 refuses a client when that has opened nothing yet, but believes in the handshake.
  for (size_t i = 0; i < connecting.count; i++) {
    if (connecting.entries[i].event.kind != HWS_EVENT_CLOSE) continue;
    meeting.error = connecting.entries[i].event.error;
    meeting.system = connecting.entries[i].event.system;
  }
  if (open_on_both_sides()) meeting.error = HWS_OK;
  meeting.opened = hws_manager_stat(listening.manager, "opened");
  meeting.received = hws_manager_stat(listening.manager, "bytes_received");
  log_close(&connecting);
  log_close(&listening);
  return meeting;
}

}  // namespace

// ---------------------------------------------------------------------------------------------------------------------
// Certificates

// RFC 9525 6.3: only a name in the certificate's subjectAltName counts, and an address is no name.
void cve_2020_11050_host_name(void **) {
  const certificate &root = certificates().root;
  struct {
    const char *hosts;
    const char *host;
    int32_t system;
  } cases[] = {
      {kHosts, "localhost", 0},
      {kHosts, "127.0.0.1", 0},
      {"DNS:other.example", "localhost", X509_V_ERR_HOSTNAME_MISMATCH},
      {"DNS:localhost.evil.example", "localhost", X509_V_ERR_HOSTNAME_MISMATCH},
      {"DNS:evil-localhost", "localhost", X509_V_ERR_HOSTNAME_MISMATCH},
      {"DNS:local*", "localhost", X509_V_ERR_HOSTNAME_MISMATCH},
      {"DNS:*", "localhost", X509_V_ERR_HOSTNAME_MISMATCH},
      {"IP:127.0.0.1", "localhost", X509_V_ERR_HOSTNAME_MISMATCH},
      {nullptr, "localhost", X509_V_ERR_HOSTNAME_MISMATCH},  // the CN is no name either
      {"IP:127.0.0.2", "127.0.0.1", X509_V_ERR_IP_ADDRESS_MISMATCH},
      {"DNS:127.0.0.1", "127.0.0.1", X509_V_ERR_IP_ADDRESS_MISMATCH},
  };
  for (const auto &one : cases) {
    certificate shown = certificate_make("localhost", one.hosts, &root, 0);
    Meeting meeting = meet(serving(shown), {option("tls_ca", root.pem)}, one.host);
    assert_int_equal(meeting.error, one.system == 0 ? HWS_OK : HWS_ERR_TLS);
    assert_int_equal(meeting.system, one.system);
    if (one.system != 0) assert_int_equal(meeting.received, 0);  // nobody was told what was to be asked
  }
}

void cve_2020_15133_verification_by_default(void **) {
  certificate self_signed = certificate_make("self", kHosts, nullptr, 0);
  for (const certificate &shown : {self_signed, certificates().server}) {
    Meeting meeting = meet(serving(shown), {}, "localhost");
    assert_int_equal(meeting.error, HWS_ERR_TLS);
    assert_int_equal(meeting.received, 0);
    assert_int_equal(meeting.opened, 0);
    // It has to be asked for.
    assert_int_equal(meet(serving(shown), {option("tls_verify", int64_t{0})}, "localhost").error, HWS_OK);
  }
  certificate other = certificate_make("stray", kHosts, &certificates().other_root, 0);
  assert_int_equal(meet(serving(other), {option("tls_ca", certificates().root.pem)}, "localhost").error, HWS_ERR_TLS);
}

namespace {

struct Pem {
  std::string certificate;
  std::string key;
};

std::string text_of(BIO *bio) {
  char *data = nullptr;
  auto size = static_cast<size_t>(BIO_get_mem_data(bio, &data));
  std::string text(data, size);
  BIO_free(bio);
  return text;
}

// A client's certificate with a key on P-384, which says that `issuer` made it. Signed by that, or by its own key.
Pem make_p384(const certificate &issuer, bool forged) {
  EVP_PKEY *key = EVP_EC_gen("P-384");
  X509 *x509 = X509_new();
  X509_NAME *subject = X509_NAME_new();
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char *>("a client"), -1, -1,
                             0);
  X509_set_version(x509, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), 384);
  X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
  X509_set_subject_name(x509, subject);
  X509_set_issuer_name(x509, X509_get_subject_name(issuer.x509));
  X509_set_pubkey(x509, key);
  X509_sign(x509, forged ? key : issuer.key, EVP_sha384());
  BIO *certificate_out = BIO_new(BIO_s_mem());
  BIO *key_out = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(certificate_out, x509);
  PEM_write_bio_PrivateKey(key_out, key, nullptr, nullptr, 0, nullptr, nullptr);
  X509_NAME_free(subject);
  X509_free(x509);
  EVP_PKEY_free(key);
  return {text_of(certificate_out), text_of(key_out)};
}

void check_client(const Pem &shown, bool good) {
  Settings server = serving(certificates().server);
  server.push_back(option("tls_client_auth", "required"));
  server.push_back(option("tls_ca", certificates().root.pem));
  Settings client = {option("tls_ca", certificates().root.pem)};
  if (!shown.key.empty()) {
    client.push_back(option("tls_certificate", shown.certificate.c_str()));
    client.push_back(option("tls_key", shown.key.c_str()));
  }
  Meeting meeting = meet(server, client, "localhost");
  assert_int_equal(meeting.opened, good ? 1 : 0);
  assert_int_equal(meeting.error, good ? HWS_OK : HWS_ERR_TLS);
  if (!good) assert_int_equal(meeting.received, 0);
}

}  // namespace

void cve_2026_5246_client_certificate(void **) {
  const Certificates &all = certificates();
  certificate by_same_name = certificate_make("a client", nullptr, &all.same_name, 0);
  certificate alone = certificate_make("a client", nullptr, nullptr, 0);
  check_client(make_p384(all.root, false), true);
  check_client(make_p384(all.root, true), false);
  check_client(make_p384(all.same_name, false), false);
  check_client({by_same_name.pem, by_same_name.key_pem}, false);
  check_client({alone.pem, alone.key_pem}, false);
  check_client({}, false);
}

// ---------------------------------------------------------------------------------------------------------------------
// Ends in the middle of a handshake

namespace {

// The peer of a handshake, of whose bytes only so many are let through.
class Peer {
 public:
  Peer(int fd, bool is_client, bool tls) : fd_(fd), is_client_(is_client) {
    context_ = SSL_CTX_new(is_client ? TLS_client_method() : TLS_server_method());
    SSL_CTX_use_certificate(context_, certificates().server.x509);
    SSL_CTX_use_PrivateKey(context_, certificates().server.key);
    if (!tls) return;
    tls_ = SSL_new(context_);
    SSL_set_bio(tls_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    is_client ? SSL_set_connect_state(tls_) : SSL_set_accept_state(tls_);
  }
  Peer(const Peer &) = delete;
  Peer &operator=(const Peer &) = delete;
  ~Peer() {
    SSL_free(tls_);
    SSL_CTX_free(context_);
    if (fd_ >= 0) close(fd_);
  }

  // A turn: reads what there is, and writes what is let through. False: no more is let through, or all was said.
  bool step(size_t let_through) {
    hear();
    say();
    size_t size = std::min(ready_.size() - sent_, let_through - sent_);
    ssize_t done = size != 0 ? send(fd_, ready_.data() + sent_, size, MSG_NOSIGNAL) : 0;
    if (done > 0) sent_ += static_cast<size_t>(done);
    return sent_ < let_through && !over();
  }
  bool over() const { return said_ && sent_ == ready_.size(); }
  void end(bool abruptly) {
    linger hard = {1, 0};
    if (abruptly) setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd_);
    fd_ = -1;
  }

 private:
  void hear() {
    char bytes[16384];
    ssize_t got = recv(fd_, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got <= 0) return;
    if (tls_ == nullptr) {
      heard_.append(bytes, static_cast<size_t>(got));
      return;
    }
    BIO_write(SSL_get_rbio(tls_), bytes, static_cast<int>(got));
    int plain = SSL_read(tls_, bytes, sizeof bytes);
    if (plain > 0) heard_.append(bytes, static_cast<size_t>(plain));
  }
  // The request at once; the answer behind the request.
  void say() {
    bool due = is_client_ || heard_.find("\r\n\r\n") != std::string::npos;
    bool greeted = tls_ == nullptr || SSL_do_handshake(tls_) == 1;
    if (due && greeted && !said_) {
      std::string text = is_client_ ? conformance::request().str() : history::answer_to(heard_);
      said_ = true;
      if (tls_ == nullptr) ready_ += text;
      if (tls_ != nullptr) SSL_write(tls_, text.data(), static_cast<int>(text.size()));
    }
    ERR_clear_error();
    char bytes[16384];
    int size = tls_ != nullptr ? BIO_read(SSL_get_wbio(tls_), bytes, sizeof bytes) : 0;
    if (size > 0) ready_.append(bytes, static_cast<size_t>(size));
  }

  int fd_;
  bool is_client_;
  SSL_CTX *context_ = nullptr;
  SSL *tls_ = nullptr;
  std::string heard_;
  std::string ready_;
  size_t sent_ = 0;
  bool said_ = false;
};

enum class End { FREE, ABORT, CLOSE, DRAIN, PEER_ENDS, PEER_RESETS };
constexpr End kEnds[] = {End::FREE, End::ABORT, End::CLOSE, End::DRAIN, End::PEER_ENDS, End::PEER_RESETS};

// Each connection that there was is gone, and who was told of it was told of its end, once. A complaint, or "".
std::string judge_end(struct log *log, hws_id id) {
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  while (hws_manager_stat(log->manager, "connections") != 0) {
    if (raw_now_ms() > until || log_poll(log, 1) < 0) return "a connection is left";
  }
  log_poll(log, 0);
  if (id != 0 && log_count(log, HWS_EVENT_CLOSE, id) != 1) return "a connect has not one CLOSE";
  for (size_t i = 0; i < log->count; i++) {
    const hws_event &event = log->entries[i].event;
    if (event.kind == HWS_EVENT_OPEN && log_count(log, HWS_EVENT_CLOSE, event.connection) != 1)
      return "an OPEN has not one CLOSE";
  }
  return "";
}

// `let_through` bytes of the peer's handshake, and then the end. True: those were not all. A complaint in `trouble`.
bool end_after(size_t let_through, End end, int32_t role, bool tls, std::string &trouble) {
  const std::string scheme = tls ? "wss" : "ws";
  struct log log;
  hws_id listener = 0;
  hws_id id = 0;
  int port = 0;
  log_open(&log, nullptr);
  int fd = -1;
  if (role == HWS_SERVER) {
    listener = hws_manager_listen(log.manager, (scheme + "://127.0.0.1:0/").c_str(),
                                  make_options(serving(certificates().server)).get());
    fd = raw_connect(log_port(&log, listener));
  } else {
    int waiting = raw_listen(&port);
    const std::string url = scheme + "://127.0.0.1:" + std::to_string(port) + "/";
    id = hws_manager_connect(log.manager, url.c_str(), make_options({option("tls_ca", certificates().root.pem)}).get());
    fd = raw_accept(waiting, log_pump, &log);
    close(waiting);
  }
  Peer peer(fd, role == HWS_SERVER, tls);
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  while (peer.step(let_through) && raw_now_ms() < until)
    log_poll(&log, 0);
  log_poll(&log, 0);
  hws_id known = id;
  for (size_t i = 0; i < log.count; i++)
    known = log.entries[i].event.connection;  // a server's, once it is open
  if (end == End::ABORT) hws_manager_abort(log.manager, known);
  if (end == End::CLOSE) hws_manager_close(log.manager, known, 1000, nullptr);
  if (end == End::DRAIN) hws_manager_drain(log.manager, 10);
  if (end == End::CLOSE && role == HWS_SERVER) hws_manager_close(log.manager, listener, 0, nullptr);
  if (end != End::FREE) {
    peer.end(end == End::PEER_RESETS);
    trouble = judge_end(&log, id);
  }
  log_close(&log);
  return !peer.over();
}

void check_ends(int32_t role, bool tls, size_t stride) {
  static std::string trouble;  // outlives a failure's longjmp
  for (End end : kEnds) {
    int before = log_descriptors();
    size_t first = static_cast<size_t>(end) % stride;  // that the ends share the bytes
    for (size_t let_through = first; end_after(let_through, end, role, tls, trouble); let_through += stride) {
      if (!trouble.empty())
        print_error("end %d after %zu bytes: %s\n", static_cast<int>(end), let_through, trouble.c_str());
      assert_true(trouble.empty());
      assert_true(let_through < 10'000);
    }
    assert_int_equal(log_descriptors(), before);
  }
}

}  // namespace

void cve_2026_2436_end_within_the_handshake(void **) {
  for (int32_t role : kRoles) {
    check_ends(role, false, 1);
    check_ends(role, true, 19);
  }
}

void cve_2025_11677_end_while_a_request_waits(void **) {
  for (int end = 0; end < 5; end++) {
    struct log log;
    struct raw_peer peer;
    int port = 0;
    // Nothing is read while a request waits, so the peer's end shows at the deadline.
    log_open(&log, make_options({option("requests", 1), option("handshake_timeout", 2000)}).get());
    log_listen(&log, nullptr, &port);
    raw_peer_init(&peer, raw_connect(port), 1, log_pump, &log);
    assert_int_equal(raw_write_request(&peer, "/", nullptr), 0);
    const struct log_entry *request = log_wait(&log, HWS_EVENT_REQUEST, 0);
    assert_non_null(request);
    hws_id id = request->event.connection;
    if (end == 0) assert_int_equal(hws_manager_close(log.manager, id, 1000, nullptr), HWS_OK);
    if (end == 1) assert_int_equal(hws_manager_abort(log.manager, id), HWS_OK);
    if (end == 2) raw_peer_reset(&peer);
    if (end == 3) raw_peer_close(&peer);
    if (end == 4) assert_int_equal(hws_manager_drain(log.manager, 10), HWS_OK);
    assert_non_null(log_wait(&log, HWS_EVENT_CLOSE, id));
    assert_int_equal(hws_manager_accept(log.manager, id, nullptr, nullptr), HWS_ERR_CLOSED);
    log_poll(&log, 0);
    assert_int_equal(hws_manager_accept(log.manager, id, nullptr, nullptr), HWS_ERR_STALE);
    assert_int_equal(hws_manager_respond(log.manager, id, 403, nullptr, "", 0), HWS_ERR_STALE);
    raw_peer_close(&peer);
    log_close(&log);
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// The end of a connection

namespace {

// The application has closed; the peer does not answer, though it goes on to speak. Whether it ended by itself.
bool waits_for_peer(int32_t role, int32_t close_timeout, const struct log_entry *&end, struct log *log,
                    struct raw_peer *peer) {
  log_open(log, make_options({option("close_timeout", close_timeout)}).get());
  int port = 0;
  if (role == HWS_SERVER) log_listen(log, nullptr, &port);
  hws_id id = role == HWS_SERVER ? log_join(log, port, peer, nullptr) : log_dial(log, nullptr, peer);
  hws_manager_close(log->manager, id, 1000, nullptr);
  for (int i = 0; i < 100; i++) {
    raw_write_frame(peer, RAW_FIN | RAW_PING, "still here", 10);
    log_poll(log, 0);
  }
  bool alone = close_timeout >= 0;
  if (!alone) {
    log_settle(log);
    alone = log_count(log, HWS_EVENT_CLOSE, id) != 0;
    hws_manager_abort(log->manager, id);
  }
  end = log_wait(log, HWS_EVENT_CLOSE, id);
  return alone;
}

}  // namespace

void cve_2024_23672_peer_that_never_closes(void **) {
  for (int32_t role : kRoles) {
    for (int32_t close_timeout : {50, -1}) {
      struct log log;
      struct raw_peer peer;
      const struct log_entry *end = nullptr;
      int before = log_descriptors();
      bool alone = waits_for_peer(role, close_timeout, end, &log, &peer);
      assert_int_equal(alone, close_timeout >= 0);  // without a timeout it waits for as long as the application does
      assert_non_null(end);
      assert_int_equal(end->event.error, close_timeout >= 0 ? HWS_ERR_TIMEOUT : HWS_ERR_ABORTED);
      while (hws_manager_stat(log.manager, "connections") != 0)
        log_poll(&log, 10);
      log_close(&log);
      raw_peer_close(&peer);
      assert_int_equal(log_descriptors(), before);
    }
  }
}

namespace {

void pump(void *manager) {
  hws_manager_poll(static_cast<hws_manager *>(manager), 0);
}

// An upgrade, a message, and both Closes. A complaint, or "".
std::string visit(hws_manager *manager, int port) {
  struct raw_peer peer;
  raw_peer_init(&peer, raw_connect(port), 1, pump, manager);
  const char *trouble = raw_ask(&peer, "/", nullptr) != 101             ? "no upgrade"
                        : raw_write_frame(&peer, 0x81, "Hello", 5) != 0 ? "no message"
                        : raw_write_close(&peer, 1000, "") != 0         ? "no Close"
                        : !raw_expect_close(&peer, 1000)                ? "no Close from the server"
                        : !raw_expect_end(&peer)                        ? "no end"
                                                                        : "";
  raw_peer_close(&peer);
  while (hws_manager_stat(manager, "connections") != 0)
    hws_manager_poll(manager, 10);
  return trouble;
}

}  // namespace

void cve_2021_42340_what_an_upgrade_leaves(void **) {
  constexpr int kVisits = 200;
  hws_manager *manager = hws_manager_new(nullptr);
  hws_id listener = hws_manager_listen(manager, "ws://127.0.0.1:0/", nullptr);
  const int port = std::atoi(std::strrchr(hws_manager_local_address(manager, listener), ':') + 1);
  for (int i = 0; i < 20; i++)
    assert_string_equal(visit(manager, port).c_str(), "");
  HeapMeter heap;
  for (int i = 0; i < kVisits; i++)
    assert_string_equal(visit(manager, port).c_str(), "");
  assert_true(heap.held() < 16 * kVisits);
  assert_int_equal(hws_manager_stat(manager, "memory"), 0);
  hws_manager_free(manager);
}

// An outer loop would see a spin: the manager's descriptor stays readable while there is anything to do.
void cve_2025_5399_nothing_to_do(void **) {
  const std::string large(100'000, 'q');
  struct log log;
  struct raw_peer peer;
  int port = 0;
  if (log_has_outer_loops() == 0) skip();
  for (int64_t queue : {int64_t{1'000'000}, int64_t{-1}}) {
    log_open(&log, make_options({option("max_send_queue", queue)}).get());
    auto loop = static_cast<int>(hws_manager_fd(log.manager));
    log_listen(&log, nullptr, &port);
    hws_id id = log_join(&log, port, &peer, nullptr);
    int accepted = 0;
    while (accepted < 200 && hws_manager_send(log.manager, id, HWS_BINARY, large.data(), large.size()) == HWS_OK) {
      accepted++;
      log_poll(&log, 0);
    }
    assert_int_equal(accepted == 200, queue < 0);
    assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_PING, "p", 1), 0);
    for (int i = 0; i < 20; i++)
      log_poll(&log, 0);
    struct pollfd one = {loop, POLLIN, 0};
    assert_int_equal(poll(&one, 1, 0), 0);
    for (int i = 0; i < accepted; i++)
      assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_BINARY, large.data(), large.size()));
    assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_PONG, "p", 1));
    log_settle(&log);
    assert_int_equal(log_count(&log, HWS_EVENT_DRAIN, id), queue < 0 ? 0 : 1);
    raw_peer_close(&peer);
    log_close(&log);
  }
}
