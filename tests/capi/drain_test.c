/* hws_manager_drain: the end of everything, in good order. */
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/log.h"

enum { PEERS = 5 };

struct scene {
  struct log log;
  hws_id listener;
  int port;
  struct raw_peer peers[PEERS];
  hws_id ids[PEERS];
};

static void open_scene(struct scene *scene, hws_options *options, int peers) {
  int i;
  memset(scene, 0, sizeof *scene);
  log_open(&scene->log, options);
  hws_options_free(options);
  scene->listener = log_listen(&scene->log, NULL, &scene->port);
  for (i = 0; i < PEERS; i++)
    scene->peers[i].fd = -1;
  for (i = 0; i < peers; i++)
    scene->ids[i] = log_join(&scene->log, scene->port, &scene->peers[i], NULL);
}

static void close_scene(struct scene *scene) {
  int i;
  for (i = 0; i < PEERS; i++) {
    if (scene->peers[i].fd >= 0) raw_peer_close(&scene->peers[i]);
  }
  log_close(&scene->log);
}

/* Polls until the manager says that nothing is left. */
static int drained(struct scene *scene) {
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  while (hws_manager_stat(scene->log.manager, "connections") > 0 && raw_now_ms() < until)
    log_poll(&scene->log, 100);
  return hws_manager_stat(scene->log.manager, "connections") == 0;
}

static int is_close(const struct log_entry *entry, int32_t code, int32_t error, int32_t system, uint32_t flags) {
  const hws_event *event = &entry->event;
  return event->code == code && event->error == error && event->system == system && event->flags == flags;
}

/* The listener ends, each connection is closed with 1001 and answers, and the last poll does not wait. */
static void test_good_order(void **state) {
  struct scene scene;
  int64_t begin;
  int i;
  (void)state;
  open_scene(&scene, NULL, PEERS);
  begin = raw_now_ms();
  assert_int_equal(hws_manager_drain(scene.log.manager, 4000), HWS_OK);
  assert_int_equal(hws_manager_listen(scene.log.manager, "ws://127.0.0.1:0/", NULL), HWS_ERR_STATE);
  assert_int_equal(hws_manager_connect(scene.log.manager, "ws://127.0.0.1:9/", NULL), HWS_ERR_STATE);
  assert_string_equal(hws_manager_last_error(scene.log.manager), "the manager is draining");
  assert_non_null(log_wait(&scene.log, HWS_EVENT_CLOSE, scene.listener));
  assert_int_equal(raw_connect(scene.port), -1);
  for (i = 0; i < PEERS; i++) {
    const struct log_entry *entry;
    assert_true(raw_expect_close(&scene.peers[i], 1001));
    assert_true(raw_now_ms() - begin >= i * 3000 / PEERS); /* spread over three quarters of the time */
    assert_int_equal(raw_write_close(&scene.peers[i], 1001, ""), 0);
    entry = log_wait(&scene.log, HWS_EVENT_CLOSE, scene.ids[i]);
    assert_non_null(entry);
    assert_true(is_close(entry, 1001, HWS_OK, 0, HWS_CLEAN));
  }
  assert_int_equal(log_poll(&scene.log, -1), 0);
  assert_int_equal(hws_manager_stat(scene.log.manager, "connections"), 0);
  /* That was the end of it: the manager can be used again. */
  scene.listener = log_listen(&scene.log, NULL, &scene.port);
  assert_true(scene.listener > 0);
  raw_peer_close(&scene.peers[0]);
  assert_true(log_join(&scene.log, scene.port, &scene.peers[0], NULL) > 0);
  close_scene(&scene);
}

static void test_nothing_to_do(void **state) {
  struct log log;
  (void)state;
  log_open(&log, NULL);
  assert_int_equal(hws_manager_drain(log.manager, 1000), HWS_OK);
  assert_int_equal(log_poll(&log, -1), 0);
  assert_int_equal(hws_manager_drain(log.manager, -2), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_drain(NULL, 0), HWS_ERR_ARGUMENT);
  log_close(&log);
}

