/* Sends, closes and wakes of many threads against the polling one: order for each sender, nothing lost silently. Clean
 * under ThreadSanitizer. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
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
  int64_t id; /* where it is to arrive */
  int32_t sender;
  int32_t count;
};

/* Sends notes with its number, again when the queue is full, until all are accepted or the connection ends. */
static void *send_notes(void *with) {
  struct sender *self = with;
  struct note note;
  int tries = 0;
  note.id = self->shared->id;
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

static void check_order(hws_options *options, int as_client, int expect_refusals) {
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
  shared.id = as_client ? log_dial(&log, NULL, &peer) : log_join(&log, port, &peer, NULL);
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
  check_order(NULL, 0, 0);
  check_order(NULL, 1, 0);
  check_order(log_options("max_send_queue", 64, NULL), 0, 1);
  check_order(log_options("max_send_queue", 64, NULL), 1, 1);
}

static void *close_it(void *with) {
  struct sender *self = with;
  self->closed = hws_manager_close(self->shared->manager, self->shared->id, 1000 + self->number % 2, "by a thread");
  return NULL;
}

/* Messages of other threads wait behind an unfinished one, and come whole behind it. So does the close of one. */
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
  pthread_create(&senders[1].thread, NULL, close_it, &senders[1]);
  pthread_join(senders[1].thread, NULL);
  assert_int_equal(senders[1].closed, HWS_OK);
  log_settle(&log);
  assert_true(hws_manager_queued(log.manager, shared.id) > 0);
  assert_int_equal(hws_manager_send_part(log.manager, shared.id, HWS_TEXT, "gun", 3, 1), HWS_OK);
  assert_true(raw_expect_frame(&peer, RAW_TEXT, "be", 2));
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_CONTINUATION, "gun", 3));
  assert_true(read_notes(&peer, THREADS * MESSAGES, next));
  for (i = 0; i < THREADS; i++)
    assert_int_equal(next[i], MESSAGES);
  assert_true(raw_expect_close(&peer, 1001));
  raw_peer_close(&peer);
  log_close(&log);
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

static void close_from_all(struct shared *shared, struct sender *senders) {
  int i;
  for (i = 0; i < THREADS; i++) {
    senders[i].shared = shared;
    senders[i].number = i;
    pthread_create(&senders[i].thread, NULL, close_it, &senders[i]);
  }
  join_all(senders);
}

/* The same of a listener, and of a connection that is not open yet. */
static void test_closes_of_others(void **state) {
  struct log log;
  struct shared shared;
  struct sender senders[THREADS];
  const struct log_entry *end;
  char url[64];
  int port;
  int i;
  (void)state;
  log_open(&log, NULL);
  shared.manager = log.manager;
  shared.id = log_listen(&log, NULL, &port);
  close_from_all(&shared, senders);
  assert_non_null(log_wait(&log, HWS_EVENT_CLOSE, shared.id));
  assert_int_equal(raw_connect(port), -1);
  for (i = 0; i < THREADS; i++)
    assert_int_equal(senders[i].closed, HWS_OK);
  assert_true(log_listen(&log, NULL, &port) > 0);
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/", port);
  shared.id = hws_manager_connect(log.manager, url, NULL);
  close_from_all(&shared, senders);
  end = log_wait(&log, HWS_EVENT_CLOSE, shared.id);
  assert_non_null(end);
  assert_int_equal(end->event.error, HWS_ERR_ABORTED);
  log_settle(&log);
  close_from_all(&shared, senders);
  for (i = 0; i < THREADS; i++)
    assert_int_equal(senders[i].closed, HWS_ERR_STALE);
  log_settle(&log);
  assert_int_equal(log_count(&log, HWS_EVENT_CLOSE, 0), 2);
  assert_int_equal(log_count(&log, HWS_EVENT_OPEN, shared.id), 0);
  log_close(&log);
}

/* The threads end, and the manager is freed at once, with their mail in it: messages that nobody has looked at, some
 * that wait behind an unfinished one, refusals, closes. */
static void check_free(hws_options *options, int unfinished, int polls) {
  struct log log;
  struct raw_peer peers[2];
  struct shared shared[2];
  struct sender senders[2][THREADS];
  int port;
  int i;
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  shared[0].manager = shared[1].manager = log.manager;
  shared[0].id = log_join(&log, port, &peers[0], NULL);
  shared[1].id = log_dial(&log, NULL, &peers[1]);
  for (i = 0; i < 2; i++) {
    if (unfinished) hws_manager_send_part(log.manager, shared[i].id, HWS_TEXT, "be", 2, 0);
    start(&shared[i], senders[i]);
  }
  while (polls-- > 0)
    log_poll(&log, 0);
  /* Those whose queue is full try again until their connection is closed. */
  hws_manager_abort(log.manager, shared[0].id);
  hws_manager_close(log.manager, shared[1].id, 1000, NULL);
  join_all(senders[0]);
  join_all(senders[1]);
  log_close(&log);
  raw_peer_close(&peers[0]);
  raw_peer_close(&peers[1]);
  hws_options_free(options);
}

