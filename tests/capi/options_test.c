/* Options: discovery, ranges, inheritance, snapshots. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/resource.h>

#include "support/cmocka.h"
#include "support/log.h"

static int find(const char *name) {
  int32_t i;
  for (i = 0; i < hws_option_count(); i++) {
    if (strcmp(hws_option_name(i), name) == 0) return i;
  }
  return -1;
}

static void test_discovery(void **state) {
  int32_t i;
  int32_t j;
  (void)state;
  assert_true(hws_option_count() > 20);
  for (i = 0; i < hws_option_count(); i++) {
    const char *name = hws_option_name(i);
    const char *at;
    assert_in_range(hws_option_kind(i), HWS_OPTION_INT, HWS_OPTION_TEXT);
    for (at = name; *at != '\0'; at++)
      assert_true((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '_');
    assert_true(strlen(hws_option_text(i)) > 10);
    for (j = 0; j < i; j++)
      assert_string_not_equal(name, hws_option_name(j));
  }
  for (i = -1; i <= hws_option_count(); i += hws_option_count() + 1) {
    assert_null(hws_option_name(i));
    assert_null(hws_option_text(i));
    assert_int_equal(hws_option_kind(i), 0);
    assert_int_equal(hws_option_default(i), 0);
    assert_int_equal(hws_option_min(i), 0);
    assert_int_equal(hws_option_max(i), 0);
  }
}

/* Every number takes its range and nothing else; 0 is never "unlimited". */
static void test_ranges(void **state) {
  hws_options *options = hws_options_new();
  int32_t i;
  (void)state;
  for (i = 0; i < hws_option_count(); i++) {
    const char *name = hws_option_name(i);
    int64_t min = hws_option_min(i);
    int64_t max = hws_option_max(i);
    int64_t usual = hws_option_default(i);
    if (hws_option_kind(i) == HWS_OPTION_TEXT) {
      assert_int_equal(hws_options_set_int(options, name, 1), HWS_ERR_OPTION);
      continue;
    }
    assert_true(min <= usual && usual <= max);
    assert_int_equal(hws_options_set_int(options, name, min), HWS_OK);
    assert_int_equal(hws_options_set_int(options, name, max), HWS_OK);
    assert_int_equal(hws_options_set_int(options, name, usual), HWS_OK);
    assert_int_equal(hws_options_set_int(options, name, min - 1), HWS_ERR_RANGE);
    if (max < INT64_MAX) assert_int_equal(hws_options_set_int(options, name, max + 1), HWS_ERR_RANGE);
    if (min == -1) assert_int_equal(hws_options_set_int(options, name, 0), HWS_ERR_RANGE);
    if (hws_option_kind(i) == HWS_OPTION_FLAG) assert_true(min == 0 && max == 1);
    assert_int_equal(hws_options_set_text(options, name, "1"), HWS_ERR_OPTION);
  }
  assert_int_equal(hws_options_set_int(options, "no_such_option", 1), HWS_ERR_OPTION);
  assert_int_equal(hws_options_set_int(options, "", 1), HWS_ERR_OPTION);
  assert_int_equal(hws_options_set_text(options, "no_such_option", ""), HWS_ERR_OPTION);
  hws_options_free(options);
}

