/* Messages there and back, in both roles, whole, in pieces and in crowds. */
#include <stdlib.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/log.h"

static void echo(struct log *log, const hws_event *event) {
  hws_result result;
  if (event->kind != HWS_EVENT_MESSAGE) return;
  result = hws_manager_send(log->manager, event->connection, event->opcode, event->data, (size_t)event->size);
  if (result != HWS_OK) log->number = result;
}

static uint8_t *make_payload(size_t size) {
  uint8_t *payload = malloc(size + 1);
  size_t i;
  for (i = 0; i < size; i++)
    payload[i] = (uint8_t)('!' + i * 7 % 90);
  return payload;
}

static void test_sizes(void **state) {
  static const size_t kSizes[] = {0,     1,     2,     124,   125,    126,    127,    1000,    16383,  16384,
                                  16385, 65534, 65535, 65536, 131072, 200000, 524288, 1000000, 5000000};
  struct log log;
  struct raw_peer peer;
  int port;
  size_t i;
  (void)state;
  log_open(&log, NULL);
  log.each = echo;
  log_listen(&log, NULL, &port);
  assert_true(log_join(&log, port, &peer, NULL) > 0);
  for (i = 0; i < sizeof kSizes / sizeof *kSizes; i++) {
    int opcode = i % 2 != 0 ? RAW_TEXT : RAW_BINARY;
    uint8_t *payload = make_payload(kSizes[i]);
    assert_int_equal(raw_write_frame(&peer, RAW_FIN | opcode, payload, kSizes[i]), 0);
    assert_true(raw_expect_frame(&peer, RAW_FIN | opcode, payload, kSizes[i]));
    free(payload);
  }
  assert_int_equal(log.number, 0);
  raw_peer_close(&peer);
  log_close(&log);
}

static void test_client_sizes(void **state) {
  static const size_t kSizes[] = {0, 1, 125, 126, 16384, 65535, 65536, 262144, 300000, 3000000};
  struct log log;
  struct raw_peer peer;
  hws_id id;
  size_t i;
  (void)state;
  log_open(&log, NULL);
  log.each = echo;
  id = log_dial(&log, NULL, &peer);
  assert_true(id > 0);
  for (i = 0; i < sizeof kSizes / sizeof *kSizes; i++) {
    uint8_t *payload = make_payload(kSizes[i]);
    assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_TEXT, payload, kSizes[i]), 0);
    assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_TEXT, payload, kSizes[i]));
    free(payload);
  }
  assert_int_equal(log.number, 0);
  raw_peer_close(&peer);
  log_close(&log);
}

/* More messages in one piece than a batch has events, with a Close behind them: none of the answers may be lost. */
static void check_crowd(hws_options *options, size_t count, size_t size, int with_close) {
  uint8_t *bytes = malloc(count * (size + 14) + 14);
  uint8_t *payload = make_payload(size);
  size_t total = 0;
  size_t i;
  struct log log;
  struct raw_peer peer;
  hws_id id;
  int port;
  log_open(&log, options);
  log.each = echo;
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  assert_true(id > 0);
  for (i = 0; i < count; i++)
    total += raw_make_frame(bytes + total, 1, RAW_FIN | RAW_BINARY, payload, size);
  if (with_close) total += raw_make_frame(bytes + total, 1, RAW_FIN | RAW_CLOSE, "\x03\xe8", 2);
  assert_int_equal(raw_write(&peer, bytes, total), 0);
  for (i = 0; i < count; i++)
    assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_BINARY, payload, size));
  if (with_close) {
    assert_true(raw_expect_close(&peer, 1000));
    assert_true(raw_expect_end(&peer));
    assert_non_null(log_wait(&log, HWS_EVENT_CLOSE, id));
  }
  assert_int_equal(log.number, 0);
  assert_int_equal(log_count(&log, HWS_EVENT_MESSAGE, id), count);
  raw_peer_close(&peer);
  log_close(&log);
  free(bytes);
  free(payload);
  hws_options_free(options);
}

