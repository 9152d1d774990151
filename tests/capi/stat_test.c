/* hws_manager_stat: every counter moves as its text says, in a scenario of its own. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "support/cmocka.h"
#include "support/log.h"
#include "support/raw_tls.h"

static const char kRequest[] =
    "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

static int64_t stat_of(struct log *log, const char *name) {
  return hws_manager_stat(log->manager, name);
}

/* Polls until the counter is between these; false when patience ends. */
static int comes_between(struct log *log, const char *name, int64_t least, int64_t most) {
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  while (stat_of(log, name) < least || stat_of(log, name) > most) {
    if (raw_now_ms() >= until || log_poll(log, 10) < 0) return 0;
  }
  return 1;
}

static int reaches(struct log *log, const char *name, int64_t value) {
  return comes_between(log, name, value, value);
}

static void open_with(struct log *log, hws_options *options) {
  log_open(log, options);
  hws_options_free(options);
}

/* A TCP connection that says nothing. */
static void call(struct log *log, int port, struct raw_peer *peer) {
  raw_peer_init(peer, raw_connect(port), 1, log_pump, log);
}

static void test_connections(void **state) {
  struct log log;
  struct raw_peer silent;
  struct raw_peer open;
  struct raw_peer server;
  hws_id dialled;
  int port;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  assert_int_equal(stat_of(&log, "connections"), 0); /* a listener is none */
  call(&log, port, &silent);
  assert_true(reaches(&log, "connections", 1));
  assert_true(log_join(&log, port, &open, NULL) > 0);
  assert_int_equal(stat_of(&log, "connections"), 2);
  dialled = log_dial(&log, NULL, &server);
  assert_int_equal(stat_of(&log, "connections"), 3);
  assert_int_equal(hws_manager_abort(log.manager, dialled), HWS_OK);
  assert_non_null(log_wait(&log, HWS_EVENT_CLOSE, dialled));
  assert_true(reaches(&log, "connections", 2));
  raw_peer_close(&silent);
  raw_peer_close(&open);
  raw_peer_close(&server);
  assert_true(reaches(&log, "connections", 0));
  log_close(&log);
}

static void test_handshakes(void **state) {
  struct log log;
  struct raw_peer peers[3];
  const struct log_entry *request;
  int port;
  int i;
  (void)state;
  open_with(&log, log_options("requests", 1, NULL));
  log_listen(&log, NULL, &port);
  for (i = 0; i < 3; i++)
    call(&log, port, &peers[i]);
  assert_true(reaches(&log, "handshakes", 3));
  assert_int_equal(raw_write_text(&peers[0], kRequest), 0);
  request = log_wait(&log, HWS_EVENT_REQUEST, 0);
  assert_int_equal(stat_of(&log, "handshakes"), 3); /* it goes on until the answer */
  assert_int_equal(hws_manager_accept(log.manager, request->event.connection, NULL, NULL), HWS_OK);
  assert_true(reaches(&log, "handshakes", 2));
  raw_peer_close(&peers[1]);
  assert_true(reaches(&log, "handshakes", 1));
  raw_peer_close(&peers[2]);
  assert_true(reaches(&log, "handshakes", 0));
  raw_peer_close(&peers[0]);
  log_close(&log);
}

static void test_accepted(void **state) {
  struct log log;
  struct raw_peer peers[4];
  int port;
  int i;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  for (i = 0; i < 3; i++)
    call(&log, port, &peers[i]);
  assert_true(reaches(&log, "accepted", 3));
  for (i = 0; i < 3; i++)
    raw_peer_close(&peers[i]);
  assert_true(reaches(&log, "connections", 0));
  assert_true(log_dial(&log, NULL, &peers[3]) > 0); /* is not accepted */
  assert_int_equal(stat_of(&log, "accepted"), 3);
  raw_peer_close(&peers[3]);
  log_close(&log);
}

