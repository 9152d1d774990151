/* Every limit, one beyond it and one at it. */
#define _GNU_SOURCE
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/log.h"

/* A server with an option, and a peer that is upgraded. */
struct setting {
  struct log log;
  struct raw_peer peer;
  hws_id id;
  int port;
};

static void open_setting(struct setting *setting, hws_options *options) {
  log_open(&setting->log, options);
  log_listen(&setting->log, NULL, &setting->port);
  setting->id = log_join(&setting->log, setting->port, &setting->peer, NULL);
  hws_options_free(options);
}

static void close_setting(struct setting *setting) {
  raw_peer_close(&setting->peer);
  log_close(&setting->log);
}

/* The connection ends with 1009 and these words. */
static void check_limit(struct setting *setting, const char *words) {
  const struct log_entry *end;
  assert_true(raw_expect_close(&setting->peer, 1009));
  raw_peer_close(&setting->peer);
  end = log_wait(&setting->log, HWS_EVENT_CLOSE, setting->id);
  assert_non_null(end);
  assert_int_equal(end->event.error, HWS_ERR_LIMIT);
  assert_int_equal(end->event.flags, HWS_BY_PEER);
  assert_non_null(strstr(end->words, words));
}

static void test_message_size(void **state) {
  static const uint8_t kHead[] = {0x82, 0xfe, 0x03, 0xe9, 1, 2, 3, 4}; /* announces 1001 bytes */
  static uint8_t bytes[1001];
  struct setting setting;
  (void)state;
  open_setting(&setting, log_options("max_message_size", 1000, NULL));
  assert_int_equal(raw_write_frame(&setting.peer, RAW_FIN | RAW_BINARY, bytes, 1000), 0);
  assert_non_null(log_wait(&setting.log, HWS_EVENT_MESSAGE, setting.id));
  assert_int_equal(raw_write(&setting.peer, kHead, sizeof kHead), 0);
  check_limit(&setting, "max_message_size");
  close_setting(&setting);
  open_setting(&setting, log_options("max_message_size", 1000, NULL));
  assert_int_equal(raw_write_frame(&setting.peer, RAW_BINARY, bytes, 600), 0);
  assert_int_equal(raw_write_frame(&setting.peer, RAW_FIN | RAW_CONTINUATION, bytes, 401), 0);
  check_limit(&setting, "max_message_size");
  close_setting(&setting);
}

static void test_fragments(void **state) {
  struct setting setting;
  int i;
  (void)state;
  open_setting(&setting, log_options("max_fragments", 10, NULL));
  for (i = 0; i < 10; i++)
    assert_int_equal(raw_write_frame(&setting.peer, i == 0 ? RAW_TEXT : i < 9 ? 0 : RAW_FIN, "f", 1), 0);
  assert_non_null(log_wait(&setting.log, HWS_EVENT_MESSAGE, setting.id));
  for (i = 0; i < 11; i++)
    assert_int_equal(raw_write_frame(&setting.peer, i == 0 ? RAW_TEXT : 0, "f", 1), 0);
  check_limit(&setting, "max_fragments");
  close_setting(&setting);
}

/* Nothing is allocated because a header announced it. */
static void test_announcement_costs_nothing(void **state) {
  static const uint8_t kHead[] = {0x82, 0xff, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 1, 2, 3, 4}; /* nearly 16 MiB */
  struct setting setting;
  (void)state;
  open_setting(&setting, NULL);
  assert_int_equal(raw_write(&setting.peer, kHead, sizeof kHead), 0);
  assert_int_equal(raw_write(&setting.peer, "0123456789", 10), 0);
  log_settle(&setting.log);
  assert_in_range(hws_manager_stat(setting.log.manager, "memory"), 0, 100000);
  close_setting(&setting);
}

static void test_budget_of_received_bytes(void **state) {
  static uint8_t bytes[2000000];
  struct setting setting;
  const struct log_entry *end;
  (void)state;
  open_setting(&setting, log_options("memory_budget", 500000, "close_timeout", 50, NULL));
  raw_write_frame(&setting.peer, RAW_FIN | RAW_BINARY, bytes, sizeof bytes); /* may fail: it is cut off */
  end = log_wait(&setting.log, HWS_EVENT_CLOSE, setting.id);
  assert_non_null(end);
  assert_int_equal(end->event.error, HWS_ERR_NO_MEMORY);
  assert_non_null(strstr(end->words, "memory_budget"));
  assert_int_equal(end->event.flags & HWS_BY_PEER, 0);
  assert_int_equal(hws_manager_stat(setting.log.manager, "memory"), 0);
  close_setting(&setting);
}

