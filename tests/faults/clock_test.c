/* Clocks that jump: the monotonic one leaps by hours, as after a suspend on systems where it goes on, or stands still;
 * the wall clock goes to any time. Every deadline rings once, nothing spins, and only certificates know the date. */
#define _GNU_SOURCE
#include "clock.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "support/cmocka.h"
#include "support/log.h"

enum { HOURS = 5 * 3600 * 1000, YEARS = 20 * 365 * 24 * 3600 };

static void echo(struct log *log, const hws_event *event) {
  if (event->kind != HWS_EVENT_MESSAGE) return;
  hws_manager_send(log->manager, event->connection, event->opcode, event->data, (size_t)event->size);
}

static void open_log(struct log *log, hws_options *options) {
  clock_take();
  log_open(log, options);
  log->each = echo;
}

static void close_log(struct log *log, struct raw_peer *peer) {
  raw_peer_close(peer);
  log_close(log);
  clock_release();
}

/* A server with one client; its id. */
static hws_id open_pair(struct log *log, struct raw_peer *peer) {
  int port;
  open_log(log, NULL);
  log_listen(log, NULL, &port);
  return log_join(log, port, peer, NULL);
}

static int answers(struct raw_peer *peer, const char *text) {
  return raw_write_frame(peer, RAW_FIN | RAW_TEXT, text, strlen(text)) == 0 &&
         raw_expect_frame(peer, RAW_FIN | RAW_TEXT, text, strlen(text));
}

/* A ping comes next; its answer goes back. */
static int answers_ping(struct raw_peer *peer) {
  struct raw_frame frame;
  uint8_t payload[125];
  if (raw_read_frame(peer, &frame) != 1 || frame.first != (RAW_FIN | RAW_PING)) return 0;
  memcpy(payload, frame.payload, frame.size);
  return raw_write_frame(peer, RAW_FIN | RAW_PONG, payload, frame.size) == 0;
}

/* As many polls as would find out that a deadline rings twice. */
static void poll_on(struct log *log) {
  int i;
  for (i = 0; i < 20; i++)
    log_poll(log, 0);
}

/* The only CLOSE of an id, which the leap has brought. */
static void check_timeout(struct log *log, hws_id id, const char *words) {
  const struct log_entry *end = log_wait(log, HWS_EVENT_CLOSE, id);
  assert_non_null(end);
  assert_int_equal(end->event.error, HWS_ERR_TIMEOUT);
  assert_non_null(strstr(end->words, words));
  poll_on(log);
  assert_int_equal(log_count(log, HWS_EVENT_CLOSE, 0), 1);
}

/* Silence that nobody could have broken is none of the peer's: it is pinged, once, and if it answers all goes on. */
static void test_leap(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_id id = open_pair(&log, &peer);
  int i;
  (void)state;
  assert_true(id > 0);
  for (i = 0; i < 3; i++) {
    clock_advance(HOURS);
    poll_on(&log);
    assert_true(answers_ping(&peer));
    assert_true(answers(&peer, "after the leap"));
  }
  assert_int_equal(log_count(&log, HWS_EVENT_CLOSE, 0), 0);
  close_log(&log, &peer);
}

static void test_leap_behind_a_ping(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_id id = open_pair(&log, &peer);
  (void)state;
  clock_advance(HOURS);
  poll_on(&log);
  clock_advance(HOURS);
  check_timeout(&log, id, "ping_timeout");
  close_log(&log, &peer);
}

/* The answer has come before the leap, and lies in the kernel: it counts. */
static void test_leap_over_an_answer(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_id id = open_pair(&log, &peer);
  (void)state;
  assert_true(id > 0);
  clock_advance(HOURS);
  poll_on(&log);
  assert_true(answers_ping(&peer));
  clock_advance(HOURS);
  poll_on(&log);
  assert_int_equal(log_count(&log, HWS_EVENT_CLOSE, 0), 0);
  close_log(&log, &peer);
}

static void test_leap_in_a_handshake(void **state) {
  struct log log;
  struct raw_peer peer;
  struct raw_peer half;
  int port;
  (void)state;
  open_log(&log, NULL);
  log_listen(&log, NULL, &port);
  assert_true(log_join(&log, port, &peer, NULL) > 0);
  raw_peer_init(&half, raw_connect(port), 1, log_pump, &log);
  assert_int_equal(raw_write_text(&half, "GET / HT"), 0);
  poll_on(&log);
  clock_advance(HOURS);
  poll_on(&log);
  assert_int_equal(hws_manager_stat(log.manager, "connections"), 1);
  assert_int_equal(hws_manager_stat(log.manager, "handshakes_failed"), 1);
  while (raw_read_more(&half) > 0) {
  }
  assert_true(half.ended || half.error != 0);
  raw_peer_close(&half);
  close_log(&log, &peer);
}

static void test_leap_in_a_close(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_id id = open_pair(&log, &peer);
  (void)state;
  assert_int_equal(hws_manager_close(log.manager, id, 1000, NULL), HWS_OK);
  poll_on(&log);
  clock_advance(HOURS);
  check_timeout(&log, id, "close_timeout");
  close_log(&log, &peer);
}