static void test_opened(void **state) {
  struct log log;
  struct raw_peer peers[3];
  int port;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  call(&log, port, &peers[0]);
  assert_true(reaches(&log, "accepted", 1));
  assert_int_equal(stat_of(&log, "opened"), 0);
  assert_true(log_join(&log, port, &peers[1], NULL) > 0);
  assert_int_equal(stat_of(&log, "opened"), 1);
  assert_true(log_dial(&log, NULL, &peers[2]) > 0);
  assert_int_equal(stat_of(&log, "opened"), 2);
  raw_peer_close(&peers[0]);
  raw_peer_close(&peers[1]);
  raw_peer_close(&peers[2]);
  assert_true(reaches(&log, "connections", 0));
  assert_int_equal(stat_of(&log, "opened"), 2);
  log_close(&log);
}

/* Counted once by accept, and a request that was responded to not at all: neither as opened nor as failed. */
static void test_requests(void **state) {
  struct log log;
  struct raw_peer peers[2];
  hws_id id;
  int port;
  int i;
  (void)state;
  open_with(&log, log_options("requests", 1, NULL));
  log_listen(&log, NULL, &port);
  for (i = 0; i < 2; i++) {
    call(&log, port, &peers[i]);
    assert_int_equal(raw_write_text(&peers[i], kRequest), 0);
    id = log_wait(&log, HWS_EVENT_REQUEST, 0)->event.connection;
    assert_int_equal(stat_of(&log, "opened"), 0);
    if (i == 0) assert_int_equal(hws_manager_respond(log.manager, id, 404, NULL, NULL, 0), HWS_OK);
  }
  assert_int_equal(hws_manager_accept(log.manager, id, NULL, NULL), HWS_OK);
  assert_non_null(log_wait(&log, HWS_EVENT_OPEN, id));
  assert_int_equal(stat_of(&log, "opened"), 1);
  raw_peer_close(&peers[0]);
  raw_peer_close(&peers[1]);
  assert_true(reaches(&log, "connections", 0));
  assert_int_equal(stat_of(&log, "opened"), 1);
  assert_int_equal(stat_of(&log, "handshakes_failed"), 0);
  log_close(&log);
}

static void test_handshakes_failed(void **state) {
  struct log log;
  struct raw_peer peers[3];
  char head[4096];
  int port;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  call(&log, port, &peers[0]);
  assert_int_equal(raw_write_text(&peers[0], "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 0); /* no upgrade */
  assert_true(raw_read_head(&peers[0], head, sizeof head) > 0);
  raw_peer_close(&peers[0]);
  assert_true(reaches(&log, "handshakes_failed", 1));
  call(&log, port, &peers[1]);
  raw_peer_close(&peers[1]); /* said nothing */
  assert_true(reaches(&log, "handshakes_failed", 2));
  assert_true(log_join(&log, port, &peers[2], NULL) > 0);
  raw_peer_close(&peers[2]);
  assert_true(reaches(&log, "connections", 0));
  assert_int_equal(stat_of(&log, "handshakes_failed"), 2);
  assert_int_equal(log_count(&log, HWS_EVENT_CLOSE, 0), 1);
  log_close(&log);
}

/* With all descriptors in use nothing can be accepted; with one free again the same connection is. */
static void test_accept_errors(void **state) {
  struct log log;
  struct raw_peer peer;
  struct rlimit before;
  struct rlimit narrow;
  int port;
  int accepts;
  (void)state;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  open_with(&log, log_options("max_connections", 10, NULL));
  log_listen(&log, NULL, &port);
  call(&log, port, &peer);
  narrow = before;
  narrow.rlim_cur = (rlim_t)peer.fd + 1;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &narrow), 0);
  accepts = log_poll(&log, 0);
  setrlimit(RLIMIT_NOFILE, &before);
  assert_int_equal(accepts, 0);
  assert_int_equal(stat_of(&log, "accept_errors"), 1);
  assert_int_equal(stat_of(&log, "accepted"), 0);
  assert_true(reaches(&log, "accepted", 1));
  assert_int_equal(stat_of(&log, "accept_errors"), 1);
  raw_peer_close(&peer);
  log_close(&log);
}

