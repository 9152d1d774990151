/* The batch as flat records: each field, read by offset as a foreign program would. */
#include <stdlib.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/log.h"

static uint32_t u32(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return value;
}
static int32_t i32(const uint8_t *at) {
  return (int32_t)u32(at);
}
static uint16_t u16(const uint8_t *at) {
  uint16_t value;
  memcpy(&value, at, sizeof value);
  return value;
}
static int64_t i64(const uint8_t *at) {
  int64_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

/* True if the record says what the event says. */
static int is_same(const uint8_t *record, const hws_event *event, const char *words) {
  size_t text_size = event->kind == HWS_EVENT_CLOSE ? strlen(words) : 0;
  size_t whole = (64 + (size_t)event->size + text_size + 7) / 8 * 8;
  const uint8_t *payload = record + u16(record + 4);
  size_t i;
  if (u32(record) != whole || u16(record + 4) != 64 || u16(record + 6) != event->kind) return 0;
  if (i32(record + 8) != event->opcode || u32(record + 12) != event->flags) return 0;
  if (i64(record + 16) != event->connection || i64(record + 24) != event->listener) return 0;
  if (i64(record + 32) != event->tag || i64(record + 40) != event->size) return 0;
  if (i32(record + 48) != event->code || i32(record + 52) != event->error || i32(record + 56) != event->system)
    return 0;
  if (i32(record + 60) != (int32_t)text_size) return 0;
  if (event->size != 0 && memcmp(payload, event->data, (size_t)event->size) != 0) return 0;
  if (memcmp(payload + event->size, words, text_size) != 0) return 0;
  for (i = 64 + (size_t)event->size + text_size; i < whole; i++) {
    if (record[i] != 0) return 0;
  }
  return 1;
}

/* Packs the batch into pieces of at most `room` bytes and compares it. Returns how many records were right; -1. */
static int check_batch(hws_manager *manager, hws_result count, size_t room) {
  uint8_t *buffer = malloc(1 << 20);
  int32_t done = 0;
  int64_t size;
  for (;;) {
    int64_t needed = hws_manager_pack_size(manager);
    int64_t at = 0;
    if (needed > 0 &&
        (needed % 8 != 0 || hws_manager_pack_events(manager, buffer, (size_t)needed - 1) != HWS_ERR_TOO_SMALL)) {
      done = -1;
      break;
    }
    size = hws_manager_pack_events(manager, buffer, needed > (int64_t)room ? (size_t)needed : room);
    if (size <= 0) break;
    for (; at < size; at += u32(buffer + at), done++) {
      if (!is_same(buffer + at, hws_manager_event(manager, done), hws_manager_event_text(manager, done))) break;
    }
    if (at != size) break;
  }
  if (size != 0 || hws_manager_pack_size(manager) != 0) done = -1;
  free(buffer);
  return done == count ? done : -1;
}

static void run_with_room(size_t room) {
  hws_manager *manager = hws_manager_new(NULL);
  struct log log;
  struct raw_peer peer;
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  int kinds = 0;
  hws_id listener;
  int port;
  int asked = 0;
  memset(&log, 0, sizeof log);
  log.manager = manager;
  listener = hws_manager_listen(manager, "ws://127.0.0.1:0/", NULL);
  assert_int_equal(hws_manager_set_tag(manager, listener, INT64_MIN), HWS_OK);
  port = log_port(&log, listener);
  assert_int_equal(hws_manager_pack_events(manager, NULL, 0), 0);
  assert_int_equal(hws_manager_pack_size(manager), 0);
  raw_peer_init(&peer, raw_connect(port), 1, NULL, NULL);
  assert_int_equal(raw_write_request(&peer, "/", NULL), 0);
  while (raw_now_ms() < until && (kinds & (1 << HWS_EVENT_CLOSE)) == 0) {
    hws_result count = hws_manager_poll(manager, 100);
    int32_t i;
    assert_int_equal(check_batch(manager, count, room), count);
    for (i = 0; i < count; i++) {
      const hws_event *event = hws_manager_event(manager, i);
      kinds |= 1 << event->kind;
      assert_int_equal(event->tag, INT64_MIN);
    }
    if ((kinds & (1 << HWS_EVENT_OPEN)) != 0 && !asked) {
      asked = 1;
      for (i = 0; i < 40; i++)
        assert_int_equal(
            raw_write_frame(&peer, RAW_FIN | RAW_TEXT, "0123456789012345678901234567890123456789", (size_t)i), 0);
      assert_int_equal(raw_write_close(&peer, 3456, "\xe2\x82\xac"), 0);
    }
  }
  assert_int_equal(kinds, 1 << HWS_EVENT_OPEN | 1 << HWS_EVENT_MESSAGE | 1 << HWS_EVENT_CLOSE);
  /* After the end of the batch there is nothing, and after the next poll neither. */
  assert_int_equal(hws_manager_pack_events(manager, &port, sizeof port), 0);
  assert_int_equal(hws_manager_pack_events(manager, NULL, 1), HWS_ERR_ARGUMENT);
  hws_manager_poll(manager, 0);
  assert_int_equal(hws_manager_pack_size(manager), 0);
  raw_peer_close(&peer);
  hws_manager_free(manager);
}

static void test_records(void **state) {
  (void)state;
  run_with_room(0);
  run_with_room(64);
  run_with_room(200);
  run_with_room(1 << 20);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_records),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
