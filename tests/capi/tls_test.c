/* What hawser.h says of TLS: certificates and names, what is refused and in which words, sessions, and the end. */
#define _GNU_SOURCE
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/certificates.h"
#include "support/cmocka.h"
#include "support/log.h"
#include "support/raw_tls.h"

static const char kHosts[] = "DNS:localhost,IP:127.0.0.1";

static struct certificate root;
static struct certificate other_root;
static struct certificate middle;
static struct certificate server;
static struct certificate client;

static void make_certificates(void) {
  root = certificate_make("a root", NULL, NULL, CERTIFICATE_AUTHORITY);
  other_root = certificate_make("another root", NULL, NULL, CERTIFICATE_AUTHORITY);
  middle = certificate_make("an authority", NULL, &root, CERTIFICATE_AUTHORITY);
  server = certificate_make("the server", kHosts, &root, 0);
  client = certificate_make("the client", NULL, &root, 0);
}

/* ---------------------------------------------------------------------------------------------------------------------
 * Nothing is left behind
 * ------------------------------------------------------------------------------------------------------------------ */

static volatile sig_atomic_t pipes;
static int unclean; /* polls that left something in OpenSSL's queue of errors */

static void count_pipe(int number) {
  (void)number;
  pipes++;
}

static void pump(void *log) {
  ERR_clear_error();
  log_poll(log, 0);
  if (ERR_peek_error() != 0) unclean++;
}

static int remember(void **state) {
  static int before;
  *state = &before;
  before = log_descriptors();
  pipes = unclean = 0;
  return 0;
}

static int compare(void **state) {
  return log_descriptors() == *(int *)*state && pipes == 0 && unclean == 0 ? 0 : -1;
}

#define TLS_TEST(test) cmocka_unit_test_setup_teardown(test, remember, compare)

/* Texts by name, up to a NULL. */
static hws_options *texts(const char *name, ...) {
  hws_options *options = hws_options_new();
  va_list rest;
  va_start(rest, name);
  while (name != NULL) {
    if (hws_options_set_text(options, name, va_arg(rest, const char *)) != HWS_OK) abort();
    name = va_arg(rest, const char *);
  }
  va_end(rest);
  return options;
}

static hws_options *serving(const struct certificate *one) {
  return texts("tls_certificate", one->pem, "tls_key", one->key_pem, NULL);
}

static hws_options *trusting(const struct certificate *one) {
  return texts("tls_ca", one->pem, NULL);
}

/* A wss:// listener; frees the options. */
static hws_id listen_with(struct log *log, hws_options *options, int *port) {
  hws_id listener = hws_manager_listen(log->manager, "wss://127.0.0.1:0/", options);
  hws_options_free(options);
  *port = listener > 0 ? log_port(log, listener) : 0;
  return listener;
}

/* A connect, which does not free the options. */
static hws_id connect_with(struct log *log, const char *host, int port, const hws_options *options) {
  char url[128];
  snprintf(url, sizeof url, "wss://%s:%d/", host, port);
  return hws_manager_connect(log->manager, url, options);
}

/* The listener's end of the connection that has just opened. */
static hws_id other_end(struct log *log, hws_id id) {
  size_t i;
  for (i = log->count; i-- > 0;) {
    const hws_event *event = &log->entries[i].event;
    if (event->kind == HWS_EVENT_OPEN && event->connection != id) return event->connection;
  }
  return 0;
}

static SSL_CTX *raw_context(int is_client, const struct certificate *own) {
  SSL_CTX *context = SSL_CTX_new(is_client ? TLS_client_method() : TLS_server_method());
  if (context == NULL) abort();
  if (own != NULL) {
    SSL_CTX_use_certificate(context, own->x509);
    SSL_CTX_use_PrivateKey(context, own->key);
  }
  return context;
}

/* TLS by OpenSSL on a peer; the context becomes the peer's. */
static void start_tls(struct raw_peer *peer, SSL_CTX *context) {
  peer->tls = SSL_new(context);
  SSL_CTX_free(context);
  SSL_set_fd(peer->tls, peer->fd);
  if (peer->masks) {
    SSL_set_connect_state(peer->tls);
  } else {
    SSL_set_accept_state(peer->tls);
  }
}

static void connect_raw(struct log *log, int port, struct raw_peer *peer, SSL_CTX *context) {
  raw_peer_init(peer, raw_connect(port), 1, pump, log);
  start_tls(peer, context);
}

/* ---------------------------------------------------------------------------------------------------------------------
 * Certificates
 * ------------------------------------------------------------------------------------------------------------------ */