static void test_messages_received(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_options *parts = log_options("parts", 1, NULL);
  int port;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  assert_true(log_join(&log, port, &peer, NULL) > 0);
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_TEXT, "one", 3), 0);
  assert_int_equal(raw_write_frame(&peer, RAW_TEXT, "tw", 2), 0);
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_PING, "", 0), 0);
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_CONTINUATION, "o", 1), 0);
  assert_true(log_wait_count(&log, HWS_EVENT_MESSAGE, 0, 2));
  assert_int_equal(stat_of(&log, "messages_received"), 2);
  raw_peer_close(&peer);
  log_listen(&log, parts, &port);
  assert_true(log_join(&log, port, &peer, NULL) > 0);
  assert_int_equal(raw_write_frame(&peer, RAW_TEXT, "t", 1), 0);
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_CONTINUATION, "o", 1), 0);
  assert_true(log_wait_count(&log, HWS_EVENT_MESSAGE, 0, 4));
  assert_int_equal(stat_of(&log, "messages_received"), 4);
  raw_peer_close(&peer);
  hws_options_free(parts);
  log_close(&log);
}

/* Every byte in either direction: heads, frames that come whole, in pieces, and too large for any buffer. */
static void test_bytes(void **state) {
  enum { LARGE = 3000000 };
  static uint8_t large[LARGE];
  struct log log;
  struct raw_peer peer;
  char head[4096];
  int64_t received = (int64_t)sizeof kRequest - 1;
  int64_t sent;
  hws_id id;
  int port;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  call(&log, port, &peer);
  assert_int_equal(raw_write_text(&peer, kRequest), 0);
  sent = raw_read_head(&peer, head, sizeof head);
  id = log_wait(&log, HWS_EVENT_OPEN, 0)->event.connection;
  assert_int_equal(stat_of(&log, "bytes_received"), received);
  assert_int_equal(stat_of(&log, "bytes_sent"), sent);
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_TEXT, "12345", 5), 0);
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_BINARY, large, LARGE), 0);
  assert_true(log_wait_count(&log, HWS_EVENT_MESSAGE, id, 2));
  received += 2 + 4 + 5 + 2 + 8 + 4 + LARGE;
  assert_int_equal(stat_of(&log, "bytes_received"), received);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_TEXT, "123", 3), HWS_OK);
  assert_int_equal(stat_of(&log, "bytes_sent"), sent); /* not given to the kernel yet */
  assert_int_equal(hws_manager_flush(log.manager), HWS_OK);
  assert_int_equal(stat_of(&log, "bytes_sent"), sent + 2 + 3);
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_TEXT, "123", 3));
  assert_int_equal(hws_manager_send(log.manager, id, HWS_BINARY, large, LARGE), HWS_OK);
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_BINARY, large, LARGE));
  assert_int_equal(stat_of(&log, "bytes_sent"), sent + 2 + 3 + 2 + 8 + LARGE);
  assert_int_equal(stat_of(&log, "bytes_received"), received);
  raw_peer_close(&peer);
  log_close(&log);
}

