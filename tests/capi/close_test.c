/* The closing handshake step by step, and what can be called meanwhile. How each end is told: ends_test.c. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/log.h"

static void test_we_close(void **state) {
  struct log log;
  struct raw_peer peer;
  const struct log_entry *end;
  hws_id id;
  int port;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_TEXT, "last", 4), HWS_OK);
  assert_int_equal(hws_manager_close(log.manager, id, 4000, "enough"), HWS_OK);
  assert_int_equal(hws_manager_close(log.manager, id, 4000, "enough"), HWS_ERR_CLOSED);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_TEXT, "late", 4), HWS_ERR_CLOSED);
  assert_int_equal(hws_manager_ping(log.manager, id, NULL, 0), HWS_ERR_CLOSED);
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_TEXT, "last", 4));
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_CLOSE,
                               "\x0f\xa0"
                               "enough",
                               8));
  /* After our Close messages are delivered until the peer's. */
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_TEXT, "still", 5), 0);
  assert_non_null(log_wait(&log, HWS_EVENT_MESSAGE, id));
  assert_int_equal(raw_write_close(&peer, 4000, "ok"), 0);
  end = log_wait(&log, HWS_EVENT_CLOSE, id);
  assert_non_null(end);
  assert_int_equal(end->event.code, 4000);
  assert_int_equal(end->event.flags, HWS_CLEAN);
  assert_int_equal(end->event.error, 0);
  assert_non_null(strstr(end->words, "us"));
  assert_true(raw_expect_end(&peer));
  raw_peer_close(&peer);
  log_close(&log);
}

static void test_client_waits_for_the_server(void **state) {
  struct log log;
  struct raw_peer peer;
  const struct log_entry *end;
  hws_id id;
  (void)state;
  log_open(&log, NULL);
  id = log_dial(&log, NULL, &peer);
  assert_true(id > 0);
  assert_int_equal(hws_manager_close(log.manager, id, 0, NULL), HWS_OK);
  assert_true(raw_expect_close(&peer, 1005));
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_CLOSE, NULL, 0), 0);
  log_settle(&log);
  assert_int_equal(log_count(&log, HWS_EVENT_CLOSE, id), 0); /* RFC 6455 7.1.1: the server ends TCP */
  raw_peer_close(&peer);
  end = log_wait(&log, HWS_EVENT_CLOSE, id);
  assert_non_null(end);
  assert_int_equal(end->event.code, 1005);
  assert_int_equal(end->event.flags, HWS_CLEAN);
  assert_int_equal(end->event.listener, 0);
  log_close(&log);
}

static void echo(struct log *log, const hws_event *event) {
  if (event->kind != HWS_EVENT_MESSAGE) return;
  if (hws_manager_send(log->manager, event->connection, event->opcode, event->data, (size_t)event->size) != HWS_OK)
    log->number++;
}

/* The peer ends its direction right behind its message: the answer still goes out. */
static void test_half_close(void **state) {
  struct log log;
  struct raw_peer peer;
  const struct log_entry *end;
  hws_id id;
  int port;
  (void)state;
  log_open(&log, NULL);
  log.each = echo;
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_TEXT, "question", 8), 0);
  raw_peer_end(&peer);
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_TEXT, "question", 8));
  assert_true(raw_expect_end(&peer));
  end = log_wait(&log, HWS_EVENT_CLOSE, id);
  assert_non_null(end);
  assert_int_equal(end->event.error, HWS_ERR_EOF);
  assert_int_equal(log.number, 0);
  raw_peer_close(&peer);
  log_close(&log);
}

/* A whole conversation, with its Close and the end of the stream, comes at one time and takes many batches. */
static void test_end_behind_many_batches(void **state) {
  enum { MESSAGES = 9 };
  struct log log;
  struct raw_peer peer;
  const struct log_entry *end;
  hws_options *options = log_options("max_events", 2, NULL);
  uint8_t bytes[512];
  size_t total = 0;
  hws_id id;
  int port, i;
  (void)state;
  log_open(&log, options);
  hws_options_free(options);
  log.each = echo;
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  for (i = 0; i < MESSAGES; i++)
    total += raw_make_frame(bytes + total, 1, RAW_FIN | RAW_TEXT, &"0123456789"[i], 1);
  total += raw_make_frame(bytes + total, 1, RAW_FIN | RAW_CLOSE, "\x03\xe8", 2);
  assert_int_equal(raw_write_whole(&peer, bytes, total), 0);
  raw_peer_end(&peer);
  for (i = 0; i < MESSAGES; i++)
    assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_TEXT, &"0123456789"[i], 1));
  assert_true(raw_expect_close(&peer, 1000));
  assert_true(raw_expect_end(&peer));
  end = log_wait(&log, HWS_EVENT_CLOSE, id);
  assert_non_null(end);
  assert_int_equal(end->event.code, 1000);
  assert_int_equal(end->event.error, 0);
  assert_int_equal(log.number, 0);
  raw_peer_close(&peer);
  log_close(&log);
}

