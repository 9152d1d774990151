#include "net/tls_context.hpp"

#include <cstring>

#include <openssl/pem.h>

#include "net/descriptors.hpp"
#include "net/tls_bench.hpp"
#include "support/cmocka.hpp"

using hawser::ClientAuth;
using hawser::Folder;
using hawser::make_peer_context;
using hawser::PeerContext;
using hawser::TlsBench;
using hawser::TlsConfig;
using hawser::TlsContext;
using hawser::TlsStream;
using Step = hawser::TlsStream::Step;

namespace {

struct Certificates {
  certificate root = certificate_make("a root", nullptr, nullptr, CERTIFICATE_AUTHORITY);
  certificate middle = certificate_make("an authority", nullptr, &root, CERTIFICATE_AUTHORITY);
  certificate server = certificate_make("the server", "DNS:localhost,IP:127.0.0.1", &middle, 0);
  certificate other = certificate_make("the other", "DNS:localhost", &root, 0);
};

const Certificates &made() {
  static const Certificates certificates;
  return certificates;
}

TlsConfig serving(const std::string &chain, const std::string &key) {
  TlsConfig config;
  config.certificates.push_back({"", chain, key});
  return config;
}

TlsConfig serving(const certificate &one) {
  return serving(one.pem, one.key_pem);
}

// The words with which a configuration is refused; "accepted" if it is not, "unclean" if OpenSSL's queue is left dirty.
std::string refusal(const TlsConfig &config, bool client = false) {
  std::string detail;
  ERR_raise(ERR_LIB_USER, 1);  // another user of OpenSSL has left something
  auto context = client ? TlsContext::make_client(config, detail) : TlsContext::make_server(config, detail);
  if (ERR_peek_error() != 0) return "unclean";
  return context != nullptr ? "accepted" : detail;
}

std::string refusal_of_client(const TlsConfig &config) {
  return refusal(config, true);
}

bool has(const std::string &words, const std::string &part) {
  if (words.find(part) != std::string::npos) return true;
  std::printf("\"%s\" is not in: %s\n", part.c_str(), words.c_str());
  return false;
}

std::shared_ptr<TlsContext> make_server(const TlsConfig &config) {
  std::string detail;
  auto context = TlsContext::make_server(config, detail);
  if (context == nullptr) std::printf("%s\n", detail.c_str());
  return context;
}

std::string subject_of(const X509 *certificate) {
  char name[256] = "";
  if (certificate != nullptr) X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, 256);
  return name;
}

// The name in the certificate that a client is shown who asks for `host`; "" asks for none.
std::string shown_to(const std::shared_ptr<TlsContext> &server, const std::string &host) {
  PeerContext client = make_peer_context(true, nullptr);
  TlsBench bench(server, client.get(), host.empty() ? "none" : host);
  if (host.empty()) SSL_set_tlsext_host_name(bench.peer, nullptr);
  if (bench.shake() != Step::DONE || bench.peer_result != 1) return "no handshake";
  return subject_of(SSL_get0_peer_certificate(bench.peer));
}

// ---------------------------------------------------------------------------------------------------------------------
// What is wrong with a configuration

void test_no_certificate(void **) {
  assert_true(has(refusal(TlsConfig()), "tls_certificate"));
  assert_string_equal(refusal_of_client(TlsConfig()).c_str(), "accepted");
}

void test_missing_files(void **) {
  std::string words = refusal(serving("/nowhere/chain.pem", made().server.key_pem));
  assert_true(has(words, "/nowhere/chain.pem"));
  assert_true(has(words, std::strerror(ENOENT)));
  words = refusal(serving(made().server.pem, "/nowhere/key.pem"));
  assert_true(has(words, "/nowhere/key.pem"));
  assert_true(has(words, std::strerror(ENOENT)));
  Folder folder;
  words = refusal(serving(folder.name(), made().server.key_pem));
  assert_true(has(words, folder.name()));
  assert_true(has(words, std::strerror(EISDIR)));
  TlsConfig client;
  client.ca_file = "/nowhere/ca.pem";
  words = refusal_of_client(client);
  assert_true(has(words, "/nowhere/ca.pem"));
  assert_true(has(words, std::strerror(ENOENT)));
  client.verify = false;  // then nothing is trusted, nor read
  assert_string_equal(refusal_of_client(client).c_str(), "accepted");
}