static void test_sends_refused(void **state) {
  enum { SIZE = 100000 };
  static uint8_t bytes[SIZE];
  struct log log;
  struct raw_peer peer;
  hws_options *options = log_options("max_send_queue", 500000, NULL);
  hws_id listener;
  hws_id id;
  int port;
  (void)state;
  assert_int_equal(hws_options_set_text(options, "slow_reader", "skip"), HWS_OK);
  log_open(&log, NULL);
  listener = log_listen(&log, options, &port);
  hws_options_free(options);
  id = log_join(&log, port, &peer, NULL);
  while (hws_manager_send(log.manager, id, HWS_BINARY, bytes, SIZE) == HWS_OK)
    assert_int_equal(stat_of(&log, "sends_refused"), 0);
  assert_int_equal(stat_of(&log, "sends_refused"), 1);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_TEXT, "x", 1), HWS_ERR_WOULD_BLOCK);
  assert_int_equal(hws_manager_send_part(log.manager, id, HWS_TEXT, "x", 1, 1), HWS_ERR_WOULD_BLOCK);
  assert_int_equal(hws_manager_ping(log.manager, id, "x", 1), HWS_ERR_WOULD_BLOCK);
  assert_int_equal(stat_of(&log, "sends_refused"), 4);
  assert_int_equal(hws_manager_broadcast(log.manager, listener, 0, HWS_TEXT, "x", 1), 0);
  assert_int_equal(stat_of(&log, "sends_refused"), 5);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_TEXT, "\xff", 1), HWS_ERR_WOULD_BLOCK);
  assert_int_equal(stat_of(&log, "sends_refused"), 6);
  assert_int_equal(hws_manager_send(log.manager, id + 1, HWS_TEXT, "x", 1), HWS_ERR_STALE); /* another error */
  assert_int_equal(stat_of(&log, "sends_refused"), 6);
  raw_peer_close(&peer);
  log_close(&log);
}

/* What waits to be sent, and what has come of a message, counts; what was delivered or has left does not. */
static void test_memory(void **state) {
  enum { SIZE = 1000000, QUEUED = 8000000 };
  static uint8_t bytes[QUEUED];
  static uint8_t frame[SIZE + 14];
  struct log log;
  struct raw_peer peer;
  hws_id id;
  int64_t rest;
  size_t whole;
  int port;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  log_settle(&log);
  rest = stat_of(&log, "memory");
  assert_in_range(rest, 0, 100000);
  whole = raw_make_frame(frame, 1, RAW_FIN | RAW_BINARY, bytes, SIZE);
  assert_int_equal(raw_write(&peer, frame, whole - 1), 0);
  assert_true(comes_between(&log, "memory", rest + SIZE - 1, INT64_MAX));
  assert_int_equal(log_count(&log, HWS_EVENT_MESSAGE, id), 0);
  assert_int_equal(raw_write(&peer, frame + whole - 1, 1), 0);
  assert_non_null(log_wait(&log, HWS_EVENT_MESSAGE, id));
  assert_int_equal(log_poll(&log, 0), 0); /* the batch with the message is over */
  assert_int_equal(stat_of(&log, "memory"), rest);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_BINARY, bytes, QUEUED), HWS_OK);
  assert_true(hws_manager_queued(log.manager, id) > 0);
  assert_true(stat_of(&log, "memory") >= rest + hws_manager_queued(log.manager, id));
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_BINARY, bytes, QUEUED));
  assert_true(reaches(&log, "memory", rest));
  raw_peer_close(&peer);
  assert_true(reaches(&log, "connections", 0));
  log_close(&log);
}

/* A connection of the manager's with its own listener, both ends of which are open. */
static void connect_to_itself(struct log *log, const char *url) {
  size_t opened = log_count(log, HWS_EVENT_OPEN, 0);
  assert_true(hws_manager_connect(log->manager, url, NULL) > 0);
  assert_true(log_wait_count(log, HWS_EVENT_OPEN, 0, opened + 2));
}

/* What a client gets that sends this at once; what comes of it is counted. */
static void say(struct log *log, int port, const char *text) {
  struct raw_peer peer;
  raw_peer_init(&peer, raw_connect(port), 1, log_pump, log);
  raw_write_text(&peer, text); /* may fail: a wrong byte is refused at once */
  while (raw_read_more(&peer) > 0) {
  }
  raw_peer_close(&peer);
}