/* What came before a bad frame is answered, then the failure. */
static void check_failure(int first, const void *payload, size_t size, int code, int32_t error) {
  struct log log;
  struct raw_peer peer;
  const struct log_entry *end;
  uint8_t bytes[256];
  size_t total;
  hws_id id;
  int port;
  log_open(&log, NULL);
  log.each = echo;
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  total = raw_make_frame(bytes, 1, RAW_FIN | RAW_TEXT, "before", 6);
  total += raw_make_frame(bytes + total, 1, first, payload, size);
  assert_int_equal(raw_write(&peer, bytes, total), 0);
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_TEXT, "before", 6));
  assert_true(raw_expect_close(&peer, code));
  assert_true(raw_expect_end(&peer));
  raw_peer_close(&peer);
  end = log_wait(&log, HWS_EVENT_CLOSE, id);
  assert_non_null(end);
  assert_int_equal(end->event.error, error);
  assert_int_equal(end->event.flags, HWS_BY_PEER);
  assert_int_equal(end->event.code, 1006);
  assert_true(strlen(end->words) > 10);
  assert_int_equal(log.number, 0);
  log_close(&log);
}

static void test_failures(void **state) {
  (void)state;
  check_failure(RAW_FIN | 3, "", 0, 1002, HWS_ERR_PROTOCOL);            /* a reserved opcode */
  check_failure(RAW_FIN | RAW_TEXT, "\xc0\xaf", 2, 1007, HWS_ERR_UTF8); /* overlong */
}

static void test_abort(void **state) {
  struct log log;
  struct raw_peer peer;
  const struct log_entry *end;
  hws_id id;
  int port;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_TEXT, "unsent", 6), HWS_OK);
  assert_int_equal(hws_manager_abort(log.manager, id), HWS_OK);
  assert_int_equal(hws_manager_abort(log.manager, id), HWS_ERR_CLOSED);
  assert_int_equal(hws_manager_queued(log.manager, id), 8);
  end = log_wait(&log, HWS_EVENT_CLOSE, id);
  assert_non_null(end);
  assert_int_equal(end->event.code, 1006);
  assert_int_equal(end->event.error, HWS_ERR_ABORTED);
  assert_int_equal(end->event.flags, 0);
  assert_non_null(strstr(end->words, "8 bytes were not sent"));
  assert_true(raw_read_more(&peer) <= 0);
  log_settle(&log);
  assert_int_equal(log_count(&log, HWS_EVENT_CLOSE, 0), 1);
  raw_peer_close(&peer);
  log_close(&log);
}

static void test_listener(void **state) {
  struct log log;
  struct raw_peer peer;
  const struct log_entry *end;
  hws_id listener;
  hws_id id;
  int port;
  (void)state;
  log_open(&log, NULL);
  log.each = echo;
  listener = log_listen(&log, NULL, &port);
  assert_int_equal(hws_manager_set_tag(log.manager, listener, -5), HWS_OK);
  id = log_join(&log, port, &peer, NULL);
  assert_int_equal(hws_manager_close(log.manager, listener, 1000, NULL), HWS_OK);
  assert_int_equal(hws_manager_close(log.manager, listener, 1000, NULL), HWS_ERR_CLOSED);
  end = log_wait(&log, HWS_EVENT_CLOSE, listener);
  assert_non_null(end);
  assert_int_equal(end->event.tag, -5);
  assert_int_equal(end->event.listener, listener);
  assert_int_equal(hws_manager_set_tag(log.manager, listener, 1), HWS_ERR_CLOSED);
  assert_int_equal(hws_manager_pause(log.manager, listener), HWS_ERR_CLOSED);
  assert_int_equal(hws_manager_broadcast(log.manager, listener, 0, HWS_TEXT, "", 0), HWS_ERR_CLOSED);
  assert_int_equal(raw_connect(port), -1);
  /* Its connections stay, with the tag that they were accepted with. */
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_TEXT, "there?", 6), 0);
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_TEXT, "there?", 6));
  end = log_wait(&log, HWS_EVENT_MESSAGE, id);
  assert_int_equal(end->event.tag, -5);
  assert_int_equal(end->event.listener, listener);
  assert_int_equal(hws_manager_close(log.manager, listener, 1000, NULL), HWS_ERR_STALE);
  assert_int_equal(hws_manager_set_tag(log.manager, listener, 1), HWS_ERR_STALE);
  raw_peer_close(&peer);
  log_close(&log);
}

/* Both addresses of localhost refuse (RFC 6761 6.3). */
static void test_no_address_left(void **state) {
  struct log log;
  const struct log_entry *end;
  char url[64];
  hws_id id;
  int port;
  int listener = raw_listen(&port);
  (void)state;
  close(listener);
  log_open(&log, NULL);
  snprintf(url, sizeof url, "ws://localhost:%d/", port);
  id = hws_manager_connect(log.manager, url, NULL);
  assert_true(id > 0);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_TEXT, "", 0), HWS_ERR_STATE);
  end = log_wait(&log, HWS_EVENT_CLOSE, id);
  assert_non_null(end);
  assert_int_equal(end->event.error, HWS_ERR_CONNECT);
  assert_true(end->event.system != 0);
  log_settle(&log);
  assert_int_equal(log.count, 1);
  log_close(&log);
}

