/* One message to many. */
#include <stdlib.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/log.h"
#include "support/raw_tls.h"

enum { PEERS = 10 };

static uint8_t chunk[100000];

static void test_to_all_but_one(void **state) {
  struct log log;
  struct raw_peer peers[PEERS];
  struct raw_peer other;
  struct raw_peer pending;
  hws_id ids[PEERS];
  hws_id listener;
  int port;
  int other_port;
  int i;
  (void)state;
  log_open(&log, NULL);
  listener = log_listen(&log, NULL, &port);
  assert_int_equal(hws_manager_broadcast(log.manager, listener, 0, HWS_TEXT, "nobody", 6), 0);
  log_listen(&log, NULL, &other_port);
  assert_true(log_join(&log, other_port, &other, NULL) > 0);
  raw_peer_init(&pending, raw_connect(port), 1, log_pump, &log); /* not open: gets nothing */
  for (i = 0; i < PEERS; i++) {
    ids[i] = log_join(&log, port, &peers[i], NULL);
    assert_true(ids[i] > 0);
  }
  assert_int_equal(hws_manager_broadcast(log.manager, listener, ids[3], HWS_TEXT, "to all but one", 14), PEERS - 1);
  assert_int_equal(hws_manager_broadcast(log.manager, listener, 0, HWS_BINARY, chunk, sizeof chunk), PEERS);
  assert_int_equal(hws_manager_broadcast(log.manager, listener, 0, HWS_BINARY, "", 0), PEERS);
  assert_int_equal(hws_manager_send(log.manager, ids[0], HWS_TEXT, "own", 3), HWS_OK);
  for (i = 0; i < PEERS; i++) {
    if (i != 3) assert_true(raw_expect_frame(&peers[i], RAW_FIN | RAW_TEXT, "to all but one", 14));
    assert_true(raw_expect_frame(&peers[i], RAW_FIN | RAW_BINARY, chunk, sizeof chunk));
    assert_true(raw_expect_frame(&peers[i], RAW_FIN | RAW_BINARY, "", 0));
  }
  assert_true(raw_expect_frame(&peers[0], RAW_FIN | RAW_TEXT, "own", 3));
  assert_int_equal(hws_manager_broadcast(log.manager, listener, 0, HWS_TEXT, "\xff", 1), HWS_ERR_UTF8);
  assert_int_equal(hws_manager_broadcast(log.manager, listener, 0, 3, "", 0), HWS_ERR_OPCODE);
  assert_int_equal(hws_manager_broadcast(log.manager, ids[0], 0, HWS_TEXT, "", 0), HWS_ERR_STALE);
  if (!raw_tls_wanted()) assert_int_equal(hws_manager_stat(log.manager, "memory"), 0);
  for (i = 0; i < PEERS; i++)
    raw_peer_close(&peers[i]);
  raw_peer_close(&other);
  raw_peer_close(&pending);
  log_close(&log);
}

/* Inside an unfinished message a broadcast waits for its end. */
static void test_inside_a_message(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_id listener;
  hws_id id;
  int port;
  (void)state;
  log_open(&log, NULL);
  listener = log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  assert_int_equal(hws_manager_send_part(log.manager, id, HWS_TEXT, "one ", 4, 0), HWS_OK);
  assert_int_equal(hws_manager_broadcast(log.manager, listener, 0, HWS_TEXT, "all", 3), 1);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_TEXT, "no", 2), HWS_ERR_STATE);
  assert_int_equal(hws_manager_send_part(log.manager, id, HWS_TEXT, "two", 3, 1), HWS_OK);
  assert_true(raw_expect_frame(&peer, RAW_TEXT, "one ", 4));
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_CONTINUATION, "two", 3));
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_TEXT, "all", 3));
  raw_peer_close(&peer);
  log_close(&log);
}

/* Broadcasts until nobody but the reader accepts any more, though the kernel may go on taking for a while. Counts in
 * log->number. */