/* Handshakes that have begun, one that waits in the kernel, and one that the application has not decided on. */
static void test_handshakes(void **state) {
  static const char rest[] = "Sec-WebSocket-Version: 13\r\n\r\n";
  struct scene scene;
  const struct log_entry *entry;
  char head[4096];
  hws_id asked;
  int64_t failed;
  int i;
  (void)state;
  open_scene(&scene, log_options("requests", 1, NULL), 0);
  for (i = 0; i < 3; i++)
    raw_peer_init(&scene.peers[i], raw_connect(scene.port), 1, log_pump, &scene.log);
  assert_int_equal(raw_write_request(&scene.peers[0], "/", NULL), 0);
  entry = log_wait(&scene.log, HWS_EVENT_REQUEST, 0);
  assert_non_null(entry);
  asked = entry->event.connection;
  assert_int_equal(raw_write_text(&scene.peers[1],
                                  "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"),
                   0);
  log_settle(&scene.log);
  scene.peers[3].fd = raw_connect(scene.port); /* not accepted yet */
  raw_peer_init(&scene.peers[3], scene.peers[3].fd, 1, log_pump, &scene.log);
  failed = hws_manager_stat(scene.log.manager, "handshakes_failed");
  assert_int_equal(hws_manager_drain(scene.log.manager, 20000), HWS_OK);
  assert_int_equal(hws_manager_accept(scene.log.manager, asked, NULL, NULL), HWS_ERR_STATE);
  for (i = 0; i < 4; i++) {
    if (i == 2) continue; /* says nothing */
    if (i == 1) assert_int_equal(raw_write_text(&scene.peers[1], rest), 0);
    if (i == 3) assert_int_equal(raw_write_request(&scene.peers[3], "/", NULL), 0);
    assert_true(raw_read_head(&scene.peers[i], head, sizeof head) > 0);
    assert_memory_equal(head, "HTTP/1.1 503 ", 13);
    assert_non_null(strstr(head, "Connection: close\r\n"));
  }
  for (i = 0; i < 4; i++) {
    raw_peer_close(&scene.peers[i]);
    scene.peers[i].fd = -1;
  }
  entry = log_wait(&scene.log, HWS_EVENT_CLOSE, asked);
  assert_non_null(entry);
  assert_true(is_close(entry, 1006, HWS_ERR_ABORTED, 503, 0));
  assert_true(drained(&scene));
  assert_int_equal(log_count(&scene.log, HWS_EVENT_CLOSE, 0), 2); /* the listener's and that of the id that was told */
  assert_int_equal(hws_manager_stat(scene.log.manager, "handshakes_failed"), failed + 3);
  close_scene(&scene);
}

/* What is queued for a peer that reads late goes before its Close. */
static void test_flushes_queues(void **state) {
  static uint8_t bytes[8000000];
  struct scene scene;
  const struct log_entry *entry;
  (void)state;
  open_scene(&scene, NULL, 1);
  assert_int_equal(hws_manager_send(scene.log.manager, scene.ids[0], HWS_BINARY, bytes, sizeof bytes), HWS_OK);
  assert_true(hws_manager_queued(scene.log.manager, scene.ids[0]) > 0);
  assert_int_equal(hws_manager_drain(scene.log.manager, RAW_PATIENCE_MS), HWS_OK);
  assert_true(raw_expect_frame(&scene.peers[0], RAW_FIN | RAW_BINARY, bytes, sizeof bytes));
  assert_true(raw_expect_close(&scene.peers[0], 1001));
  assert_int_equal(raw_write_close(&scene.peers[0], 1001, ""), 0);
  entry = log_wait(&scene.log, HWS_EVENT_CLOSE, scene.ids[0]);
  assert_non_null(entry);
  assert_true(is_close(entry, 1001, HWS_OK, 0, HWS_CLEAN));
  assert_true(drained(&scene));
  close_scene(&scene);
}