static void test_crowds(void **state) {
  (void)state;
  check_crowd(NULL, 2000, 10, 0);
  check_crowd(NULL, 300, 10, 1);
  check_crowd(log_options("max_events", 1, NULL), 50, 3, 1);
  check_crowd(log_options("max_events", 7, "receive_arena", 65536, NULL), 500, 1000, 1);
  check_crowd(log_options("pause_above", 100, NULL), 3000, 30, 1);
  check_crowd(log_options("pause_above", 1, "max_events", 3, NULL), 400, 30, 1);
  check_crowd(log_options("pause_above", 1000, NULL), 200, 20000, 1);
}

/* The end of the arena is full of the begin of a frame: a poll that has no room to read and no event must not turn for
 * ever. Payloads of this size make 255 whole frames fill nearly all of the arena. */
static void test_full_arena_with_a_part(void **state) {
  size_t size;
  (void)state;
  for (size = 1990; size <= 2060; size += 10)
    check_crowd(log_options("max_events", 255, NULL), 1500, size, 1);
  for (size = 240; size <= 260; size += 2)
    check_crowd(log_options("receive_arena", 65536, NULL), 1500, size, 1);
}

static void test_every_cut(void **state) {
  uint8_t bytes[1024];
  size_t total = 0;
  size_t cut;
  struct log log;
  struct raw_peer peer;
  int port;
  (void)state;
  log_open(&log, NULL);
  log.each = echo;
  log_listen(&log, NULL, &port);
  assert_true(log_join(&log, port, &peer, NULL) > 0);
  total += raw_make_frame(bytes + total, 1, RAW_TEXT, "f\xc3", 2);
  total += raw_make_frame(bytes + total, 1, RAW_FIN | RAW_PING, "in between", 10);
  total += raw_make_frame(bytes + total, 1, RAW_FIN | RAW_CONTINUATION, "\xb6r", 2);
  total += raw_make_frame(bytes + total, 1, RAW_FIN | RAW_BINARY, "", 0);
  total += raw_make_frame(bytes + total, 1, RAW_FIN | RAW_BINARY, bytes, 126);
  for (cut = 0; cut <= total; cut++) {
    assert_int_equal(raw_write(&peer, bytes, cut), 0);
    log_poll(&log, 1);
    log_poll(&log, 0);
    assert_int_equal(raw_write(&peer, bytes + cut, total - cut), 0);
    assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_PONG, "in between", 10));
    assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_TEXT, "f\xc3\xb6r", 4));
    assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_BINARY, "", 0));
    assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_BINARY, bytes, 126));
  }
  raw_peer_close(&peer);
  log_close(&log);
}

/* The handshake byte by byte, with frames right behind it. */
static void test_dripping_handshake(void **state) {
  static const char kRequest[] =
      "GET /x HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  char head[1024];
  uint8_t frame[32];
  size_t i;
  struct log log;
  struct raw_peer peer;
  int port;
  (void)state;
  log_open(&log, NULL);
  log.each = echo;
  log_listen(&log, NULL, &port);
  raw_peer_init(&peer, raw_connect(port), 1, log_pump, &log);
  for (i = 0; i < sizeof kRequest - 2; i++) {
    assert_int_equal(raw_write(&peer, kRequest + i, 1), 0);
    log_poll(&log, 0);
  }
  frame[0] = '\n';
  i = raw_make_frame(frame + 1, 1, RAW_FIN | RAW_TEXT, "early", 5);
  assert_int_equal(raw_write(&peer, frame, i + 1), 0);
  assert_true(raw_read_head(&peer, head, sizeof head) > 0);
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_TEXT, "early", 5));
  raw_peer_close(&peer);
  log_close(&log);
}

