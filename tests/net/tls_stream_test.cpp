#include "net/tls_stream.hpp"

#include <cerrno>
#include <cstring>
#include <random>

#include <openssl/x509v3.h>

#include "bytes/utf8.hpp"
#include "net/descriptors.hpp"
#include "net/tls_bench.hpp"
#include "support/cmocka.hpp"

using hawser::Budget;
using hawser::ClientAuth;
using hawser::count_records;
using hawser::make_peer_context;
using hawser::PeerContext;
using hawser::Record;
using hawser::records_in;
using hawser::TlsBench;
using hawser::TlsConfig;
using hawser::TlsContext;
using hawser::TlsStream;
using hawser::Transfer;
using Step = hawser::TlsStream::Step;

namespace {

constexpr const char *kHosts = "DNS:localhost,DNS:*.example.org,IP:127.0.0.1,IP:::1";
constexpr int kAlert = 21;  // RFC 8446 5.1
constexpr int kApplication = 23;

struct Certificates {
  certificate root = certificate_make("a root", nullptr, nullptr, CERTIFICATE_AUTHORITY);
  certificate middle = certificate_make("an authority", nullptr, &root, CERTIFICATE_AUTHORITY);
  certificate server = certificate_make("the server", kHosts, &root, 0);
  certificate client = certificate_make("the client", nullptr, &root, 0);
};

const Certificates &made() {
  static const Certificates certificates;
  return certificates;
}

bool has(const std::string &words, const std::string &part) {
  if (words.find(part) != std::string::npos) return true;
  std::printf("\"%s\" is not in: %s\n", part.c_str(), words.c_str());
  return false;
}

TlsConfig trusting() {
  TlsConfig config;
  config.ca = made().root.pem;
  return config;
}

std::shared_ptr<TlsContext> make_client(const TlsConfig &config = trusting()) {
  std::string detail;
  return TlsContext::make_client(config, detail);
}

std::shared_ptr<TlsContext> make_server(TlsConfig config = {}) {
  std::string detail;
  config.certificates.push_back({"", made().server.pem, made().server.key_pem});
  return TlsContext::make_server(config, detail);
}

// Both roles in both versions: what a test is run with.
struct Case {
  bool client;  // we are it
  int version;

