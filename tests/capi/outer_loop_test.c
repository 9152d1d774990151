/* The manager in a loop that is not its own: poll(2), an outer epoll, level-triggered and edge-triggered, GLib's and
 * libuv's. Every loop runs every check. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#if HAWSER_TEST_GLIB
#include <glib-unix.h>
#endif
#if HAWSER_TEST_LIBUV
#include <uv.h>
#endif

#include "support/cmocka.h"
#include "support/log.h"
#include "support/raw_tls.h"

struct outer {
  int fd; /* the manager's */
  struct log log;
  int looking; /* the loop only says that the descriptor is readable */
  int came;    /* it was */
  int turns;
  int epoll;
#if HAWSER_TEST_GLIB
  GMainContext *context;
  GSource *source;
#endif
#if HAWSER_TEST_LIBUV
  uv_loop_t uv;
  uv_poll_t descriptor;
  uv_timer_t timer;
#endif
};

/* A loop that watches outer->fd. `wait` calls ready() when it is readable, and returns then or when the time is up; it
 * knows nothing else of the manager. */
struct loop {
  const char *name;
  int is_edge_triggered;
  void (*open)(struct outer *outer);
  void (*close)(struct outer *outer);
  void (*wait)(struct outer *outer, int timeout_ms);
};

static const struct loop *loop; /* under test */

/* The descriptor is readable: what an application does then. */
static void ready(struct outer *outer) {
  outer->came = 1;
  if (outer->looking) return;
  outer->turns++;
  if (loop->is_edge_triggered) {
    while (log_poll(&outer->log, 0) > 0) {
    }
  } else {
    log_poll(&outer->log, 0);
  }
}

static void open_nothing(struct outer *outer) {
  (void)outer;
}

static void wait_in_poll(struct outer *outer, int timeout_ms) {
  struct pollfd one = {outer->fd, POLLIN, 0};
  if (poll(&one, 1, timeout_ms) > 0) ready(outer);
}

static void open_epoll(struct outer *outer) {
  struct epoll_event event;
  memset(&event, 0, sizeof event);
  event.events = EPOLLIN | (loop->is_edge_triggered ? EPOLLET : 0);
  outer->epoll = epoll_create1(EPOLL_CLOEXEC);
  epoll_ctl(outer->epoll, EPOLL_CTL_ADD, outer->fd, &event);
}

static void close_epoll(struct outer *outer) {
  close(outer->epoll);
}

static void wait_in_epoll(struct outer *outer, int timeout_ms) {
  struct epoll_event event;
  if (epoll_wait(outer->epoll, &event, 1, timeout_ms) > 0) ready(outer);
}

#if HAWSER_TEST_GLIB
static gboolean glib_ready(gint fd, GIOCondition condition, gpointer outer) {
  (void)fd;
  (void)condition;
  ready(outer);
  return G_SOURCE_CONTINUE;
}

static gboolean glib_expired(gpointer expired) {
  *(int *)expired = 1;
  return G_SOURCE_CONTINUE;
}

static void open_glib(struct outer *outer) {
  outer->context = g_main_context_new();
  outer->source = g_unix_fd_source_new(outer->fd, G_IO_IN);
  g_source_set_callback(outer->source, G_SOURCE_FUNC(glib_ready), outer, NULL);
  g_source_attach(outer->source, outer->context);
}

static void close_glib(struct outer *outer) {
  g_source_destroy(outer->source);
  g_source_unref(outer->source);
  g_main_context_unref(outer->context);
}

static void wait_in_glib(struct outer *outer, int timeout_ms) {
  int expired = 0;
  GSource *timer = g_timeout_source_new((guint)timeout_ms);
  g_source_set_callback(timer, glib_expired, &expired, NULL);
  g_source_attach(timer, outer->context);
  while (!outer->came && !expired)
    g_main_context_iteration(outer->context, TRUE);
  g_source_destroy(timer);
  g_source_unref(timer);
}
#endif

#if HAWSER_TEST_LIBUV
static void uv_ready(uv_poll_t *descriptor, int status, int events) {
  (void)status;
  (void)events;
  ready(descriptor->data);
}

static void uv_expired(uv_timer_t *timer) {
  timer->data = timer;
}