/* At the deadline whoever is left is cut off: one who does not answer, one who does not read, one in its handshake. */
static void check_deadline(int32_t deadline) {
  static uint8_t bytes[8000000];
  struct scene scene;
  const struct log_entry *entry;
  int64_t begin;
  int i;
  open_scene(&scene, NULL, 2);
  raw_peer_init(&scene.peers[2], raw_connect(scene.port), 1, log_pump, &scene.log);
  assert_int_equal(hws_manager_send(scene.log.manager, scene.ids[1], HWS_BINARY, bytes, sizeof bytes), HWS_OK);
  begin = raw_now_ms();
  assert_int_equal(hws_manager_drain(scene.log.manager, deadline), HWS_OK);
  for (i = 0; i < 2; i++) {
    entry = log_wait(&scene.log, HWS_EVENT_CLOSE, scene.ids[i]);
    assert_non_null(entry);
    assert_true(raw_now_ms() - begin >= deadline);
    assert_true(is_close(entry, 1006, HWS_ERR_TIMEOUT, 0, HWS_BY_PEER));
    assert_non_null(strstr(entry->words, "the deadline of hws_manager_drain passed"));
    assert_true((strstr(entry->words, "bytes were not sent") != NULL) == (i == 1));
  }
  assert_true(drained(&scene));
  assert_true(raw_expect_close(&scene.peers[0], 1001));
  close_scene(&scene);
}

/* A poll that comes late takes nobody for silent whose answer has come in time. */
static void test_late_poll(void **state) {
  struct scene scene;
  const struct log_entry *entry;
  int64_t begin;
  (void)state;
  open_scene(&scene, NULL, 1);
  begin = raw_now_ms();
  assert_int_equal(hws_manager_drain(scene.log.manager, 50), HWS_OK);
  assert_int_equal(hws_manager_flush(scene.log.manager), HWS_OK);
  scene.peers[0].pump = NULL;
  assert_true(raw_expect_close(&scene.peers[0], 1001));
  assert_int_equal(raw_write_close(&scene.peers[0], 1001, ""), 0);
  while (raw_now_ms() - begin <= 50) {
  }
  entry = log_wait(&scene.log, HWS_EVENT_CLOSE, scene.ids[0]);
  assert_non_null(entry);
  assert_true(is_close(entry, 1001, HWS_OK, 0, HWS_CLEAN));
  assert_true(drained(&scene));
  close_scene(&scene);
}

static void test_deadline(void **state) {
  (void)state;
  check_deadline(100);
  check_deadline(1);
  check_deadline(0);
}

/* Without a deadline all are closed at once, and only their own deadlines count. */
static void test_no_deadline(void **state) {
  struct scene scene;
  const struct log_entry *entry;
  int i;
  (void)state;
  open_scene(&scene, log_options("close_timeout", 50, NULL), 3);
  assert_int_equal(hws_manager_drain(scene.log.manager, -1), HWS_OK);
  assert_int_equal(hws_manager_flush(scene.log.manager), HWS_OK);
  for (i = 0; i < 3; i++) {
    scene.peers[i].pump = NULL; /* nothing is left to be done for it */
    assert_true(raw_expect_close(&scene.peers[i], 1001));
    scene.peers[i].pump = log_pump;
  }
  assert_int_equal(raw_write_close(&scene.peers[0], 1001, ""), 0);
  entry = log_wait(&scene.log, HWS_EVENT_CLOSE, scene.ids[0]);
  assert_non_null(entry);
  assert_true(is_close(entry, 1001, HWS_OK, 0, HWS_CLEAN));
  entry = log_wait(&scene.log, HWS_EVENT_CLOSE, scene.ids[1]);
  assert_non_null(entry);
  assert_non_null(strstr(entry->words, "close_timeout"));
  assert_true(drained(&scene));
  close_scene(&scene);
}

/* A second call sets a new deadline. */
static void test_again(void **state) {
  struct scene scene;
  int i;
  (void)state;
  open_scene(&scene, NULL, 3);
  assert_int_equal(hws_manager_drain(scene.log.manager, INT32_MAX), HWS_OK);
  assert_true(raw_expect_close(&scene.peers[0], 1001));
  assert_int_equal(hws_manager_drain(scene.log.manager, 50), HWS_OK);
  for (i = 0; i < 3; i++)
    assert_non_null(log_wait(&scene.log, HWS_EVENT_CLOSE, scene.ids[i]));
  assert_true(drained(&scene));
  assert_int_equal(log_count(&scene.log, HWS_EVENT_CLOSE, 0), 4);
  close_scene(&scene);
}

