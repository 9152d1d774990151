/* Pings of the application, of the peer, and those that keep a connection alive. */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/log.h"

static void test_ours(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_options *options = log_options("pongs", 1, NULL);
  const struct log_entry *entry;
  char payload[126] = "0123456789";
  hws_id id;
  int port;
  (void)state;
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  assert_int_equal(hws_manager_ping(log.manager, id, payload, 126), HWS_ERR_TOO_LARGE);
  assert_int_equal(hws_manager_ping(log.manager, id, payload, 125), HWS_OK);
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_PING, payload, 125));
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_PONG, payload, 125), 0);
  entry = log_wait(&log, HWS_EVENT_PONG, id);
  assert_non_null(entry);
  assert_int_equal(entry->event.size, 125);
  assert_memory_equal(entry->data, payload, 125);
  /* RFC 6455 5.5.3: an unsolicited pong answers nothing. */
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_PONG, "nobody asked", 12), 0);
  log_settle(&log);
  assert_int_equal(log_count(&log, HWS_EVENT_PONG, id), 1);
  assert_int_equal(log.count, 2);
  raw_peer_close(&peer);
  log_close(&log);
  hws_options_free(options);
}

static void test_without_the_option(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_id id;
  int port;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  assert_int_equal(hws_manager_ping(log.manager, id, NULL, 0), HWS_OK);
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_PING, "", 0));
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_PONG, "", 0), 0);
  log_settle(&log);
  assert_int_equal(log_count(&log, HWS_EVENT_PONG, 0), 0);
  raw_peer_close(&peer);
  log_close(&log);
}

static void test_theirs(void **state) {
  struct log log;
  struct raw_peer peer;
  char payload[125];
  hws_id id;
  size_t size;
  (void)state;
  memset(payload, 'p', sizeof payload);
  log_open(&log, NULL);
  id = log_dial(&log, NULL, &peer);
  for (size = 0; size <= 125; size++) {
    assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_PING, payload, size), 0);
    assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_PONG, payload, size));
  }
  /* RFC 6455 5.5.1: nothing may follow our Close. */
  assert_int_equal(hws_manager_close(log.manager, id, 1000, NULL), HWS_OK);
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_PING, "late", 4), 0);
  assert_true(raw_expect_close(&peer, 1000));
  assert_int_equal(raw_write_close(&peer, 1000, ""), 0);
  log_settle(&log);
  assert_int_equal(peer.size, 0);
  raw_peer_close(&peer);
  assert_non_null(log_wait(&log, HWS_EVENT_CLOSE, id));
  assert_int_equal(log_count(&log, HWS_EVENT_PONG, 0), 0);
  log_close(&log);
}

static void test_keep_alive(void **state) {
  struct log log;
  struct raw_peer peer;
  struct raw_frame frame;
  hws_options *options = log_options("ping_interval", 20, "ping_timeout", 200, "pongs", 1, NULL);
  const struct log_entry *end;
  uint8_t payload[125];
  size_t size;
  hws_id id;
  int port;
  int i;
  (void)state;
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  for (i = 0; i < 5; i++) {
    assert_int_equal(raw_read_frame(&peer, &frame), 1);
    assert_int_equal(frame.first, RAW_FIN | RAW_PING);
    size = frame.size;
    memcpy(payload, frame.payload, size);
    /* Any byte answers. */
    assert_int_equal(raw_write_frame(&peer, RAW_FIN | (i % 2 != 0 ? RAW_PONG : RAW_PING), payload, size), 0);
    if (i % 2 == 0) assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_PONG, payload, size));
  }
  assert_int_equal(log_count(&log, HWS_EVENT_PONG, 0), 0); /* keep-alive pongs never show */
  end = log_wait(&log, HWS_EVENT_CLOSE, id);               /* and no answer ends it */
  assert_non_null(end);
  assert_int_equal(end->event.error, HWS_ERR_TIMEOUT);
  assert_int_equal(end->event.code, 1006);
  assert_non_null(strstr(end->words, "ping_timeout"));
  raw_peer_close(&peer);
  log_close(&log);
  hws_options_free(options);
}