static void open_uv(struct outer *outer) {
  uv_loop_init(&outer->uv);
  uv_poll_init(&outer->uv, &outer->descriptor, outer->fd);
  uv_timer_init(&outer->uv, &outer->timer);
  outer->descriptor.data = outer;
  uv_poll_start(&outer->descriptor, UV_READABLE, uv_ready);
}

static void close_uv(struct outer *outer) {
  uv_close((uv_handle_t *)&outer->descriptor, NULL);
  uv_close((uv_handle_t *)&outer->timer, NULL);
  uv_run(&outer->uv, UV_RUN_DEFAULT);
  uv_loop_close(&outer->uv);
}

/* The timer repeats: one that rings before libuv looks at the descriptor must not leave it waiting for ever. */
static void wait_in_uv(struct outer *outer, int timeout_ms) {
  uint64_t timeout = timeout_ms > 0 ? (uint64_t)timeout_ms : 1;
  outer->timer.data = NULL;
  uv_update_time(&outer->uv);
  uv_timer_start(&outer->timer, uv_expired, timeout_ms > 0 ? timeout : 0, timeout);
  while (!outer->came && outer->timer.data == NULL)
    uv_run(&outer->uv, UV_RUN_ONCE);
  uv_timer_stop(&outer->timer);
}
#endif

static const struct loop kLoops[] = {
    {"poll", 0, open_nothing, open_nothing, wait_in_poll},
    {"epoll, level-triggered", 0, open_epoll, close_epoll, wait_in_epoll},
    {"epoll, edge-triggered", 1, open_epoll, close_epoll, wait_in_epoll},
#if HAWSER_TEST_GLIB
    {"GLib", 0, open_glib, close_glib, wait_in_glib},
#endif
#if HAWSER_TEST_LIBUV
    {"libuv", 0, open_uv, close_uv, wait_in_uv},
#endif
};

/* Puts the manager of the diary into the loop. */
static void enter_loop(struct outer *outer) {
  outer->fd = (int)hws_manager_fd(outer->log.manager);
  loop->open(outer);
}

static void open_outer(struct outer *outer, hws_options *options) {
  memset(outer, 0, sizeof *outer);
  log_open(&outer->log, options);
  enter_loop(outer);
  hws_options_free(options);
}

static void close_outer(struct outer *outer) {
  loop->close(outer);
  log_close(&outer->log);
}

/* One turn: waits for the descriptor, never for the manager. False when nothing came. */
static int turn(struct outer *outer, int timeout_ms) {
  outer->came = 0;
  loop->wait(outer, timeout_ms);
  return outer->came;
}