static void test_tls(void **state) {
  struct log log;
  hws_options *options = hws_options_new();
  char url[64];
  int port;
  (void)state;
  assert_int_equal(hws_options_set_text(options, "tls_certificate", raw_tls_certificate()), HWS_OK);
  assert_int_equal(hws_options_set_text(options, "tls_key", raw_tls_key()), HWS_OK);
  assert_int_equal(hws_options_set_text(options, "tls_ca", raw_tls_certificate()), HWS_OK);
  open_with(&log, options);
  port = log_port(&log, hws_manager_listen(log.manager, "wss://127.0.0.1:0/", NULL));
  snprintf(url, sizeof url, "wss://127.0.0.1:%d/", port);
  connect_to_itself(&log, url);
  assert_int_equal(stat_of(&log, "tls_handshakes"), 2); /* each end has its own */
  assert_int_equal(stat_of(&log, "tls_resumed"), 0);
  connect_to_itself(&log, url);
  assert_int_equal(stat_of(&log, "tls_handshakes"), 4);
  assert_int_equal(stat_of(&log, "tls_resumed"), 2);
  assert_int_equal(stat_of(&log, "tls_failures"), 0);
  assert_int_equal(stat_of(&log, "tls_kernel"), 0); /* it has to be asked for */
  say(&log, port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert_true(reaches(&log, "plain_on_tls", 1));
  assert_int_equal(stat_of(&log, "tls_failures"), 0);
  say(&log, port, "\x80 is no record of TLS");
  assert_true(reaches(&log, "tls_failures", 1));
  assert_int_equal(stat_of(&log, "tls_on_plain"), 0);
  say(&log, log_port(&log, hws_manager_listen(log.manager, "ws://127.0.0.1:0/", NULL)), "\x16\x03\x01");
  assert_true(reaches(&log, "tls_on_plain", 1));
  assert_true(reaches(&log, "handshakes_failed", 3));
  assert_int_equal(stat_of(&log, "plain_on_tls"), 1);
  assert_int_equal(stat_of(&log, "tls_failures"), 1);
  assert_int_equal(stat_of(&log, "tls_handshakes"), 4);
  log_close(&log);
}

/* Why an inbound handshake failed: one counter for each reason, and their sum. */
static void test_refusals(void **state) {
  static const char *const kReasons[] = {"refused_request", "refused_origin", "refused_limit",    "refused_late",
                                         "refused_tls",     "refused_memory", "refused_draining", "handshakes_left"};
  static const char kForeign[] =
      "GET / HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  static uint8_t bytes[80000];
  enum { REASONS = sizeof kReasons / sizeof *kReasons };
  hws_options *hasty = log_options("handshake_timeout", 1, NULL);
  hws_options *narrow = log_options("max_head_size", 64, NULL);
  hws_options *poor = log_options("memory_budget", 100000, NULL);
  struct raw_peer peer;
  struct log log;
  hws_id listener;
  int port;
  int i;
  (void)state;
  open_with(&log, log_options("close_timeout", 50, NULL));
  listener = hws_manager_listen(log.manager, "ws://127.0.0.1:0/", NULL);
  port = log_port(&log, listener);
  say(&log, port, "POST / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert_true(reaches(&log, "refused_request", 1));
  say(&log, port, kForeign);
  assert_true(reaches(&log, "refused_origin", 1));
  say(&log, port, "\x16\x03\x01");
  assert_true(reaches(&log, "refused_tls", 1));
  call(&log, port, &peer);
  assert_int_equal(raw_write_text(&peer, "GET"), 0);
  raw_peer_close(&peer);
  assert_true(reaches(&log, "handshakes_left", 1));
  say(&log, log_port(&log, hws_manager_listen(log.manager, "ws://127.0.0.1:0/", narrow)), kForeign);
  assert_true(reaches(&log, "refused_limit", 1));
  call(&log, log_port(&log, hws_manager_listen(log.manager, "ws://127.0.0.1:0/", hasty)), &peer);
  assert_true(reaches(&log, "refused_late", 1));
  raw_peer_close(&peer);
  call(&log, port, &peer);
  assert_true(reaches(&log, "handshakes", 1));
  assert_int_equal(hws_manager_drain(log.manager, -1), HWS_OK);
  assert_int_equal(raw_write_text(&peer, kRequest), 0);
  assert_true(reaches(&log, "refused_draining", 1));
  raw_peer_close(&peer);
  for (i = 0; i < REASONS; i++)
    assert_int_equal(stat_of(&log, kReasons[i]), strcmp(kReasons[i], "refused_memory") == 0 ? 0 : 1);
  assert_int_equal(stat_of(&log, "handshakes_failed"), REASONS - 1);
  log_close(&log);
  log_open(&log, poor);
  port = log_port(&log, hws_manager_listen(log.manager, "ws://127.0.0.1:0/", NULL));
  assert_true(log_join(&log, port, &peer, NULL) > 0);
  assert_int_equal(raw_write_frame(&peer, RAW_BINARY, bytes, sizeof bytes), 0);
  assert_true(comes_between(&log, "memory_received", sizeof bytes, INT64_MAX));
  say(&log, port, kRequest);
  assert_true(reaches(&log, "refused_memory", 1));
  assert_int_equal(stat_of(&log, "handshakes_failed"), 1);
  raw_peer_close(&peer);
  log_close(&log);
  hws_options_free(hasty);
  hws_options_free(narrow);
  hws_options_free(poor);
}

/* Frames and messages as they are on the wire, by whatever way they are read and written. */
static void test_frames(void **state) {
  enum { LARGE = 100000 };
  static uint8_t large[LARGE];
  struct log log;
  struct raw_peer peer;
  hws_id id;
  int port;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_TEXT, "one", 3), 0);
  assert_int_equal(raw_write_frame(&peer, RAW_TEXT, "tw", 2), 0);
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_PING, "", 0), 0);
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_CONTINUATION, "o", 1), 0);
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_BINARY, large, LARGE), 0);
  assert_true(log_wait_count(&log, HWS_EVENT_MESSAGE, 0, 3));
  assert_int_equal(stat_of(&log, "frames_received"), 5);
  assert_int_equal(stat_of(&log, "frames_sent"), 1); /* the pong */
  assert_int_equal(stat_of(&log, "messages_sent"), 0);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_TEXT, "1", 1), HWS_OK);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_BINARY, large, LARGE), HWS_OK);
  assert_int_equal(hws_manager_send_part(log.manager, id, HWS_TEXT, "1", 1, 0), HWS_OK);
  assert_int_equal(stat_of(&log, "messages_sent"), 2);
  assert_int_equal(hws_manager_send_part(log.manager, id, HWS_TEXT, "2", 1, 1), HWS_OK);
  assert_int_equal(hws_manager_broadcast(log.manager, log.entries[0].event.listener, 0, HWS_TEXT, "all", 3), 1);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_TEXT, "\xff", 1), HWS_ERR_UTF8);
  assert_int_equal(stat_of(&log, "messages_sent"), 4);
  assert_int_equal(stat_of(&log, "frames_sent"), 6);
  assert_int_equal(hws_manager_ping(log.manager, id, "", 0), HWS_OK);
  assert_int_equal(hws_manager_close(log.manager, id, 1000, NULL), HWS_OK);
  assert_int_equal(stat_of(&log, "messages_sent"), 4);
  assert_int_equal(stat_of(&log, "frames_sent"), 8);
  raw_peer_close(&peer);
  log_close(&log);
}

