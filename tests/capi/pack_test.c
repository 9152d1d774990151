/* The batch as flat records: each field of each kind of event, read the way that hawser.h describes them. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/log.h"

struct record {
  uint32_t record_size;
  uint16_t header_size;
  uint16_t kind;
  int32_t opcode;
  uint32_t flags;
  int64_t connection, listener, tag, size;
  int32_t code, error, system, text_size;
  const uint8_t *payload;
  const uint8_t *text;
};

static const uint8_t *take(const uint8_t *from, void *to, size_t size) {
  memcpy(to, from, size);
  return from + size;
}

static void read_record(const uint8_t *from, struct record *record) {
  const uint8_t *at = from;
  at = take(at, &record->record_size, 4);
  at = take(at, &record->header_size, 2);
  at = take(at, &record->kind, 2);
  at = take(at, &record->opcode, 4);
  at = take(at, &record->flags, 4);
  at = take(at, &record->connection, 8);
  at = take(at, &record->listener, 8);
  at = take(at, &record->tag, 8);
  at = take(at, &record->size, 8);
  at = take(at, &record->code, 4);
  at = take(at, &record->error, 4);
  at = take(at, &record->system, 4);
  take(at, &record->text_size, 4);
  record->payload = from + record->header_size;
  record->text = record->payload + record->size;
}

/* True if the record says what the event says, and takes no more room than that: a multiple of 8, padded with zeros. */
static int is_same(const uint8_t *from, const hws_event *event, const char *words) {
  struct record record;
  size_t used;
  size_t i;
  size_t text_size = event->kind == HWS_EVENT_CLOSE ? strlen(words) : 0;
  read_record(from, &record);
  used = record.header_size + (size_t)record.size + (size_t)record.text_size;
  if (record.header_size != 64 || record.record_size % 8 != 0 || record.record_size - used >= 8) return 0;
  if (record.kind != event->kind || record.opcode != event->opcode || record.flags != event->flags) return 0;
  if (record.connection != event->connection || record.listener != event->listener) return 0;
  if (record.tag != event->tag || record.size != event->size || record.code != event->code) return 0;
  if (record.error != event->error || record.system != event->system) return 0;
  if (record.text_size != (int32_t)text_size) return 0;
  if (record.size != 0 && memcmp(record.payload, event->data, (size_t)event->size) != 0) return 0;
  if (memcmp(record.text, words, text_size) != 0) return 0;
  for (i = used; i < record.record_size; i++) {
    if (from[i] != 0) return 0;
  }
  return 1;
}

/* A manager whose every batch is packed and compared with its events. */
struct run {
  hws_manager *manager;
  size_t room; /* for records at once; less than the next one needs is as much as that */
  int right;   /* all batches so far were */
  hws_event events[64];
  char data[64][64];
  size_t count;
};

/* The batch, in pieces of at most `room` bytes. */
static int pack_batch(struct run *run, hws_result count) {
  int32_t done = 0;
  for (;;) {
    int64_t needed = hws_manager_pack_size(run->manager);
    size_t room = needed > (int64_t)run->room ? (size_t)needed : run->room;
    uint8_t *buffer = malloc(room + 1); /* exactly: what is written beyond it is found */
    int64_t size = hws_manager_pack_events(run->manager, buffer, needed > 0 ? (size_t)needed - 1 : room);
    int64_t at = 0;
    int is_right = size == (needed > 0 ? HWS_ERR_TOO_SMALL : 0);
    if (is_right && needed > 0) {
      size = hws_manager_pack_events(run->manager, buffer, room);
      for (; is_right && at < size; at += *(const uint32_t *)(const void *)(buffer + at), done++) {
        is_right =
            is_same(buffer + at, hws_manager_event(run->manager, done), hws_manager_event_text(run->manager, done));
      }
      is_right = is_right && at == size && size >= needed;
    }
    free(buffer);
    if (!is_right) return 0;
    if (needed == 0) return done == count;
  }
}

static void poll_once(void *with) {
  struct run *run = with;
  hws_result count = hws_manager_poll(run->manager, 10);
  int32_t i;
  run->right = run->right && pack_batch(run, count);
  for (i = 0; i < count && run->count < 64; i++) {
    const hws_event *event = hws_manager_event(run->manager, i);
    size_t size = event->size < 64 ? (size_t)event->size : 0;
    run->events[run->count] = *event;
    if (size != 0) memcpy(run->data[run->count], event->data, size);
    run->count++;
  }
}

/* The event after the last one that was waited for; NULL when patience ends. */
static const hws_event *next_event(struct run *run, size_t index) {
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  while (run->count <= index && raw_now_ms() < until)
    poll_once(run);
  return run->count > index ? &run->events[index] : NULL;
}