  std::shared_ptr<TlsContext> context() const { return client ? make_client() : make_server(); }
  PeerContext peer() const {
    PeerContext context = make_peer_context(!client, &made().server);
    SSL_CTX_set_min_proto_version(context.get(), version);
    SSL_CTX_set_max_proto_version(context.get(), version);
    return context;
  }
};

const Case kCases[] = {
    {true, TLS1_2_VERSION}, {true, TLS1_3_VERSION}, {false, TLS1_2_VERSION}, {false, TLS1_3_VERSION}};

// Bytes in which nothing repeats at the distance of a record.
std::string make_bytes(size_t size, unsigned seed = 1) {
  std::minstd_rand draw(seed);
  std::string bytes(size, '\0');
  for (char &byte : bytes)
    byte = static_cast<char>(draw() >> 8);
  return bytes;
}

// The least that the kernel gives.
void shrink(const TlsBench &bench) {
  int least = 1;
  setsockopt(bench.ours.get(), SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
}

// ---------------------------------------------------------------------------------------------------------------------
// The handshake

void test_handshake_in_pieces(void **) {
  for (const Case &entry : kCases) {
    for (size_t chop : {size_t{1}, size_t{2}, size_t{3}, size_t{5}, size_t{64}, size_t{333}, SIZE_MAX}) {
      PeerContext peer = entry.peer();
      TlsBench bench(entry.context(), peer.get());
      assert_true(bench.shake(chop) == Step::DONE);
      assert_int_equal(bench.peer_result, 1);
      assert_string_equal(bench.stream->version(), entry.version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2");
      assert_string_equal(bench.stream->cipher(), SSL_get_cipher_name(bench.peer));
      assert_string_equal(bench.stream->peer_subject().c_str(), entry.client ? "CN=the server" : "");
      assert_false(bench.stream->resumed());

      // And so goes what follows.
      std::string theirs = make_bytes(1000);
      assert_true(bench.peer_write(theirs));
      std::string came;
      do {
        came += bench.read();
        assert_true(bench.last.would_block);
      } while (bench.push(chop) != 0);
      assert_true(came == theirs);
      std::string ours = make_bytes(1000, 2);
      assert_int_equal(bench.write(ours).size, ours.size());
      std::string arrived;
      while (bench.pull(chop) != 0)
        arrived += bench.peer_read();
      assert_true(arrived == ours);
      assert_true(bench.clean);
    }
  }
}

// What we have to say does not fit: it goes on when there is room.
void test_handshake_without_room(void **) {
  std::string chain = made().server.pem;
  for (int i = 0; i < 30; i++)
    chain += made().middle.pem;
  for (const Case &entry : kCases) {
    TlsConfig config = trusting();
    config.certificates.push_back({"", chain, made().server.key_pem});
    std::string detail;
    auto context = entry.client ? TlsContext::make_client(config, detail) : TlsContext::make_server(config, detail);
    PeerContext peer = entry.peer();
    SSL_CTX_set_verify(peer.get(), entry.client ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                       [](int, X509_STORE_CTX *) { return 1; });
    TlsBench bench(context, peer.get());
    shrink(bench);
    assert_true(bench.shake(500) == Step::DONE);
    assert_int_equal(bench.peer_result, 1);
    assert_true(bench.waited_for_room);
    assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(bench.peer)),
                     entry.client ? 30 : 31);  // a server's is without the first
    assert_true(bench.clean);
  }
}

// The peer goes away at every point of the handshake.
void test_handshake_cut_off(void **) {
  for (const Case &entry : kCases) {
    PeerContext peer = entry.peer();
    size_t whole = 0;
    {
      TlsBench bench(entry.context(), peer.get());
      bench.shake();
      whole = bench.from_peer.size();
    }
    assert_true(whole > 200);
    // The last bytes of a server are tickets, without which the handshake is done.
    for (size_t cut = 0; cut < whole; cut += cut < 20 ? 1 : 13) {
      TlsBench bench(entry.context(), peer.get());
      Step step = bench.handshake();
      for (size_t given = 0; given < cut && step == Step::WANTS_READ;) {
        SSL_do_handshake(bench.peer);
        size_t pushed = bench.push(cut - given);
        given += pushed;
        step = bench.handshake();
        if (bench.pull() + pushed == 0) break;
      }
      if (step == Step::DONE) continue;
      assert_true(step == Step::WANTS_READ);
      hawser::shutdown_writing(bench.theirs.get());
      assert_true(bench.handshake() == Step::FAILED);
      assert_true(has(bench.stream->failure(), "the peer ended the connection"));
      assert_true(bench.handshake() == Step::FAILED);  // and stays so
      assert_true(bench.clean);
    }
  }
}

// RFC 6066 3: a name is asked for without the dot at its end, an address is none.
void test_server_name(void **) {
  struct {
    const char *host;
    const char *asked;
  } cases[] = {{"localhost", "localhost"},
               {"a.example.org", "a.example.org"},
               {"a.example.org.", "a.example.org"},
               {"127.0.0.1", nullptr},
               {"::1", nullptr}};
  PeerContext peer = make_peer_context(false, &made().server);
  for (const auto &entry : cases) {
    TlsBench bench(make_client(), peer.get(), entry.host);
    assert_true(bench.shake() == Step::DONE);
    const char *asked = SSL_get_servername(bench.peer, TLSEXT_NAMETYPE_host_name);
    assert_int_equal(asked != nullptr, entry.asked != nullptr);
    if (asked != nullptr) assert_string_equal(asked, entry.asked);
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Who does not speak TLS

// What comes of a peer that says just this.
Step step_after(const std::shared_ptr<TlsContext> &context, const std::string &bytes, size_t chop, std::string &words) {
  PeerContext none = make_peer_context(!context->is_client(), nullptr);
  TlsBench bench(context, none.get());
  Step step = bench.handshake();
  for (size_t at = 0; at < bytes.size() && step == Step::WANTS_READ; at += chop) {
    hawser::write_socket(bench.theirs.get(), bytes.data() + at, std::min(chop, bytes.size() - at));
    step = bench.handshake();
  }
  words = bench.clean ? bench.stream->failure() : "unclean";
  return step;
}

void test_plain_http(void **) {
  std::string words;
  for (const char *method : {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "PATCH", "TRACE", "PRI"}) {
    std::string head = std::string(method) + " / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (size_t chop : {size_t{1}, head.size()}) {
      assert_true(step_after(make_server(), head, chop, words) == Step::PLAIN_HTTP);
      assert_true(has(words, "does not speak TLS"));
    }
  }
}

void test_other_protocols(void **) {
  std::string words;
  for (const std::string &bytes : {std::string("get / HTTP/1.1\r\n\r\n"), std::string("\0\0\0\0\0\0\0\0", 8),
                                   std::string("\xff\xfe\xfd\xfc\xfb\xfa\xf9"), std::string("\r\n\r\n\r\n")}) {
    for (size_t chop : {size_t{1}, bytes.size()}) {
      assert_true(step_after(make_server(), bytes, chop, words) == Step::FAILED);
      assert_true(has(words, "the peer does not speak TLS"));
    }
  }
  // To a client, which is not asked but answered.
  for (const char *bytes : {"HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-server\r\n", "* OK IMAP\r\n"}) {
    assert_true(step_after(make_client(), bytes, 1, words) == Step::FAILED);
    assert_true(has(words, "the peer does not speak TLS: is it a ws:// port?"));
  }
  // It begins like TLS.
  for (const std::string &bytes :
       {std::string("\x16\x03\x01\xff\xff\x01\x02\x03", 8), std::string("\x16\x03\x01\x00\x04zzzz", 9),
        std::string("\x17\x03\x03\x00\x03zzz", 8), std::string("\x16\x09\x09\x00\x03zzz", 8)}) {
    assert_true(step_after(make_server(), bytes, bytes.size(), words) == Step::FAILED);
    assert_false(words.empty() || words == "unclean");
    assert_true(step_after(make_client(), bytes, bytes.size(), words) == Step::FAILED);
    assert_false(words.empty() || words == "unclean");
  }
}

// An alert in the midst of the handshake (RFC 8446 6): the server knows no such name.
void test_alert_in_handshake(void **) {
  PeerContext peer = make_peer_context(false, &made().server);
  SSL_CTX_set_tlsext_servername_callback(
      peer.get(), +[](SSL *, int *alert, void *) -> int {
        *alert = SSL_AD_UNRECOGNIZED_NAME;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
      });
  TlsBench bench(make_client(), peer.get());
  assert_true(bench.shake() == Step::FAILED);
  assert_int_equal(bench.stream->reason(), SSL_R_TLSV1_UNRECOGNIZED_NAME);
  assert_true(has(bench.stream->failure(), "unrecognized name"));
}

// ---------------------------------------------------------------------------------------------------------------------
// Verification

struct Refusal {
  const char *what;
  certificate shown;
  const certificate *behind;
  std::string host;
  int code;  // X509_V_ERR_...
  int depth;
  std::string subject;
  int alert;  // RFC 8446 6.2
};

void test_refused_certificates(void **) {
  const certificate &root = made().root;
  const certificate &middle = made().middle;
  certificate other_root = certificate_make("another root", nullptr, nullptr, CERTIFICATE_AUTHORITY);
  certificate old_middle =
      certificate_make("an old authority", nullptr, &root, CERTIFICATE_AUTHORITY | CERTIFICATE_EXPIRED);
  certificate no_authority = certificate_make("no authority", nullptr, &root, 0);
  const Refusal cases[] = {
      {"expired", certificate_make("old", kHosts, &root, CERTIFICATE_EXPIRED), nullptr, "localhost",
       X509_V_ERR_CERT_HAS_EXPIRED, 0, "CN=old", SSL_AD_CERTIFICATE_EXPIRED},
      {"not yet valid", certificate_make("young", kHosts, &root, CERTIFICATE_NOT_YET), nullptr, "localhost",
       X509_V_ERR_CERT_NOT_YET_VALID, 0, "CN=young", SSL_AD_BAD_CERTIFICATE},
      {"an expired authority", certificate_make("fresh", kHosts, &old_middle, 0), &old_middle, "localhost",
       X509_V_ERR_CERT_HAS_EXPIRED, 1, "CN=an old authority", SSL_AD_CERTIFICATE_EXPIRED},
      {"self-signed", certificate_make("self", kHosts, nullptr, 0), nullptr, "localhost",
       X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, 0, "CN=self", SSL_AD_UNKNOWN_CA},
      {"an unknown authority", certificate_make("stray", kHosts, &other_root, 0), nullptr, "localhost",
       X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, 0, "CN=stray", SSL_AD_UNKNOWN_CA},
      {"an unknown root that is shown", certificate_make("stray", kHosts, &other_root, 0), &other_root, "localhost",
       X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, 1, "CN=another root", SSL_AD_UNKNOWN_CA},
      {"without the one between", certificate_make("leaf", kHosts, &middle, 0), nullptr, "localhost",
       X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, 0, "CN=leaf", SSL_AD_UNKNOWN_CA},
      {"signed by one that may not sign", certificate_make("leaf", kHosts, &no_authority, 0), &no_authority,
       "localhost", X509_V_ERR_INVALID_CA, 1, "CN=no authority", SSL_AD_UNKNOWN_CA},
      {"another name", made().server, nullptr, "other.example", X509_V_ERR_HOSTNAME_MISMATCH, 0, "CN=the server",
       SSL_AD_BAD_CERTIFICATE},
      {"a name below the wildcard's", made().server, nullptr, "a.b.example.org", X509_V_ERR_HOSTNAME_MISMATCH, 0,
       "CN=the server", SSL_AD_BAD_CERTIFICATE},
      {"another address", made().server, nullptr, "127.0.0.2", X509_V_ERR_IP_ADDRESS_MISMATCH, 0, "CN=the server",
       SSL_AD_BAD_CERTIFICATE},
      // RFC 6125 6.4.4: the common name does not count where there are other names, nor for an address.
      {"a common name", certificate_make("localhost", "DNS:other.example", &root, 0), nullptr, "localhost",
       X509_V_ERR_HOSTNAME_MISMATCH, 0, "CN=localhost", SSL_AD_BAD_CERTIFICATE},
      {"an address as a name", certificate_make("127.0.0.1", "DNS:127.0.0.1", &root, 0), nullptr, "127.0.0.1",
       X509_V_ERR_IP_ADDRESS_MISMATCH, 0, "CN=127.0.0.1", SSL_AD_BAD_CERTIFICATE},
      {"a wildcard within a label", certificate_make("part", "DNS:w*.example.com", &root, 0), nullptr,
       "www.example.com", X509_V_ERR_HOSTNAME_MISMATCH, 0, "CN=part", SSL_AD_BAD_CERTIFICATE},
  };
  for (const Refusal &entry : cases) {
    PeerContext peer = make_peer_context(false, &entry.shown, entry.behind);
    TlsBench bench(make_client(), peer.get(), entry.host);
    Step step = bench.shake();
    const TlsStream &stream = *bench.stream;
    if (stream.reason() != entry.code)
      std::printf("%s: %d, %s\n", entry.what, stream.reason(), stream.failure().c_str());
    assert_true(step == Step::FAILED);
    assert_int_equal(stream.reason(), entry.code);
    assert_true(has(stream.failure(), X509_verify_cert_error_string(entry.code)));
    assert_true(has(stream.failure(), "(depth " + std::to_string(entry.depth) + ", subject " + entry.subject + ")"));
    assert_int_equal(TlsBench::peer_reason(), SSL_AD_REASON_OFFSET + entry.alert);
    assert_true(bench.clean);
  }
}

// A server's words about its clients.
void test_refused_client(void **) {
  TlsConfig config = trusting();
  config.client_auth = ClientAuth::REQUIRED;
  certificate old = certificate_make("an old client", nullptr, &made().root, CERTIFICATE_EXPIRED);
  {
    PeerContext peer = make_peer_context(true, &old);
    TlsBench bench(make_server(config), peer.get());
    assert_true(bench.shake() == Step::FAILED);
    assert_int_equal(bench.stream->reason(), X509_V_ERR_CERT_HAS_EXPIRED);
    assert_true(has(bench.stream->failure(), "(depth 0, subject CN=an old client)"));
  }
  PeerContext peer = make_peer_context(true, nullptr);
  TlsBench bench(make_server(config), peer.get());
  assert_true(bench.shake() == Step::FAILED);
  assert_int_equal(bench.stream->reason(), SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE);
  assert_true(has(bench.stream->failure(), "certificate"));
  SSL_read(bench.peer, nullptr, 0);
  assert_int_equal(TlsBench::peer_reason(), SSL_AD_REASON_OFFSET + SSL_AD_CERTIFICATE_REQUIRED);
}

// Who does not verify takes all of them, and blames none of them for what goes wrong later.
void test_without_verification(void **) {
  TlsConfig config;
  config.verify = false;
  certificate self = certificate_make("self", "DNS:other.example", nullptr, CERTIFICATE_EXPIRED);
  PeerContext peer = make_peer_context(false, &self);
  {
    TlsBench bench(make_client(config), peer.get());
    assert_true(bench.shake() == Step::DONE);
    assert_string_equal(bench.stream->peer_subject().c_str(), "CN=self");
    std::string garbage("\x17\x03\x03\x00\x05zzzzz", 10);
    hawser::write_socket(bench.theirs.get(), garbage.data(), garbage.size());
    bench.read();
    assert_int_equal(bench.last.error, EPROTO);
    assert_false(bench.stream->failure().find("verify") != std::string::npos);
    assert_true(bench.stream->reason() != X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
  }
  SSL_CTX_set_max_proto_version(peer.get(), TLS1_2_VERSION);
  TlsBench bench(make_client(config), peer.get());
  bench.handshake();
  bench.pull();
  SSL_do_handshake(bench.peer);
  bench.push();
  assert_true(bench.handshake() == Step::WANTS_READ);  // has the certificate, waits for Finished
  hawser::shutdown_writing(bench.theirs.get());
  assert_true(bench.handshake() == Step::FAILED);
  assert_true(has(bench.stream->failure(), "the peer ended the connection"));
}

bool is_tidy(const std::string &words) {
  bool printable = std::none_of(words.begin(), words.end(), [](unsigned char c) { return c < ' ' || c == 0x7F; });
  return printable && hawser::utf8_is_valid(reinterpret_cast<const uint8_t *>(words.data()), words.size());
}

// A subject may hold anything: the words are text, in one line and whole, all the same.
void test_odd_subjects(void **) {
  struct {
    int kind;
    std::string name;
    const char *shown;  // RFC 2253 2.4
  } cases[] = {
      {V_ASN1_UTF8STRING, "M\xc3\xbcller \xe2\x82\xac", "CN=M\xc3\xbcller \xe2\x82\xac"},
      {V_ASN1_UTF8STRING, "a, b + c = \"d\" <e>; f\\g", "CN=a\\, b \\+ c = \\\"d\\\" \\<e\\>\\; f\\\\g"},
      {V_ASN1_UTF8STRING, std::string("a\0b", 3), "CN=a\\00b"},
      {V_ASN1_UTF8STRING, "a\r\nSet-Cookie: b", "CN=a\\0D\\0ASet-Cookie: b"},
      {V_ASN1_UTF8STRING, "\x1b[31mred\x7f", "CN=\\1B[31mred\\7F"},
      {V_ASN1_UTF8STRING, "", "CN="},
      // Latin-1 and UTF-16, as older certificates have them.
      {V_ASN1_T61STRING, "M\xfcller", "CN=M\xc3\xbcller"},
      {V_ASN1_BMPSTRING, std::string("\0A\x20\xac\0\n", 6), "CN=A\xe2\x82\xac\\0A"},
  };
  for (const auto &entry : cases) {
    certificate odd = certificate_make_odd(entry.kind, entry.name.data(), entry.name.size(), kHosts);
    PeerContext peer = make_peer_context(false, &odd);
    TlsBench refused(make_client(), peer.get());
    assert_true(refused.shake() == Step::FAILED);
    assert_true(has(refused.stream->failure(), std::string(", subject ") + entry.shown + ")"));
    assert_true(is_tidy(refused.stream->failure()));
    TlsConfig config;
    config.verify = false;
    TlsBench taken(make_client(config), peer.get());
    assert_true(taken.shake() == Step::DONE);
    assert_string_equal(taken.stream->peer_subject().c_str(), entry.shown);
  }
}

// RFC 7469 2.4.
void test_pinned_key(void **) {
  PeerContext peer = make_peer_context(false, &made().server);
  certificate other = certificate_make("other", kHosts, &made().root, 0);
  for (bool verify : {true, false}) {
    TlsConfig config = trusting();
    config.verify = verify;
    config.pinned_keys = std::string(certificate_pin(&other)) + "; " + certificate_pin(&made().server);
    auto context = make_client(config);
    for (bool again : {false, true}) {
      TlsBench bench(context, peer.get());
      assert_true(bench.shake() == Step::DONE);
      bench.read();
      assert_int_equal(bench.stream->resumed(), again);
    }
    config.pinned_keys = certificate_pin(&other);
    context = make_client(config);
    for (int i = 0; i < 2; i++) {
      TlsBench bench(context, peer.get());
      assert_true(bench.shake() == Step::FAILED);
      assert_true(has(bench.stream->failure(), certificate_pin(&made().server)));
      assert_true(bench.handshake() == Step::FAILED);
      assert_true(bench.clean);
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Reading

void test_read(void **) {
  for (const Case &entry : kCases) {
    PeerContext peer = entry.peer();
    TlsBench bench(entry.context(), peer.get());
    assert_true(bench.shake() == Step::DONE);
    assert_int_equal(bench.read().size(), 0);
    assert_true(bench.last.would_block);
    // As much as is asked for, out of several records; what is left is known without news of the socket.
    std::string bytes = make_bytes(50'000);
    for (size_t at = 0; at < bytes.size(); at += 10'000)
      assert_true(bench.peer_write(bytes.substr(at, 10'000)));
    bench.push();
    std::string came = bench.read(25'000);
    assert_int_equal(came.size(), 25'000);
    assert_false(bench.last.would_block);
    came += bench.read(1);
    assert_false(bench.last.would_block);
    came += bench.read();
    assert_true(bench.last.would_block);
    assert_true(came == bytes);
    // Half a record is nothing yet.
    assert_true(bench.peer_write("half"));
    bench.push(7);
    assert_int_equal(bench.read().size(), 0);
    assert_true(bench.last.would_block);
    bench.push();
    assert_string_equal(bench.read().c_str(), "half");
    assert_true(bench.clean);
  }
}

// RFC 8446 6.1: close_notify is the end. Without it somebody may have cut off the rest.
void test_ends(void **) {
  for (const Case &entry : kCases) {
    for (bool notified : {true, false}) {
      for (bool hung_up : {true, false}) {
        PeerContext peer = entry.peer();
        TlsBench bench(entry.context(), peer.get());
        assert_true(bench.shake() == Step::DONE);
        assert_true(bench.peer_write("the last"));
        if (notified) SSL_shutdown(bench.peer);
        bench.push();
        bench.theirs.close();
        bench.hung_up = hung_up;
        // It comes alone, as from a socket, and stays.
        assert_string_equal(bench.read().c_str(), "the last");
        assert_false(bench.last.end);
        for (int i = 0; i < 2; i++) {
          assert_int_equal(bench.read().size(), 0);
          assert_true(bench.last.end);
        }
        assert_int_equal(bench.last.error, 0);
        assert_int_equal(bench.stream->truncated(), !notified);
        assert_true(bench.clean);
      }
    }
  }
}

// The end within a record, at each of its bytes.
void test_end_within_record(void **) {
  PeerContext peer = make_peer_context(false, &made().server);
  for (size_t cut = 1; cut < 30; cut++) {
    TlsBench bench(make_client(), peer.get());
    assert_true(bench.shake() == Step::DONE);
    assert_true(bench.peer_write("the last words"));
    bench.push(cut);
    bench.theirs.close();
    bench.hung_up = true;
    bench.read();
    assert_true(bench.last.end);
    assert_true(bench.stream->truncated());
  }
}

// RFC 8446 5.2: a record that cannot be decrypted ends the connection with bad_record_mac.
void test_corrupted_record(void **) {
  for (const Case &entry : kCases) {
    PeerContext peer = entry.peer();
    TlsBench bench(entry.context(), peer.get());
    assert_true(bench.shake() == Step::DONE);
    assert_true(bench.peer_write("before"));
    assert_true(bench.peer_write("something"));
    char records[256];
    int size = BIO_read(SSL_get_wbio(bench.peer), records, sizeof records);
    records[size - 1] ^= 1;
    hawser::write_socket(bench.theirs.get(), records, static_cast<size_t>(size));
    assert_string_equal(bench.read().c_str(), "before");
    assert_int_equal(bench.last.error, 0);
    assert_false(bench.last.would_block);
    for (int i = 0; i < 2; i++) {
      assert_int_equal(bench.read().size(), 0);
      assert_int_equal(bench.last.error, EPROTO);
    }
    assert_int_equal(bench.stream->reason(), SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC);
    assert_true(has(bench.stream->failure(), "bad record mac"));
    bench.pull();
    bench.peer_read();
    assert_int_equal(TlsBench::peer_reason(), SSL_AD_REASON_OFFSET + SSL_AD_BAD_RECORD_MAC);
    assert_true(bench.clean);
  }
}

void test_alert(void **) {
  for (const Case &entry : kCases) {
    PeerContext peer = entry.peer();
    TlsBench bench(entry.context(), peer.get());
    assert_true(bench.shake() == Step::DONE);
    // The peer does not like what it was sent, and says so.
    std::string garbage("\x17\x03\x03\x00\x05zzzzz", 10);
    BIO_write(SSL_get_rbio(bench.peer), garbage.data(), static_cast<int>(garbage.size()));
    bench.peer_read();
    bench.push();
    bench.read();
    assert_int_equal(bench.last.error, EPROTO);
    assert_true(bench.stream->reason() > SSL_AD_REASON_OFFSET);
    assert_true(has(bench.stream->failure(), "alert"));
    assert_false(bench.stream->truncated());
    assert_true(bench.clean);
  }
}

// RFC 5246 7.4.1.1: the peer asks for another handshake, is refused by a warning, and what is sent goes on meanwhile.
void test_renegotiation(void **) {
  for (bool client : {true, false}) {
    Case entry{client, TLS1_2_VERSION};
    PeerContext peer = entry.peer();
    TlsBench bench(entry.context(), peer.get());
    assert_true(bench.shake() == Step::DONE);
    bench.from_us.clear();
    assert_int_equal(SSL_renegotiate(bench.peer), 1);
    SSL_do_handshake(bench.peer);
    bench.push();
    assert_int_equal(bench.read().size(), 0);
    assert_true(bench.last.would_block);
    assert_int_equal(bench.last.error, 0);
    assert_int_equal(bench.write("goes on").size, 7);
    bench.pull();
    assert_int_equal(count_records(bench.from_us, kAlert), 1);
    assert_int_equal(count_records(bench.from_us, kApplication), 1);
    assert_int_equal(records_in(bench.from_us).size(), 2);
    assert_true(bench.clean);
    // OpenSSL itself does not put up with it.
    bench.peer_read();
    assert_int_equal(TlsBench::peer_reason(), SSL_R_NO_RENEGOTIATION);
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Writing

std::vector<iovec> pieces_of(const std::string &bytes, size_t size) {
  std::vector<iovec> pieces;
  for (size_t at = 0; at < bytes.size(); at += size)
    pieces.push_back({const_cast<char *>(bytes.data()) + at, std::min(size, bytes.size() - at)});
  return pieces;
}

// RFC 8446 5.1: a record carries 2^14 bytes. What is written together leaves in as few of them as there have to be.
void test_records(void **) {
  struct {
    size_t size;
    size_t piece;
    size_t records;
  } cases[] = {{1, 1, 1},         {1000, 20, 1},         {16'384, 16'384, 1},  {16'385, 16'385, 2},  {16'384, 1000, 1},
               {100'000, 100, 7}, {100'000, 100'000, 7}, {100'000, 16'000, 7}, {200'000, 16'385, 13}};
  for (const Case &entry : kCases) {
    for (const auto &sizes : cases) {
      PeerContext peer = entry.peer();
      TlsBench bench(entry.context(), peer.get());
      assert_true(bench.shake() == Step::DONE);
      bench.from_us.clear();
      std::string bytes = make_bytes(sizes.size);
      Transfer done = bench.write(pieces_of(bytes, sizes.piece));
      assert_int_equal(done.size, sizes.size);
      assert_false(done.would_block);
      assert_false(bench.stream->retrying());
      bench.pull();
      assert_int_equal(count_records(bench.from_us, kApplication), sizes.records);
      assert_int_equal(records_in(bench.from_us).size(), sizes.records);
      assert_true(bench.peer_read() == bytes);
    }
  }
}

void test_nothing_to_write(void **) {
  PeerContext peer = make_peer_context(false, &made().server);
  TlsBench bench(make_client(), peer.get());
  assert_true(bench.shake() == Step::DONE);
  bench.from_us.clear();
  char byte = 'x';
  assert_int_equal(bench.write(std::vector<iovec>{}).size, 0);
  assert_int_equal(bench.write({{&byte, 0}, {nullptr, 0}}).size, 0);
  assert_int_equal(bench.write({{nullptr, 0}, {&byte, 1}, {&byte, 0}, {&byte, 1}, {nullptr, 0}}).size, 2);
  bench.pull();
  assert_int_equal(records_in(bench.from_us).size(), 1);
  assert_string_equal(bench.peer_read().c_str(), "xx");
}

// A queue that is written in pieces as they come, over a socket that is always full, to a peer that reads at its whim.
// Behind the record that may have been begun the bytes are others at each turn. `disturb` is done now and then.
template <typename Disturb>
bool arrives_unchanged(TlsBench &bench, size_t total, unsigned seed, Disturb disturb) {
  constexpr size_t kRecord = 16'384;
  std::minstd_rand draw(seed);
  std::string sent;
  std::string queue;
  std::string arrived;
  size_t blocked = 0;
  size_t turns = 0;
  while (sent.size() < total) {
    if (turns++ > 1'000'000) return false;
    if (queue.size() < 40'000) queue += make_bytes(1 + draw() % 30'000, static_cast<unsigned>(draw()));
    for (size_t i = kRecord; i < queue.size(); i += 97)
      queue[i] = static_cast<char>(draw());
    if (!bench.stream->retrying() && draw() % 2 == 0) queue[0] = static_cast<char>(draw());
    Transfer done = bench.write(pieces_of(queue, 1 + draw() % 20'000));
    if (done.error != 0) return false;
    blocked += done.would_block;
    sent += queue.substr(0, done.size);
    queue.erase(0, done.size);
    if (draw() % 8 == 0) disturb();
    bench.push();
    bench.read();
    if (bench.last.error != 0) return false;
    bench.pull(1 + draw() % 20'000);
    arrived += bench.peer_read();
  }
  while (bench.stream->retrying()) {
    bench.pull();
    Transfer done = bench.write(queue);
    if (done.error != 0) return false;
    sent += queue.substr(0, done.size);
    queue.erase(0, done.size);
  }
  while (bench.pull() != 0)
    arrived += bench.peer_read();
  if (arrived != sent) std::printf("%zu bytes were sent, %zu arrived\n", sent.size(), arrived.size());
  return arrived == sent && blocked > 10;
}

void test_write_without_room(void **) {
  for (const Case &entry : kCases) {
    PeerContext peer = entry.peer();
    TlsBench bench(entry.context(), peer.get());
    assert_true(bench.shake() == Step::DONE);
    shrink(bench);
    assert_true(arrives_unchanged(bench, 1'000'000, 7, [] {}));
    assert_true(bench.clean);
  }
}

// RFC 8446 4.6.3: the peer asks for new keys, which has to be answered before anything else is sent.
void test_key_updates_without_room(void **) {
  for (bool client : {true, false}) {
    Case entry{client, TLS1_3_VERSION};
    PeerContext peer = entry.peer();
    TlsBench bench(entry.context(), peer.get());
    assert_true(bench.shake() == Step::DONE);
    shrink(bench);
    assert_true(arrives_unchanged(bench, 1'000'000, 8, [&] {
      SSL_key_update(bench.peer, SSL_KEY_UPDATE_REQUESTED);
      SSL_do_handshake(bench.peer);
    }));
    assert_true(bench.clean);
  }
}

// Fills the socket, and lets the record through that was begun: nothing of ours is under way. What was sent.
std::string fill(TlsBench &bench) {
  std::string sent;
  std::string line(100, 'x');
  shrink(bench);
  while (!bench.write(line).would_block)
    sent += line;
  while (bench.stream->retrying()) {
    bench.pull(1);
    sent += line.substr(0, bench.write(line).size);
  }
  return sent;
}

void request_key_updates(TlsBench &bench, int count) {
  for (int i = 0; i < count; i++) {
    SSL_key_update(bench.peer, SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(bench.peer);
  }
}

// The answer itself meets the full socket.
void test_key_update_in_the_way(void **) {
  for (bool client : {true, false}) {
    Case entry{client, TLS1_3_VERSION};
    PeerContext peer = entry.peer();
    TlsBench bench(entry.context(), peer.get());
    assert_true(bench.shake() == Step::DONE);
    std::string sent = fill(bench);
    std::string arrived;
    request_key_updates(bench, 1);
    assert_true(bench.peer_write("and this"));
    bench.push();
    assert_string_equal(bench.read().c_str(), "and this");
    std::string offered = make_bytes(20'000);
    Transfer done = bench.write(offered);
    assert_int_equal(done.size, 0);
    assert_true(done.would_block);
    bench.stream->shut_down(bench.ours.get());  // has no room, and does no harm
    while (!offered.empty()) {
      bench.pull();
      arrived += bench.peer_read();
      done = bench.write(offered);
      assert_int_equal(done.error, 0);
      sent += offered.substr(0, done.size);
      offered.erase(0, done.size);
    }
    while (bench.pull() != 0)
      arrived += bench.peer_read();
    assert_true(arrived == sent);
    assert_true(bench.clean);
  }
}

// We have nothing to say, and answer all the same as soon as there is room. A flood of them costs no memory.
void test_key_updates_without_end(void **) {
  for (bool client : {true, false}) {
    Case entry{client, TLS1_3_VERSION};
    PeerContext peer = entry.peer();
    TlsBench bench(entry.context(), peer.get());
    assert_true(bench.shake() == Step::DONE);
    int64_t before = bench.budget.used();
    std::string sent = fill(bench);
    bench.from_us.clear();
    for (int i = 0; i < 100; i++) {
      request_key_updates(bench, 100);
      bench.push();
      bench.read();
      assert_int_equal(bench.last.error, 0);
      assert_true(bench.stream->awaits_room());
      assert_in_range(bench.budget.used(), before, before + 64 * 1024);
    }
    assert_true(bench.peer_write("at last"));
    std::string came;
    std::string arrived;
    for (;;) {
      size_t moved = bench.push();
      came += bench.read();
      moved += bench.pull();
      arrived += bench.peer_read();
      if (moved == 0) break;
    }
    assert_string_equal(came.c_str(), "at last");
    assert_false(bench.stream->awaits_room());
    assert_int_equal(bench.budget.used(), before);
    assert_int_equal(bench.write("goes on").size, 7);
    bench.pull();
    arrived += bench.peer_read();
    assert_true(arrived == sent + "goes on");
    assert_true(bench.clean);
  }
}

// A flood of them does not keep one call for ever, and loses nothing of what comes behind it.
void test_key_updates_take_turns(void **) {
  for (bool client : {true, false}) {
    Case entry{client, TLS1_3_VERSION};
    PeerContext peer = entry.peer();
    TlsBench bench(entry.context(), peer.get());
    assert_true(bench.shake() == Step::DONE);
    for (int i = 0; i < 5'000; i++) {
      assert_int_equal(SSL_key_update(bench.peer, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
      assert_int_equal(SSL_do_handshake(bench.peer), 1);
    }
    assert_true(bench.peer_write("behind them"));
    assert_true(bench.push() > 100'000);
    std::string came = bench.read(100);
    assert_int_equal(came.size(), 0);
    assert_false(bench.last.would_block);
    assert_int_equal(bench.last.error, 0);
    for (int i = 0; i < 1'000 && !bench.last.would_block; i++) {
      bench.push();
      came += bench.read(100);
    }
    assert_string_equal(came.c_str(), "behind them");
    assert_true(bench.clean);
  }
}

// RFC 6066 4: a client asks for records of at most 2^9 bytes.
void test_short_records(void **) {
  for (int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    PeerContext peer = Case{false, version}.peer();
    TlsBench bench(make_server(), peer.get());
    SSL_set_tlsext_max_fragment_length(bench.peer, TLSEXT_max_fragment_length_512);
    assert_true(bench.shake() == Step::DONE);
    bench.from_us.clear();
    shrink(bench);
    assert_true(arrives_unchanged(bench, 500'000, 9, [] {}));
    for (const Record &record : records_in(bench.from_us))
      assert_true(record.content == kApplication && record.size <= 512 + 256);  // RFC 8446 5.2: the most it expands
    assert_true(bench.clean);
  }
}

void test_broken_socket(void **) {
  for (const Case &entry : kCases) {
    PeerContext peer = entry.peer();
    TlsBench bench(entry.context(), peer.get());
    assert_true(bench.shake() == Step::DONE);
    bench.theirs.close();
    Transfer done = bench.write("to nobody");
    assert_int_equal(done.size, 0);
    assert_int_equal(done.error, EPIPE);
    assert_true(bench.clean);
    bench.stream->shut_down(bench.ours.get());
    assert_int_equal(ERR_peek_error(), 0);
  }
}

// RFC 8446 6.1: close_notify, unless half a record is under way.
void test_shut_down(void **) {
  for (const Case &entry : kCases) {
    PeerContext peer = entry.peer();
    {
      TlsBench bench(entry.context(), peer.get());
      assert_true(bench.shake() == Step::DONE);
      bench.write("the last");
      bench.stream->shut_down(bench.ours.get());
      assert_int_equal(ERR_peek_error(), 0);
      bench.pull();
      assert_string_equal(bench.peer_read().c_str(), "the last");
      assert_int_equal(SSL_get_error(bench.peer, bench.peer_result), SSL_ERROR_ZERO_RETURN);
    }
    TlsBench bench(entry.context(), peer.get());
    bench.stream->shut_down(bench.ours.get());  // there is nothing to end yet
    bench.pull();
    assert_int_equal(bench.from_us.size(), 0);
    assert_true(bench.shake() == Step::DONE);
    shrink(bench);
    std::string bytes = make_bytes(100'000);
    Transfer done = bench.write(bytes);
    assert_true(done.would_block);
    bench.stream->shut_down(bench.ours.get());
    while (done.size < bytes.size()) {
      bench.pull();
      done.size += bench.write(bytes.substr(done.size)).size;
    }
    bench.pull();
    assert_true(bench.peer_read() == bytes);
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Memory

void test_budget(void **) {
  PeerContext peer = make_peer_context(false, &made().server);
  int64_t whole = 0;
  Budget budget(Budget::kUnlimited);
  {
    auto stream = TlsStream::make(make_client(), "localhost", budget);
    whole = budget.used();
    assert_true(whole > 0);
  }
  assert_int_equal(budget.used(), 0);
  {
    TlsBench bench(make_client(), peer.get(), "localhost", whole);
    assert_int_equal(bench.budget.used(), whole);
    // There is none for another one.
    assert_null(TlsStream::make(make_client(), "localhost", bench.budget).get());
    assert_int_equal(bench.budget.used(), whole);
    bench.handshake();
    assert_int_equal(bench.budget.used(), whole);
    assert_true(bench.shake() == Step::DONE);
    // The buffers for records have gone.
    int64_t open = bench.budget.used();
    assert_in_range(open, 1, whole - 2 * 16'384);
    bench.peer_write(make_bytes(100'000));
    bench.push();
    bench.read();
    assert_int_equal(bench.budget.used(), open);
    bench.stream.reset();
    assert_int_equal(bench.budget.used(), 0);
  }
  {
    TlsBench bench(make_client(), peer.get(), "other.example", whole);
    assert_true(bench.shake() == Step::FAILED);
    bench.stream.reset();
    assert_int_equal(bench.budget.used(), 0);
  }
  Budget scarce(whole - 1);
  assert_null(TlsStream::make(make_client(), "localhost", scarce).get());
  assert_int_equal(scarce.used(), 0);
  assert_int_equal(ERR_peek_error(), 0);
}

}  // namespace

int main() {
  made();  // OpenSSL opens the source of its random numbers
  const CMUnitTest tests[] = {
      DESCRIPTOR_TEST(test_handshake_in_pieces),
      DESCRIPTOR_TEST(test_handshake_without_room),
      DESCRIPTOR_TEST(test_handshake_cut_off),
      DESCRIPTOR_TEST(test_server_name),
      DESCRIPTOR_TEST(test_plain_http),
      DESCRIPTOR_TEST(test_other_protocols),
      DESCRIPTOR_TEST(test_alert_in_handshake),
      DESCRIPTOR_TEST(test_refused_certificates),
      DESCRIPTOR_TEST(test_refused_client),
      DESCRIPTOR_TEST(test_without_verification),
      DESCRIPTOR_TEST(test_odd_subjects),
      DESCRIPTOR_TEST(test_pinned_key),
      DESCRIPTOR_TEST(test_read),
      DESCRIPTOR_TEST(test_ends),
      DESCRIPTOR_TEST(test_end_within_record),
      DESCRIPTOR_TEST(test_corrupted_record),
      DESCRIPTOR_TEST(test_alert),
      DESCRIPTOR_TEST(test_renegotiation),
      DESCRIPTOR_TEST(test_records),
      DESCRIPTOR_TEST(test_nothing_to_write),
      DESCRIPTOR_TEST(test_write_without_room),
      DESCRIPTOR_TEST(test_key_updates_without_room),
      DESCRIPTOR_TEST(test_key_update_in_the_way),
      DESCRIPTOR_TEST(test_key_updates_without_end),
      DESCRIPTOR_TEST(test_key_updates_take_turns),
      DESCRIPTOR_TEST(test_short_records),
      DESCRIPTOR_TEST(test_broken_socket),
      DESCRIPTOR_TEST(test_shut_down),
      DESCRIPTOR_TEST(test_budget),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
