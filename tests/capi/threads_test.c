/* Sends, closes and wakes of many threads against the polling one: order for each sender, nothing lost silently. Clean
 * under ThreadSanitizer. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/log.h"

enum { THREADS = 8, MESSAGES = 1500 };

struct shared {
  hws_manager *manager;
  hws_id id;
  int running; /* atomic */
};

struct sender {
  struct shared *shared;
  pthread_t thread;
  int number;
  int accepted;
  int refused;
  int closed;
};

struct note {
  int32_t sender;
  int32_t count;
};

/* Sends notes with its number, again when the queue is full, until all are accepted or the connection ends. */
static void *send_notes(void *with) {
  struct sender *self = with;
  struct note note;
  int tries = 0;
  note.sender = self->number;
  while (self->accepted < MESSAGES && tries++ < 100000000) {
    hws_result result;
    note.count = self->accepted;
    result = hws_manager_send(self->shared->manager, self->shared->id, HWS_BINARY, &note, sizeof note);
    if (result == HWS_OK) {
      self->accepted++;
    } else if (result == HWS_ERR_WOULD_BLOCK) {
      self->refused++;
      sched_yield();
    } else {
      self->closed = result;
      break;
    }
    if (self->accepted % 100 == 0) hws_manager_wake(self->shared->manager);
  }
  __atomic_fetch_sub(&self->shared->running, 1, __ATOMIC_SEQ_CST);
  hws_manager_wake(self->shared->manager);
  return NULL;
}

static void start(struct shared *shared, struct sender *senders) {
  int i;
  __atomic_store_n(&shared->running, THREADS, __ATOMIC_SEQ_CST);
  for (i = 0; i < THREADS; i++) {
    memset(&senders[i], 0, sizeof senders[i]);
    senders[i].shared = shared;
    senders[i].number = i;
    pthread_create(&senders[i].thread, NULL, send_notes, &senders[i]);
  }
}

static void join_all(struct sender *senders) {
  int i;
  for (i = 0; i < THREADS; i++)
    pthread_join(senders[i].thread, NULL);
}

/* Reads notes until `total` or the end; true if each sender's are in order. The counts end up in `next`. */
static int read_notes(struct raw_peer *peer, int total, int32_t *next) {
  struct raw_frame frame;
  int i;
  for (i = 0; i < total; i++) {
    struct note note;
    if (raw_read_frame(peer, &frame) != 1 || frame.first != (RAW_FIN | RAW_BINARY)) return 0;
    if (frame.size != sizeof note) return 0;
    memcpy(&note, frame.payload, sizeof note);
    if (note.sender < 0 || note.sender >= THREADS || note.count != next[note.sender]++) return 0;
  }
  return 1;
}

static void check_order(hws_options *options, int expect_refusals) {
  struct log log;
  struct raw_peer peer;
  struct shared shared;
  struct sender senders[THREADS];
  int32_t next[THREADS] = {0};
  int port;
  int i;
  int refused = 0;
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  shared.manager = log.manager;
  shared.id = log_join(&log, port, &peer, NULL);
  start(&shared, senders);
  i = read_notes(&peer, THREADS * MESSAGES, next);
  join_all(senders);
  assert_true(i);
  for (i = 0; i < THREADS; i++) {
    assert_int_equal(senders[i].accepted, MESSAGES);
    assert_int_equal(next[i], MESSAGES);
    refused += senders[i].refused;
  }
  if (expect_refusals && refused > 0) assert_true(log_wait_count(&log, HWS_EVENT_DRAIN, shared.id, 1));
  if (!expect_refusals) assert_int_equal(refused, 0);
  log_settle(&log);
  assert_true(log_count(&log, HWS_EVENT_DRAIN, 0) <= (size_t)refused);
  assert_int_equal(hws_manager_queued(log.manager, shared.id), 0);
  raw_peer_close(&peer);
  log_close(&log);
  hws_options_free(options);
}

static void test_order(void **state) {
  (void)state;
  check_order(NULL, 0);
  check_order(log_options("max_send_queue", 64, NULL), 1);
}