static void check_refused(hws_options *options, int listens, const char *words) {
  struct log log;
  hws_id id;
  const char *detail;
  log_open(&log, NULL);
  id = listens ? hws_manager_listen(log.manager, "wss://127.0.0.1:0/", options)
               : hws_manager_connect(log.manager, "wss://127.0.0.1:1/", options);
  detail = hws_manager_last_error(log.manager);
  if (strstr(detail, words) == NULL) fprintf(stderr, "\"%s\" is not in: %s\n", words, detail);
  assert_int_equal(id, HWS_ERR_TLS);
  assert_non_null(strstr(detail, words));
  assert_int_equal(hws_manager_stat(log.manager, "connections"), 0);
  log_close(&log);
  hws_options_free(options);
}

/* Said at once, where it can still be mended: the file, and what is wrong with it. */
static void test_bad_options(void **state) {
  (void)state;
  check_refused(hws_options_new(), 1, "tls_certificate");
  check_refused(texts("tls_certificate", server.pem, NULL), 1, "the PEM text: no private key");
  check_refused(texts("tls_certificate", "/nowhere/chain.pem", "tls_key", server.key_pem, NULL), 1,
                "/nowhere/chain.pem: No such file or directory");
  check_refused(texts("tls_certificate", server.pem, "tls_key", "/nowhere/key.pem", NULL), 1,
                "/nowhere/key.pem: No such file or directory");
  check_refused(texts("tls_certificate", server.pem, "tls_key", client.key_pem, NULL), 1, "is not the key of");
  check_refused(texts("tls_certificate", "/dev/null", "tls_key", server.key_pem, NULL), 1, "/dev/null: no certificate");
  check_refused(texts("tls_certificate", server.pem, "tls_key", server.key_pem, "tls_client_auth", "required", NULL), 1,
                "tls_client_auth needs one of tls_ca_file, tls_ca_path and tls_ca");
  check_refused(texts("tls_ca_file", "/nowhere/ca.pem", NULL), 0, "/nowhere/ca.pem: No such file or directory");
  check_refused(texts("tls_ca_path", "/nowhere", NULL), 0, "/nowhere: No such file or directory");
  check_refused(texts("tls_ca", "nothing", NULL), 0, "no certificate to trust");
  check_refused(texts("tls_certificate", client.pem, "tls_key", server.key_pem, "tls_ca", root.pem, NULL), 0,
                "is not the key of");
}

static void check_shown(struct log *log, int port, const char *host, const char *expected) {
  struct raw_peer peer;
  char name[64] = "";
  connect_raw(log, port, &peer, raw_context(1, NULL));
  if (host != NULL) SSL_set_tlsext_host_name(peer.tls, host);
  assert_int_equal(raw_ask(&peer, "/", NULL), 101);
  X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(peer.tls)), NID_commonName, name,
                            sizeof name);
  assert_string_equal(name, expected);
  raw_peer_close(&peer);
  assert_non_null(log_wait(log, HWS_EVENT_CLOSE, 0));
}

/* RFC 6066 3. */
static void test_hosts(void **state) {
  struct certificate exact = certificate_make("exact", "DNS:www.example.org", &root, 0);
  struct certificate wildcard = certificate_make("wildcard", "DNS:*.example.org", &root, 0);
  hws_options *options = serving(&server);
  struct log log;
  int port;
  (void)state;
  log_open(&log, NULL);
  assert_int_equal(hws_options_add_certificate(options, "*.example.org", wildcard.pem, wildcard.key_pem), HWS_OK);
  assert_int_equal(hws_options_add_certificate(options, "www.example.org", exact.pem, exact.key_pem), HWS_OK);
  assert_true(listen_with(&log, options, &port) > 0);
  check_shown(&log, port, "www.example.org", "exact");
  check_shown(&log, port, "WWW.EXAMPLE.ORG", "exact");
  check_shown(&log, port, "mail.example.org", "wildcard");
  check_shown(&log, port, "a.b.example.org", "the server");
  check_shown(&log, port, "example.com", "the server");
  check_shown(&log, port, NULL, "the server");
  log_close(&log);
}

/* One is enough, and "" is the one for all others. */
static void test_added_default(void **state) {
  hws_options *options = hws_options_new();
  struct log log;
  int port;
  (void)state;
  log_open(&log, NULL);
  assert_int_equal(hws_options_add_certificate(options, "", server.pem, server.key_pem), HWS_OK);
  assert_true(listen_with(&log, options, &port) > 0);
  check_shown(&log, port, "whatever.example", "the server");
  log_close(&log);
}