/* The next ping comes after ping_interval, however long ping_timeout would have waited for the answer to the last one.
 */
static void test_long_timeout(void **state) {
  struct log log;
  struct raw_peer peer;
  struct raw_frame frame;
  hws_options *options = log_options("ping_interval", 20, "ping_timeout", 2 * RAW_PATIENCE_MS, NULL);
  int port;
  int i;
  (void)state;
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  assert_true(log_join(&log, port, &peer, NULL) > 0);
  for (i = 0; i < 5; i++) {
    assert_int_equal(raw_read_frame(&peer, &frame), 1);
    assert_int_equal(frame.first, RAW_FIN | RAW_PING);
    assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_PONG, frame.payload, frame.size), 0);
  }
  raw_peer_close(&peer);
  log_close(&log);
  hws_options_free(options);
}

/* The clock stands still while reading is paused. */
static void test_paused_clock(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_options *options = log_options("ping_interval", 10, "ping_timeout", 10, NULL);
  hws_id id;
  int port;
  (void)state;
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  raw_peer_init(&peer, raw_connect(port), 1, log_pump, &log);
  assert_int_equal(raw_write_request(&peer, "/", NULL), 0);
  while (log.count == 0)
    log_poll(&log, 10);
  id = log.entries[0].event.connection;
  assert_int_equal(hws_manager_pause(log.manager, id), HWS_OK);
  log_settle(&log);
  log_settle(&log);
  assert_int_equal(log_count(&log, HWS_EVENT_CLOSE, id), 0);
  assert_int_equal(hws_manager_resume(log.manager, id), HWS_OK);
  assert_non_null(log_wait(&log, HWS_EVENT_CLOSE, id));
  raw_peer_close(&peer);
  log_close(&log);
  hws_options_free(options);
}

/* A late poll does not take a peer for silent whose answer has come, though the batch has no room to read it:
 * max_events is used up by the messages of another one. */
static void test_late_poll(void **state) {
  enum { MESSAGES = 20 };
  struct log log;
  struct raw_peer busy, silent;
  struct raw_frame frame;
  hws_options *options = log_options("max_events", 1, NULL);
  hws_options *impatient = log_options("ping_interval", 20, "ping_timeout", 200, NULL);
  hws_id busy_id;
  int busy_port, silent_port;
  int i;
  (void)state;
  log_open(&log, options);
  log_listen(&log, NULL, &busy_port);
  log_listen(&log, impatient, &silent_port);
  busy_id = log_join(&log, busy_port, &busy, NULL);
  assert_true(log_join(&log, silent_port, &silent, NULL) > 0);
  assert_int_equal(raw_read_frame(&silent, &frame), 1);
  assert_int_equal(frame.first, RAW_FIN | RAW_PING);
  for (i = 0; i < MESSAGES; i++)
    assert_int_equal(raw_write_frame(&busy, RAW_FIN | RAW_TEXT, "busy", 4), 0);
  assert_int_equal(raw_write_frame(&silent, RAW_FIN | RAW_PONG, NULL, 0), 0);
  usleep(250000); /* no poll until the answer is due */
  assert_true(log_wait_count(&log, HWS_EVENT_MESSAGE, busy_id, MESSAGES));
  assert_int_equal(raw_read_frame(&silent, &frame), 1); /* it was heard: it is pinged again */
  assert_int_equal(frame.first, RAW_FIN | RAW_PING);
  raw_peer_close(&busy);
  raw_peer_close(&silent);
  log_close(&log);
  hws_options_free(options);
  hws_options_free(impatient);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ours),       cmocka_unit_test(test_without_the_option), cmocka_unit_test(test_theirs),
      cmocka_unit_test(test_keep_alive), cmocka_unit_test(test_long_timeout),       cmocka_unit_test(test_paused_clock),
      cmocka_unit_test(test_late_poll),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
