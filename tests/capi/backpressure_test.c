/* Queues that fill up: WOULD_BLOCK, DRAIN, pause and resume, pause_above, and peers that do not read. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "support/cmocka.h"
#include "support/log.h"

enum { CHUNK = 50000 };
static uint8_t chunk[CHUNK];

/* Sends until the queue is full and stays so, because the kernel takes no more either; returns how many messages were
 * accepted. Each time that the kernel did take more there was one DRAIN: `drains` counts them. */
static int fill(struct log *log, hws_id id, size_t *drains) {
  int accepted = 0;
  for (;;) {
    while (hws_manager_send(log->manager, id, HWS_BINARY, chunk, CHUNK) == HWS_OK)
      accepted++;
    log_settle(log);
    if (log_count(log, HWS_EVENT_DRAIN, id) == *drains) return accepted;
    *drains += 1;
  }
}

/* Reads frames of the chunk; returns how many came whole. */
static int read_chunks(struct raw_peer *peer, int count) {
  int i;
  for (i = 0; i < count; i++) {
    if (!raw_expect_frame(peer, RAW_FIN | RAW_BINARY, chunk, CHUNK)) return i;
  }
  return count;
}

static void test_would_block_and_drain(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_options *options = log_options("max_send_queue", 400000, NULL);
  hws_id id;
  int64_t rest;
  int port;
  int accepted;
  int round;
  size_t drains = 0;
  (void)state;
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  rest = hws_manager_stat(log.manager, "memory");
  for (round = 1; round <= 3; round++) {
    accepted = fill(&log, id, &drains);
    assert_true(accepted > 0);
    /* Whole or not at all: the last accepted message may have gone over the limit. */
    assert_in_range(hws_manager_queued(log.manager, id), 0, 400000 + CHUNK + 14);
    assert_int_equal(read_chunks(&peer, accepted), accepted);
    assert_true(log_wait_count(&log, HWS_EVENT_DRAIN, id, ++drains));
    assert_true(hws_manager_queued(log.manager, id) <= 100000);
    log_settle(&log);
    assert_int_equal(log_count(&log, HWS_EVENT_DRAIN, id), drains);
    assert_int_equal(hws_manager_queued(log.manager, id), 0);
  }
  assert_true(hws_manager_stat(log.manager, "sends_refused") >= 3);
  assert_int_equal(hws_manager_stat(log.manager, "memory"), rest);
  raw_peer_close(&peer);
  log_close(&log);
  hws_options_free(options);
}

/* No refusal, no DRAIN. */
static void test_no_drain_without_refusal(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_id id;
  int port;
  int i;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  for (i = 0; i < 100; i++)
    assert_int_equal(hws_manager_send(log.manager, id, HWS_BINARY, chunk, CHUNK), HWS_OK);
  assert_int_equal(read_chunks(&peer, 100), 100);
  log_settle(&log);
  assert_int_equal(log_count(&log, HWS_EVENT_DRAIN, id), 0);
  raw_peer_close(&peer);
  log_close(&log);
}

/* A message may be larger than the queue, if the queue has room before it. */
static void test_one_large_message(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_options *options = log_options("max_send_queue", 1, NULL);
  size_t size = 20000000;
  uint8_t *large = calloc(size, 1);
  hws_id id;
  int port;
  (void)state;
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_BINARY, large, size), HWS_OK);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_BINARY, "", 0), HWS_ERR_WOULD_BLOCK);
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_BINARY, large, size));
  assert_non_null(log_wait(&log, HWS_EVENT_DRAIN, id));
  assert_int_equal(hws_manager_send(log.manager, id, HWS_BINARY, "", 0), HWS_OK);
  raw_peer_close(&peer);
  log_close(&log);
  free(large);
  hws_options_free(options);
}