/* A key that is not named stands in the file of its certificate. */
static void test_key_in_the_same_file(void **state) {
  char text[8192];
  hws_options *options = hws_options_new();
  struct log log;
  int port;
  (void)state;
  log_open(&log, NULL);
  snprintf(text, sizeof text, "%s%s", server.pem, server.key_pem);
  assert_true(listen_with(&log, texts("tls_certificate", text, NULL), &port) > 0);
  check_shown(&log, port, "localhost", "the server");
  snprintf(text, sizeof text, "%s%s", client.key_pem, client.pem);
  assert_int_equal(hws_options_add_certificate(options, "a.example", text, ""), HWS_OK);
  assert_true(listen_with(&log, options, &port) > 0);
  check_shown(&log, port, "a.example", "the client");
  log_close(&log);
}

/* ---------------------------------------------------------------------------------------------------------------------
 * What a client refuses
 * ------------------------------------------------------------------------------------------------------------------ */

/* Its CLOSE: who, why, and in which words (separated by |). */
static void check_close(struct log *log, hws_id id, int32_t error, int32_t system, const char *words) {
  const struct log_entry *entry = log_wait(log, HWS_EVENT_CLOSE, id);
  char copy[512];
  char *rest = copy;
  char *part;
  assert_non_null(entry);
  snprintf(copy, sizeof copy, "%s", words);
  while ((part = strsep(&rest, "|")) != NULL) {
    if (strstr(entry->words, part) == NULL) fprintf(stderr, "\"%s\" is not in: %s\n", part, entry->words);
    assert_non_null(strstr(entry->words, part));
  }
  assert_int_equal(entry->event.error, error);
  assert_int_equal(entry->event.system, system);
  assert_int_equal(entry->event.code, 1006);
  assert_int_equal(entry->event.flags, HWS_BY_PEER);
  assert_int_equal(entry->event.size, 0);
}

static void test_refusals(void **state) {
  struct certificate old_middle =
      certificate_make("an old authority", NULL, &root, CERTIFICATE_AUTHORITY | CERTIFICATE_EXPIRED);
  struct {
    struct certificate shown;
    const struct certificate *behind;
    const char *host;
    int32_t system;
    const char *words;
  } cases[] = {
      {certificate_make("old", kHosts, &root, CERTIFICATE_EXPIRED), NULL, "localhost", X509_V_ERR_CERT_HAS_EXPIRED,
       "certificate has expired|depth 0|CN=old"},
      {certificate_make("young", kHosts, &root, CERTIFICATE_NOT_YET), NULL, "localhost", X509_V_ERR_CERT_NOT_YET_VALID,
       "certificate is not yet valid|depth 0|CN=young"},
      {certificate_make("self", kHosts, NULL, 0), NULL, "localhost", X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
       "self-signed certificate|depth 0|CN=self"},
      {certificate_make("stray", kHosts, &other_root, 0), &other_root, "localhost",
       X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "self-signed certificate in certificate chain|depth 1|CN=another root"},
      {certificate_make("leaf", kHosts, &middle, 0), NULL, "localhost", X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
       "unable to get local issuer certificate|depth 0|CN=leaf"},
      {certificate_make("leaf", kHosts, &old_middle, 0), &old_middle, "localhost", X509_V_ERR_CERT_HAS_EXPIRED,
       "certificate has expired|depth 1|CN=an old authority"},
      {certificate_make("localhost", "DNS:other.example,IP:127.0.0.1", &root, 0), NULL, "localhost",
       X509_V_ERR_HOSTNAME_MISMATCH, "hostname mismatch|depth 0|CN=localhost"},
      {certificate_make("127.0.0.1", "DNS:localhost,IP:127.0.0.2", &root, 0), NULL, "127.0.0.1",
       X509_V_ERR_IP_ADDRESS_MISMATCH, "IP address mismatch|depth 0|CN=127.0.0.1"},
  };
  hws_options *trusts = trusting(&root);
  size_t i;
  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct log log;
    struct raw_peer peer;
    int port;
    int listener = raw_listen(&port);
    SSL_CTX *context = raw_context(0, &cases[i].shown);
    hws_id id;
    if (cases[i].behind != NULL) SSL_CTX_add1_chain_cert(context, cases[i].behind->x509);
    log_open(&log, NULL);
    id = connect_with(&log, cases[i].host, port, trusts);
    assert_true(id > 0);
    raw_peer_init(&peer, raw_accept(listener, pump, &log), 0, pump, &log);
    start_tls(&peer, context);
    raw_read_more(&peer);
    check_close(&log, id, HWS_ERR_TLS, cases[i].system, cases[i].words);
    assert_int_equal(log_count(&log, HWS_EVENT_OPEN, 0), 0);
    assert_int_equal(hws_manager_stat(log.manager, "tls_failures"), 1);
    raw_peer_close(&peer);
    close(listener);
    log_close(&log);
  }
  hws_options_free(trusts);
}