/* Outgoing connections end too: one that is open, one whose server does not answer, one that is not connected. */
static void test_outgoing(void **state) {
  struct scene scene;
  const struct log_entry *entry;
  char url[64];
  hws_id waiting;
  hws_id connecting;
  int port;
  int silent = raw_listen(&port);
  (void)state;
  open_scene(&scene, NULL, 0);
  scene.ids[0] = log_dial(&scene.log, NULL, &scene.peers[0]);
  assert_true(scene.ids[0] > 0);
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/", port);
  waiting = hws_manager_connect(scene.log.manager, url, NULL);
  log_settle(&scene.log);
  connecting = hws_manager_connect(scene.log.manager, url, NULL);
  assert_int_equal(hws_manager_drain(scene.log.manager, 20000), HWS_OK);
  entry = log_wait(&scene.log, HWS_EVENT_CLOSE, waiting);
  assert_non_null(entry);
  assert_true(is_close(entry, 1006, HWS_ERR_ABORTED, 0, 0));
  entry = log_wait(&scene.log, HWS_EVENT_CLOSE, connecting);
  assert_non_null(entry);
  assert_true(is_close(entry, 1006, HWS_ERR_ABORTED, 0, 0));
  assert_true(raw_expect_close(&scene.peers[0], 1001));
  assert_int_equal(raw_write_close(&scene.peers[0], 1001, ""), 0);
  raw_peer_end(&scene.peers[0]);
  entry = log_wait(&scene.log, HWS_EVENT_CLOSE, scene.ids[0]);
  assert_non_null(entry);
  assert_true(is_close(entry, 1001, HWS_OK, 0, HWS_CLEAN));
  assert_true(drained(&scene));
  close(silent);
  close_scene(&scene);
}

/* In an outer loop the descriptor tells each step, and the end. */
static void test_outer_loop(void **state) {
  struct scene scene;
  struct pollfd one;
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  (void)state;
  if (!log_has_outer_loops()) skip();
  open_scene(&scene, NULL, 3);
  one.fd = (int)hws_manager_fd(scene.log.manager);
  one.events = POLLIN;
  assert_int_equal(hws_manager_drain(scene.log.manager, 200), HWS_OK);
  while (hws_manager_stat(scene.log.manager, "connections") > 0 && raw_now_ms() < until) {
    if (poll(&one, 1, RAW_PATIENCE_MS) > 0) log_poll(&scene.log, 0);
  }
  assert_int_equal(hws_manager_stat(scene.log.manager, "connections"), 0);
  assert_int_equal(log_count(&scene.log, HWS_EVENT_CLOSE, 0), 4);
  close_scene(&scene);
}

/* Also where there is nothing to wait for. */
static void test_outer_loop_nothing_to_do(void **state) {
  struct log log;
  struct pollfd one;
  (void)state;
  if (!log_has_outer_loops()) skip();
  log_open(&log, NULL);
  one.fd = (int)hws_manager_fd(log.manager);
  one.events = POLLIN;
  assert_int_equal(poll(&one, 1, 0), 0);
  assert_int_equal(hws_manager_drain(log.manager, 1000), HWS_OK);
  assert_int_equal(poll(&one, 1, 0), 1);
  assert_int_equal(log_poll(&log, 0), 0);
  assert_int_equal(poll(&one, 1, 0), 0);
  log_close(&log);
}

static void test_free_while_draining(void **state) {
  struct scene scene;
  (void)state;
  open_scene(&scene, NULL, 3);
  assert_int_equal(hws_manager_drain(scene.log.manager, 20000), HWS_OK);
  log_poll(&scene.log, 0);
  close_scene(&scene);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_good_order),
      cmocka_unit_test(test_nothing_to_do),
      cmocka_unit_test(test_handshakes),
      cmocka_unit_test(test_flushes_queues),
      cmocka_unit_test(test_deadline),
      cmocka_unit_test(test_no_deadline),
      cmocka_unit_test(test_again),
      cmocka_unit_test(test_outgoing),
      cmocka_unit_test(test_outer_loop),
      cmocka_unit_test(test_outer_loop_nothing_to_do),
      cmocka_unit_test(test_free_while_draining),
      cmocka_unit_test(test_late_poll),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