/* Events of one batch keep their payloads while other connections are read and messages of all kinds come in. */
static void test_batch_stands_still(void **state) {
  enum { PEERS = 20, ROUNDS = 30 };
  struct log log;
  struct raw_peer peers[PEERS];
  int port;
  int i;
  int round;
  uint8_t *large = make_payload(100000);
  (void)state;
  log_open(&log, NULL);
  log.each = echo;
  log_listen(&log, NULL, &port);
  for (i = 0; i < PEERS; i++)
    assert_true(log_join(&log, port, &peers[i], NULL) > 0);
  for (round = 0; round < ROUNDS; round++) {
    for (i = 0; i < PEERS; i++) {
      assert_int_equal(raw_write_frame(&peers[i], RAW_FIN | RAW_BINARY, large + i, (size_t)(round * 100 + i)), 0);
      assert_int_equal(raw_write_frame(&peers[i], RAW_FIN | RAW_BINARY, large, (size_t)(i % 5 * 20000)), 0);
    }
    for (i = 0; i < PEERS; i++) {
      assert_true(raw_expect_frame(&peers[i], RAW_FIN | RAW_BINARY, large + i, (size_t)(round * 100 + i)));
      assert_true(raw_expect_frame(&peers[i], RAW_FIN | RAW_BINARY, large, (size_t)(i % 5 * 20000)));
    }
  }
  for (i = 0; i < PEERS; i++)
    raw_peer_close(&peers[i]);
  log_close(&log);
  free(large);
}

/* Every way of sending, to connections in any order, many of them between two polls: each peer gets its own frames, in
 * the order in which they were sent. */
enum { RECIPIENTS = 4, STEPS = 3000 };

struct sent {
  int to, first;
  uint8_t fill;
  size_t size;
};

static hws_result send_frame(hws_manager *manager, hws_id id, const struct sent *frame, const uint8_t *payload) {
  int opcode = frame->first & 0x0F;
  if (opcode == RAW_PING) return hws_manager_ping(manager, id, payload, frame->size);
  if (opcode == 0) return hws_manager_send_part(manager, id, HWS_BINARY, payload, frame->size, 1);
  if ((frame->first & RAW_FIN) == 0) return hws_manager_send_part(manager, id, opcode, payload, frame->size, 0);
  return hws_manager_send(manager, id, opcode, payload, frame->size);
}

static void test_frames_reach_their_recipients(void **state) {
  static struct sent frames[STEPS];
  static uint8_t payload[20000];
  struct log log;
  struct raw_peer peers[RECIPIENTS];
  hws_id ids[RECIPIENTS];
  int in_part[RECIPIENTS] = {0};
  int port;
  int i;
  (void)state;
  srand(53);
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  for (i = 0; i < RECIPIENTS; i++)
    ids[i] = log_join(&log, port, &peers[i], NULL);
  for (i = 0; i < STEPS; i++) {
    struct sent *frame = &frames[i];
    int way = rand() % 16;
    /* The same one again and again, between which another one comes. */
    frame->to = rand() % 3 == 0 || i == 0 ? rand() % RECIPIENTS : frames[i - 1].to;
    frame->fill = (uint8_t)('a' + i % 26);
    frame->size = (size_t)(rand() % (way == 0 ? 20000 : 300));
    frame->first = RAW_FIN | (rand() % 2 != 0 ? RAW_TEXT : RAW_BINARY);
    if (in_part[frame->to]) frame->first = RAW_FIN;
    if (!in_part[frame->to] && way == 1) frame->first = RAW_BINARY;
    if (way == 2) frame->first = RAW_FIN | RAW_PING;
    if (way == 2) frame->size %= 126;
    if (frame->first == RAW_FIN || frame->first == RAW_BINARY) in_part[frame->to] = frame->first == RAW_BINARY;
    memset(payload, frame->fill, frame->size);
    assert_int_equal(send_frame(log.manager, ids[frame->to], frame, payload), HWS_OK);
    if (rand() % 8 == 0) hws_manager_flush(log.manager);
  }
  for (i = 0; i < STEPS; i++) {
    memset(payload, frames[i].fill, frames[i].size);
    assert_true(raw_expect_frame(&peers[frames[i].to], frames[i].first, payload, frames[i].size));
  }
  for (i = 0; i < RECIPIENTS; i++) {
    assert_int_equal(hws_manager_queued(log.manager, ids[i]), 0);
    raw_peer_close(&peers[i]);
  }
  log_close(&log);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sizes),
      cmocka_unit_test(test_client_sizes),
      cmocka_unit_test(test_crowds),
      cmocka_unit_test(test_frames_reach_their_recipients),
      cmocka_unit_test(test_full_arena_with_a_part),
      cmocka_unit_test(test_every_cut),
      cmocka_unit_test(test_dripping_handshake),
      cmocka_unit_test(test_batch_stands_still),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