/* What users rely on, written down a second time: kind, default and range of each option. */
static void test_table(void **state) {
  enum { INT = HWS_OPTION_INT, FLAG = HWS_OPTION_FLAG, TEXT = HWS_OPTION_TEXT };
  static const struct {
    const char *name;
    int32_t kind;
    int64_t usual, min, max;
  } kExpected[] = {
      {"max_message_size", INT, 16 << 20, -1, INT64_MAX},
      {"max_fragments", INT, 1 << 20, -1, INT64_MAX},
      {"parts", FLAG, 0, 0, 1},
      {"pongs", FLAG, 0, 0, 1},
      {"max_head_size", INT, 16 << 10, -1, INT64_MAX},
      {"max_headers", INT, 100, -1, INT32_MAX},
      {"requests", FLAG, 0, 0, 1},
      {"keep_handshake", FLAG, 0, 0, 1},
      {"origins", TEXT, 0, 0, 0},
      {"subprotocols", TEXT, 0, 0, 0},
      {"origin", TEXT, 0, 0, 0},
      {"handshake_timeout", INT, 10000, -1, INT32_MAX},
      {"close_timeout", INT, 5000, -1, INT32_MAX},
      {"ping_interval", INT, 30000, -1, INT32_MAX},
      {"ping_timeout", INT, 20000, -1, INT32_MAX},
      {"idle_timeout", INT, -1, -1, INT32_MAX},
      {"write_stall_timeout", INT, 30000, -1, INT32_MAX},
      {"max_send_queue", INT, 16 << 20, -1, INT64_MAX},
      {"pause_above", INT, -1, -1, INT64_MAX},
      {"slow_reader", TEXT, 0, 0, 0},
      {"backlog", INT, 4096, 1, INT32_MAX},
      {"reuse_port", FLAG, 0, 0, 1},
      {"ipv6_only", FLAG, 0, 0, 1},
      {"backend", TEXT, 0, 0, 0},
      {"outer_flush", FLAG, 0, 0, 1},
      {"memory_budget", INT, 1 << 30, -1, INT64_MAX},
      {"max_handshakes", INT, 1000, -1, INT64_MAX},
      {"accepts_per_poll", INT, 64, 1, 1 << 20},
      {"max_events", INT, 256, 1, 1 << 20},
      {"max_batch_bytes", INT, 32 << 20, -1, INT64_MAX},
      {"receive_arena", INT, 512 << 10, 64 << 10, 1 << 30},
      {"send_arena", INT, 256 << 10, 64 << 10, 1 << 30},
  };
  struct rlimit descriptors;
  size_t i;
  (void)state;
  for (i = 0; i < sizeof kExpected / sizeof *kExpected; i++) {
    int32_t index = find(kExpected[i].name);
    if (index < 0) print_message("%s\n", kExpected[i].name);
    assert_true(index >= 0);
    assert_int_equal(hws_option_kind(index), kExpected[i].kind);
    assert_int_equal(hws_option_default(index), kExpected[i].usual);
    assert_int_equal(hws_option_min(index), kExpected[i].min);
    assert_int_equal(hws_option_max(index), kExpected[i].max);
  }
  /* That of max_connections is the machine's. */
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &descriptors), 0);
  assert_int_equal(hws_option_kind(find("max_connections")), INT);
  assert_int_equal(hws_option_default(find("max_connections")), (int64_t)descriptors.rlim_cur - 32);
  assert_int_equal(hws_option_min(find("max_connections")), -1);
  assert_int_equal(hws_option_max(find("max_connections")), INT64_MAX);
}

static void test_texts(void **state) {
  hws_options *options = hws_options_new();
  (void)state;
  assert_int_equal(hws_options_set_text(options, "subprotocols", "chat, superchat"), HWS_OK);
  assert_int_equal(hws_options_set_text(options, "subprotocols", ""), HWS_OK);
  assert_int_equal(hws_options_set_text(options, "subprotocols", "no token"), HWS_ERR_RANGE);
  assert_int_equal(hws_options_set_text(options, "origins", "*"), HWS_OK);
  assert_int_equal(hws_options_set_text(options, "origins", "https://a.example, http://b.example:8080"), HWS_OK);
  assert_int_equal(hws_options_set_text(options, "origins", "a.example/path"), HWS_ERR_RANGE);
  assert_int_equal(hws_options_set_text(options, "origin", "a\r\nb"), HWS_ERR_RANGE);
  assert_int_equal(hws_options_set_text(options, "slow_reader", "skip"), HWS_OK);
  assert_int_equal(hws_options_set_text(options, "slow_reader", "drop"), HWS_ERR_RANGE);
  assert_int_equal(hws_options_set_text(options, "backend", "select"), HWS_ERR_RANGE);
  hws_options_free(options);
}