/* The chain leads to an authority that is trusted, by name and by address. */
static void test_accepted(void **state) {
  static const char *const hosts[] = {"localhost", "127.0.0.1"};
  struct certificate leaf = certificate_make("leaf", kHosts, &middle, 0);
  hws_options *trusts = trusting(&root);
  struct log log;
  int port;
  int i;
  (void)state;
  log_open(&log, NULL);
  assert_true(listen_with(&log,
                          texts("tls_certificate", certificate_chain(&leaf, &middle), "tls_key", leaf.key_pem, NULL),
                          &port) > 0);
  for (i = 0; i < 2; i++) {
    hws_id id = connect_with(&log, hosts[i], port, trusts);
    assert_non_null(log_wait(&log, HWS_EVENT_OPEN, id));
    assert_int_equal(strncmp(hws_manager_tls(log.manager, id), "TLSv1.3 TLS_", 12), 0);
    assert_string_equal(hws_manager_tls_subject(log.manager, id), "CN=leaf");
    assert_int_equal(hws_manager_close(log.manager, id, 1000, ""), HWS_OK);
    assert_non_null(log_wait(&log, HWS_EVENT_CLOSE, id));
    assert_null(hws_manager_tls(log.manager, id)); /* in the batch of its CLOSE */
    assert_null(hws_manager_tls_subject(log.manager, id));
  }
  log_close(&log);
  hws_options_free(trusts);
}

/* Nothing is verified, and everything is encrypted. */
static void test_without_verification(void **state) {
  struct certificate bad = certificate_make("bad", "DNS:other.example", NULL, CERTIFICATE_EXPIRED);
  hws_options *options = log_options("tls_verify", 0, NULL);
  struct log log;
  hws_id id;
  int port;
  (void)state;
  log_open(&log, NULL);
  assert_true(listen_with(&log, serving(&bad), &port) > 0);
  id = connect_with(&log, "localhost", port, options);
  assert_non_null(log_wait(&log, HWS_EVENT_OPEN, id));
  assert_string_equal(hws_manager_tls_subject(log.manager, id), "CN=bad");
  log_close(&log);
  hws_options_free(options);
}

static void test_pinned_key(void **state) {
  hws_options *right = texts("tls_ca", root.pem, "tls_pinned_key", certificate_pin(&server), NULL);
  hws_options *wrong = texts("tls_ca", root.pem, "tls_pinned_key", certificate_pin(&client), NULL);
  hws_options *unverified = texts("tls_pinned_key", certificate_pin(&client), NULL);
  struct log log;
  hws_id id;
  int port;
  (void)state;
  log_open(&log, NULL);
  assert_true(listen_with(&log, serving(&server), &port) > 0);
  id = connect_with(&log, "localhost", port, right);
  assert_non_null(log_wait(&log, HWS_EVENT_OPEN, id));
  id = connect_with(&log, "localhost", port, wrong);
  check_close(&log, id, HWS_ERR_TLS, 0, certificate_pin(&server));
  assert_int_equal(hws_options_set_int(unverified, "tls_verify", 0), HWS_OK);
  id = connect_with(&log, "localhost", port, unverified);
  check_close(&log, id, HWS_ERR_TLS, 0, certificate_pin(&server));
  log_close(&log);
  hws_options_free(right);
  hws_options_free(wrong);
  hws_options_free(unverified);
}

/* An alert of the server, in its words: it wants the older version of ours that we do not speak. */
static void test_versions(void **state) {
  hws_options *options = texts("tls_ca", root.pem, "tls_min_version", "1.3", NULL);
  struct log log;
  struct raw_peer peer;
  SSL_CTX *context;
  hws_id id;
  int port;
  int listener = raw_listen(&port);
  (void)state;
  log_open(&log, NULL);
  id = connect_with(&log, "localhost", port, options);
  raw_peer_init(&peer, raw_accept(listener, pump, &log), 0, pump, &log);
  context = raw_context(0, &server);
  SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  start_tls(&peer, context);
  assert_int_equal(raw_read_more(&peer), -1);
  check_close(&log, id, HWS_ERR_TLS, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "alert protocol version");
  raw_peer_close(&peer);
  close(listener);

  assert_int_equal(hws_options_set_text(options, "tls_certificate", server.pem), HWS_OK);
  assert_int_equal(hws_options_set_text(options, "tls_key", server.key_pem), HWS_OK);
  assert_true(listen_with(&log, options, &port) > 0);
  context = raw_context(1, NULL);
  SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  connect_raw(&log, port, &peer, context);
  assert_int_equal(raw_ask(&peer, "/", NULL), -1);
  raw_peer_close(&peer);
  connect_raw(&log, port, &peer, raw_context(1, NULL));
  assert_int_equal(raw_ask(&peer, "/", NULL), 101);
  raw_peer_close(&peer);
  assert_int_equal(hws_manager_stat(log.manager, "tls_failures"), 2);
  assert_int_equal(hws_manager_stat(log.manager, "handshakes_failed"), 1);
  log_close(&log);
}