/* Nothing was said for hours, whoever slept: that is what idle_timeout is about. Pings are no messages. */
static void test_leap_while_idle(void **state) {
  enum { IDLE = 60000 };
  struct log log;
  struct raw_peer peer;
  hws_options *options = log_options("idle_timeout", IDLE, NULL);
  const struct log_entry *end;
  hws_id id;
  int port;
  (void)state;
  open_log(&log, options);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  clock_advance(IDLE / 2);
  poll_on(&log);
  assert_true(answers_ping(&peer));
  assert_true(answers(&peer, "a message"));
  clock_advance(IDLE - 1);
  poll_on(&log);
  assert_true(answers_ping(&peer));
  poll_on(&log);
  assert_int_equal(log_count(&log, HWS_EVENT_CLOSE, id), 0);
  clock_advance(HOURS);
  poll_on(&log);
  assert_true(raw_expect_close(&peer, 1001));
  assert_int_equal(raw_write_close(&peer, 1001, ""), 0);
  end = log_wait(&log, HWS_EVENT_CLOSE, id);
  assert_non_null(end);
  assert_int_equal(end->event.error, HWS_ERR_TIMEOUT);
  assert_non_null(strstr(end->words, "idle_timeout"));
  poll_on(&log);
  assert_int_equal(log_count(&log, HWS_EVENT_CLOSE, 0), 1);
  hws_options_free(options);
  close_log(&log, &peer);
}

static void test_leap_in_a_drain(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_options *options = log_options("close_timeout", -1, NULL);
  const struct log_entry *end;
  hws_id id;
  int port;
  (void)state;
  open_log(&log, options);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  assert_int_equal(hws_manager_drain(log.manager, 60000), HWS_OK);
  poll_on(&log);
  assert_int_equal(log_count(&log, HWS_EVENT_CLOSE, id), 0);
  clock_advance(HOURS);
  end = log_wait(&log, HWS_EVENT_CLOSE, id);
  assert_non_null(end);
  assert_int_equal(end->event.error, HWS_ERR_TIMEOUT);
  poll_on(&log);
  assert_int_equal(log_count(&log, HWS_EVENT_CLOSE, 0), 2); /* the listener's too */
  hws_options_free(options);
  close_log(&log, &peer);
}

/* A wait for an hour is one call of the kernel, and a leap costs a few more: no storm. */
static void test_no_storm(void **state) {
  struct log log;
  struct raw_peer peer;
  int64_t before;
  int i;
  (void)state;
  assert_true(open_pair(&log, &peer) > 0);
  poll_on(&log);
  before = clock_now();
  calls_arm(-1, 0);
  assert_int_equal(log_poll(&log, 29000), 0);
  assert_int_equal(clock_now() - before, 29000);
  assert_in_range(calls_count(), 1, 3);
  for (i = 0; i < 10; i++) {
    clock_advance(HOURS);
    calls_arm(-1, 0);
    poll_on(&log);
    assert_in_range(calls_count(), 20, 30);
    assert_true(answers_ping(&peer));
    poll_on(&log);
  }
  close_log(&log, &peer);
}

/* Nothing but deadlines needs a clock that goes. */
static void test_standing_still(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_id id = open_pair(&log, &peer);
  const struct log_entry *end;
  int i;
  (void)state;
  for (i = 0; i < 300; i++)
    assert_true(answers(&peer, "a message at one and the same time"));
  assert_int_equal(raw_write_close(&peer, 1000, ""), 0);
  assert_true(raw_expect_close(&peer, 1000));
  raw_peer_end(&peer);
  end = log_wait(&log, HWS_EVENT_CLOSE, id);
  assert_non_null(end);
  assert_int_equal(end->event.flags, HWS_BY_PEER | HWS_CLEAN);
  close_log(&log, &peer);
}

/* A connect to a wss:// server at some date, which the server ends: the error of its CLOSE, whose words are as told. */
static int32_t error_at(struct log *log, int64_t seconds, const char *words) {
  size_t closes = log_count(log, HWS_EVENT_CLOSE, 0);
  struct raw_peer server;
  const struct log_entry *end;
  clock_set_wall(seconds);
  log_dial(log, NULL, &server);
  raw_peer_close(&server);
  ERR_clear_error(); /* the raw peer's */
  if (!log_wait_count(log, HWS_EVENT_CLOSE, 0, closes + 1)) return 0;
  end = &log->entries[log->count - 1];
  if (strstr(end->words, words) == NULL) fprintf(stderr, "%s\n", end->words);
  return strstr(end->words, words) != NULL ? end->event.error : 0;
}

static void test_wall_clock(void **state) {
  static const int64_t kDates[] = {3600, -3600, YEARS, -YEARS, 0};
  struct log log;
  struct raw_peer peer;
  int port;
  size_t i;
  (void)state;
  setenv("HAWSER_TEST_TLS", "1", 1);
  open_log(&log, NULL);
  log_listen(&log, NULL, &port);
  assert_int_equal(error_at(&log, 0, ""), HWS_ERR_EOF);
  assert_true(log_join(&log, port, &peer, NULL) > 0);
  for (i = 0; i < sizeof kDates / sizeof *kDates; i++) {
    clock_set_wall(kDates[i]);
    poll_on(&log);
    assert_true(answers(&peer, "at another date"));
  }
  assert_int_equal(error_at(&log, YEARS, "certificate has expired"), HWS_ERR_TLS);
  assert_int_equal(error_at(&log, -YEARS, "certificate is not yet valid"), HWS_ERR_TLS);
  assert_int_equal(error_at(&log, 0, ""), HWS_ERR_EOF);
  assert_true(answers(&peer, "and still"));
  close_log(&log, &peer);
  unsetenv("HAWSER_TEST_TLS");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_leap),
      cmocka_unit_test(test_leap_behind_a_ping),
      cmocka_unit_test(test_leap_over_an_answer),
      cmocka_unit_test(test_leap_in_a_handshake),
      cmocka_unit_test(test_leap_in_a_close),
      cmocka_unit_test(test_leap_while_idle),
      cmocka_unit_test(test_leap_in_a_drain),
      cmocka_unit_test(test_no_storm),
      cmocka_unit_test(test_standing_still),
      cmocka_unit_test(test_wall_clock),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
