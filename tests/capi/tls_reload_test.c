/* hws_manager_reload_tls while the listener is busy: connections that are there go on, those that come see the new
 * certificate, and a bad one changes nothing. */
#define _GNU_SOURCE
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/certificates.h"
#include "support/cmocka.h"
#include "support/log.h"

enum { KEPT = 50, RELOADS = 20, COMING = 3 };

static const char kHosts[] = "DNS:localhost,IP:127.0.0.1";

static struct certificate root;
static struct certificate pairs[2];

/* Two managers, in one thread: who serves, and who asks. */
struct stage {
  struct log server;
  struct log client;
  hws_options *trusts;
  char url[64];
  hws_id listener;
  int unclean; /* polls that left something in OpenSSL's queue of errors */
};

/* How often each of the kept ones was answered. */
static hws_id kept[KEPT];
static int64_t echoes[KEPT];

static void echo(struct log *log, const hws_event *event) {
  if (event->kind != HWS_EVENT_MESSAGE) return;
  if (hws_manager_send(log->manager, event->connection, event->opcode, event->data, (size_t)event->size) != HWS_OK)
    abort();
}

/* Every answer is asked for anew. */
static void ask_again(struct log *log, const hws_event *event) {
  int64_t number = event->tag - 1;
  if (event->kind != HWS_EVENT_MESSAGE || number < 0) return;
  echoes[number]++;
  echo(log, event);
}

static void turn(struct stage *stage) {
  log_poll(&stage->client, 0);
  log_poll(&stage->server, 0);
  if (ERR_peek_error() != 0) stage->unclean++;
}

/* Turns until `count` events of the kind have come to the client for the id. */
static int wait_for(struct stage *stage, int32_t kind, hws_id id) {
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  while (log_count(&stage->client, kind, id) == 0) {
    if (raw_now_ms() > until) return 0;
    turn(stage);
  }
  return 1;
}

static hws_options *serving(const struct certificate *one, const struct certificate *other) {
  hws_options *options = hws_options_new();
  if (hws_options_set_text(options, "tls_certificate", one->pem) != HWS_OK ||
      hws_options_set_text(options, "tls_key", other->key_pem) != HWS_OK) {
    abort();
  }
  return options;
}

static void open_stage(struct stage *stage) {
  hws_options *options = serving(&pairs[0], &pairs[0]);
  memset(stage, 0, sizeof *stage);
  log_open(&stage->server, NULL);
  log_open(&stage->client, NULL);
  stage->server.each = echo;
  stage->client.each = ask_again;
  stage->listener = hws_manager_listen(stage->server.manager, "wss://127.0.0.1:0/", options);
  hws_options_free(options);
  snprintf(stage->url, sizeof stage->url, "wss://localhost:%d/", log_port(&stage->server, stage->listener));
  stage->trusts = hws_options_new();
  if (hws_options_set_text(stage->trusts, "tls_ca", root.pem) != HWS_OK) abort();
}

static void close_stage(struct stage *stage) {
  log_close(&stage->client);
  log_close(&stage->server);
  hws_options_free(stage->trusts);
}

static hws_id arrive(struct stage *stage) {
  return hws_manager_connect(stage->client.manager, stage->url, stage->trusts);
}

static hws_result reload(struct stage *stage, const struct certificate *one, const struct certificate *other) {
  hws_options *options = serving(one, other);
  hws_result result = hws_manager_reload_tls(stage->server.manager, stage->listener, options);
  hws_options_free(options);
  return result;
}

/* Who comes now is shown this. */
static void check_shown(struct stage *stage, const char *subject) {
  hws_id id = arrive(stage);
  assert_true(id > 0);
  assert_true(wait_for(stage, HWS_EVENT_OPEN, id));
  assert_string_equal(hws_manager_tls_subject(stage->client.manager, id), subject);
  assert_int_equal(hws_manager_close(stage->client.manager, id, 1000, ""), HWS_OK);
  assert_true(wait_for(stage, HWS_EVENT_CLOSE, id));
}