/* True when the descriptor is readable within the time. */
static int is_readable(struct outer *outer, int timeout_ms) {
  int came;
  outer->looking = 1;
  came = turn(outer, timeout_ms);
  outer->looking = 0;
  return came;
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

static void check_echo(void **state) {
  enum { PEERS = 5, COUNT = 2000 };
  struct outer outer;
  struct raw_peer peers[PEERS];
  static uint8_t large[3000000];
  static uint8_t crowd[COUNT * 20];
  size_t size = 0;
  int port;
  int i;
  int j;
  (void)state;
  open_outer(&outer, NULL);
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
static void check_sends(void **state) {
  struct outer outer;
  struct raw_peer peer;
  hws_manager *manager;
  hws_id id;
  int port;
  (void)state;
  open_outer(&outer, NULL);
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

/* With the option a loop flushes before it waits: the descriptor tells of nothing that was said since, and of
 * everything that is left after the flush. */
static void check_flush(void **state) {
  struct outer outer;
  struct raw_peer peer;
  hws_manager *manager;
  hws_id id;
  int port;
  (void)state;
  open_outer(&outer, log_options("outer_flush", 1, NULL));
  manager = outer.log.manager;
  log_listen(&outer.log, NULL, &port);
  assert_int_equal(hws_manager_flush(manager), HWS_OK);
  id = join(&outer, port, &peer);
  assert_true(becomes_quiet(&outer));
  peer.pump = NULL;
  assert_int_equal(hws_manager_send(manager, id, HWS_TEXT, "one", 3), HWS_OK);
  assert_false(is_readable(&outer, 20));
  assert_int_equal(hws_manager_flush(manager), HWS_OK);
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_TEXT, "one", 3));
  assert_true(becomes_quiet(&outer));
  assert_int_equal(hws_manager_close(manager, id, 1000, NULL), HWS_OK);
  assert_int_equal(hws_manager_flush(manager), HWS_OK);
  assert_true(raw_expect_close(&peer, 1000));
  assert_int_equal(raw_write_close(&peer, 1000, ""), 0);
  assert_true(wait_count(&outer, HWS_EVENT_CLOSE, 1));
  raw_peer_close(&peer);
  id = join(&outer, port, &peer);
  assert_true(becomes_quiet(&outer));
  assert_int_equal(hws_manager_abort(manager, id), HWS_OK);
  assert_int_equal(hws_manager_flush(manager), HWS_OK);
  assert_true(wait_count(&outer, HWS_EVENT_CLOSE, 2)); /* there is an event to be fetched */
  raw_peer_close(&peer);
  assert_true(becomes_quiet(&outer));
  close_outer(&outer);
}

/* The errors of the CLOSE that came last. */
static int32_t last_error(const struct outer *outer) {
  return outer->log.entries[outer->log.count - 1].event.error;
}

/* Deadlines make the descriptor readable without any other event, not before their time, and then it is quiet again. */
static void check_timers(void **state) {
  struct outer outer;
  struct raw_peer peer;
  struct raw_frame frame;
  int64_t begin;
  hws_id id;
  char url[64];
  int port;
  int silent;
  (void)state;
  open_outer(&outer, log_options("ping_interval", 100, "ping_timeout", 110, "close_timeout", 120, "handshake_timeout",
                                 1000, NULL));
  log_listen(&outer.log, NULL, &port);
  /* A ping, and that nothing answers it. */
  begin = raw_now_ms();
  assert_true(join(&outer, port, &peer) > 0);
  assert_int_equal(raw_read_frame(&peer, &frame), 1);
  assert_int_equal(frame.first, RAW_FIN | RAW_PING);
  assert_true(raw_now_ms() - begin >= 100);
  assert_true(wait_count(&outer, HWS_EVENT_CLOSE, 1));
  assert_true(raw_now_ms() - begin >= 210);
  assert_int_equal(last_error(&outer), HWS_ERR_TIMEOUT);
  raw_peer_close(&peer);
  /* A Close without an answer. */
  id = join(&outer, port, &peer);
  begin = raw_now_ms();
  assert_int_equal(hws_manager_close(outer.log.manager, id, 1000, NULL), HWS_OK);
  assert_true(wait_count(&outer, HWS_EVENT_CLOSE, 2));
  assert_true(raw_now_ms() - begin >= 120);
  assert_int_equal(last_error(&outer), HWS_ERR_TIMEOUT);
  raw_peer_close(&peer);
  /* A connect that the kernel has no news of at all: no descriptor but the timer's can bring the loop back. */
  assert_true(becomes_quiet(&outer));
  silent = raw_listen(&port);
  assert_int_equal(listen(silent, 0), 0); /* room for one, which is taken */
  raw_peer_init(&peer, raw_connect(port), 1, NULL, NULL);
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/", port);
  begin = raw_now_ms();
  assert_true(hws_manager_connect(outer.log.manager, url, NULL) > 0);
  assert_true(wait_count(&outer, HWS_EVENT_CLOSE, 3));
  assert_true(raw_now_ms() - begin >= 1000);
  assert_int_equal(last_error(&outer), HWS_ERR_TIMEOUT);
  raw_peer_close(&peer);
  close(silent);
  assert_in_range(outer.turns, 1, 200); /* it did not spin in between */
  assert_true(becomes_quiet(&outer));
  close_outer(&outer);
}

/* More connections than are accepted in one poll, which say nothing: the last one is served all the same. */
static void check_accepts(void **state) {
  enum { COUNT = 40 };
  struct outer outer;
  struct raw_peer peers[COUNT];
  int port;
  int i;
  (void)state;
  open_outer(&outer, log_options("accepts_per_poll", 2, NULL));
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
static void check_late(void **state) {
  struct outer outer;
  struct raw_peer peer;
  hws_id id;
  int port;
  (void)state;
  memset(&outer, 0, sizeof outer);
  log_open(&outer.log, NULL);
  log_listen(&outer.log, NULL, &port);
  id = log_join(&outer.log, port, &peer, NULL);
  assert_int_equal(hws_manager_send(outer.log.manager, id, HWS_TEXT, "waiting", 7), HWS_OK);
  enter_loop(&outer);
  assert_int_equal(hws_manager_fd(outer.log.manager), outer.fd);
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

/* A queue that was full tells that it has room again. */
static void check_drain(void **state) {
  enum { SIZE = 100000 };
  static const uint8_t bytes[SIZE];
  struct outer outer;
  struct raw_peer peer;
  hws_id id;
  size_t sent;
  int port;
  (void)state;
  open_outer(&outer, log_options("max_send_queue", 1000000, NULL));
  log_listen(&outer.log, NULL, &port);
  id = join(&outer, port, &peer);
  for (sent = 0; hws_manager_send(outer.log.manager, id, HWS_BINARY, bytes, SIZE) == HWS_OK; sent++)
    turn(&outer, 0);
  assert_true(becomes_quiet(&outer));
  assert_int_equal(log_count(&outer.log, HWS_EVENT_DRAIN, 0), 0);
  for (; sent > 0; sent--)
    assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_BINARY, bytes, SIZE));
  assert_true(wait_count(&outer, HWS_EVENT_DRAIN, 1));
  assert_true(becomes_quiet(&outer));
  raw_peer_close(&peer);
  close_outer(&outer);
}

/* Answers to requests, outside of any batch. */
static void check_answers(void **state) {
  struct outer outer;
  struct raw_peer peer;
  char head[4096];
  hws_id listener;
  int port;
  int i;
  (void)state;
  open_outer(&outer, log_options("requests", 1, NULL));
  listener = log_listen(&outer.log, NULL, &port);
  for (i = 0; i < 2; i++) {
    hws_id id;
    raw_peer_init(&peer, raw_connect(port), 1, pump, &outer);
    assert_int_equal(raw_write_request(&peer, "/", NULL), 0);
    assert_true(wait_count(&outer, HWS_EVENT_REQUEST, (size_t)i + 1));
    id = outer.log.entries[outer.log.count - 1].event.connection;
    assert_true(becomes_quiet(&outer));
    if (i == 0) {
      assert_int_equal(hws_manager_accept(outer.log.manager, id, NULL, NULL), HWS_OK);
      assert_true(wait_count(&outer, HWS_EVENT_OPEN, 1));
      assert_true(raw_read_head(&peer, head, sizeof head) > 0);
      assert_true(becomes_quiet(&outer));
      assert_int_equal(hws_manager_broadcast(outer.log.manager, listener, 0, HWS_TEXT, "all", 3), 1);
      assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_TEXT, "all", 3));
    } else {
      assert_int_equal(hws_manager_respond(outer.log.manager, id, 404, NULL, "", 0), HWS_OK);
      assert_true(raw_read_head(&peer, head, sizeof head) > 0);
      assert_memory_equal(head, "HTTP/1.1 404 ", 13);
    }
    raw_peer_close(&peer);
    assert_true(wait_count(&outer, HWS_EVENT_CLOSE, (size_t)i + 1));
    assert_true(becomes_quiet(&outer));
  }
  assert_int_equal(hws_manager_close(outer.log.manager, listener, 0, NULL), HWS_OK);
  assert_true(wait_count(&outer, HWS_EVENT_CLOSE, 3));
  close_outer(&outer);
}

