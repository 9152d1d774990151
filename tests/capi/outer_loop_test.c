/* The manager in a loop that is not its own: poll(2), and an outer epoll, level-triggered and edge-triggered. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/log.h"

enum loop { BY_POLL, BY_LEVEL, BY_EDGE };

struct outer {
  enum loop kind;
  int fd; /* the manager's */
  int epoll;
  struct log log;
  int turns;
};

static void open_outer(struct outer *outer, enum loop kind, hws_options *options) {
  memset(outer, 0, sizeof *outer);
  outer->kind = kind;
  log_open(&outer->log, options);
  outer->fd = (int)hws_manager_fd(outer->log.manager);
  outer->epoll = -1;
  if (kind != BY_POLL) {
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    event.events = EPOLLIN | (kind == BY_EDGE ? EPOLLET : 0);
    outer->epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(outer->epoll, EPOLL_CTL_ADD, outer->fd, &event);
  }
  hws_options_free(options);
}

static void close_outer(struct outer *outer) {
  if (outer->epoll >= 0) close(outer->epoll);
  log_close(&outer->log);
}

/* True when the descriptor is readable within the time. */
static int is_readable(struct outer *outer, int timeout_ms) {
  struct epoll_event event;
  struct pollfd one = {outer->fd, POLLIN, 0};
  if (outer->kind == BY_POLL) return poll(&one, 1, timeout_ms) > 0;
  return epoll_wait(outer->epoll, &event, 1, timeout_ms) > 0;
}

/* One turn: waits for the descriptor, never for the manager. False when nothing came. */
static int turn(struct outer *outer, int timeout_ms) {
  if (!is_readable(outer, timeout_ms)) return 0;
  outer->turns++;
  if (outer->kind == BY_EDGE) {
    while (log_poll(&outer->log, 0) > 0) {
    }
  } else {
    log_poll(&outer->log, 0);
  }
  return 1;
}

static void pump(void *with) {
  turn(with, 0);
}

/* Turns until there are so many events of the kind. */
static int wait_count(struct outer *outer, int32_t kind, size_t count) {
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  while (log_count(&outer->log, kind, 0) < count) {
    if (raw_now_ms() > until || !turn(outer, RAW_PATIENCE_MS)) return 0;
  }
  return 1;
}

static hws_id join(struct outer *outer, int port, struct raw_peer *peer) {
  size_t opened = log_count(&outer->log, HWS_EVENT_OPEN, 0);
  raw_peer_init(peer, raw_connect(port), 1, pump, outer);
  if (raw_ask(peer, "/", NULL) != 101 || !wait_count(outer, HWS_EVENT_OPEN, opened + 1)) return 0;
  return outer->log.entries[outer->log.count - 1].event.connection;
}

/* With nothing left to do the descriptor becomes quiet: a loop around it does not spin. */
static int becomes_quiet(struct outer *outer) {
  int i;
  for (i = 0; i < 1000; i++) {
    if (!turn(outer, 20)) return 1;
  }
  return 0;
}

static void echo(struct log *log, const hws_event *event) {
  if (event->kind != HWS_EVENT_MESSAGE) return;
  if (hws_manager_send(log->manager, event->connection, event->opcode, event->data, (size_t)event->size) != HWS_OK)
    log->number++;
}

static void check_echo(enum loop kind) {
  enum { PEERS = 5, COUNT = 2000 };
  struct outer outer;
  struct raw_peer peers[PEERS];
  static uint8_t large[3000000];
  static uint8_t crowd[COUNT * 20];
  size_t size = 0;
  int port;
  int i;
  int j;
  open_outer(&outer, kind, NULL);
  outer.log.each = echo;
  log_listen(&outer.log, NULL, &port);
  for (i = 0; i < PEERS; i++)
    assert_true(join(&outer, port, &peers[i]) > 0);
  assert_true(becomes_quiet(&outer));
  for (j = 0; j < COUNT; j++)
    size += raw_make_frame(crowd + size, 1, RAW_FIN | RAW_BINARY, &j, sizeof j);
  for (i = 0; i < PEERS; i++)
    assert_int_equal(raw_write(&peers[i], crowd, size), 0);
  for (j = 0; j < COUNT; j++) {
    for (i = 0; i < PEERS; i++)
      assert_true(raw_expect_frame(&peers[i], RAW_FIN | RAW_BINARY, &j, sizeof j));
  }
  for (i = 0; i < PEERS; i++) {
    assert_int_equal(raw_write_frame(&peers[i], RAW_FIN | RAW_BINARY, large, sizeof large), 0);
    assert_true(raw_expect_frame(&peers[i], RAW_FIN | RAW_BINARY, large, sizeof large));
  }
  assert_true(becomes_quiet(&outer));
  assert_int_equal(outer.log.number, 0);
  for (i = 0; i < PEERS; i++)
    assert_int_equal(raw_write_close(&peers[i], 1000, ""), 0);
  for (i = 0; i < PEERS; i++) {
    assert_true(raw_expect_close(&peers[i], 1000));
    raw_peer_close(&peers[i]);
  }
  assert_true(wait_count(&outer, HWS_EVENT_CLOSE, PEERS));
  assert_true(becomes_quiet(&outer));
  close_outer(&outer);
}