static void check_event(const hws_event *event, int32_t kind, int32_t opcode, uint32_t flags, int64_t size) {
  assert_non_null(event);
  assert_int_equal(event->kind, kind);
  assert_int_equal(event->opcode, opcode);
  assert_int_equal(event->flags, flags);
  assert_int_equal(event->size, size);
}

/* One of each kind, so that no field is only ever 0. */
static void run_with_room(size_t room) {
  static const uint8_t large[200000];
  struct run run;
  struct log log;
  struct raw_peer peer;
  hws_options *options = log_options("requests", 1, "pongs", 1, "max_send_queue", 400000, NULL);
  char head[4096];
  char url[64];
  const hws_event *event;
  hws_id listener;
  hws_id id;
  size_t index = 0;
  int sent;
  int port;
  int i;
  memset(&run, 0, sizeof run);
  memset(&log, 0, sizeof log);
  assert_int_equal(hws_options_set_text(options, "slow_reader", "skip"), HWS_OK);
  log.manager = run.manager = log_new_manager(options);
  hws_options_free(options);
  run.room = room;
  run.right = 1;
  listener = log_listen(&log, NULL, &port);
  assert_int_equal(hws_manager_set_tag(run.manager, listener, INT64_MIN + 1), HWS_OK);
  assert_int_equal(hws_manager_pack_events(run.manager, NULL, 0), 0);

  raw_peer_init(&peer, raw_connect(port), 1, poll_once, &run);
  assert_int_equal(raw_write_request(&peer, "/", NULL), 0);
  event = next_event(&run, index++);
  check_event(event, HWS_EVENT_REQUEST, 0, HWS_UPGRADE, 0);
  assert_int_equal(event->listener, listener);
  assert_int_equal(event->tag, INT64_MIN + 1);
  id = event->connection;
  assert_int_equal(hws_manager_accept(run.manager, id, NULL, NULL), HWS_OK);
  check_event(next_event(&run, index++), HWS_EVENT_OPEN, 0, 0, 0);
  assert_true(raw_read_head(&peer, head, sizeof head) > 0);

  for (i = 0; i < 10; i++)
    assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_TEXT, "012345678", (size_t)i), 0);
  for (i = 0; i < 10; i++)
    check_event(next_event(&run, index++), HWS_EVENT_MESSAGE, HWS_TEXT, HWS_FIRST | HWS_FINAL, i);

  assert_int_equal(hws_manager_ping(run.manager, id, "are you there", 13), HWS_OK);
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_PING, "are you there", 13));
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_PONG, "are you there", 13), 0);
  check_event(next_event(&run, index++), HWS_EVENT_PONG, 0, 0, 13);

  for (sent = 0; hws_manager_send(run.manager, id, HWS_BINARY, large, sizeof large) == HWS_OK; sent++) {
  }
  for (i = 0; i < 3; i++)
    assert_int_equal(hws_manager_broadcast(run.manager, listener, 0, HWS_TEXT, "x", 1), 0);
  for (i = 0; i < sent; i++)
    assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_BINARY, large, sizeof large));
  event = next_event(&run, index++);
  check_event(event, HWS_EVENT_DRAIN, 0, 0, 0);
  assert_int_equal(event->code, 3);

  assert_int_equal(raw_write_close(&peer, 3456, "\xe2\x82\xac"), 0);
  event = next_event(&run, index++);
  check_event(event, HWS_EVENT_CLOSE, 0, HWS_BY_PEER | HWS_CLEAN, 3);
  assert_int_equal(event->code, 3456);
  assert_string_equal(run.data[index - 1], "\xe2\x82\xac");
  raw_peer_close(&peer);

  i = raw_listen(&port);
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/", port);
  id = hws_manager_connect(run.manager, url, NULL);
  assert_int_equal(hws_manager_set_tag(run.manager, id, 7), HWS_OK);
  raw_peer_init(&peer, raw_accept(i, poll_once, &run), 0, poll_once, &run);
  close(i);
  assert_true(raw_read_head(&peer, head, sizeof head) > 0);
  assert_int_equal(raw_write_text(&peer, "HTTP/1.1 403 Not You\r\n\r\n"), 0);
  event = next_event(&run, index++);
  check_event(event, HWS_EVENT_CLOSE, 0, HWS_BY_PEER, 0);
  assert_int_equal(event->connection, id);
  assert_int_equal(event->listener, 0);
  assert_int_equal(event->tag, 7);
  assert_int_equal(event->code, 1006);
  assert_int_equal(event->error, HWS_ERR_HTTP);
  assert_int_equal(event->system, 403);
  raw_peer_close(&peer);

  assert_int_equal(hws_manager_close(run.manager, listener, 0, NULL), HWS_OK);
  event = next_event(&run, index++);
  check_event(event, HWS_EVENT_CLOSE, 0, HWS_CLEAN, 0);
  assert_int_equal(event->connection, listener);
  assert_int_equal(run.count, index);
  assert_true(run.right);
  hws_manager_free(run.manager);
}