/* Everything that was accepted goes out before our Close. */
static void test_close_behind_a_full_queue(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_options *options = log_options("max_send_queue", 400000, NULL);
  hws_id id;
  int port;
  int accepted;
  size_t drains = 0;
  const struct log_entry *end;
  (void)state;
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  accepted = fill(&log, id, &drains);
  assert_int_equal(hws_manager_close(log.manager, id, 1000, NULL), HWS_OK);
  assert_int_equal(read_chunks(&peer, accepted), accepted);
  assert_true(raw_expect_close(&peer, 1000));
  assert_int_equal(raw_write_close(&peer, 1000, ""), 0);
  end = log_wait(&log, HWS_EVENT_CLOSE, id);
  assert_non_null(end);
  assert_int_equal(end->event.flags, HWS_CLEAN);
  assert_null(strstr(end->words, "not sent"));
  log_settle(&log);
  assert_true(log_count(&log, HWS_EVENT_DRAIN, id) <= drains + 1);
  raw_peer_close(&peer);
  log_close(&log);
  hws_options_free(options);
}

static void test_write_stall(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_options *options = log_options("max_send_queue", 400000, "write_stall_timeout", 60, NULL);
  const struct log_entry *end;
  hws_id id;
  int port;
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  (void)state;
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  /* Until the kernel takes no more, and the library finds that out. */
  while (log_count(&log, HWS_EVENT_CLOSE, id) == 0 && raw_now_ms() < until) {
    while (hws_manager_send(log.manager, id, HWS_BINARY, chunk, CHUNK) == HWS_OK) {
    }
    log_poll(&log, 10);
  }
  end = log_wait(&log, HWS_EVENT_CLOSE, id);
  assert_non_null(end);
  assert_int_equal(end->event.error, HWS_ERR_TIMEOUT);
  assert_non_null(strstr(end->words, "write_stall_timeout"));
  assert_non_null(strstr(end->words, "bytes were not sent"));
  log_settle(&log);
  assert_int_equal(log_count(&log, HWS_EVENT_CLOSE, id), 1);
  assert_int_equal(hws_manager_stat(log.manager, "memory"), 0);
  raw_peer_close(&peer);
  log_close(&log);
  hws_options_free(options);
}

static void test_pause_and_resume(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_id id;
  int port;
  int i;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  assert_int_equal(hws_manager_pause(log.manager, id), HWS_OK);
  assert_int_equal(hws_manager_pause(log.manager, id), HWS_OK);
  for (i = 0; i < 10; i++)
    assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_BINARY, &i, sizeof i), 0);
  log_settle(&log);
  assert_int_equal(log_count(&log, HWS_EVENT_MESSAGE, id), 0);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_TEXT, "still sends", 11), HWS_OK);
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_TEXT, "still sends", 11));
  assert_int_equal(hws_manager_resume(log.manager, id), HWS_OK);
  for (i = 0; i < 10; i++) {
    const struct log_entry *entry = log_wait(&log, HWS_EVENT_MESSAGE, id);
    assert_non_null(entry);
    assert_memory_equal(entry->data, &i, sizeof i);
  }
  raw_peer_close(&peer);
  log_close(&log);
}

static void pause_at_first(struct log *log, const hws_event *event) {
  if (event->kind == HWS_EVENT_MESSAGE && log->number++ == 0) hws_manager_pause(log->manager, event->connection);
}