// A file without an end would be read for ever.
void test_endless_file(void **) {
  std::string words = refusal(serving("/dev/zero", made().server.key_pem));
  assert_true(has(words, "/dev/zero"));
  assert_true(has(words, std::strerror(EFBIG)));
}

void test_not_pem(void **) {
  Folder folder;
  std::string nothing = folder.add("nothing.pem", "");
  std::string letter = folder.add("letter.txt", "Dear Sir or Madam,\n");
  for (const std::string &file : {nothing, letter}) {
    std::string words = refusal(serving(file, made().server.key_pem));
    assert_true(has(words, file + ": no certificate"));
    words = refusal(serving(made().server.pem, file));
    assert_true(has(words, file + ": no private key"));
    TlsConfig client;
    client.ca_file = file;
    assert_true(has(refusal_of_client(client), file + ": no certificate to trust"));
  }
  // A key where certificates belong, and the other way round.
  assert_true(has(refusal(serving(made().server.key_pem, made().server.key_pem)), "the PEM text: no certificate"));
  assert_true(has(refusal(serving(made().server.pem, made().server.pem)), "the PEM text: no private key"));
  assert_true(has(refusal(serving("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "")),
                  "the PEM text: no certificate"));
}

// What cannot be read is not passed over, wherever it stands: the chain would be too short, an authority would be
// missing.
void test_broken_second_certificate(void **) {
  Folder folder;
  std::string text = certificate_chain(&made().server, &made().middle);
  text[text.rfind("-----END") - 10] = '!';
  std::string file = folder.add("chain.pem", text);
  assert_true(has(refusal(serving(file, made().server.key_pem)), file));
  TlsConfig client;
  client.ca_file = file;
  assert_true(has(refusal_of_client(client), file));
}

void test_key_of_another(void **) {
  Folder folder;
  std::string chain = folder.add("chain.pem", made().server.pem);
  std::string key = folder.add("key.pem", made().other.key_pem);
  std::string words = refusal(serving(chain, key));
  assert_true(has(words, key + " is not the key of " + chain));
  // A client's is checked no less.
  assert_true(has(refusal_of_client(serving(chain, key)), key + " is not the key of " + chain));
}

// Nobody is asked for a password.
void test_encrypted_key(void **) {
  std::string words = refusal(serving(made().server.pem, certificate_locked_key(&made().server)));
  assert_true(has(words, "no private key"));
  assert_true(has(words, "password"));
}

void test_client_auth_without_authorities(void **) {
  TlsConfig config = serving(made().server);
  for (ClientAuth asks : {ClientAuth::OPTIONAL, ClientAuth::REQUIRED}) {
    config.client_auth = asks;
    assert_true(has(refusal(config), "tls_client_auth needs one of tls_ca_file, tls_ca_path and tls_ca"));
  }
  config.ca = made().root.pem;
  assert_string_equal(refusal(config).c_str(), "accepted");
}

void test_trust_folder(void **) {
  Folder folder;
  TlsConfig client;
  client.ca_path = folder.name();
  assert_string_equal(refusal_of_client(client).c_str(), "accepted");
  client.ca_path = "/nowhere/certificates";
  std::string words = refusal_of_client(client);
  assert_true(has(words, "/nowhere/certificates"));
  assert_true(has(words, std::strerror(ENOENT)));
  client.ca_path = folder.add("file", "no folder");
  assert_true(has(refusal_of_client(client), client.ca_path + ": " + std::strerror(ENOTDIR)));
}

// What certificate bundles look like, with words between the certificates: it is text all the same, and no file's name.
void test_authorities_with_comments(void **) {
  TlsConfig client;
  client.ca = std::string("\n# A root of ours\n") + made().other.pem + "# Another one\n" + made().root.pem;
  assert_string_equal(refusal_of_client(client).c_str(), "accepted");
  client.ca = "# none";
  assert_true(has(refusal_of_client(client), "no certificate to trust"));
}

// ---------------------------------------------------------------------------------------------------------------------
// What a server shows

// RFC 8446 4.4.2: the certificate first, behind it those that lead to its authority, in their order.
void test_chain(void **) {
  Folder folder;
  std::string text = certificate_chain(&made().server, &made().middle);
  std::string chain = folder.add("chain.pem", text + made().root.pem);
  std::string key = folder.add("key.pem", made().server.key_pem);
  for (const TlsConfig &config : {serving(chain, key), serving(text + made().root.pem, made().server.key_pem)}) {
    auto server = make_server(config);
    assert_true(server != nullptr);
    PeerContext client = make_peer_context(true, nullptr);
    TlsBench bench(server, client.get());
    assert_true(bench.shake() == Step::DONE);
    STACK_OF(X509) *shown = SSL_get_peer_cert_chain(bench.peer);
    assert_int_equal(sk_X509_num(shown), 3);
    assert_string_equal(subject_of(sk_X509_value(shown, 0)).c_str(), "the server");
    assert_string_equal(subject_of(sk_X509_value(shown, 1)).c_str(), "an authority");
    assert_string_equal(subject_of(sk_X509_value(shown, 2)).c_str(), "a root");
  }
}

certificate for_host(const char *name) {
  return certificate_make(name, nullptr, nullptr, 0);
}

TlsConfig with_hosts(const std::vector<std::pair<std::string, certificate>> &hosts) {
  TlsConfig config;
  for (const auto &[host, one] : hosts)
    config.certificates.push_back({host, one.pem, one.key_pem});
  return config;
}

void test_names(void **) {
  certificate all = for_host("all");
  certificate exact = for_host("exact");
  certificate wildcard = for_host("wildcard");
  // Whatever the order.
  for (const TlsConfig &config : {with_hosts({{"", all}, {"www.example.org", exact}, {"*.example.org", wildcard}}),
                                  with_hosts({{"*.example.org", wildcard}, {"www.example.org", exact}, {"", all}})}) {
    auto server = make_server(config);
    assert_true(server != nullptr);
    assert_string_equal(shown_to(server, "www.example.org").c_str(), "exact");
    assert_string_equal(shown_to(server, "WWW.Example.ORG").c_str(), "exact");
    assert_string_equal(shown_to(server, "mail.example.org").c_str(), "wildcard");
    assert_string_equal(shown_to(server, "MAIL.EXAMPLE.ORG").c_str(), "wildcard");
    // RFC 6125 6.4.3: one label.
    assert_string_equal(shown_to(server, "a.mail.example.org").c_str(), "all");
    assert_string_equal(shown_to(server, "example.org").c_str(), "all");
    assert_string_equal(shown_to(server, "notexample.org").c_str(), "all");
    assert_string_equal(shown_to(server, "example.com").c_str(), "all");
    assert_string_equal(shown_to(server, "").c_str(), "all");
  }
}

// Without one for all others the first one is for them.
void test_no_default(void **) {
  auto server = make_server(with_hosts({{"a.example", for_host("a")}, {"b.example", for_host("b")}}));
  assert_true(server != nullptr);
  assert_string_equal(shown_to(server, "b.example").c_str(), "b");
  assert_string_equal(shown_to(server, "c.example").c_str(), "a");
  assert_string_equal(shown_to(server, "").c_str(), "a");
}

// One that is wrong among several refuses them all.
void test_one_wrong(void **) {
  TlsConfig config = with_hosts({{"", made().server}, {"b.example", for_host("b")}});
  config.certificates[1].key = made().other.key_pem;
  assert_true(has(refusal(config), "is not the key of"));
}

// ---------------------------------------------------------------------------------------------------------------------
// Pins

void test_pins(void **) {
  std::string detail;
  TlsConfig config;
  config.verify = false;
  auto any = TlsContext::make_client(config, detail);
  assert_true(any->accepts_key("whatever"));
  std::string first(43, 'a');
  std::string second(43, 'b');
  first += '=';
  second += '=';
  config.pinned_keys = "sha256//" + first;
  auto one = TlsContext::make_client(config, detail);
  assert_true(one->accepts_key(first));
  assert_false(one->accepts_key(second));
  assert_false(one->accepts_key(""));
  assert_false(one->accepts_key(first.substr(0, 43)));
  for (const char *between : {";", " ; ", "; "}) {
    config.pinned_keys = "sha256//" + first + between + "sha256//" + second;
    auto two = TlsContext::make_client(config, detail);
    assert_true(two->accepts_key(first));
    assert_true(two->accepts_key(second));
    assert_false(two->accepts_key(std::string(44, 'c')));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Sessions

std::shared_ptr<TlsContext> any_client() {
  std::string detail;
  TlsConfig config;
  config.verify = false;
  return TlsContext::make_client(config, detail);
}

SSL_SESSION *make_session(int version) {
  SSL_SESSION *session = SSL_SESSION_new();
  SSL_SESSION_set_protocol_version(session, version);
  return session;
}

size_t take_all(TlsContext &context, const std::string &host) {
  size_t count = 0;
  while (SSL_SESSION *session = context.take_session(host)) {
    SSL_SESSION_free(session);
    count++;
  }
  return count;
}

// RFC 8446 C.4: a ticket is used once, and the youngest first. Sessions of TLS 1.2 are good for many.
void test_sessions(void **) {
  auto context = any_client();
  assert_null(context->take_session("a"));
  SSL_SESSION *older = make_session(TLS1_3_VERSION);
  SSL_SESSION *younger = make_session(TLS1_3_VERSION);
  context->keep_session("a", older);
  context->keep_session("a", younger);
  assert_null(context->take_session("b"));
  assert_ptr_equal(context->take_session("a"), younger);
  assert_ptr_equal(context->take_session("a"), older);
  assert_null(context->take_session("a"));
  SSL_SESSION_free(younger);
  SSL_SESSION_free(older);

  SSL_SESSION *old_version = make_session(TLS1_2_VERSION);
  context->keep_session("a", old_version);
  for (int i = 0; i < 3; i++) {
    assert_ptr_equal(context->take_session("a"), old_version);
    SSL_SESSION_free(old_version);
  }
}

// A server that gives a thousand tickets, and a client of a thousand servers, hold no more than some.
void test_sessions_are_bounded(void **) {
  auto context = any_client();
  for (int i = 0; i < 1000; i++)
    context->keep_session("a", make_session(TLS1_3_VERSION));
  size_t of_one = take_all(*context, "a");
  assert_in_range(of_one, 2, 64);  // TLS 1.3 gives two at a time
  for (int i = 0; i < 1000; i++)
    context->keep_session(std::to_string(i), make_session(TLS1_3_VERSION));
  size_t of_all = 0;
  for (int i = 0; i < 1000; i++)
    of_all += take_all(*context, std::to_string(i));
  assert_in_range(of_all, 16, 256);
}

bool resumes(const std::shared_ptr<TlsContext> &client, SSL_CTX *server) {
  TlsBench bench(client, server);
  if (bench.shake() != Step::DONE) return false;
  bench.read();  // where the tickets of TLS 1.3 are
  return bench.stream->resumed() && SSL_session_reused(bench.peer) == 1;
}

// With a real server, which forgets the older sessions of a client in no version.
void test_resumption(void **) {
  for (int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    PeerContext server = make_peer_context(false, &made().server);
    SSL_CTX_set_max_proto_version(server.get(), version);
    auto context = any_client();
    assert_false(resumes(context, server.get()));
    for (int i = 0; i < 5; i++)
      assert_true(resumes(context, server.get()));
    assert_false(resumes(any_client(), server.get()));
    // A server that does not know it any more is no trouble.
    PeerContext restarted = make_peer_context(false, &made().server);
    SSL_CTX_set_max_proto_version(restarted.get(), version);
    assert_false(resumes(context, restarted.get()));
    assert_true(resumes(context, restarted.get()));
  }
}

// Tickets of one context of ours are no good in another (RFC 5077 4: their keys are another's), though they have the
// same certificate.
void test_server_sessions(void **) {
  for (int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    auto server = make_server(serving(made().server));
    auto other = make_server(serving(made().server));
    PeerContext client = make_peer_context(true, nullptr);
    SSL_CTX_set_max_proto_version(client.get(), version);
    SSL_SESSION *session = nullptr;
    {
      TlsBench bench(server, client.get());
      assert_true(bench.shake() == Step::DONE);
      bench.peer_read();
      assert_false(bench.stream->resumed());
      session = SSL_get1_session(bench.peer);
      SSL_shutdown(bench.peer);
    }
    TlsBench same(server, client.get());
    SSL_set_session(same.peer, session);
    assert_true(same.shake() == Step::DONE);
    assert_true(same.stream->resumed());
    TlsBench foreign(other, client.get());
    SSL_set_session(foreign.peer, session);
    SSL_SESSION_free(session);
    assert_true(foreign.shake() == Step::DONE);
    assert_false(foreign.stream->resumed());
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Versions and protocols

// RFC 7301 3.2.
void test_server_protocol(void **) {
  auto server = make_server(serving(made().server));
  PeerContext client = make_peer_context(true, nullptr);
  const unsigned char *chosen = nullptr;
  unsigned size = 0;
  {
    TlsBench bench(server, client.get());
    assert_true(bench.shake() == Step::DONE);
    SSL_get0_alpn_selected(bench.peer, &chosen, &size);
    assert_int_equal(size, 0);
  }
  {
    TlsBench bench(server, client.get());
    const unsigned char offered[] = "\x02h2\x08http/1.1";
    SSL_set_alpn_protos(bench.peer, offered, sizeof offered - 1);
    assert_true(bench.shake() == Step::DONE);
    SSL_get0_alpn_selected(bench.peer, &chosen, &size);
    assert_int_equal(size, 8);
    assert_memory_equal(chosen, "http/1.1", 8);
  }
  TlsBench bench(server, client.get());
  const unsigned char others[] = "\x02h2\x06spdy/3";
  SSL_set_alpn_protos(bench.peer, others, sizeof others - 1);
  assert_true(bench.shake() == Step::FAILED);
  assert_int_equal(TlsBench::peer_reason(), SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
}

int note_offer(SSL *, const unsigned char **, unsigned char *, const unsigned char *offered, unsigned size, void *to) {
  static_cast<std::string *>(to)->assign(reinterpret_cast<const char *>(offered), size);
  return SSL_TLSEXT_ERR_NOACK;
}

void test_client_protocol(void **) {
  PeerContext server = make_peer_context(false, &made().server);
  std::string offer;
  SSL_CTX_set_alpn_select_cb(server.get(), note_offer, &offer);
  TlsBench bench(any_client(), server.get());
  assert_true(bench.shake() == Step::DONE);
  assert_string_equal(offer.c_str(), "\x08http/1.1");
}

bool agree(bool tls13_only, int peer_version) {
  TlsConfig config = serving(made().server);
  config.tls13_only = tls13_only;
  PeerContext client = make_peer_context(true, nullptr);
  SSL_CTX_set_security_level(client.get(), 0);  // else it would not speak the old ones itself
  SSL_CTX_set_min_proto_version(client.get(), peer_version);
  SSL_CTX_set_max_proto_version(client.get(), peer_version);
  TlsBench as_server(make_server(config), client.get());
  bool served = as_server.shake() == Step::DONE;

  std::string detail;
  config.verify = false;
  PeerContext server = make_peer_context(false, &made().server);
  SSL_CTX_set_security_level(server.get(), 0);
  SSL_CTX_set_min_proto_version(server.get(), peer_version);
  SSL_CTX_set_max_proto_version(server.get(), peer_version);
  TlsBench as_client(TlsContext::make_client(config, detail), server.get());
  bool connected = as_client.shake() == Step::DONE;
  if (served != connected) std::printf("the roles differ: %d, %d\n", served, connected);
  return served && connected;
}

// RFC 8996: the old ones must not be used.
void test_versions(void **) {
  assert_false(agree(false, TLS1_VERSION));
  assert_false(agree(false, TLS1_1_VERSION));
  assert_true(agree(false, TLS1_2_VERSION));
  assert_true(agree(false, TLS1_3_VERSION));
  assert_false(agree(true, TLS1_2_VERSION));
  assert_true(agree(true, TLS1_3_VERSION));
}

// The peer's certificate is asked for, as the context says; which authorities are good is told (RFC 8446 4.2.4).
void test_client_auth(void **) {
  TlsConfig config = serving(made().server);
  config.ca = made().root.pem;
  certificate stranger = certificate_make("a stranger", nullptr, nullptr, 0);
  struct {
    ClientAuth asks;
    const certificate *shown;
    bool passes;
  } cases[] = {
      {ClientAuth::NONE, nullptr, true},           {ClientAuth::NONE, &stranger, true},
      {ClientAuth::OPTIONAL, nullptr, true},       {ClientAuth::OPTIONAL, &made().other, true},
      {ClientAuth::OPTIONAL, &stranger, false},    {ClientAuth::REQUIRED, nullptr, false},
      {ClientAuth::REQUIRED, &made().other, true}, {ClientAuth::REQUIRED, &stranger, false},
  };
  for (const auto &entry : cases) {
    config.client_auth = entry.asks;
    PeerContext client = make_peer_context(true, entry.shown);
    TlsBench bench(make_server(config), client.get());
    assert_int_equal(bench.shake() == Step::DONE, entry.passes);
    bool shows = entry.asks != ClientAuth::NONE && entry.shown == &made().other;
    assert_string_equal(bench.stream->peer_subject().c_str(), shows ? "CN=the other" : "");
    if (entry.asks == ClientAuth::NONE) continue;
    const STACK_OF(X509_NAME) *authorities = SSL_get0_peer_CA_list(bench.peer);
    assert_int_equal(sk_X509_NAME_num(authorities), 1);
    assert_int_equal(X509_NAME_cmp(sk_X509_NAME_value(authorities, 0), X509_get_subject_name(made().root.x509)), 0);
  }
}

}  // namespace

int main() {
  made();  // OpenSSL opens the source of its random numbers
  const CMUnitTest tests[] = {
      DESCRIPTOR_TEST(test_no_certificate),
      DESCRIPTOR_TEST(test_missing_files),
      DESCRIPTOR_TEST(test_endless_file),
      DESCRIPTOR_TEST(test_not_pem),
      DESCRIPTOR_TEST(test_broken_second_certificate),
      DESCRIPTOR_TEST(test_key_of_another),
      DESCRIPTOR_TEST(test_encrypted_key),
      DESCRIPTOR_TEST(test_client_auth_without_authorities),
      DESCRIPTOR_TEST(test_trust_folder),
      DESCRIPTOR_TEST(test_authorities_with_comments),
      DESCRIPTOR_TEST(test_chain),
      DESCRIPTOR_TEST(test_names),
      DESCRIPTOR_TEST(test_no_default),
      DESCRIPTOR_TEST(test_one_wrong),
      DESCRIPTOR_TEST(test_pins),
      DESCRIPTOR_TEST(test_sessions),
      DESCRIPTOR_TEST(test_sessions_are_bounded),
      DESCRIPTOR_TEST(test_resumption),
      DESCRIPTOR_TEST(test_server_sessions),
      DESCRIPTOR_TEST(test_server_protocol),
      DESCRIPTOR_TEST(test_client_protocol),
      DESCRIPTOR_TEST(test_versions),
      DESCRIPTOR_TEST(test_client_auth),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