/* Messages of other threads wait behind an unfinished one, and come whole behind it. */
static void test_unfinished_message(void **state) {
  struct log log;
  struct raw_peer peer;
  struct shared shared;
  struct sender senders[THREADS];
  int32_t next[THREADS] = {0};
  int port;
  int i;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  shared.manager = log.manager;
  shared.id = log_join(&log, port, &peer, NULL);
  assert_int_equal(hws_manager_send_part(log.manager, shared.id, HWS_TEXT, "be", 2, 0), HWS_OK);
  start(&shared, senders);
  while (__atomic_load_n(&shared.running, __ATOMIC_SEQ_CST) > 0)
    log_poll(&log, -1);
  join_all(senders);
  assert_true(hws_manager_queued(log.manager, shared.id) > 0);
  assert_int_equal(hws_manager_send_part(log.manager, shared.id, HWS_TEXT, "gun", 3, 1), HWS_OK);
  assert_true(raw_expect_frame(&peer, RAW_TEXT, "be", 2));
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_CONTINUATION, "gun", 3));
  assert_true(read_notes(&peer, THREADS * MESSAGES, next));
  for (i = 0; i < THREADS; i++)
    assert_int_equal(next[i], MESSAGES);
  raw_peer_close(&peer);
  log_close(&log);
}

/* The polling thread closes in the midst of it: every accepted message has arrived, or the CLOSE tells what was not. */
static void check_close(int abruptly) {
  struct log log;
  struct raw_peer peer;
  struct raw_frame frame;
  struct shared shared;
  struct sender senders[THREADS];
  const struct log_entry *end = NULL;
  int64_t accepted = 0;
  int64_t arrived = 0;
  int64_t unsent = -1;
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  int port;
  int i;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  shared.manager = log.manager;
  shared.id = log_join(&log, port, &peer, NULL);
  start(&shared, senders);
  for (i = 0; i < 100; i++) {
    if (raw_read_frame(&peer, &frame) == 1) arrived++;
  }
  if (abruptly) {
    hws_manager_abort(log.manager, shared.id);
  } else {
    hws_manager_close(log.manager, shared.id, 1000, NULL);
  }
  while (raw_read_frame(&peer, &frame) == 1 && frame.first == (RAW_FIN | RAW_BINARY))
    arrived++;
  if (!abruptly) raw_write_close(&peer, 1000, "");
  while (end == NULL && raw_now_ms() < until) {
    hws_result count = log_poll(&log, 100);
    if (log_count(&log, HWS_EVENT_CLOSE, shared.id) == 0) continue;
    /* In the batch of the CLOSE: what was never sent. */
    if (count > 0) unsent = hws_manager_queued(log.manager, shared.id);
    end = log_wait(&log, HWS_EVENT_CLOSE, shared.id);
  }
  join_all(senders);
  assert_non_null(end);
  for (i = 0; i < THREADS; i++) {
    accepted += senders[i].accepted;
    if (senders[i].accepted < MESSAGES)
      assert_true(senders[i].closed == HWS_ERR_CLOSED || senders[i].closed == HWS_ERR_STALE);
  }
  if (!abruptly) {
    /* The CLOSE may have come in a poll of raw_read_frame; then only its words can be asked. */
    if (accepted > arrived) assert_non_null(strstr(end->words, "bytes were not sent"));
    if (unsent >= 0) assert_int_equal(unsent, (accepted - arrived) * (int64_t)sizeof(struct note));
  }
  log_settle(&log);
  assert_int_equal(log_count(&log, HWS_EVENT_CLOSE, shared.id), 1);
  raw_peer_close(&peer);
  log_close(&log);
}

static void test_close_in_the_midst(void **state) {
  int i;
  (void)state;
  for (i = 0; i < 5; i++) {
    check_close(0);
    check_close(1);
  }
}

static void *close_it(void *with) {
  struct sender *self = with;
  self->closed = hws_manager_close(self->shared->manager, self->shared->id, 1000 + self->number % 2, "by a thread");
  return NULL;
}

/* Closes of eight threads at once are one Close and one CLOSE. */
static void test_closes(void **state) {
  struct log log;
  struct raw_peer peer;
  struct shared shared;
  struct sender senders[THREADS];
  struct raw_frame frame;
  int port;
  int i;
  int accepted = 0;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  shared.manager = log.manager;
  shared.id = log_join(&log, port, &peer, NULL);
  for (i = 0; i < THREADS; i++) {
    senders[i].shared = &shared;
    senders[i].number = i;
    pthread_create(&senders[i].thread, NULL, close_it, &senders[i]);
  }
  i = raw_read_frame(&peer, &frame);
  join_all(senders);
  assert_int_equal(i, 1);
  assert_int_equal(frame.first, RAW_FIN | RAW_CLOSE);
  for (i = 0; i < THREADS; i++) {
    accepted += senders[i].closed == HWS_OK;
    assert_true(senders[i].closed == HWS_OK || senders[i].closed == HWS_ERR_CLOSED);
  }
  assert_true(accepted >= 1);
  assert_int_equal(raw_write_close(&peer, 1000, ""), 0);
  assert_non_null(log_wait(&log, HWS_EVENT_CLOSE, shared.id));
  assert_true(raw_expect_end(&peer));
  log_settle(&log);
  assert_int_equal(log_count(&log, HWS_EVENT_CLOSE, 0), 1);
  raw_peer_close(&peer);
  log_close(&log);
}