/* Paused while the library holds bytes that it has read already: they come after resume, in order. */
static void test_pause_with_bytes_in_hand(void **state) {
  enum { COUNT = 1000 };
  struct log log;
  struct raw_peer peer;
  hws_options *options = log_options("max_events", 10, NULL);
  static uint8_t bytes[COUNT * 20];
  size_t total = 0;
  size_t seen;
  hws_id id;
  int64_t rest;
  int port;
  int i;
  (void)state;
  log_open(&log, options);
  log.each = pause_at_first;
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  rest = hws_manager_stat(log.manager, "memory");
  for (i = 0; i < COUNT; i++)
    total += raw_make_frame(bytes + total, 1, RAW_FIN | RAW_BINARY, &i, sizeof i);
  assert_int_equal(raw_write(&peer, bytes, total), 0);
  assert_true(log_wait_count(&log, HWS_EVENT_MESSAGE, id, 1));
  log_settle(&log);
  seen = log_count(&log, HWS_EVENT_MESSAGE, id);
  assert_in_range(seen, 1, 10);
  /* On and off in between. */
  for (i = 0; i < 5; i++) {
    assert_int_equal(hws_manager_resume(log.manager, id), HWS_OK);
    assert_true(log_wait_count(&log, HWS_EVENT_MESSAGE, id, ++seen));
    seen = log_count(&log, HWS_EVENT_MESSAGE, id);
    assert_int_equal(hws_manager_pause(log.manager, id), HWS_OK);
    log_settle(&log);
    assert_in_range(log_count(&log, HWS_EVENT_MESSAGE, id), seen, seen);
  }
  assert_int_equal(hws_manager_resume(log.manager, id), HWS_OK);
  for (i = 0; i < COUNT; i++) {
    const struct log_entry *entry = log_wait(&log, HWS_EVENT_MESSAGE, id);
    assert_non_null(entry);
    assert_memory_equal(entry->data, &i, sizeof i);
  }
  log_poll(&log, 0); /* the last batch is over */
  assert_int_equal(hws_manager_stat(log.manager, "memory"), rest);
  raw_peer_close(&peer);
  log_close(&log);
  hws_options_free(options);
}

static void test_paused_listener(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_id listener;
  int port;
  (void)state;
  log_open(&log, NULL);
  listener = log_listen(&log, NULL, &port);
  assert_int_equal(hws_manager_pause(log.manager, listener), HWS_OK);
  raw_peer_init(&peer, raw_connect(port), 1, log_pump, &log);
  log_settle(&log);
  assert_int_equal(hws_manager_stat(log.manager, "accepted"), 0);
  assert_int_equal(hws_manager_resume(log.manager, listener), HWS_OK);
  assert_int_equal(raw_write_request(&peer, "/", NULL), 0);
  assert_non_null(log_wait(&log, HWS_EVENT_OPEN, 0));
  raw_peer_close(&peer);
  log_close(&log);
}

static void echo(struct log *log, const hws_event *event) {
  if (event->kind != HWS_EVENT_MESSAGE) return;
  if (hws_manager_send(log->manager, event->connection, event->opcode, event->data, (size_t)event->size) != HWS_OK)
    log->number++;
}

/* With pause_above an echo server holds no more than that, and what one batch brings, for a peer that does not read. */
static void test_pause_above(void **state) {
  enum { COUNT = 400 };
  struct log log;
  struct raw_peer peer;
  hws_options *options = log_options("pause_above", 200000, "max_batch_bytes", 100000, NULL);
  static uint8_t frame[CHUNK + 14];
  size_t size = raw_make_frame(frame, 1, RAW_FIN | RAW_BINARY, chunk, CHUNK);
  size_t begun = 0;
  hws_id id;
  int port;
  int written = 0;
  int read = 0;
  int64_t most = 0;
  (void)state;
  log_open(&log, options);
  log.each = echo;
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  while (read < COUNT) {
    /* Writes as much as goes, and reads only when nothing goes any more. */
    ssize_t sent = written < COUNT ? raw_write_some(&peer, frame + begun, size - begun) : -1;
    if (sent > 0) {
      begun += (size_t)sent;
      if (begun == size) {
        begun = 0;
        written++;
      }
      log_poll(&log, 0);
    } else {
      log_settle(&log);
      if (hws_manager_queued(log.manager, id) > most) most = hws_manager_queued(log.manager, id);
      assert_int_equal(read_chunks(&peer, 20), 20);
      read += 20;
    }
  }
  assert_int_equal(log.number, 0);
  assert_in_range(most, 1, 200000 + 700000); /* a batch of the receive arena may come on top */
  assert_int_equal(log_count(&log, HWS_EVENT_MESSAGE, id), COUNT);
  raw_peer_close(&peer);
  log_close(&log);
  hws_options_free(options);
}