/* ---------------------------------------------------------------------------------------------------------------------
 * Certificates of clients
 * ------------------------------------------------------------------------------------------------------------------ */

static void check_client(const char *asks, const struct certificate *shown, const char *subject) {
  hws_options *options = serving(&server);
  hws_options *trusts = trusting(&root);
  struct log log;
  hws_id id;
  int port;
  log_open(&log, NULL);
  assert_int_equal(hws_options_set_text(options, "tls_client_auth", asks), HWS_OK);
  assert_int_equal(hws_options_set_text(options, "tls_ca", root.pem), HWS_OK);
  assert_true(listen_with(&log, options, &port) > 0);
  if (shown != NULL) {
    assert_int_equal(hws_options_set_text(trusts, "tls_certificate", shown->pem), HWS_OK);
    assert_int_equal(hws_options_set_text(trusts, "tls_key", shown->key_pem), HWS_OK);
  }
  id = connect_with(&log, "localhost", port, trusts);
  if (subject == NULL) {
    const struct log_entry *entry = log_wait(&log, HWS_EVENT_CLOSE, id);
    assert_non_null(entry);
    assert_int_equal(entry->event.error, HWS_ERR_TLS);
    assert_int_equal(entry->event.flags, HWS_BY_PEER);
    assert_true(entry->event.system > SSL_AD_REASON_OFFSET); /* the server's alert */
    assert_non_null(strstr(entry->words, "alert"));
    assert_int_equal(hws_manager_stat(log.manager, "handshakes_failed"), 1);
    assert_int_equal(hws_manager_stat(log.manager, "opened"), 0);
  } else {
    assert_true(log_wait_count(&log, HWS_EVENT_OPEN, 0, 2));
    if (*subject == '\0') {
      assert_null(hws_manager_tls_subject(log.manager, other_end(&log, id)));
    } else {
      assert_string_equal(hws_manager_tls_subject(log.manager, other_end(&log, id)), subject);
    }
  }
  log_close(&log);
  hws_options_free(trusts);
}

static void test_client_certificates(void **state) {
  struct certificate old = certificate_make("an old client", NULL, &root, CERTIFICATE_EXPIRED);
  struct certificate stranger = certificate_make("a stranger", NULL, &other_root, 0);
  (void)state;
  check_client("none", NULL, "");
  check_client("none", &client, "");
  check_client("optional", NULL, "");
  check_client("optional", &client, "CN=the client");
  check_client("optional", &stranger, NULL);
  check_client("required", &client, "CN=the client");
  check_client("required", NULL, NULL);
  check_client("required", &stranger, NULL);
  check_client("required", &old, NULL);
}

/* Who decides about a REQUEST knows who asks. */
static void test_subject_in_request(void **state) {
  hws_options *options = serving(&server);
  struct log log;
  struct raw_peer peer;
  const struct log_entry *entry;
  hws_id id;
  int port;
  (void)state;
  log_open(&log, NULL);
  hws_options_set_text(options, "tls_client_auth", "required");
  hws_options_set_text(options, "tls_ca", root.pem);
  hws_options_set_int(options, "requests", 1);
  assert_true(listen_with(&log, options, &port) > 0);
  connect_raw(&log, port, &peer, raw_context(1, &client));
  assert_int_equal(raw_write_request(&peer, "/", NULL), 0);
  entry = log_wait(&log, HWS_EVENT_REQUEST, 0);
  assert_non_null(entry);
  id = entry->event.connection;
  assert_string_equal(hws_manager_tls_subject(log.manager, id), "CN=the client");
  assert_int_equal(strncmp(hws_manager_tls(log.manager, id), "TLSv1.3 ", 8), 0);
  raw_peer_close(&peer);
  log_close(&log);
}

