/* One rich conversation for each role, with the peer's bytes in two pieces, cut everywhere: all events and all that is
 * answered are the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/log.h"

enum { LARGE = 70000, ROOM = LARGE + 4096, NEAR = 20, STRIDE = 4999 };

static const char kText[] = "fr\xc3\xa4gm\xe2\x82\xacnts";
static const char kReason[] = "gen\xc3\xbcg";

static void echo(struct log *log, const hws_event *event) {
  if (event->kind != HWS_EVENT_MESSAGE) return;
  log->number += hws_manager_send(log->manager, event->connection, event->opcode, event->data, (size_t)event->size);
}

/* What the peer says, and where the payload of its large message begins and ends. */
struct script {
  uint8_t bytes[ROOM];
  size_t size;
  size_t large_begin;
  size_t large_end;
  uint8_t large[LARGE];
};

static void add_frame(struct script *script, int masks, int first, const void *payload, size_t size) {
  script->size += raw_make_frame(script->bytes + script->size, masks, first, payload, size);
}

/* Text in fragments, which cut a character, with a ping between them; a large message; a Close. They come behind a
 * head of `size` bytes. */
static void write_script(struct script *script, size_t size, int masks) {
  uint8_t close[2 + sizeof kReason - 1] = {1000 >> 8, 1000 & 0xff};
  size_t i;
  for (i = 0; i < LARGE; i++)
    script->large[i] = (uint8_t)(i * 7);
  memcpy(close + 2, kReason, sizeof kReason - 1);
  script->size = size;
  add_frame(script, masks, RAW_TEXT, kText, 3);
  add_frame(script, masks, RAW_FIN | RAW_PING, "between", 7);
  add_frame(script, masks, RAW_CONTINUATION, "", 0);
  add_frame(script, masks, RAW_FIN | RAW_CONTINUATION, kText + 3, sizeof kText - 1 - 3);
  add_frame(script, masks, RAW_FIN | RAW_BINARY, script->large, LARGE);
  script->large_end = script->size;
  script->large_begin = script->size - LARGE;
  add_frame(script, masks, RAW_FIN | RAW_CLOSE, close, sizeof close);
}

/* Every cut, but for the inside of the large message: there, some. */
static size_t next_cut(const struct script *script, size_t cut) {
  int inside = cut >= script->large_begin + NEAR && cut + NEAR < script->large_end;
  if (!inside) return cut + 1;
  return cut + STRIDE + NEAR < script->large_end ? cut + STRIDE : script->large_end - NEAR;
}

/* Polls until the manager has read this much; false when patience ends. */
static int wait_read(struct log *log, int64_t bytes) {
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  while (hws_manager_stat(log->manager, "bytes_received") < bytes && raw_now_ms() < until)
    log_poll(log, 1);
  return hws_manager_stat(log->manager, "bytes_received") >= bytes;
}

static int write_in_two(struct log *log, struct raw_peer *peer, const struct script *script, size_t cut) {
  int64_t before = hws_manager_stat(log->manager, "bytes_received");
  if (raw_write_whole(peer, script->bytes, cut) != 0) return 0;
  if (!wait_read(log, before + (int64_t)cut)) return 0;
  return raw_write_whole(peer, script->bytes + cut, script->size - cut) == 0;
}

/* True if all that was said has been answered, and the stream ends. */
static int answers_come(struct raw_peer *peer, const struct script *script) {
  return raw_expect_frame(peer, RAW_FIN | RAW_PONG, "between", 7) &&
         raw_expect_frame(peer, RAW_FIN | RAW_TEXT, kText, sizeof kText - 1) &&
         raw_expect_frame(peer, RAW_FIN | RAW_BINARY, script->large, LARGE) && raw_expect_close(peer, 1000);
}

static int tells(const struct log_entry *entry, int32_t kind, hws_id id, const void *data, size_t size) {
  const hws_event *event = &entry->event;
  return event->kind == kind && event->connection == id && event->size == (int64_t)size &&
         (size == 0 || memcmp(entry->data, data, size) == 0);
}