static void test_refused_upgrade(void **state) {
  struct log log;
  struct raw_peer peer;
  const struct log_entry *end;
  char head[4096];
  char url[64];
  hws_id id;
  int port;
  int listener = raw_listen(&port);
  (void)state;
  log_open(&log, NULL);
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/", port);
  id = hws_manager_connect(log.manager, url, NULL);
  raw_peer_init(&peer, raw_accept(listener, log_pump, &log), 0, log_pump, &log);
  assert_true(raw_read_head(&peer, head, sizeof head) > 0);
  assert_int_equal(raw_write_text(&peer, "HTTP/1.1 403 Go away\r\nContent-Length: 0\r\nX-Why: because\r\n\r\n"), 0);
  while (log_count(&log, HWS_EVENT_CLOSE, id) == 0)
    assert_true(log_poll(&log, 10000) > 0);
  /* The answer can be read during the batch of the CLOSE. */
  assert_string_equal(hws_manager_status(log.manager, id), "403 Go away");
  assert_string_equal(hws_manager_header(log.manager, id, "x-why", 0), "because");
  end = log_wait(&log, HWS_EVENT_CLOSE, id);
  assert_int_equal(end->event.error, HWS_ERR_HTTP);
  assert_int_equal(end->event.system, 403);
  assert_non_null(strstr(end->words, "403"));
  log_poll(&log, 0);
  assert_null(hws_manager_status(log.manager, id));
  raw_peer_close(&peer);
  close(listener);
  log_close(&log);
}

/* Calls on an id before, in and after the batch of its CLOSE (promise 2). */
static void test_end_of_an_id(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_id id;
  int port;
  const char *address;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  raw_peer_close(&peer);
  while (log_count(&log, HWS_EVENT_CLOSE, id) == 0)
    assert_true(log_poll(&log, 10000) > 0);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_TEXT, "", 0), HWS_ERR_CLOSED);
  assert_int_equal(hws_manager_send_part(log.manager, id, HWS_TEXT, "", 0, 1), HWS_ERR_CLOSED);
  assert_int_equal(hws_manager_ping(log.manager, id, "", 0), HWS_ERR_CLOSED);
  assert_int_equal(hws_manager_close(log.manager, id, 1000, NULL), HWS_ERR_CLOSED);
  assert_int_equal(hws_manager_abort(log.manager, id), HWS_ERR_CLOSED);
  assert_int_equal(hws_manager_pause(log.manager, id), HWS_ERR_CLOSED);
  assert_int_equal(hws_manager_resume(log.manager, id), HWS_ERR_CLOSED);
  assert_int_equal(hws_manager_set_tag(log.manager, id, 1), HWS_ERR_CLOSED);
  assert_int_equal(hws_manager_accept(log.manager, id, NULL, NULL), HWS_ERR_CLOSED);
  assert_int_equal(hws_manager_respond(log.manager, id, 200, NULL, NULL, 0), HWS_ERR_CLOSED);
  assert_int_equal(hws_manager_queued(log.manager, id), 0);
  address = hws_manager_peer_address(log.manager, id);
  assert_non_null(address);
  assert_int_equal(strncmp(address, "127.0.0.1:", 10), 0);
  assert_non_null(hws_manager_local_address(log.manager, id));
  log_poll(&log, 0);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_TEXT, "", 0), HWS_ERR_STALE);
  assert_int_equal(hws_manager_queued(log.manager, id), HWS_ERR_STALE);
  assert_null(hws_manager_peer_address(log.manager, id));
  assert_null(hws_manager_local_address(log.manager, id));
  log_close(&log);
}

/* Words keep their place, however often they are asked for. */
static void test_words_stay(void **state) {
  struct log log;
  struct raw_peer peer;
  const char *first;
  char copy[512];
  hws_id id;
  int port;
  int i;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  raw_peer_close(&peer);
  while (log_count(&log, HWS_EVENT_CLOSE, id) == 0)
    assert_true(log_poll(&log, 10000) > 0);
  first = hws_manager_event_text(log.manager, 0);
  snprintf(copy, sizeof copy, "%s", first);
  for (i = 0; i < 5; i++) {
    assert_ptr_equal(hws_manager_event_text(log.manager, 0), first);
    hws_manager_pack_size(log.manager);
  }
  assert_string_equal(first, copy);
  log_close(&log);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_we_close),
      cmocka_unit_test(test_client_waits_for_the_server),
      cmocka_unit_test(test_half_close),
      cmocka_unit_test(test_failures),
      cmocka_unit_test(test_abort),
      cmocka_unit_test(test_listener),
      cmocka_unit_test(test_no_address_left),
      cmocka_unit_test(test_refused_upgrade),
      cmocka_unit_test(test_end_of_an_id),
      cmocka_unit_test(test_words_stay),
      cmocka_unit_test(test_end_behind_many_batches),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