/* ---------------------------------------------------------------------------------------------------------------------
 * Sessions
 * ------------------------------------------------------------------------------------------------------------------ */

/* Connects, exchanges a message, and closes; whether a session was resumed. */
static int resumes(struct log *log, int port, const hws_options *options) {
  int64_t before = hws_manager_stat(log->manager, "tls_resumed");
  hws_id id = connect_with(log, "localhost", port, options);
  if (log_wait(log, HWS_EVENT_OPEN, id) == NULL) return -1;
  if (hws_manager_send(log->manager, other_end(log, id), HWS_TEXT, "x", 1) != HWS_OK) return -1;
  if (log_wait(log, HWS_EVENT_MESSAGE, id) == NULL) return -1;
  if (hws_manager_close(log->manager, id, 1000, "") != HWS_OK || log_wait(log, HWS_EVENT_CLOSE, id) == NULL) return -1;
  /* Both ends count it. */
  return (int)(hws_manager_stat(log->manager, "tls_resumed") - before) / 2;
}

static void test_resumption(void **state) {
  hws_options *trusts = trusting(&root);
  hws_options *others = trusting(&root);
  struct log log;
  hws_id listener;
  int port;
  int i;
  (void)state;
  log_open(&log, NULL);
  listener = listen_with(&log, serving(&server), &port);
  assert_int_equal(resumes(&log, port, trusts), 0);
  for (i = 0; i < 3; i++)
    assert_int_equal(resumes(&log, port, trusts), 1);
  assert_int_equal(resumes(&log, port, others), 0); /* another handle */
  assert_int_equal(resumes(&log, port, others), 1);
  assert_int_equal(hws_options_set_int(trusts, "max_fragments", 9), HWS_OK);
  assert_int_equal(resumes(&log, port, trusts), 0); /* changed, it is another one, too */
  assert_int_equal(resumes(&log, port, trusts), 1);
  hws_options_free(trusts);
  trusts = serving(&server);
  assert_int_equal(hws_manager_reload_tls(log.manager, listener, trusts), HWS_OK);
  assert_int_equal(resumes(&log, port, others), 0); /* sessions of before the reload */
  assert_int_equal(resumes(&log, port, others), 1);
  log_close(&log);
  hws_options_free(trusts);
  hws_options_free(others);
}

/* A session is no way around what is verified: another certificate is needed there, or another name. */
static void test_sessions_and_names(void **state) {
  struct certificate of_name = certificate_make("of the name", "DNS:localhost", &root, 0);
  hws_options *trusts = trusting(&root);
  struct log log;
  hws_id id;
  int port;
  (void)state;
  log_open(&log, NULL);
  assert_true(listen_with(&log, serving(&of_name), &port) > 0);
  assert_int_equal(resumes(&log, port, trusts), 0);
  assert_int_equal(resumes(&log, port, trusts), 1);
  id = connect_with(&log, "127.0.0.1", port, trusts);
  check_close(&log, id, HWS_ERR_TLS, X509_V_ERR_IP_ADDRESS_MISMATCH, "IP address mismatch");
  log_close(&log);
  hws_options_free(trusts);
}

/* ---------------------------------------------------------------------------------------------------------------------
 * The end
 * ------------------------------------------------------------------------------------------------------------------ */

/* An open connection with a raw peer, in either role. */
static hws_id open_with_peer(struct log *log, int is_client, struct raw_peer *peer) {
  hws_id id;
  int port;
  if (is_client) {
    hws_options *trusts = trusting(&root);
    int listener = raw_listen(&port);
    id = connect_with(log, "localhost", port, trusts);
    raw_peer_init(peer, raw_accept(listener, pump, log), 0, pump, log);
    close(listener);
    start_tls(peer, raw_context(0, &server));
    hws_options_free(trusts);
    return raw_answer(peer, NULL) == 0 && log_wait(log, HWS_EVENT_OPEN, id) != NULL ? id : 0;
  } else {
    const struct log_entry *entry;
    listen_with(log, serving(&server), &port);
    connect_raw(log, port, peer, raw_context(1, NULL));
    if (raw_ask(peer, "/", NULL) != 101) return 0;
    entry = log_wait(log, HWS_EVENT_OPEN, 0);
    return entry != NULL ? entry->event.connection : 0;
  }
}