/* What was accepted and has not left, of all connections. */
static void test_bytes_queued(void **state) {
  enum { SIZE = 8000000 };
  static uint8_t bytes[SIZE];
  struct log log;
  struct raw_peer peers[2];
  hws_id ids[2];
  int port;
  int i;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  for (i = 0; i < 2; i++)
    ids[i] = log_join(&log, port, &peers[i], NULL);
  assert_int_equal(hws_manager_send(log.manager, ids[0], HWS_BINARY, bytes, SIZE), HWS_OK);
  assert_int_equal(hws_manager_send(log.manager, ids[1], HWS_TEXT, "x", 1), HWS_OK);
  assert_true(hws_manager_queued(log.manager, ids[0]) > 0);
  assert_int_equal(stat_of(&log, "bytes_queued"), hws_manager_queued(log.manager, ids[0]) + 3);
  assert_true(raw_expect_frame(&peers[0], RAW_FIN | RAW_BINARY, bytes, SIZE));
  assert_true(raw_expect_frame(&peers[1], RAW_FIN | RAW_TEXT, "x", 1));
  assert_int_equal(stat_of(&log, "bytes_queued"), 0);
  raw_peer_close(&peers[0]);
  raw_peer_close(&peers[1]);
  log_close(&log);
}

/* The parts of the memory are all of it, and each grows for what it is for. */
static void test_memory_by_kind(void **state) {
  enum { SIZE = 8000000 };
  static uint8_t bytes[SIZE];
  static const char *const kKinds[] = {"memory_handshakes", "memory_received", "memory_delivered",
                                       "memory_queued",     "memory_deflate",  "memory_tls"};
  static char prose[2000];
  hws_options *options = hws_options_new();
  struct log log;
  struct raw_peer peer;
  struct raw_peer slow;
  struct raw_peer server;
  hws_id id;
  int64_t sum = 0;
  int port;
  size_t i;
  (void)state;
  memset(prose, 'a', sizeof prose);
  assert_int_equal(hws_options_set_text(options, "deflate", "dedicated"), HWS_OK);
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
  assert_int_equal(hws_manager_send(log.manager, id, HWS_TEXT, prose, sizeof prose), HWS_OK);
  assert_true(stat_of(&log, "memory_deflate") > 100000); /* a window and a table of zlib's */
  assert_int_equal(hws_manager_send(log.manager, id, HWS_BINARY | HWS_UNCOMPRESSED, bytes, SIZE), HWS_OK);
  assert_true(stat_of(&log, "memory_queued") > 0);
  call(&log, port, &slow);
  assert_int_equal(raw_write_text(&slow, "GET / HT"), 0);
  assert_true(comes_between(&log, "memory_handshakes", 1, INT64_MAX));
  id = log_dial(&log, NULL, &server);
  assert_int_equal(raw_write_frame(&server, RAW_BINARY, bytes, 100000), 0);
  assert_true(comes_between(&log, "memory_received", 100000, INT64_MAX));
  assert_int_equal(stat_of(&log, "memory_delivered"), 0);
  assert_int_equal(raw_write_frame(&server, RAW_FIN | RAW_CONTINUATION, "x", 1), 0);
  assert_non_null(log_wait(&log, HWS_EVENT_MESSAGE, id));
  assert_true(stat_of(&log, "memory_delivered") > 100000);
  assert_int_equal(stat_of(&log, "memory_received"), 0);
  for (i = 0; i < sizeof kKinds / sizeof *kKinds; i++)
    sum += stat_of(&log, kKinds[i]);
  assert_int_equal(sum, stat_of(&log, "memory"));
  raw_peer_close(&peer);
  raw_peer_close(&slow);
  raw_peer_close(&server);
  assert_true(reaches(&log, "connections", 0));
  assert_true(reaches(&log, "memory", 0));
  for (i = 0; i < sizeof kKinds / sizeof *kKinds; i++)
    assert_int_equal(stat_of(&log, kKinds[i]), 0);
  log_close(&log);
  hws_options_free(options);
}