/* Parts are as long as what has come; only the first and the last one say so. */
static void run_parts(size_t room) {
  struct run run;
  struct log log;
  struct raw_peer peer;
  hws_options *options = log_options("parts", 1, NULL);
  const hws_event *event;
  char head[4096];
  char text[16] = "";
  size_t index = 1;
  size_t size = 0;
  int port;
  memset(&run, 0, sizeof run);
  memset(&log, 0, sizeof log);
  log.manager = run.manager = log_new_manager(options);
  hws_options_free(options);
  run.room = room;
  run.right = 1;
  log_listen(&log, NULL, &port);
  raw_peer_init(&peer, raw_connect(port), 1, poll_once, &run);
  assert_int_equal(raw_write_request(&peer, "/", NULL), 0);
  assert_true(raw_read_head(&peer, head, sizeof head) > 0);
  assert_int_equal(raw_write_frame(&peer, RAW_BINARY, "ab", 2), 0);
  assert_int_equal(raw_write_frame(&peer, RAW_CONTINUATION, "c", 1), 0);
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_CONTINUATION, "def", 3), 0);
  do {
    event = next_event(&run, index);
    assert_non_null(event);
    check_event(event, HWS_EVENT_MESSAGE, HWS_BINARY,
                (index == 1 ? HWS_FIRST : 0) | (size + (size_t)event->size == 6 ? HWS_FINAL : 0), event->size);
    memcpy(text + size, run.data[index++], (size_t)event->size);
    size += (size_t)event->size;
  } while ((event->flags & HWS_FINAL) == 0);
  assert_string_equal(text, "abcdef");
  assert_true(index >= 4); /* each frame at least */
  assert_true(run.right);
  raw_peer_close(&peer);
  hws_manager_free(run.manager);
}

static void test_parts(void **state) {
  (void)state;
  run_parts(0);
  run_parts(1 << 20);
}

static void test_one_at_a_time(void **state) {
  (void)state;
  run_with_room(0);
}

static void test_some_at_a_time(void **state) {
  (void)state;
  run_with_room(64);
  run_with_room(200);
}

static void test_all_at_once(void **state) {
  (void)state;
  run_with_room(1 << 20);
}

/* A listener that is closed at once: its CLOSE comes with the next poll. */
static hws_id close_listener(hws_manager *manager) {
  hws_id listener = hws_manager_listen(manager, "ws://127.0.0.1:0/", NULL);
  return hws_manager_close(manager, listener, 0, NULL) == HWS_OK ? listener : 0;
}

/* What was not packed when the next poll begins is gone with its batch; a poll without events has none to pack. */
static void test_the_next_poll(void **state) {
  hws_manager *manager = log_new_manager(NULL);
  struct record record;
  uint8_t buffer[4096];
  hws_id first = close_listener(manager);
  hws_id second = close_listener(manager);
  hws_id third;
  int64_t size;
  (void)state;
  assert_true(first > 0 && second > 0);
  assert_int_equal(hws_manager_poll(manager, 0), 2);
  size = hws_manager_pack_size(manager);
  assert_in_range(size, 64, sizeof buffer / 2);
  assert_int_equal(hws_manager_pack_events(manager, buffer, 2 * (size_t)size - 1), size);
  read_record(buffer, &record);
  assert_int_equal(record.connection, first);
  assert_int_equal(hws_manager_pack_events(manager, NULL, 1), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_pack_events(manager, NULL, 0), HWS_ERR_TOO_SMALL);
  third = close_listener(manager);
  assert_int_equal(hws_manager_poll(manager, 0), 1);
  assert_int_equal(hws_manager_pack_events(manager, buffer, sizeof buffer), size);
  read_record(buffer, &record);
  assert_int_equal(record.connection, third);
  assert_int_equal(hws_manager_pack_events(manager, buffer, sizeof buffer), 0);
  assert_int_equal(hws_manager_pack_size(manager), 0);
  assert_int_equal(hws_manager_poll(manager, 0), 0);
  assert_int_equal(hws_manager_pack_size(manager), 0);
  assert_int_equal(hws_manager_pack_events(manager, buffer, sizeof buffer), 0);
  assert_int_equal(hws_manager_pack_size(NULL), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_pack_events(NULL, buffer, sizeof buffer), HWS_ERR_ARGUMENT);
  hws_manager_free(manager);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_one_at_a_time), cmocka_unit_test(test_some_at_a_time), cmocka_unit_test(test_all_at_once),
      cmocka_unit_test(test_parts),         cmocka_unit_test(test_the_next_poll),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