static int status_of(int port, struct log *log, const char *headers) {
  struct raw_peer peer;
  int status;
  raw_peer_init(&peer, raw_connect(port), 1, log_pump, log);
  status = raw_ask(&peer, "/", headers);
  raw_peer_close(&peer);
  return status;
}

static void test_head(void **state) {
  struct log log;
  hws_options *options = log_options("max_head_size", 400, "max_headers", 8, NULL);
  char long_header[512];
  int port;
  (void)state;
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  assert_int_equal(status_of(port, &log, NULL), 101);
  memset(long_header, 'x', sizeof long_header);
  memcpy(long_header, "X-Long: ", 8);
  memcpy(long_header + sizeof long_header - 3, "\r\n", 3);
  assert_int_equal(status_of(port, &log, long_header), 431);
  assert_int_equal(status_of(port, &log, "A: 1\r\nB: 2\r\nC: 3\r\n"), 101);
  assert_int_equal(status_of(port, &log, "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n"), 431);
  log_close(&log);
  hws_options_free(options);
}

static void test_handshake_timeout(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_options *options = log_options("handshake_timeout", 500, NULL);
  int port;
  (void)state;
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  raw_peer_init(&peer, raw_connect(port), 1, log_pump, &log);
  assert_int_equal(raw_write_text(&peer, "GET / HTTP/1.1\r\n"), 0);
  assert_true(raw_read_more(&peer) <= 0);
  while (hws_manager_stat(log.manager, "connections") != 0)
    log_poll(&log, 100);
  assert_int_equal(hws_manager_stat(log.manager, "handshakes_failed"), 1);
  assert_int_equal(log.count, 0);
  raw_peer_close(&peer);
  log_close(&log);
  hws_options_free(options);
}

/* Beyond max_handshakes nothing is accepted, until one of them ends; and waiting costs no turns of the loop. */
static void test_max_handshakes(void **state) {
  struct log log;
  struct raw_peer silent[3];
  struct raw_peer peer;
  hws_options *options = log_options("max_handshakes", 3, NULL);
  int port;
  int i;
  (void)state;
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  for (i = 0; i < 3; i++)
    raw_peer_init(&silent[i], raw_connect(port), 1, log_pump, &log);
  while (hws_manager_stat(log.manager, "handshakes") < 3)
    log_poll(&log, 10);
  raw_peer_init(&peer, raw_connect(port), 1, log_pump, &log);
  log_settle(&log);
  assert_int_equal(hws_manager_stat(log.manager, "accepted"), 3);
  raw_peer_close(&silent[1]);
  assert_int_equal(raw_write_request(&peer, "/", NULL), 0);
  assert_non_null(log_wait(&log, HWS_EVENT_OPEN, 0));
  for (i = 0; i < 3; i++)
    raw_peer_close(&silent[i]);
  raw_peer_close(&peer);
  log_close(&log);
  hws_options_free(options);
}

static void test_max_connections(void **state) {
  struct log log;
  struct raw_peer peers[2];
  struct raw_peer late;
  hws_options *options = log_options("max_connections", 2, NULL);
  hws_id id;
  int port;
  (void)state;
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  assert_true(log_join(&log, port, &peers[0], NULL) > 0);
  id = log_join(&log, port, &peers[1], NULL);
  assert_int_equal(hws_manager_connect(log.manager, "ws://127.0.0.1:1/", NULL), HWS_ERR_LIMIT);
  assert_true(strlen(hws_manager_last_error(log.manager)) > 0);
  raw_peer_init(&late, raw_connect(port), 1, log_pump, &log);
  log_settle(&log);
  assert_int_equal(hws_manager_stat(log.manager, "accepted"), 2);
  hws_manager_abort(log.manager, id);
  assert_int_equal(raw_write_request(&late, "/", NULL), 0);
  assert_true(log_wait_count(&log, HWS_EVENT_OPEN, 0, 3));
  raw_peer_close(&peers[0]);
  raw_peer_close(&peers[1]);
  raw_peer_close(&late);
  log_close(&log);
  hws_options_free(options);
}

