/* Requests put to the application, handshake data and how long it can be read. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/log.h"

/* Polls until the event, and stops in its batch. */
static hws_id wait_in_batch(struct log *log, int32_t kind) {
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  while (raw_now_ms() < until) {
    hws_result count = log_poll(log, 1000);
    int32_t i;
    for (i = 0; i < count; i++) {
      const hws_event *event = hws_manager_event(log->manager, i);
      if (event->kind == kind) return event->connection;
    }
  }
  return 0;
}

static void check_handshake(hws_manager *manager, hws_id id) {
  assert_string_equal(hws_manager_path(manager, id), "/chat?room=1");
  assert_string_equal(hws_manager_header(manager, id, "X-MULTI", 0), "one");
  assert_string_equal(hws_manager_header(manager, id, "x-multi", 1), "two");
  assert_null(hws_manager_header(manager, id, "x-multi", 2));
  assert_null(hws_manager_header(manager, id, "x-multi", -1));
  assert_null(hws_manager_header(manager, id, "absent", 0));
  assert_string_equal(hws_manager_header_at(manager, id, 0), "Host: 127.0.0.1");
  assert_null(hws_manager_header_at(manager, id, -1));
  assert_null(hws_manager_header_at(manager, id, 100));
  assert_null(hws_manager_status(manager, id));
}

static const char kHeaders[] = "X-Multi: one\r\nx-multi: two\r\nSec-WebSocket-Protocol: a, b\r\n";

static void test_accept(void **state) {
  struct log log;
  struct raw_peer peer;
  char head[4096];
  uint8_t frame[64];
  size_t size;
  hws_options *options = log_options("requests", 1, NULL);
  hws_options *answer = hws_options_new();
  const struct log_entry *request;
  hws_id id;
  int port;
  (void)state;
  assert_int_equal(hws_options_add_header(answer, "X-Answer", "yes"), HWS_OK);
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  raw_peer_init(&peer, raw_connect(port), 1, log_pump, &log);
  assert_int_equal(raw_write_request(&peer, "/chat?room=1", kHeaders), 0);
  /* A hasty client: its message has to wait for the answer to its request. */
  size = raw_make_frame(frame, 1, RAW_FIN | RAW_TEXT, "hasty", 5);
  assert_int_equal(raw_write_whole(&peer, frame, size), 0); /* a pump would take the batch that comes next */
  id = wait_in_batch(&log, HWS_EVENT_REQUEST);
  assert_true(id > 0);
  check_handshake(log.manager, id);
  request = log_wait(&log, HWS_EVENT_REQUEST, id);
  assert_int_equal(request->event.flags, HWS_UPGRADE);
  log_settle(&log); /* the answer may take its time */
  check_handshake(log.manager, id);
  assert_int_equal(log_count(&log, HWS_EVENT_MESSAGE, 0), 0);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_TEXT, "", 0), HWS_ERR_STATE);
  assert_int_equal(hws_manager_accept(log.manager, id, "c", NULL), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_accept(log.manager, id, "b", answer), HWS_OK);
  assert_int_equal(hws_manager_accept(log.manager, id, "b", answer), HWS_ERR_STATE);
  assert_int_equal(hws_manager_respond(log.manager, id, 200, NULL, "", 0), HWS_ERR_STATE);
  assert_int_equal(wait_in_batch(&log, HWS_EVENT_OPEN), id);
  check_handshake(log.manager, id); /* promised for OPEN too */
  assert_string_equal(hws_manager_subprotocol(log.manager, id), "b");
  assert_true(raw_read_head(&peer, head, sizeof head) > 0);
  assert_non_null(strstr(head, "HTTP/1.1 101 "));
  assert_non_null(strcasestr(head, "\r\nX-Answer: yes\r\n"));
  assert_non_null(strcasestr(head, "\r\nSec-WebSocket-Protocol: b\r\n"));
  assert_non_null(log_wait(&log, HWS_EVENT_MESSAGE, id));
  assert_true(log.entries[0].event.kind == HWS_EVENT_REQUEST && log.entries[1].event.kind == HWS_EVENT_OPEN);
  log_poll(&log, 0);
  assert_null(hws_manager_path(log.manager, id)); /* without keep_handshake it is gone now */
  assert_string_equal(hws_manager_subprotocol(log.manager, id), "b");
  raw_peer_close(&peer);
  log_close(&log);
  hws_options_free(options);
  hws_options_free(answer);
}