static void broadcast_until_full(struct log *log, hws_id listener, struct raw_peer *reader) {
  int in_a_row = 0;
  while (in_a_row < 20) {
    int32_t accepted = hws_manager_broadcast(log->manager, listener, 0, HWS_BINARY, chunk, sizeof chunk);
    assert_true(accepted >= 1);
    assert_true(raw_expect_frame(reader, RAW_FIN | RAW_BINARY, chunk, sizeof chunk));
    in_a_row = accepted == 1 ? in_a_row + 1 : 0;
    log->number++;
    log_poll(log, 1);
  }
}

/* One whose queue is full is closed with 1013. */
static void test_slow_reader_is_closed(void **state) {
  struct log log;
  struct raw_peer slow;
  struct raw_peer reader;
  struct raw_frame frame;
  hws_options *options = log_options("max_send_queue", 300000, NULL);
  const struct log_entry *end;
  hws_id listener;
  hws_id id;
  int port;
  (void)state;
  log_open(&log, options);
  listener = log_listen(&log, NULL, &port);
  id = log_join(&log, port, &slow, NULL);
  assert_true(log_join(&log, port, &reader, NULL) > 0);
  broadcast_until_full(&log, listener, &reader);
  do {
    assert_int_equal(raw_read_frame(&slow, &frame), 1);
  } while (frame.first == (RAW_FIN | RAW_BINARY));
  assert_int_equal(frame.first, RAW_FIN | RAW_CLOSE);
  assert_int_equal(frame.payload[0] << 8 | frame.payload[1], 1013);
  assert_int_equal(raw_write_close(&slow, 1013, ""), 0);
  end = log_wait(&log, HWS_EVENT_CLOSE, id);
  assert_non_null(end);
  assert_int_equal(end->event.code, 1013);
  assert_int_equal(end->event.flags, HWS_CLEAN);
  assert_int_equal(log_count(&log, HWS_EVENT_CLOSE, 0), 1);
  raw_peer_close(&slow);
  raw_peer_close(&reader);
  log_close(&log);
  hws_options_free(options);
}

/* Or skipped: the DRAINs tell how many it missed. */
static void test_slow_reader_is_skipped(void **state) {
  struct log log;
  struct raw_peer slow;
  struct raw_peer reader;
  hws_options *options = log_options("max_send_queue", 300000, NULL);
  hws_id listener;
  hws_id id;
  int64_t missed = 0;
  int got = 0;
  int port;
  size_t i;
  (void)state;
  assert_int_equal(hws_options_set_text(options, "slow_reader", "skip"), HWS_OK);
  log_open(&log, options);
  listener = log_listen(&log, NULL, &port);
  id = log_join(&log, port, &slow, NULL);
  assert_true(log_join(&log, port, &reader, NULL) > 0);
  broadcast_until_full(&log, listener, &reader);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_TEXT, "x", 1), HWS_ERR_WOULD_BLOCK);
  for (;;) {
    struct raw_frame frame;
    assert_int_equal(raw_read_frame(&slow, &frame), 1);
    if (frame.first == (RAW_FIN | RAW_TEXT)) break;
    assert_int_equal(frame.size, sizeof chunk);
    got++;
    if (hws_manager_queued(log.manager, id) == 0) hws_manager_send(log.manager, id, HWS_TEXT, "end", 3);
  }
  log_settle(&log);
  for (i = 0; i < log.count; i++) {
    if (log.entries[i].event.kind == HWS_EVENT_DRAIN) missed += log.entries[i].event.code;
  }
  assert_true(missed >= 20);
  assert_true(got > 0);
  assert_int_equal(log_count(&log, HWS_EVENT_CLOSE, 0), 0);
  assert_int_equal(got + missed, log.number);
  raw_peer_close(&slow);
  raw_peer_close(&reader);
  log_close(&log);
  hws_options_free(options);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_to_all_but_one),
      cmocka_unit_test(test_inside_a_message),
      cmocka_unit_test(test_slow_reader_is_closed),
      cmocka_unit_test(test_slow_reader_is_skipped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