/* RFC 8446 6.1: without close_notify anybody may have cut it off. */
static void test_truncation(void **state) {
  int is_client;
  (void)state;
  for (is_client = 0; is_client < 2; is_client++) {
    struct log log;
    struct raw_peer peer;
    hws_id id;
    log_open(&log, NULL);
    id = open_with_peer(&log, is_client, &peer);
    assert_true(id > 0);
    assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_TEXT, "the last", 8), 0);
    SSL_free(peer.tls);
    peer.tls = NULL;
    raw_peer_close(&peer);
    assert_non_null(log_wait(&log, HWS_EVENT_MESSAGE, id));
    check_close(&log, id, HWS_ERR_TLS, 0, "no close_notify");
    log_close(&log);
  }
}

/* With close_notify it is the end of TCP as without TLS: there was no Close frame. */
static void test_close_notify(void **state) {
  int is_client;
  (void)state;
  for (is_client = 0; is_client < 2; is_client++) {
    struct log log;
    struct raw_peer peer;
    hws_id id;
    log_open(&log, NULL);
    id = open_with_peer(&log, is_client, &peer);
    assert_true(id > 0);
    raw_peer_close(&peer);
    check_close(&log, id, HWS_ERR_EOF, 0, "without a Close frame");
    log_close(&log);
  }
}

/* After both Close frames there is nothing left to be cut off. */
static void test_truncation_after_close(void **state) {
  int is_client;
  int we_begin;
  (void)state;
  for (is_client = 0; is_client < 2; is_client++) {
    for (we_begin = 0; we_begin < 2; we_begin++) {
      struct log log;
      struct raw_peer peer;
      const struct log_entry *entry;
      hws_id id;
      log_open(&log, NULL);
      id = open_with_peer(&log, is_client, &peer);
      assert_true(id > 0);
      if (we_begin) assert_int_equal(hws_manager_close(log.manager, id, 1000, ""), HWS_OK);
      if (!we_begin) assert_int_equal(raw_write_close(&peer, 1000, ""), 0);
      assert_true(raw_expect_close(&peer, 1000));
      if (we_begin) assert_int_equal(raw_write_close(&peer, 1000, ""), 0);
      SSL_free(peer.tls);
      peer.tls = NULL;
      raw_peer_close(&peer);
      entry = log_wait(&log, HWS_EVENT_CLOSE, id);
      assert_non_null(entry);
      assert_int_equal(entry->event.code, 1000);
      assert_int_equal(entry->event.error, 0);
      assert_true((entry->event.flags & HWS_CLEAN) != 0);
      log_close(&log);
    }
  }
}

/* Ours is sent, in both roles. */
static void test_own_close_notify(void **state) {
  int is_client;
  (void)state;
  for (is_client = 0; is_client < 2; is_client++) {
    struct log log;
    struct raw_peer peer;
    hws_id id;
    log_open(&log, NULL);
    id = open_with_peer(&log, is_client, &peer);
    assert_true(id > 0);
    assert_int_equal(raw_write_close(&peer, 1000, ""), 0);
    assert_true(raw_expect_close(&peer, 1000));
    if (is_client) SSL_shutdown(peer.tls); /* RFC 6455 7.1.1: the server ends first */
    while (raw_read_more(&peer) > 0)
      continue;
    assert_true((SSL_get_shutdown(peer.tls) & SSL_RECEIVED_SHUTDOWN) != 0);
    raw_peer_close(&peer);
    log_close(&log);
  }
}

/* The peer is gone while we write: no signal, whatever OpenSSL's own sockets do. */
static void test_reset_while_writing(void **state) {
  static uint8_t large[8000000];
  int is_client;
  (void)state;
  signal(SIGPIPE, count_pipe);
  for (is_client = 0; is_client < 2; is_client++) {
    struct log log;
    struct raw_peer peer;
    const struct log_entry *entry;
    hws_id id;
    log_open(&log, NULL);
    id = open_with_peer(&log, is_client, &peer);
    assert_true(id > 0);
    assert_int_equal(hws_manager_send(log.manager, id, HWS_BINARY, large, sizeof large), HWS_OK);
    pump(&log);
    raw_peer_reset(&peer);
    assert_int_equal(hws_manager_send(log.manager, id, HWS_BINARY, large, sizeof large), HWS_OK);
    entry = log_wait(&log, HWS_EVENT_CLOSE, id);
    assert_non_null(entry);
    assert_int_equal(entry->event.error, HWS_ERR_IO);
    assert_true((entry->event.flags & HWS_CLEAN) == 0);
    log_poll(&log, 0);
    assert_int_equal(hws_manager_stat(log.manager, "memory"), 0);
    log_close(&log);
  }
  signal(SIGPIPE, SIG_IGN); /* for the raw peers */
}

/* ---------------------------------------------------------------------------------------------------------------------
 * Arguments
 * ------------------------------------------------------------------------------------------------------------------ */