/* A peer that sends pings and reads no pongs is read no further, and goes on when it reads. */
static void test_unread_pongs(void **state) {
  enum { PINGS = 300000 };
  struct log log;
  struct raw_peer peer;
  static uint8_t bytes[PINGS * 16];
  uint8_t payload[10] = "pingpingp";
  size_t total = 0;
  size_t written = 0;
  int port;
  int i;
  int stuck = 0;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  assert_true(log_join(&log, port, &peer, NULL) > 0);
  for (i = 0; i < PINGS; i++)
    total += raw_make_frame(bytes + total, 1, RAW_FIN | RAW_PING, payload, sizeof payload);
  for (;;) {
    ssize_t sent = raw_write_some(&peer, bytes + written, total - written);
    if (sent > 0) {
      written += (size_t)sent;
      stuck = 0;
    } else if (++stuck > 20) {
      break;
    }
    if (written == total) break;
    log_poll(&log, 1);
    /* The limit is on the pongs that wait; the bytes read and not parsed come on top. */
    assert_true(hws_manager_stat(log.manager, "memory") < 1000000);
  }
  for (i = 0; i < PINGS; i++) {
    if (written < total) {
      ssize_t sent = raw_write_some(&peer, bytes + written, total - written);
      if (sent > 0) written += (size_t)sent;
    }
    assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_PONG, payload, sizeof payload));
  }
  assert_int_equal(written, total);
  raw_peer_close(&peer);
  log_close(&log);
}

/* The memory budget ends a sender's connection or refuses the send, and everything is given back. */
/* A peer that reads its pongs is heard, though there is always something in the queue. */
static void test_pongs_in_a_stream(void **state) {
  enum { QUEUE = 8000000 /* more than the kernel takes at once */, PINGS = 1000, MOST_FRAMES = 5000 };
  static const char kPing[125];
  struct log log;
  struct raw_peer peer;
  struct raw_frame frame;
  hws_options *options = log_options("max_send_queue", QUEUE, NULL);
  hws_id id;
  size_t drains = 0;
  int port;
  int i;
  (void)state;
  log_open(&log, options);
  hws_options_free(options);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  fill(&log, id, &drains);
  for (i = 0; i < PINGS; i++)
    assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_PING, kPing, sizeof kPing), 0);
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_TEXT, "heard", 5), 0);
  log_settle(&log);
  assert_int_equal(log_count(&log, HWS_EVENT_MESSAGE, id), 0); /* 64 KiB of pongs wait */
  for (i = 0; i < MOST_FRAMES && log_count(&log, HWS_EVENT_MESSAGE, id) == 0; i++) {
    assert_int_equal(raw_read_frame(&peer, &frame), 1);
    while (hws_manager_send(log.manager, id, HWS_BINARY, chunk, CHUNK) == HWS_OK) {
    }
    log_poll(&log, 0);
    assert_true(hws_manager_queued(log.manager, id) > 0);
  }
  assert_int_equal(log_count(&log, HWS_EVENT_MESSAGE, id), 1);
  raw_peer_close(&peer);
  log_close(&log);
}