/* Not for ever: an edge-triggered loop polls until there are no more events. */
static void echo_for_a_while(struct log *log, const hws_event *event) {
  if (log_count(log, HWS_EVENT_MESSAGE, 0) < 20) echo(log, event);
}

/* Both ends in one manager: the connect is begun outside of any batch, and every step of it is news of the kernel's. */
static void check_connect(void **state) {
  struct outer outer;
  char url[64];
  hws_id id;
  int port;
  (void)state;
  open_outer(&outer, NULL);
  outer.log.each = echo_for_a_while;
  log_listen(&outer.log, NULL, &port);
  snprintf(url, sizeof url, "%s://localhost:%d/", raw_tls_wanted() ? "wss" : "ws", port);
  assert_true(becomes_quiet(&outer));
  id = hws_manager_connect(outer.log.manager, url, NULL);
  assert_true(wait_count(&outer, HWS_EVENT_OPEN, 2));
  assert_true(becomes_quiet(&outer));
  assert_int_equal(hws_manager_send(outer.log.manager, id, HWS_TEXT, "round and round", 15), HWS_OK);
  assert_true(wait_count(&outer, HWS_EVENT_MESSAGE, 20));
  assert_int_equal(hws_manager_close(outer.log.manager, id, 1000, NULL), HWS_OK);
  assert_true(wait_count(&outer, HWS_EVENT_CLOSE, 2));
  assert_true(becomes_quiet(&outer));
  close_outer(&outer);
}