static void test_arguments(void **state) {
  hws_options *options = serving(&server);
  struct log log;
  struct log other;
  struct raw_peer peer;
  hws_id plain;
  hws_id listener;
  hws_id foreign;
  hws_id id;
  int port;
  (void)state;
  log_open(&log, NULL);
  log_open(&other, NULL);
  assert_int_equal(hws_options_add_certificate(NULL, "", server.pem, server.key_pem), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_options_add_certificate(options, NULL, server.pem, server.key_pem), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_options_add_certificate(options, "", NULL, server.key_pem), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_options_add_certificate(options, "", server.pem, NULL), HWS_ERR_ARGUMENT);
  plain = hws_manager_listen(log.manager, "ws://127.0.0.1:0/", NULL);
  listener = listen_with(&log, serving(&server), &port);
  foreign = hws_manager_listen(other.manager, "wss://127.0.0.1:0/", options);
  assert_int_equal(hws_manager_reload_tls(NULL, listener, options), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_reload_tls(log.manager, 0, options), HWS_ERR_STALE);
  assert_int_equal(hws_manager_reload_tls(log.manager, -1, options), HWS_ERR_STALE);
  assert_int_equal(hws_manager_reload_tls(log.manager, foreign, options), HWS_ERR_STALE);
  assert_int_equal(hws_manager_reload_tls(log.manager, plain, options), HWS_ERR_STATE);
  assert_non_null(strstr(hws_manager_last_error(log.manager), "ws://"));
  assert_int_equal(hws_manager_reload_tls(log.manager, listener, NULL), HWS_ERR_TLS); /* the manager has none */
  assert_int_equal(hws_manager_reload_tls(log.manager, listener, options), HWS_OK);

  connect_raw(&log, port, &peer, raw_context(1, NULL));
  assert_int_equal(raw_ask(&peer, "/", NULL), 101);
  id = log_wait(&log, HWS_EVENT_OPEN, 0)->event.connection;
  assert_int_equal(hws_manager_reload_tls(log.manager, id, options), HWS_ERR_STALE); /* no listener's */
  assert_non_null(hws_manager_tls(log.manager, id));
  assert_null(hws_manager_tls_subject(log.manager, id)); /* was not asked for */
  assert_null(hws_manager_tls(NULL, id));
  assert_null(hws_manager_tls_subject(NULL, id));
  assert_null(hws_manager_tls(log.manager, 0));
  assert_null(hws_manager_tls(log.manager, -1));
  assert_null(hws_manager_tls(log.manager, listener));
  assert_null(hws_manager_tls(other.manager, id));
  raw_peer_close(&peer);
  assert_non_null(log_wait(&log, HWS_EVENT_CLOSE, id));
  log_poll(&log, 0);
  assert_null(hws_manager_tls(log.manager, id));

  assert_true(log_join(&log, log_port(&log, plain), &peer, NULL) > 0);
  id = log.entries[log.count - 1].event.connection;
  assert_null(hws_manager_tls(log.manager, id)); /* there is none */
  assert_null(hws_manager_tls_subject(log.manager, id));
  raw_peer_close(&peer);

  assert_int_equal(hws_manager_close(log.manager, listener, 1000, ""), HWS_OK);
  assert_int_equal(hws_manager_reload_tls(log.manager, listener, options), HWS_ERR_CLOSED);
  assert_non_null(log_wait(&log, HWS_EVENT_CLOSE, listener));
  log_poll(&log, 0);
  assert_int_equal(hws_manager_reload_tls(log.manager, listener, options), HWS_ERR_STALE);
  log_close(&log);
  log_close(&other);
  hws_options_free(options);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TLS_TEST(test_bad_options),
      TLS_TEST(test_hosts),
      TLS_TEST(test_added_default),
      TLS_TEST(test_key_in_the_same_file),
      TLS_TEST(test_refusals),
      TLS_TEST(test_accepted),
      TLS_TEST(test_without_verification),
      TLS_TEST(test_pinned_key),
      TLS_TEST(test_versions),
      TLS_TEST(test_client_certificates),
      TLS_TEST(test_subject_in_request),
      TLS_TEST(test_resumption),
      TLS_TEST(test_sessions_and_names),
      TLS_TEST(test_truncation),
      TLS_TEST(test_close_notify),
      TLS_TEST(test_truncation_after_close),
      TLS_TEST(test_own_close_notify),
      TLS_TEST(test_reset_while_writing),
      TLS_TEST(test_arguments),
  };
  signal(SIGPIPE, SIG_IGN);
  make_certificates();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