static void test_under_load(void **state) {
  static const char *const subjects[] = {"CN=the first", "CN=the second"};
  struct stage stage;
  hws_id coming[RELOADS * COMING];
  size_t came = 0;
  size_t i;
  int n;
  (void)state;
  open_stage(&stage);
  for (i = 0; i < KEPT; i++) {
    kept[i] = arrive(&stage);
    assert_int_equal(hws_manager_set_tag(stage.client.manager, kept[i], (int64_t)i + 1), HWS_OK);
  }
  for (i = 0; i < KEPT; i++) {
    assert_true(wait_for(&stage, HWS_EVENT_OPEN, kept[i]));
    assert_int_equal(hws_manager_send(stage.client.manager, kept[i], HWS_TEXT, "again", 5), HWS_OK);
  }
  for (n = 1; n <= RELOADS; n++) {
    const struct certificate *next = &pairs[n % 2];
    /* Some are in the midst of their handshake. */
    for (i = 0; i < COMING; i++) {
      coming[came++] = arrive(&stage);
      turn(&stage);
    }
    assert_int_equal(reload(&stage, next, next), HWS_OK);
    check_shown(&stage, subjects[n % 2]);
    /* The key of the other one. */
    assert_int_equal(reload(&stage, &pairs[(n + 1) % 2], next), HWS_ERR_TLS);
    assert_non_null(strstr(hws_manager_last_error(stage.server.manager), "is not the key of"));
    check_shown(&stage, subjects[n % 2]);
  }
  for (i = 0; i < came; i++) {
    assert_true(wait_for(&stage, HWS_EVENT_OPEN, coming[i]));
    assert_int_equal(log_count(&stage.client, HWS_EVENT_CLOSE, coming[i]), 0);
  }
  /* Nobody was lost, and everybody is still answered. */
  for (i = 0; i < KEPT; i++) {
    int64_t before = echoes[i];
    int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
    while (echoes[i] == before && raw_now_ms() < until)
      turn(&stage);
    assert_true(echoes[i] > before);
    assert_int_equal(log_count(&stage.client, HWS_EVENT_CLOSE, kept[i]), 0);
    assert_string_equal(hws_manager_tls_subject(stage.client.manager, kept[i]), subjects[0]);
  }
  assert_int_equal(hws_manager_stat(stage.server.manager, "tls_failures"), 0);
  assert_int_equal(hws_manager_stat(stage.server.manager, "handshakes_failed"), 0);
  assert_int_equal(stage.unclean, 0);
  close_stage(&stage);
}

/* Files are read anew. */
static void write_file(const char *name, const char *text) {
  FILE *file = fopen(name, "w");
  if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) abort();
}

static void test_files(void **state) {
  char folder[] = "/tmp/hawser-test-XXXXXX";
  char chain[64];
  char key[64];
  hws_options *options = hws_options_new();
  struct stage stage;
  (void)state;
  assert_non_null(mkdtemp(folder));
  snprintf(chain, sizeof chain, "%s/chain.pem", folder);
  snprintf(key, sizeof key, "%s/key.pem", folder);
  write_file(chain, pairs[1].pem);
  write_file(key, pairs[1].key_pem);
  assert_int_equal(hws_options_set_text(options, "tls_certificate", chain), HWS_OK);
  assert_int_equal(hws_options_set_text(options, "tls_key", key), HWS_OK);
  open_stage(&stage);
  assert_int_equal(hws_manager_reload_tls(stage.server.manager, stage.listener, options), HWS_OK);
  check_shown(&stage, "CN=the second");
  /* Half of the renewal is written. */
  write_file(chain, pairs[0].pem);
  assert_int_equal(hws_manager_reload_tls(stage.server.manager, stage.listener, options), HWS_ERR_TLS);
  assert_non_null(strstr(hws_manager_last_error(stage.server.manager), key));
  assert_non_null(strstr(hws_manager_last_error(stage.server.manager), chain));
  check_shown(&stage, "CN=the second");
  write_file(key, pairs[0].key_pem);
  assert_int_equal(hws_manager_reload_tls(stage.server.manager, stage.listener, options), HWS_OK);
  check_shown(&stage, "CN=the first");
  remove(chain);
  assert_int_equal(hws_manager_reload_tls(stage.server.manager, stage.listener, options), HWS_ERR_TLS);
  assert_non_null(strstr(hws_manager_last_error(stage.server.manager), "No such file"));
  check_shown(&stage, "CN=the first");
  remove(key);
  remove(folder);
  close_stage(&stage);
  hws_options_free(options);
}

/* Whom it takes clients from is the new options' say, too. */
static void test_client_auth(void **state) {
  hws_options *options = serving(&pairs[0], &pairs[0]);
  struct stage stage;
  hws_id before;
  hws_id after;
  (void)state;
  open_stage(&stage);
  before = arrive(&stage);
  assert_true(wait_for(&stage, HWS_EVENT_OPEN, before));
  assert_int_equal(hws_options_set_text(options, "tls_client_auth", "required"), HWS_OK);
  assert_int_equal(hws_options_set_text(options, "tls_ca", root.pem), HWS_OK);
  assert_int_equal(hws_manager_reload_tls(stage.server.manager, stage.listener, options), HWS_OK);
  after = arrive(&stage);
  assert_true(wait_for(&stage, HWS_EVENT_CLOSE, after));
  assert_int_equal(log_count(&stage.client, HWS_EVENT_OPEN, after), 0);
  assert_int_equal(log_count(&stage.client, HWS_EVENT_CLOSE, before), 0);
  close_stage(&stage);
  hws_options_free(options);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_under_load),
      cmocka_unit_test(test_files),
      cmocka_unit_test(test_client_auth),
  };
  root = certificate_make("a root", NULL, NULL, CERTIFICATE_AUTHORITY);
  pairs[0] = certificate_make("the first", kHosts, &root, 0);
  pairs[1] = certificate_make("the second", kHosts, &root, 0);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