/* The limit is reached in an outer loop: the end of the batch with the CLOSE makes room, which no descriptor tells. */
static void test_max_connections_in_an_outer_loop(void **state) {
  struct log log;
  struct raw_peer peers[2];
  hws_options *options;
  hws_id id;
  int port;
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  struct pollfd one;
  (void)state;
  if (!log_has_outer_loops()) skip();
  options = log_options("max_connections", 1, NULL);
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peers[0], NULL);
  one.fd = (int)hws_manager_fd(log.manager);
  one.events = POLLIN;
  raw_peer_init(&peers[1], raw_connect(port), 1, NULL, NULL);
  log_settle(&log);
  assert_int_equal(hws_manager_stat(log.manager, "accepted"), 1);
  hws_manager_abort(log.manager, id);
  while (hws_manager_stat(log.manager, "accepted") < 2 && raw_now_ms() < until) {
    if (poll(&one, 1, RAW_PATIENCE_MS) > 0) log_poll(&log, 0);
  }
  assert_int_equal(hws_manager_stat(log.manager, "accepted"), 2);
  raw_peer_close(&peers[0]);
  raw_peer_close(&peers[1]);
  log_close(&log);
  hws_options_free(options);
}

/* Without a descriptor to spare the listener pauses, and goes on when there is one. */
static void test_no_descriptor(void **state) {
  struct log log;
  struct raw_peer peer;
  struct rlimit limit;
  struct rlimit low;
  int spare[64];
  int count = 0;
  int port;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  raw_peer_init(&peer, raw_connect(port), 1, log_pump, &log);
  getrlimit(RLIMIT_NOFILE, &limit);
  low = limit;
  low.rlim_cur = 60;
  setrlimit(RLIMIT_NOFILE, &low);
  while (count < 64 && (spare[count] = dup(0)) >= 0)
    count++;
  log_settle(&log);
  assert_int_equal(hws_manager_stat(log.manager, "accepted"), 0);
  assert_true(hws_manager_stat(log.manager, "accept_errors") > 0);
  while (count > 0)
    close(spare[--count]);
  setrlimit(RLIMIT_NOFILE, &limit);
  assert_int_equal(raw_write_request(&peer, "/", NULL), 0);
  assert_non_null(log_wait(&log, HWS_EVENT_OPEN, 0));
  raw_peer_close(&peer);
  log_close(&log);
}

/* Many more connections at once than are accepted in one poll. */
static void test_accepts_per_poll(void **state) {
  enum { COUNT = 50 };
  struct log log;
  struct raw_peer peers[COUNT];
  hws_options *options = log_options("accepts_per_poll", 3, NULL);
  int port;
  int i;
  (void)state;
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  for (i = 0; i < COUNT; i++)
    raw_peer_init(&peers[i], raw_connect(port), 1, log_pump, &log);
  for (i = 0; i < COUNT; i++)
    assert_int_equal(raw_write_request(&peers[i], "/", NULL), 0);
  assert_true(log_wait_count(&log, HWS_EVENT_OPEN, 0, COUNT));
  for (i = 0; i < COUNT; i++)
    raw_peer_close(&peers[i]);
  assert_true(log_wait_count(&log, HWS_EVENT_CLOSE, 0, COUNT));
  log_close(&log);
  hws_options_free(options);
}

static void test_idle_timeout(void **state) {
  struct setting setting;
  const struct log_entry *end;
  (void)state;
  open_setting(&setting, log_options("idle_timeout", 60, NULL));
  assert_true(raw_expect_close(&setting.peer, 1001));
  assert_int_equal(raw_write_close(&setting.peer, 1001, ""), 0);
  end = log_wait(&setting.log, HWS_EVENT_CLOSE, setting.id);
  assert_non_null(end);
  assert_int_equal(end->event.error, HWS_ERR_TIMEOUT);
  assert_non_null(strstr(end->words, "idle_timeout"));
  close_setting(&setting);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_message_size),
      cmocka_unit_test(test_fragments),
      cmocka_unit_test(test_announcement_costs_nothing),
      cmocka_unit_test(test_budget_of_received_bytes),
      cmocka_unit_test(test_head),
      cmocka_unit_test(test_handshake_timeout),
      cmocka_unit_test(test_max_handshakes),
      cmocka_unit_test(test_max_connections),
      cmocka_unit_test(test_max_connections_in_an_outer_loop),
      cmocka_unit_test(test_no_descriptor),
      cmocka_unit_test(test_accepts_per_poll),
      cmocka_unit_test(test_idle_timeout),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