static void accept_at_once(struct log *log, const hws_event *event) {
  if (event->kind == HWS_EVENT_OPEN && hws_manager_path(log->manager, event->connection) == NULL) log->number++;
  if (event->kind == HWS_EVENT_REQUEST) hws_manager_accept(log->manager, event->connection, NULL, NULL);
}

/* Answered within the batch of the REQUEST, with frames right behind the request: OPEN comes before the messages. */
static void check_order(int max_events) {
  struct log log;
  struct raw_peer peer;
  uint8_t bytes[4096];
  size_t size = 0;
  size_t i;
  char head[4096];
  hws_options *options = log_options("requests", 1, "max_events", max_events, NULL);
  int port;
  log_open(&log, options);
  log.each = accept_at_once;
  log_listen(&log, NULL, &port);
  raw_peer_init(&peer, raw_connect(port), 1, log_pump, &log);
  size = (size_t)snprintf((char *)bytes, sizeof bytes,
                          "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
  for (i = 0; i < 20; i++) {
    uint8_t number = (uint8_t)i;
    size += raw_make_frame(bytes + size, 1, RAW_FIN | RAW_BINARY, &number, 1);
  }
  assert_int_equal(raw_write(&peer, bytes, size), 0);
  assert_true(raw_read_head(&peer, head, sizeof head) > 0);
  assert_true(log_wait_count(&log, HWS_EVENT_MESSAGE, 0, 20));
  assert_int_equal(log.count, 22);
  assert_int_equal(log.number, 0); /* the handshake data was there in the batch of OPEN */
  assert_int_equal(log.entries[0].event.kind, HWS_EVENT_REQUEST);
  assert_int_equal(log.entries[1].event.kind, HWS_EVENT_OPEN);
  for (i = 0; i < 20; i++)
    assert_int_equal(log.entries[i + 2].data[0], i);
  raw_peer_close(&peer);
  log_close(&log);
  hws_options_free(options);
}

static void test_order(void **state) {
  (void)state;
  check_order(1);
  check_order(2);
  check_order(5);
  check_order(256);
}

static void check_response(const char *method, int32_t status, const char *body, int with_body) {
  struct log log;
  struct raw_peer peer;
  char text[256];
  char head[4096];
  char got[64] = "";
  hws_options *options = log_options("requests", 1, NULL);
  const struct log_entry *entry;
  hws_id id;
  int port;
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  raw_peer_init(&peer, raw_connect(port), 1, log_pump, &log);
  snprintf(text, sizeof text, "%s /page HTTP/1.1\r\nHost: h\r\n\r\n", method);
  assert_int_equal(raw_write_text(&peer, text), 0);
  entry = log_wait(&log, HWS_EVENT_REQUEST, 0);
  assert_non_null(entry);
  id = entry->event.connection;
  assert_int_equal(entry->event.flags, 0);
  assert_string_equal(hws_manager_path(log.manager, id), "/page");
  assert_int_equal(hws_manager_accept(log.manager, id, NULL, NULL), HWS_ERR_STATE); /* it is plain HTTP */
  assert_int_equal(hws_manager_respond(log.manager, id, 199, NULL, NULL, 0), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_respond(log.manager, id, 600, NULL, NULL, 0), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_respond(log.manager, id, status, NULL, NULL, 1), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_respond(log.manager, id, status, NULL, body, strlen(body)), HWS_OK);
  assert_true(raw_read_head(&peer, head, sizeof head) > 0);
  snprintf(text, sizeof text, "HTTP/1.1 %d ", status);
  assert_int_equal(strncmp(head, text, strlen(text)), 0);
  if (with_body) assert_int_equal(raw_read_bytes(&peer, got, strlen(body)), 0);
  assert_string_equal(got, with_body ? body : "");
  assert_true(raw_expect_end(&peer));
  raw_peer_close(&peer);
  entry = log_wait(&log, HWS_EVENT_CLOSE, id);
  assert_non_null(entry);
  assert_int_equal(entry->event.error, HWS_ERR_ABORTED);
  assert_int_equal(entry->event.system, status);
  log_settle(&log);
  assert_int_equal(log.count, 2);
  log_close(&log);
  hws_options_free(options);
}

static void test_respond(void **state) {
  (void)state;
  check_response("GET", 200, "hello", 1);
  check_response("GET", 404, "no such page", 1);
  check_response("HEAD", 200, "hello", 0);
  check_response("GET", 204, "", 0);
}

/* A body larger than the socket's buffer arrives whole before the end. */
static void test_large_body(void **state) {
  size_t size = 10000000;
  char *body = malloc(size);
  char *got = malloc(size);
  struct log log;
  struct raw_peer peer;
  char head[4096];
  hws_options *options = log_options("requests", 1, NULL);
  const struct log_entry *entry;
  int port;
  (void)state;
  memset(body, 'b', size);
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  raw_peer_init(&peer, raw_connect(port), 1, log_pump, &log);
  assert_int_equal(raw_write_text(&peer, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
  entry = log_wait(&log, HWS_EVENT_REQUEST, 0);
  assert_int_equal(hws_manager_respond(log.manager, entry->event.connection, 200, NULL, body, size), HWS_OK);
  memset(body, 'x', size); /* a send copies or writes */
  assert_true(raw_read_head(&peer, head, sizeof head) > 0);
  assert_non_null(strcasestr(head, "\r\nContent-Length: 10000000\r\n"));
  assert_int_equal(raw_read_bytes(&peer, got, size), 0);
  memset(body, 'b', size);
  assert_memory_equal(got, body, size);
  assert_true(raw_expect_end(&peer));
  raw_peer_close(&peer);
  log_close(&log);
  hws_options_free(options);
  free(body);
  free(got);
}

/* A body that leaves with the call itself, to a client that never closes: close_timeout ends the wait for it. */
static void test_client_that_stays(void **state) {
  static const char body[20000] = "x";
  struct log log;
  struct raw_peer peer;
  hws_options *options = log_options("requests", 1, "close_timeout", 50, NULL);
  hws_id id;
  int port;
  (void)state;
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  raw_peer_init(&peer, raw_connect(port), 1, log_pump, &log);
  assert_int_equal(raw_write_text(&peer, "GET / HTTP/1.1\r\nHost: here\r\n\r\n"), 0);
  id = wait_in_batch(&log, HWS_EVENT_REQUEST);
  assert_true(id > 0);
  assert_int_equal(hws_manager_respond(log.manager, id, 200, NULL, body, sizeof body), HWS_OK);
  assert_non_null(log_wait(&log, HWS_EVENT_CLOSE, id));
  raw_peer_close(&peer);
  hws_options_free(options);
  log_close(&log);
}

/* Without "requests" plain HTTP is refused, and the application never hears of it. */
static void test_refusals_are_only_counted(void **state) {
  struct log log;
  struct raw_peer peer;
  char head[4096];
  int port;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  raw_peer_init(&peer, raw_connect(port), 1, log_pump, &log);
  assert_int_equal(raw_write_text(&peer, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
  assert_true(raw_read_head(&peer, head, sizeof head) > 0);
  assert_int_equal(strncmp(head, "HTTP/1.1 4", 10), 0);
  raw_peer_close(&peer);
  raw_peer_init(&peer, raw_connect(port), 1, log_pump, &log);
  assert_int_equal(raw_ask(&peer, "/", "Origin: http://evil.example\r\n"), 403);
  raw_peer_close(&peer);
  raw_peer_init(&peer, raw_connect(port), 1, log_pump, &log);
  assert_int_equal(raw_write_text(&peer, "rubbish\r\n\r\n"), 0);
  assert_true(raw_read_head(&peer, head, sizeof head) > 0);
  raw_peer_close(&peer);
  raw_peer_init(&peer, raw_connect(port), 1, log_pump, &log);
  raw_peer_close(&peer); /* says nothing at all */
  while (hws_manager_stat(log.manager, "handshakes_failed") < 4)
    assert_true(log_poll(&log, 1000) >= 0);
  assert_int_equal(log.count, 0);
  log_settle(&log);
  assert_int_equal(hws_manager_stat(log.manager, "connections"), 0);
  assert_int_equal(hws_manager_stat(log.manager, "handshakes"), 0);
  log_close(&log);
}

/* The application is asked, and never answers. */
static void test_no_answer(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_options *options = log_options("requests", 1, "handshake_timeout", 500, NULL);
  const struct log_entry *entry;
  int port;
  (void)state;
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  raw_peer_init(&peer, raw_connect(port), 1, log_pump, &log);
  assert_int_equal(raw_write_request(&peer, "/", NULL), 0);
  entry = log_wait(&log, HWS_EVENT_CLOSE, 0);
  assert_non_null(entry);
  assert_int_equal(entry->event.error, HWS_ERR_TIMEOUT);
  assert_int_equal(log.count, 2);
  raw_peer_close(&peer);
  log_close(&log);
  hws_options_free(options);
}

/* A server's handshake data without "requests": in the batch of OPEN, and later only with keep_handshake. */
static void check_keeping(int keep, int dripping) {
  struct log log;
  struct raw_peer peer;
  char request[1024];
  hws_options *options = log_options("keep_handshake", keep, NULL);
  hws_id id;
  size_t i;
  int port;
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  raw_peer_init(&peer, raw_connect(port), 1, log_pump, &log);
  snprintf(request, sizeof request,
           "GET /chat?room=1 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
           kHeaders);
  for (i = 0; dripping && i < strlen(request) - 1; i++) {
    assert_int_equal(raw_write(&peer, request + i, 1), 0);
    log_poll(&log, 0);
  }
  assert_int_equal(raw_write_text(&peer, request + i), 0);
  id = wait_in_batch(&log, HWS_EVENT_OPEN);
  assert_true(id > 0);
  check_handshake(log.manager, id);
  log_settle(&log);
  if (keep) {
    check_handshake(log.manager, id);
  } else {
    assert_null(hws_manager_path(log.manager, id));
    assert_null(hws_manager_header(log.manager, id, "host", 0));
    assert_null(hws_manager_header_at(log.manager, id, 0));
  }
  raw_peer_close(&peer);
  assert_int_equal(wait_in_batch(&log, HWS_EVENT_CLOSE), id);
  if (keep) check_handshake(log.manager, id);
  log_poll(&log, 0);
  assert_null(hws_manager_path(log.manager, id));
  log_close(&log);
  hws_options_free(options);
}

static void test_keep_handshake(void **state) {
  (void)state;
  check_keeping(0, 0);
  check_keeping(0, 1);
  check_keeping(1, 0);
  check_keeping(1, 1);
}

/* What a client reads of the server's answer. */
static void test_client_side(void **state) {
  struct log log;
  struct raw_peer peer;
  char url[64];
  char head[4096];
  hws_options *options = hws_options_new();
  hws_id id;
  int port;
  int listener = raw_listen(&port);
  (void)state;
  assert_int_equal(hws_options_set_text(options, "subprotocols", "a, b"), HWS_OK);
  assert_int_equal(hws_options_set_text(options, "origin", "http://me.example"), HWS_OK);
  assert_int_equal(hws_options_add_header(options, "X-Token", "t1"), HWS_OK);
  assert_int_equal(hws_options_add_header(options, "X-Token", "t2"), HWS_OK);
  log_open(&log, NULL);
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/p?q", port);
  id = hws_manager_connect(log.manager, url, options);
  hws_options_free(options);
  raw_peer_init(&peer, raw_accept(listener, log_pump, &log), 0, log_pump, &log);
  while (peer.size == 0 || memmem(peer.bytes, peer.size, "\r\n\r\n", 4) == NULL)
    assert_int_equal(raw_read_more(&peer), 1);
  snprintf(head, sizeof head, "%.*s", (int)peer.size, (const char *)peer.bytes);
  assert_int_equal(strncmp(head, "GET /p?q HTTP/1.1\r\n", 19), 0);
  assert_non_null(strcasestr(head, "\r\nOrigin: http://me.example\r\n"));
  assert_non_null(strcasestr(head, "\r\nX-Token: t1\r\n"));
  assert_non_null(strcasestr(head, "\r\nX-Token: t2\r\n"));
  assert_non_null(strcasestr(head, "\r\nSec-WebSocket-Protocol: a, b\r\n"));
  assert_int_equal(raw_answer(&peer, "Sec-WebSocket-Protocol: b\r\nX-Served-By: raw\r\n"), 0);
  assert_int_equal(wait_in_batch(&log, HWS_EVENT_OPEN), id);
  assert_string_equal(hws_manager_path(log.manager, id), "/p?q");
  assert_string_equal(hws_manager_header(log.manager, id, "x-served-by", 0), "raw");
  assert_string_equal(hws_manager_status(log.manager, id), "101 Switching Protocols");
  assert_string_equal(hws_manager_subprotocol(log.manager, id), "b");
  snprintf(url, sizeof url, "127.0.0.1:%d", port);
  assert_string_equal(hws_manager_peer_address(log.manager, id), url);
  log_poll(&log, 0);
  assert_null(hws_manager_header(log.manager, id, "x-served-by", 0));
  assert_string_equal(hws_manager_subprotocol(log.manager, id), "b");
  raw_peer_close(&peer);
  close(listener);
  log_close(&log);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_accept),
      cmocka_unit_test(test_order),
      cmocka_unit_test(test_respond),
      cmocka_unit_test(test_large_body),
      cmocka_unit_test(test_client_that_stays),
      cmocka_unit_test(test_refusals_are_only_counted),
      cmocka_unit_test(test_no_answer),
      cmocka_unit_test(test_keep_handshake),
      cmocka_unit_test(test_client_side),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