/* The threads end, and the manager is freed at once, with their mail in it. */
static void test_free_right_after_join(void **state) {
  int i;
  (void)state;
  for (i = 0; i < 20; i++) {
    struct log log;
    struct raw_peer peer;
    struct shared shared;
    struct sender senders[THREADS];
    int port;
    log_open(&log, NULL);
    log_listen(&log, NULL, &port);
    shared.manager = log.manager;
    shared.id = log_join(&log, port, &peer, NULL);
    start(&shared, senders);
    join_all(senders);
    log_close(&log);
    raw_peer_close(&peer);
  }
}

struct walker {
  struct log *log;
  struct raw_peer *peer;
  hws_id id;
  int from;
  int fine;
};

static void *walk(void *with) {
  struct walker *self = with;
  int i;
  self->fine = 1;
  for (i = self->from; i < self->from + 100; i++) {
    self->fine = self->fine && hws_manager_send(self->log->manager, self->id, HWS_BINARY, &i, sizeof i) == HWS_OK;
    self->fine = self->fine && log_poll(self->log, 0) >= 0;
    self->fine = self->fine && raw_expect_frame(self->peer, RAW_FIN | RAW_BINARY, &i, sizeof i);
  }
  return NULL;
}

/* One thread after the other is the polling one. */
static void test_handing_over(void **state) {
  struct log log;
  struct raw_peer peer;
  struct walker walker;
  hws_id id;
  int port;
  int i;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  walker.log = &log;
  walker.peer = &peer;
  walker.id = id;
  for (i = 0; i < 20; i++) {
    pthread_t thread;
    walker.from = i * 1000;
    pthread_create(&thread, NULL, walk, &walker);
    pthread_join(thread, NULL);
    assert_true(walker.fine);
    walker.from = i * 1000 + 500;
    walk(&walker);
    assert_true(walker.fine);
  }
  raw_peer_close(&peer);
  log_close(&log);
}

static void *poll_long(void *with) {
  struct shared *shared = with;
  __atomic_store_n(&shared->running, 1, __ATOMIC_SEQ_CST);
  hws_manager_poll(shared->manager, -1);
  return NULL;
}

/* During another thread's poll the other calls answer BUSY, and send, close and wake go on. */
static void test_busy(void **state) {
  struct log log;
  struct raw_peer peer;
  struct shared shared;
  pthread_t thread;
  hws_result result = HWS_OK;
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  int port;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  shared.manager = log.manager;
  shared.id = log_join(&log, port, &peer, NULL);
  __atomic_store_n(&shared.running, 0, __ATOMIC_SEQ_CST);
  pthread_create(&thread, NULL, poll_long, &shared);
  while (result != HWS_ERR_BUSY && raw_now_ms() < until)
    result = hws_manager_ping(log.manager, shared.id, NULL, 0);
  assert_int_equal(result, HWS_ERR_BUSY);
  assert_int_equal(hws_manager_poll(log.manager, 0), HWS_ERR_BUSY);
  assert_int_equal(hws_manager_queued(log.manager, shared.id), HWS_ERR_BUSY);
  assert_int_equal(hws_manager_send(log.manager, shared.id, HWS_TEXT, "while it polls", 14), HWS_OK);
  peer.pump = NULL;
  do {
    struct raw_frame frame;
    assert_int_equal(raw_read_frame(&peer, &frame), 1);
    if (frame.first == (RAW_FIN | RAW_PING)) continue; /* pings from before the poll began */
    assert_int_equal(frame.size, 14);
    break;
  } while (1);
  assert_int_equal(hws_manager_wake(log.manager), HWS_OK);
  pthread_join(thread, NULL);
  assert_int_equal(hws_manager_queued(log.manager, shared.id), 0);
  raw_peer_close(&peer);
  log_close(&log);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_order),
      cmocka_unit_test(test_unfinished_message),
      cmocka_unit_test(test_close_in_the_midst),
      cmocka_unit_test(test_closes),
      cmocka_unit_test(test_free_right_after_join),
      cmocka_unit_test(test_handing_over),
      cmocka_unit_test(test_busy),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