/* Waiting does not count as work; what is measured is the first poll of 64. */
static void test_polls(void **state) {
  struct log log;
  int i;
  (void)state;
  log_open(&log, NULL);
  for (i = 0; i < 100; i++)
    assert_int_equal(log_poll(&log, 0), 0);
  assert_int_equal(stat_of(&log, "polls"), 100);
  assert_true(stat_of(&log, "poll_time") >= 0);
  assert_int_equal(stat_of(&log, "poll_time") % 64, 0);
  log_close(&log);
}

/* tests/manager/relief_test.cpp has the rest of it. */
static void test_connections_shed(void **state) {
  enum { SIZE = 2000000 };
  static uint8_t bytes[SIZE];
  hws_options *options = log_options("memory_budget", 1000000, "close_timeout", 50, NULL);
  struct log log;
  struct raw_peer peer;
  hws_id id;
  int port;
  (void)state;
  open_with(&log, options);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  raw_write_frame(&peer, RAW_BINARY, bytes, SIZE); /* may fail: it is cut off */
  assert_non_null(log_wait(&log, HWS_EVENT_CLOSE, id));
  assert_int_equal(stat_of(&log, "connections_shed"), 1);
  raw_peer_close(&peer);
  log_close(&log);
}

/* By index and by name, and every counter that there is has its scenario above. */
static void test_discovery(void **state) {
  static const char *const kTested[] = {
      "connections",       "handshakes",      "accepted",          "opened",           "accept_errors",
      "handshakes_failed", "tls_handshakes",  "tls_resumed",       "tls_kernel",       "tls_failures",
      "plain_on_tls",      "tls_on_plain",    "messages_received", "bytes_received",   "bytes_sent",
      "sends_refused",     "memory",          "refused_request",   "refused_origin",   "refused_limit",
      "refused_late",      "refused_tls",     "refused_memory",    "refused_draining", "handshakes_left",
      "frames_received",   "frames_sent",     "messages_sent",     "bytes_queued",     "connections_shed",
      "memory_handshakes", "memory_received", "memory_delivered",  "memory_queued",    "memory_deflate",
      "memory_tls",        "polls",           "poll_time"};
  hws_manager *manager = log_new_manager(NULL);
  const int32_t count = sizeof kTested / sizeof *kTested;
  int32_t i;
  int32_t j;
  (void)state;
  assert_int_equal(hws_stat_count(), count);
  for (i = 0; i < count; i++) {
    for (j = 0; j < count && strcmp(hws_stat_name(j), kTested[i]) != 0; j++) {
    }
    assert_true(j < count);
    assert_int_equal(hws_manager_stat(manager, kTested[i]), 0);
    assert_true(hws_stat_text(j)[strlen(hws_stat_text(j)) - 1] == '.');
  }
  assert_null(hws_stat_name(-1));
  assert_null(hws_stat_name(count));
  assert_null(hws_stat_text(-1));
  assert_null(hws_stat_text(count));
  assert_int_equal(hws_manager_stat(manager, "Connections"), HWS_ERR_OPTION);
  assert_int_equal(hws_manager_stat(manager, "connections "), HWS_ERR_OPTION);
  assert_int_equal(hws_manager_stat(manager, ""), HWS_ERR_OPTION);
  assert_int_equal(hws_manager_stat(manager, NULL), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_stat(NULL, "connections"), HWS_ERR_ARGUMENT);
  hws_manager_free(manager);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_connections),   cmocka_unit_test(test_handshakes),
      cmocka_unit_test(test_accepted),      cmocka_unit_test(test_opened),
      cmocka_unit_test(test_requests),      cmocka_unit_test(test_handshakes_failed),
      cmocka_unit_test(test_accept_errors), cmocka_unit_test(test_messages_received),
      cmocka_unit_test(test_bytes),         cmocka_unit_test(test_sends_refused),
      cmocka_unit_test(test_memory),        cmocka_unit_test(test_tls),
      cmocka_unit_test(test_refusals),      cmocka_unit_test(test_frames),
      cmocka_unit_test(test_bytes_queued),  cmocka_unit_test(test_memory_by_kind),
      cmocka_unit_test(test_polls),         cmocka_unit_test(test_connections_shed),
      cmocka_unit_test(test_discovery),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