/* More peers than one wait reports, and bytes that make no event: poll(0) does not stay with them, but comes again. */
static void check_many_without_events(void **state) {
  enum { PEERS = 8, FRAGMENTS = 2000 };
  static uint8_t fragments[FRAGMENTS * 6];
  struct outer outer;
  struct raw_peer peers[PEERS];
  size_t size = 0;
  int64_t before;
  int port;
  int i;
  (void)state;
  open_outer(&outer, log_options("max_events", 1, NULL));
  log_listen(&outer.log, NULL, &port);
  for (i = 0; i < PEERS; i++)
    assert_true(join(&outer, port, &peers[i]) > 0);
  for (i = 0; i < FRAGMENTS; i++)
    size += raw_make_frame(fragments + size, 1, i == 0 ? RAW_TEXT : RAW_CONTINUATION, "", 0);
  assert_true(becomes_quiet(&outer));
  before = hws_manager_stat(outer.log.manager, "bytes_received");
  for (i = 0; i < PEERS; i++)
    assert_int_equal(raw_write_whole(&peers[i], fragments, size), 0);
  assert_int_equal(log_poll(&outer.log, 0), 0);
  assert_in_range(hws_manager_stat(outer.log.manager, "bytes_received") - before, 0, size * PEERS - 1);
  for (i = 0; i < PEERS; i++)
    assert_int_equal(raw_write_frame(&peers[i], RAW_FIN | RAW_CONTINUATION, "", 0), 0);
  assert_true(wait_count(&outer, HWS_EVENT_MESSAGE, PEERS));
  assert_true(becomes_quiet(&outer));
  for (i = 0; i < PEERS; i++)
    raw_peer_close(&peers[i]);
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
static void check_other_thread(void **state) {
  struct outer outer;
  struct raw_peer peer;
  struct sender sender;
  pthread_t thread;
  int port;
  int i;
  (void)state;
  open_outer(&outer, NULL);
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

/* A backend without a descriptor says so, and goes on as before. */
static void test_no_descriptor(void **state) {
  struct log log;
  int port;
  (void)state;
  log_open(&log, NULL);
  assert_int_equal(hws_manager_fd(log.manager), HWS_ERR_UNSUPPORTED);
  assert_true(strlen(hws_manager_last_error(log.manager)) > 0);
  assert_true(log_listen(&log, NULL, &port) > 0);
  assert_int_equal(hws_manager_poll(log.manager, 0), 0);
  log_close(&log);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(check_echo),         cmocka_unit_test(check_sends),
      cmocka_unit_test(check_flush),        cmocka_unit_test(check_drain),
      cmocka_unit_test(check_timers),       cmocka_unit_test(check_accepts),
      cmocka_unit_test(check_answers),      cmocka_unit_test(check_many_without_events),
      cmocka_unit_test(check_connect),      cmocka_unit_test(check_late),
      cmocka_unit_test(check_other_thread),
  };
  const struct CMUnitTest other_tests[] = {cmocka_unit_test(test_no_descriptor)};
  const char *backend = getenv("HAWSER_TEST_BACKEND");
  int failed = 0;
  if (backend != NULL && strcmp(backend, "poll") == 0) return cmocka_run_group_tests(other_tests, NULL, NULL);
  for (loop = kLoops; loop < kLoops + sizeof kLoops / sizeof *kLoops; loop++)
    failed += cmocka_run_group_tests_name(loop->name, tests, NULL, NULL);
  return failed;
}