static void test_free_right_after_join(void **state) {
  int i;
  (void)state;
  for (i = 0; i < 20; i++) {
    check_free(NULL, i % 2, i / 2);
    check_free(log_options("max_send_queue", 64, NULL), i % 2, i / 2);
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

/* A caller that goes from thread to thread: the lock is what makes it one. */
struct caller {
  struct shared shared;
  pthread_mutex_t lock;
  pthread_mutex_t polling;
  struct note note; /* under the lock */
  int fine;         /* under the lock */
};

static void *send_next(void *with) {
  struct caller *self = with;
  int fine = 1;
  int done = 0;
  int turn = 0;
  while (!done) {
    pthread_mutex_lock(&self->lock);
    done = self->note.count == THREADS * MESSAGES || !self->fine;
    if (!done) {
      fine =
          hws_manager_send(self->shared.manager, self->shared.id, HWS_BINARY, &self->note, sizeof self->note) == HWS_OK;
      self->note.count++;
    }
    pthread_mutex_unlock(&self->lock);
    /* Now and then whichever thread finds nobody polling does it, while others send. Its next sends take no mailbox. */
    if (turn++ % 7 == 0 && pthread_mutex_trylock(&self->polling) == 0) {
      fine = fine && hws_manager_poll(self->shared.manager, 0) >= 0;
      pthread_mutex_unlock(&self->polling);
    }
    sched_yield(); /* the next one is another thread's turn */
    if (fine) continue;
    pthread_mutex_lock(&self->lock);
    self->fine = 0;
    pthread_mutex_unlock(&self->lock);
  }
  return NULL;
}

/* One caller's sends arrive in its order, whichever threads it used, and whichever thread is the polling one. */
static void test_one_caller_on_many_threads(void **state) {
  struct log log;
  struct raw_peer peer;
  struct caller caller;
  pthread_t threads[THREADS];
  int32_t next[THREADS] = {0};
  int port;
  int i;
  int fine;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  memset(&caller, 0, sizeof caller);
  caller.fine = 1;
  caller.shared.manager = log.manager;
  caller.shared.id = log_join(&log, port, &peer, NULL);
  pthread_mutex_init(&caller.lock, NULL);
  pthread_mutex_init(&caller.polling, NULL);
  for (i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, send_next, &caller);
  for (i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  assert_true(caller.fine);
  fine = read_notes(&peer, THREADS * MESSAGES, next);
  assert_true(fine);
  pthread_mutex_destroy(&caller.lock);
  pthread_mutex_destroy(&caller.polling);
  raw_peer_close(&peer);
  log_close(&log);
}

/* A slot that is used again and again, under threads that know its former ids. */
struct slot {
  hws_manager *manager;
  int64_t id; /* atomic; 0: no more */
  int wrong;  /* atomic: answers that no stale id should get */
};

static int ended(hws_result result) {
  return result == HWS_ERR_CLOSED || result == HWS_ERR_STALE;
}

static void *use_slot(void *with) {
  enum { EACH = 100 };
  struct slot *slot = with;
  hws_id former = 0;
  hws_id id = 0;
  int sent = 0;
  int fine = 1;
  while ((id = __atomic_load_n(&slot->id, __ATOMIC_SEQ_CST)) != 0) {
    struct note note = {0, 0, 0};
    hws_result result;
    if (id != former) sent = 0;
    /* A former connection cannot be closed, and the one that has its slot now must not be. */
    if (former != 0 && id != former) fine = fine && ended(hws_manager_close(slot->manager, former, 4999, NULL));
    former = id;
    note.id = id;
    result = sent++ < EACH ? hws_manager_send(slot->manager, id, HWS_BINARY, &note, sizeof note) : HWS_OK;
    fine = fine && (result == HWS_OK || ended(result));
    if (sent > EACH) sched_yield();
  }
  if (!fine) __atomic_store_n(&slot->wrong, 1, __ATOMIC_SEQ_CST);
  return NULL;
}

/* Reads `count` messages; true if they are for this connection. */
static int all_for(struct raw_peer *peer, hws_id id, int count) {
  struct raw_frame frame;
  struct note note;
  while (count-- > 0) {
    if (raw_read_frame(peer, &frame) != 1 || frame.first != (RAW_FIN | RAW_BINARY) || frame.size != sizeof note)
      return 0;
    memcpy(&note, frame.payload, sizeof note);
    if (note.id != id) return 0;
  }
  return 1;
}

static void test_slot_used_again(void **state) {
  enum { ROUNDS = 100 };
  struct log log;
  struct raw_peer peer;
  struct slot slot;
  pthread_t threads[THREADS];
  int port;
  int i;
  int fine = 1;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  memset(&slot, 0, sizeof slot);
  slot.manager = log.manager;
  for (i = 0; i < ROUNDS && fine; i++) {
    hws_id id = log_join(&log, port, &peer, NULL);
    int t;
    __atomic_store_n(&slot.id, id, __ATOMIC_SEQ_CST);
    for (t = 0; i == 0 && t < THREADS; t++)
      pthread_create(&threads[t], NULL, use_slot, &slot);
    fine = id > 0 && all_for(&peer, id, 50);
    hws_manager_abort(log.manager, id);
    raw_peer_close(&peer);
    fine = fine && log_wait(&log, HWS_EVENT_CLOSE, id) != NULL;
  }
  __atomic_store_n(&slot.id, 0, __ATOMIC_SEQ_CST);
  for (i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  assert_true(fine);
  assert_false(slot.wrong);
  assert_int_equal(log_count(&log, HWS_EVENT_CLOSE, 0), ROUNDS);
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
      cmocka_unit_test(test_closes),
      cmocka_unit_test(test_closes_of_others),
      cmocka_unit_test(test_free_right_after_join),
      cmocka_unit_test(test_handing_over),
      cmocka_unit_test(test_one_caller_on_many_threads),
      cmocka_unit_test(test_slot_used_again),
      cmocka_unit_test(test_busy),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