static void test_headers(void **state) {
  static const char *const kReserved[] = {"Host",
                                          "upgrade",
                                          "CONNECTION",
                                          "Content-Length",
                                          "Transfer-Encoding",
                                          "Sec-WebSocket-Key",
                                          "sec-websocket-anything"};
  hws_options *options = hws_options_new();
  size_t i;
  (void)state;
  assert_int_equal(hws_options_add_header(options, "X-Fine", "value"), HWS_OK);
  assert_int_equal(hws_options_add_header(options, "X-Fine", ""), HWS_OK);
  assert_int_equal(hws_options_add_header(options, "", "value"), HWS_ERR_HEADER);
  assert_int_equal(hws_options_add_header(options, "no token", "value"), HWS_ERR_HEADER);
  assert_int_equal(hws_options_add_header(options, "X:", "value"), HWS_ERR_HEADER);
  assert_int_equal(hws_options_add_header(options, "X", "a\r\nInjected: b"), HWS_ERR_HEADER);
  assert_int_equal(hws_options_add_header(options, "X", "a\x01"), HWS_ERR_HEADER);
  for (i = 0; i < sizeof kReserved / sizeof *kReserved; i++)
    assert_int_equal(hws_options_add_header(options, kReserved[i], "value"), HWS_ERR_HEADER);
  hws_options_free(options);
}

/* A message of 100 bytes is too large for the listener at this port. */
static int is_too_large(struct log *log, int port) {
  static const uint8_t bytes[100];
  struct raw_peer peer;
  struct raw_frame frame;
  hws_id id = log_join(log, port, &peer, NULL);
  int closed = 0;
  if (raw_write_frame(&peer, RAW_FIN | RAW_BINARY, bytes, sizeof bytes) == 0) {
    raw_write_frame(&peer, RAW_FIN | RAW_PING, "", 0);
    closed = raw_read_frame(&peer, &frame) == 1 && frame.first == (RAW_FIN | RAW_CLOSE);
  }
  raw_peer_close(&peer);
  log_wait(log, HWS_EVENT_CLOSE, id);
  return closed;
}

/* What is not set comes from the manager's; what a use has taken does not change any more, and a change is for later.
 */
static void test_snapshots(void **state) {
  struct log log;
  hws_options *options = hws_options_new();
  int ports[5];
  (void)state;
  assert_int_equal(hws_options_set_int(options, "max_message_size", 10), HWS_OK);
  log_open(&log, options);
  log_listen(&log, NULL, &ports[0]); /* the manager's: 10 */
  assert_int_equal(hws_options_set_int(options, "max_message_size", 1000), HWS_OK);
  log_listen(&log, NULL, &ports[1]);    /* still the manager's: 10 */
  log_listen(&log, options, &ports[2]); /* its own: 1000 */
  assert_int_equal(hws_options_set_int(options, "max_message_size", 20), HWS_OK);
  log_listen(&log, options, &ports[3]); /* its own: 20 */
  hws_options_free(options);
  options = hws_options_new();
  assert_int_equal(hws_options_set_int(options, "max_fragments", 5), HWS_OK);
  log_listen(&log, options, &ports[4]); /* not set here, so the manager's: 10 */
  hws_options_free(options);
  assert_true(is_too_large(&log, ports[0]));
  assert_true(is_too_large(&log, ports[1]));
  assert_false(is_too_large(&log, ports[2]));
  assert_true(is_too_large(&log, ports[3]));
  assert_true(is_too_large(&log, ports[4]));
  log_close(&log);
}

/* More different options than any cache of them may hold. */
static void test_many_snapshots(void **state) {
  struct log log;
  hws_options *options = hws_options_new();
  int ports[50];
  int i;
  (void)state;
  log_open(&log, NULL);
  for (i = 0; i < 50; i++) {
    assert_int_equal(hws_options_set_int(options, "max_message_size", i % 2 == 0 ? 99 : 100), HWS_OK);
    assert_true(log_listen(&log, options, &ports[i]) > 0);
  }
  for (i = 0; i < 50; i++)
    assert_int_equal(is_too_large(&log, ports[i]), i % 2 == 0);
  hws_options_free(options);
  log_close(&log);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_discovery),      cmocka_unit_test(test_ranges),  cmocka_unit_test(test_table),
      cmocka_unit_test(test_texts),          cmocka_unit_test(test_headers), cmocka_unit_test(test_snapshots),
      cmocka_unit_test(test_many_snapshots),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