static void test_memory_budget(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_options *options = log_options("memory_budget", 1000000, NULL);
  hws_result result = HWS_OK;
  hws_id id;
  int64_t rest;
  int port;
  int i;
  (void)state;
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  rest = hws_manager_stat(log.manager, "memory");
  for (i = 0; i < 1000 && result == HWS_OK; i++) {
    result = hws_manager_send(log.manager, id, HWS_BINARY, chunk, CHUNK);
    assert_true(hws_manager_stat(log.manager, "memory") <= 1000000);
  }
  assert_int_equal(result, HWS_ERR_NO_MEMORY);
  /* The connection goes on: what was accepted arrives, and then there is room again. */
  assert_int_equal(read_chunks(&peer, i - 1), i - 1);
  assert_int_equal(hws_manager_stat(log.manager, "memory"), rest);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_BINARY, chunk, CHUNK), HWS_OK);
  assert_int_equal(read_chunks(&peer, 1), 1);
  raw_peer_close(&peer);
  log_close(&log);
  hws_options_free(options);
}

/* A client's large message that the budget has no room for is refused, and the connection is as good as before. */
static void test_client_over_the_budget(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_options *options = log_options("memory_budget", 500000, NULL);
  uint8_t *large = calloc(1000000, 1);
  hws_id id;
  (void)state;
  log_open(&log, options);
  id = log_dial(&log, NULL, &peer);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_BINARY, large, 1000000), HWS_ERR_NO_MEMORY);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_BINARY, "small", 5), HWS_OK);
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_BINARY, "small", 5));
  raw_peer_close(&peer);
  log_close(&log);
  free(large);
  hws_options_free(options);
}

/* What has to wait for the end of an unfinished message does not keep it from being ended, and not its DRAIN either. */
static void test_unfinished_message_with_a_full_queue(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_options *options = log_options("max_send_queue", 1000, NULL);
  hws_id listener;
  hws_id id;
  int port;
  (void)state;
  log_open(&log, options);
  listener = log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  assert_int_equal(hws_manager_send_part(log.manager, id, HWS_BINARY, chunk, 10, 0), HWS_OK);
  assert_int_equal(hws_manager_broadcast(log.manager, listener, 0, HWS_BINARY, chunk, 1200), 1);
  assert_int_equal(hws_manager_send_part(log.manager, id, HWS_BINARY, chunk, 2000, 0), HWS_OK);
  assert_int_equal(hws_manager_send_part(log.manager, id, HWS_BINARY, chunk, 5, 1), HWS_ERR_WOULD_BLOCK);
  assert_int_equal(hws_manager_ping(log.manager, id, "p", 1), HWS_ERR_WOULD_BLOCK);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_BINARY, chunk, 5), HWS_ERR_STATE);
  assert_non_null(log_wait(&log, HWS_EVENT_DRAIN, id));
  assert_int_equal(hws_manager_ping(log.manager, id, "p", 1), HWS_OK);
  assert_int_equal(hws_manager_send_part(log.manager, id, HWS_BINARY, chunk, 5, 1), HWS_OK);
  assert_true(raw_expect_frame(&peer, RAW_BINARY, chunk, 10));
  assert_true(raw_expect_frame(&peer, RAW_CONTINUATION, chunk, 2000));
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_PING, "p", 1));
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_CONTINUATION, chunk, 5));
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_BINARY, chunk, 1200));
  log_settle(&log);
  assert_int_equal(log_count(&log, HWS_EVENT_DRAIN, id), 1);
  raw_peer_close(&peer);
  log_close(&log);
  hws_options_free(options);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_would_block_and_drain),
      cmocka_unit_test(test_no_drain_without_refusal),
      cmocka_unit_test(test_one_large_message),
      cmocka_unit_test(test_close_behind_a_full_queue),
      cmocka_unit_test(test_write_stall),
      cmocka_unit_test(test_pause_and_resume),
      cmocka_unit_test(test_pause_with_bytes_in_hand),
      cmocka_unit_test(test_paused_listener),
      cmocka_unit_test(test_pause_above),
      cmocka_unit_test(test_unread_pongs),
      cmocka_unit_test(test_pongs_in_a_stream),
      cmocka_unit_test(test_memory_budget),
      cmocka_unit_test(test_client_over_the_budget),
      cmocka_unit_test(test_unfinished_message_with_a_full_queue),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