/* Sends outside of any batch leave without another event; so do closes, pings and resumes. */
static void check_sends(enum loop kind) {
  struct outer outer;
  struct raw_peer peer;
  hws_manager *manager;
  hws_id id;
  int port;
  open_outer(&outer, kind, NULL);
  manager = outer.log.manager;
  log_listen(&outer.log, NULL, &port);
  id = join(&outer, port, &peer);
  assert_true(becomes_quiet(&outer));
  assert_int_equal(hws_manager_send(manager, id, HWS_TEXT, "one", 3), HWS_OK);
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_TEXT, "one", 3));
  assert_true(becomes_quiet(&outer));
  assert_int_equal(hws_manager_send_part(manager, id, HWS_TEXT, "two", 3, 1), HWS_OK);
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_TEXT, "two", 3));
  assert_true(becomes_quiet(&outer));
  assert_int_equal(hws_manager_ping(manager, id, "p", 1), HWS_OK);
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_PING, "p", 1));
  assert_true(becomes_quiet(&outer));
  assert_int_equal(hws_manager_send(manager, id, HWS_TEXT, "flushed", 7), HWS_OK);
  assert_int_equal(hws_manager_flush(manager), HWS_OK);
  peer.pump = NULL; /* nothing is left to do for the loop */
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_TEXT, "flushed", 7));
  peer.pump = pump;
  assert_true(becomes_quiet(&outer));
  assert_int_equal(hws_manager_pause(manager, id), HWS_OK);
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_TEXT, "waits", 5), 0);
  assert_true(becomes_quiet(&outer));
  assert_int_equal(log_count(&outer.log, HWS_EVENT_MESSAGE, id), 0);
  assert_int_equal(hws_manager_resume(manager, id), HWS_OK);
  assert_true(wait_count(&outer, HWS_EVENT_MESSAGE, 1));
  assert_int_equal(hws_manager_close(manager, id, 1000, NULL), HWS_OK);
  assert_true(raw_expect_close(&peer, 1000));
  assert_int_equal(raw_write_close(&peer, 1000, ""), 0);
  assert_true(wait_count(&outer, HWS_EVENT_CLOSE, 1));
  raw_peer_close(&peer);
  /* An abort, and a listener's end. */
  id = join(&outer, port, &peer);
  assert_true(becomes_quiet(&outer));
  assert_int_equal(hws_manager_abort(manager, id), HWS_OK);
  assert_true(wait_count(&outer, HWS_EVENT_CLOSE, 2));
  assert_true(becomes_quiet(&outer));
  raw_peer_close(&peer);
  close_outer(&outer);
}

/* Deadlines make the descriptor readable, not before their time, and then it is quiet again. */
static void check_timers(enum loop kind) {
  struct outer outer;
  struct raw_peer peer;
  int64_t begin;
  hws_id id;
  int port;
  open_outer(&outer, kind, log_options("ping_interval", 100, "ping_timeout", 100, NULL));
  log_listen(&outer.log, NULL, &port);
  begin = raw_now_ms();
  id = join(&outer, port, &peer);
  assert_true(id > 0);
  assert_true(wait_count(&outer, HWS_EVENT_CLOSE, 1));
  assert_true(raw_now_ms() - begin >= 200);
  assert_int_equal(outer.log.entries[outer.log.count - 1].event.error, HWS_ERR_TIMEOUT);
  assert_in_range(outer.turns, 1, 100); /* it did not spin in between */
  assert_true(becomes_quiet(&outer));
  raw_peer_close(&peer);
  close_outer(&outer);
}