static int is_message(const struct log_entry *entry, int32_t opcode) {
  const hws_event *event = &entry->event;
  return event->opcode == opcode && event->flags == (HWS_FIRST | HWS_FINAL) && event->code == 0 && event->error == 0;
}

/* True if these are all events of the conversation. */
static int events_are_right(const struct log_entry *entry, const struct script *script) {
  hws_id id = entry->event.connection;
  const hws_event *end = &entry[3].event;
  return tells(&entry[0], HWS_EVENT_OPEN, id, NULL, 0) &&
         tells(&entry[1], HWS_EVENT_MESSAGE, id, kText, sizeof kText - 1) && is_message(&entry[1], HWS_TEXT) &&
         tells(&entry[2], HWS_EVENT_MESSAGE, id, script->large, LARGE) && is_message(&entry[2], HWS_BINARY) &&
         tells(&entry[3], HWS_EVENT_CLOSE, id, kReason, sizeof kReason - 1) && end->code == 1000 && end->error == 0 &&
         end->flags == (HWS_CLEAN | HWS_BY_PEER);
}

static void test_server(void **state) {
  static const char kRequest[] =
      "GET /x HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  struct script *script = malloc(sizeof *script);
  struct log log;
  int port;
  size_t cut;
  (void)state;
  assert_non_null(script);
  memcpy(script->bytes, kRequest, sizeof kRequest - 1);
  write_script(script, sizeof kRequest - 1, 1);
  log_open(&log, NULL);
  log.each = echo;
  log_listen(&log, NULL, &port);
  for (cut = 1; cut < script->size; cut = next_cut(script, cut)) {
    struct raw_peer peer;
    char head[1024];
    size_t before = log.count;
    raw_peer_init(&peer, raw_connect(port), 1, log_pump, &log);
    assert_true(write_in_two(&log, &peer, script, cut));
    assert_true(raw_read_head(&peer, head, sizeof head) > 0);
    assert_non_null(strstr(head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_true(answers_come(&peer, script));
    assert_true(raw_expect_end(&peer));
    assert_non_null(log_wait(&log, HWS_EVENT_CLOSE, 0));
    assert_int_equal(log.count, before + 4);
    assert_true(events_are_right(log.entries + before, script));
    raw_peer_close(&peer);
  }
  assert_int_equal(log.number, 0);
  log_close(&log);
  free(script);
}

static void test_client(void **state) {
  struct script *script = malloc(sizeof *script);
  struct log log;
  char url[64];
  int port;
  int listener = raw_listen(&port);
  size_t cut;
  (void)state;
  assert_non_null(script);
  script->size = 2; /* it is known as soon as there is a request to answer */
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/", port);
  log_open(&log, NULL);
  log.each = echo;
  for (cut = 1; cut < script->size; cut = next_cut(script, cut)) {
    struct raw_peer peer;
    int head;
    size_t before = log.count;
    assert_true(hws_manager_connect(log.manager, url, NULL) > 0);
    raw_peer_init(&peer, raw_accept(listener, log_pump, &log), 0, log_pump, &log);
    head = raw_make_answer(&peer, NULL, (char *)script->bytes, sizeof script->bytes);
    assert_true(head > 0);
    write_script(script, (size_t)head, 0);
    assert_true(write_in_two(&log, &peer, script, cut));
    assert_true(answers_come(&peer, script));
    raw_peer_close(&peer); /* RFC 6455 7.1.1: the server ends the connection */
    assert_non_null(log_wait(&log, HWS_EVENT_CLOSE, 0));
    assert_int_equal(log.count, before + 4);
    assert_true(events_are_right(log.entries + before, script));
  }
  assert_int_equal(log.number, 0);
  log_close(&log);
  close(listener);
  free(script);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_server),
      cmocka_unit_test(test_client),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