/* More connections than are accepted in one poll, which say nothing: the last one is served all the same. */
static void check_accepts(enum loop kind) {
  enum { COUNT = 40 };
  struct outer outer;
  struct raw_peer peers[COUNT];
  int port;
  int i;
  open_outer(&outer, kind, log_options("accepts_per_poll", 2, NULL));
  log_listen(&outer.log, NULL, &port);
  for (i = 0; i < COUNT; i++)
    raw_peer_init(&peers[i], raw_connect(port), 1, pump, &outer);
  assert_int_equal(raw_ask(&peers[COUNT - 1], "/", NULL), 101);
  for (i = 0; i < COUNT; i++)
    raw_peer_close(&peers[i]);
  assert_true(wait_count(&outer, HWS_EVENT_CLOSE, 1));
  close_outer(&outer);
}

/* The descriptor is asked for late, with work in every stage of being done. */
static void check_late(enum loop kind) {
  struct outer outer;
  struct raw_peer peer;
  struct epoll_event event;
  hws_id id;
  int port;
  memset(&outer, 0, sizeof outer);
  outer.kind = kind;
  log_open(&outer.log, NULL);
  log_listen(&outer.log, NULL, &port);
  id = log_join(&outer.log, port, &peer, NULL);
  assert_int_equal(hws_manager_send(outer.log.manager, id, HWS_TEXT, "waiting", 7), HWS_OK);
  outer.fd = (int)hws_manager_fd(outer.log.manager);
  assert_int_equal(hws_manager_fd(outer.log.manager), outer.fd);
  outer.epoll = epoll_create1(EPOLL_CLOEXEC);
  memset(&event, 0, sizeof event);
  event.events = EPOLLIN | (kind == BY_EDGE ? EPOLLET : 0);
  epoll_ctl(outer.epoll, EPOLL_CTL_ADD, outer.fd, &event);
  peer.pump = pump;
  peer.with = &outer;
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_TEXT, "waiting", 7));
  /* A poll that waits still does, and does not spin. */
  assert_true(becomes_quiet(&outer));
  assert_int_equal(hws_manager_poll(outer.log.manager, 20), 0);
  raw_peer_close(&peer);
  assert_true(wait_count(&outer, HWS_EVENT_CLOSE, 1));
  close_outer(&outer);
}

struct sender {
  hws_manager *manager;
  hws_id id;
};

static void *send_many(void *with) {
  struct sender *sender = with;
  int i;
  for (i = 0; i < 2000; i++)
    hws_manager_send(sender->manager, sender->id, HWS_BINARY, &i, sizeof i);
  return NULL;
}

/* Another thread's sends wake the outer loop, each and every one. */
static void check_other_thread(enum loop kind) {
  struct outer outer;
  struct raw_peer peer;
  struct sender sender;
  pthread_t thread;
  int port;
  int i;
  open_outer(&outer, kind, NULL);
  log_listen(&outer.log, NULL, &port);
  sender.manager = outer.log.manager;
  sender.id = join(&outer, port, &peer);
  pthread_create(&thread, NULL, send_many, &sender);
  for (i = 0; i < 2000; i++) {
    if (!raw_expect_frame(&peer, RAW_FIN | RAW_BINARY, &i, sizeof i)) break;
  }
  pthread_join(thread, NULL);
  assert_int_equal(i, 2000);
  assert_true(becomes_quiet(&outer));
  hws_manager_wake(outer.log.manager);
  assert_true(is_readable(&outer, RAW_PATIENCE_MS));
  assert_int_equal(log_poll(&outer.log, -1), 0); /* returns because of the wake */
  assert_true(becomes_quiet(&outer));
  raw_peer_close(&peer);
  close_outer(&outer);
}

static void test_poll(void **state) {
  (void)state;
  check_echo(BY_POLL);
  check_sends(BY_POLL);
  check_timers(BY_POLL);
  check_accepts(BY_POLL);
  check_other_thread(BY_POLL);
}

static void test_level(void **state) {
  (void)state;
  check_echo(BY_LEVEL);
  check_sends(BY_LEVEL);
  check_timers(BY_LEVEL);
  check_accepts(BY_LEVEL);
  check_late(BY_LEVEL);
  check_other_thread(BY_LEVEL);
}

static void test_edge(void **state) {
  (void)state;
  check_echo(BY_EDGE);
  check_sends(BY_EDGE);
  check_timers(BY_EDGE);
  check_accepts(BY_EDGE);
  check_late(BY_EDGE);
  check_other_thread(BY_EDGE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_poll),
      cmocka_unit_test(test_level),
      cmocka_unit_test(test_edge),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
