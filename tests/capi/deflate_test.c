/* permessage-deflate (RFC 7692) over a manager. The peer is zlib itself. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "support/cmocka.h"
#include "support/log.h"
#include "support/raw_tls.h"

enum { RSV1 = 0x40 };
enum { LARGE = 400000 };

static const char kAsk[] = "permessage-deflate; client_max_window_bits";
static const char kAlone[] = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/* Text that can be compressed, and bytes that cannot. */
static uint8_t text[LARGE];
static uint8_t noise[LARGE];
static uint8_t scratch[LARGE + 100000];
static uint8_t got[LARGE + 100000];

static int fill_samples(void **state) {
  uint32_t x = 7692;
  size_t i;
  (void)state;
  for (i = 0; i < LARGE; i++) {
    x = x * 1664525 + 1013904223;
    noise[i] = (uint8_t)(x >> 24);
    text[i] = (uint8_t)(i % 7 == 0 ? ' ' : 'a' + (x >> 24) % 6);
  }
  return 0;
}

/* The peer's side of the extension. */
struct codec {
  z_stream deflate;
  z_stream inflate;
  int takeover;
};

static void codec_open(struct codec *codec, int window_bits, int takeover) {
  memset(codec, 0, sizeof *codec);
  codec->takeover = takeover;
  assert_int_equal(deflateInit2(&codec->deflate, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
  assert_int_equal(inflateInit2(&codec->inflate, -window_bits), Z_OK);
}

static void codec_close(struct codec *codec) {
  deflateEnd(&codec->deflate);
  inflateEnd(&codec->inflate);
}

/* Compresses a message into `scratch`, without its tail (7.2.1); returns its size. */
static size_t squeeze(struct codec *codec, const void *data, size_t size) {
  scratch[0] = 0; /* 7.2.3.6 */
  if (size == 0) return 1;
  if (!codec->takeover) deflateReset(&codec->deflate);
  codec->deflate.next_in = (Bytef *)data;
  codec->deflate.avail_in = (uInt)size;
  codec->deflate.next_out = scratch;
  codec->deflate.avail_out = sizeof scratch;
  deflate(&codec->deflate, Z_SYNC_FLUSH);
  return sizeof scratch - codec->deflate.avail_out - 4;
}

/* Inflates a piece of a message to `got`, behind what is there; returns how much is there then, or -1. */
static int64_t inflate_more(struct codec *codec, const void *data, size_t size, size_t at) {
  int result;
  codec->inflate.next_in = (Bytef *)data;
  codec->inflate.avail_in = (uInt)size;
  codec->inflate.next_out = got + at;
  codec->inflate.avail_out = (uInt)(sizeof got - at);
  result = inflate(&codec->inflate, Z_SYNC_FLUSH);
  if (result != Z_OK && result != Z_BUF_ERROR) return -1;
  return codec->inflate.avail_in == 0 ? (int64_t)(sizeof got - codec->inflate.avail_out) : -1;
}

static int write_squeezed(struct raw_peer *peer, struct codec *codec, int opcode, const void *data, size_t size) {
  size_t squeezed = squeeze(codec, data, size);
  return raw_write_frame(peer, RAW_FIN | RSV1 | opcode, scratch, squeezed);
}

/* True if a compressed message with these data comes next, in one frame or many. */
static int expect_squeezed(struct raw_peer *peer, struct codec *codec, int opcode, const void *data, size_t size) {
  struct raw_frame frame;
  int64_t there = 0;
  int expected = RSV1 | opcode;
  if (!codec->takeover) inflateReset(&codec->inflate);
  do {
    if (raw_read_frame(peer, &frame) != 1 || (frame.first & ~RAW_FIN) != expected || frame.masked == peer->masks) {
      return 0;
    }
    if (there >= 0) there = inflate_more(codec, frame.payload, frame.size, (size_t)there);
    expected = RAW_CONTINUATION;
  } while ((frame.first & RAW_FIN) == 0);
  if (there >= 0) there = inflate_more(codec, "\x00\x00\xff\xff", 4, (size_t)there);
  return there == (int64_t)size && memcmp(got, data, size) == 0;
}

/* A manager with an option "deflate", and a peer with which it has been agreed on. */
struct setting {
  struct log log;
  struct raw_peer peer;
  struct codec codec;
  hws_id listener;
  hws_id id;
  int port;
  int64_t before; /* memory, when there was no connection yet */
};

static int is_dedicated(const char *mode) {
  return strcmp(mode, "dedicated") == 0;
}

/* As log_dial, with an extension in the answer, and not waiting for what comes of it. */
static hws_id dial(struct log *log, struct raw_peer *peer, const char *extensions) {
  char url[64];
  char header[256];
  int port;
  int listener = raw_listen(&port);
  hws_id id;
  snprintf(url, sizeof url, "%s://127.0.0.1:%d/", raw_tls_wanted() ? "wss" : "ws", port);
  snprintf(header, sizeof header, "Sec-WebSocket-Extensions: %s\r\n", extensions);
  id = hws_manager_connect(log->manager, url, NULL);
  raw_peer_init(peer, raw_accept(listener, log_pump, log), 0, log_pump, log);
  close(listener);
  if (peer->fd < 0 || (raw_tls_wanted() && raw_peer_start_tls(peer) != 0)) return 0;
  return raw_answer(peer, header) == 0 ? id : 0;
}

static hws_id join(struct log *log, int port, struct raw_peer *peer, const char *extensions) {
  char header[256];
  snprintf(header, sizeof header, "Sec-WebSocket-Extensions: %s\r\n", extensions);
  return log_join(log, port, peer, header);
}

static void open_manager(struct setting *setting, const char *mode, hws_options *options) {
  assert_int_equal(hws_options_set_text(options, "deflate", mode), HWS_OK);
  memset(setting, 0, sizeof *setting);
  log_open(&setting->log, options);
  setting->listener = log_listen(&setting->log, NULL, &setting->port);
  hws_options_free(options);
}

static void open_peer(struct setting *setting, const char *mode, int as_client) {
  int takeover = is_dedicated(mode);
  setting->before = hws_manager_stat(setting->log.manager, "memory");
  setting->id = as_client ? dial(&setting->log, &setting->peer, takeover ? "permessage-deflate" : kAlone)
                          : join(&setting->log, setting->port, &setting->peer, kAsk);
  assert_true(setting->id > 0);
  if (as_client) assert_non_null(log_wait(&setting->log, HWS_EVENT_OPEN, setting->id));
  codec_open(&setting->codec, 15, takeover);
}

static void open_setting(struct setting *setting, const char *mode, int as_client, hws_options *options) {
  open_manager(setting, mode, options);
  open_peer(setting, mode, as_client);
}

static void close_peer(struct setting *setting) {
  raw_peer_close(&setting->peer);
  codec_close(&setting->codec);
}

/* The peer goes: the connection ends, and the memory that it had comes back. */
static void end_peer(struct setting *setting) {
  close_peer(setting);
  assert_non_null(log_wait(&setting->log, HWS_EVENT_CLOSE, setting->id));
  log_poll(&setting->log, 0);
}

static void close_setting(struct setting *setting) {
  close_peer(setting);
  log_close(&setting->log);
}

static int64_t memory(const struct setting *setting) {
  return hws_manager_stat(setting->log.manager, "memory");
}

static hws_result say(struct setting *setting, int32_t opcode, const void *data, size_t size) {
  return hws_manager_send(setting->log.manager, setting->id, opcode, data, size);
}

static const char *const kModes[] = {"shared", "dedicated"};

/* ---------------------------------------------------------------------------------------------------------------------
 * Messages */

static void echo(struct log *log, const hws_event *event) {
  if (event->kind != HWS_EVENT_MESSAGE) return;
  if ((event->flags & HWS_COMPRESSED) == 0) log->number++;
  hws_manager_send(log->manager, event->connection, event->opcode, event->data, (size_t)event->size);
}

static void echo_parts(struct log *log, const hws_event *event) {
  if (event->kind != HWS_EVENT_MESSAGE) return;
  if ((event->flags & HWS_COMPRESSED) == 0) log->number++;
  hws_manager_send_part(log->manager, event->connection, event->opcode, event->data, (size_t)event->size,
                        (event->flags & HWS_FINAL) != 0);
}

static void check_echo(const char *mode, int as_client, int parts) {
  static const size_t sizes[] = {0, 5, 100, 5, 20000, LARGE, 100};
  struct setting setting;
  const char *agreed;
  size_t i;
  open_setting(&setting, mode, as_client, log_options("parts", parts, "deflate_min_size", 0, NULL));
  agreed = hws_manager_extensions(setting.log.manager, setting.id);
  assert_non_null(agreed);
  assert_string_equal(agreed, is_dedicated(mode) ? "permessage-deflate" : kAlone);
  setting.log.each = parts ? echo_parts : echo;
  for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    assert_int_equal(write_squeezed(&setting.peer, &setting.codec, RAW_TEXT, text, sizes[i]), 0);
    assert_true(expect_squeezed(&setting.peer, &setting.codec, RAW_TEXT, text, sizes[i]));
    assert_int_equal(write_squeezed(&setting.peer, &setting.codec, RAW_BINARY, noise, sizes[i]), 0);
    assert_true(expect_squeezed(&setting.peer, &setting.codec, RAW_BINARY, noise, sizes[i]));
  }
  assert_int_equal(setting.log.number, 0); /* all came compressed */
  end_peer(&setting);
  if (is_dedicated(mode)) assert_int_equal(memory(&setting), setting.before);
  log_close(&setting.log);
}

static void test_echo(void **state) {
  int i;
  (void)state;
  for (i = 0; i < 8; i++)
    check_echo(kModes[i & 1], i >> 1 & 1, i >> 2);
}

/* Fragments with control frames between them, and messages that are not compressed. */
static void test_fragments(void **state) {
  struct setting setting;
  size_t size;
  size_t at;
  int round;
  (void)state;
  open_setting(&setting, "dedicated", 0, log_options("deflate_min_size", 0, NULL));
  setting.log.each = echo;
  for (round = 0; round < 3; round++) {
    size = squeeze(&setting.codec, text, 300);
    for (at = 0; at < size; at++) {
      assert_int_equal(raw_write_frame(&setting.peer, at == 0 ? RSV1 | RAW_TEXT : RAW_CONTINUATION, scratch + at, 1),
                       0);
      if (at % 16 != 0) continue;
      assert_int_equal(raw_write_frame(&setting.peer, RAW_FIN | RAW_PING, "ping", 4), 0);
      assert_true(raw_expect_frame(&setting.peer, RAW_FIN | RAW_PONG, "ping", 4));
    }
    assert_int_equal(raw_write_frame(&setting.peer, RAW_FIN | RAW_CONTINUATION, "", 0), 0);
    assert_true(expect_squeezed(&setting.peer, &setting.codec, RAW_TEXT, text, 300));
    assert_int_equal(setting.log.number, round);
    assert_int_equal(raw_write_frame(&setting.peer, RAW_FIN | RAW_TEXT, "plain", 5), 0);
    assert_true(expect_squeezed(&setting.peer, &setting.codec, RAW_TEXT, "plain", 5));
  }
  close_setting(&setting);
}

/* What is small or marked goes as it is; any thread's opcode may have the mark. */
static void test_uncompressed(void **state) {
  struct setting setting;
  hws_manager *manager;
  (void)state;
  open_setting(&setting, "dedicated", 0, hws_options_new());
  manager = setting.log.manager;
  assert_int_equal(say(&setting, HWS_TEXT, text, 64), HWS_OK);
  assert_true(expect_squeezed(&setting.peer, &setting.codec, RAW_TEXT, text, 64));
  assert_int_equal(say(&setting, HWS_TEXT, text, 63), HWS_OK); /* the default of deflate_min_size is 64 */
  assert_true(raw_expect_frame(&setting.peer, RAW_FIN | RAW_TEXT, text, 63));
  assert_int_equal(say(&setting, HWS_TEXT | HWS_UNCOMPRESSED, text, 1000), HWS_OK);
  assert_true(raw_expect_frame(&setting.peer, RAW_FIN | RAW_TEXT, text, 1000));
  assert_int_equal(say(&setting, HWS_BINARY | HWS_UNCOMPRESSED, noise, LARGE), HWS_OK);
  assert_true(raw_expect_frame(&setting.peer, RAW_FIN | RAW_BINARY, noise, LARGE));
  assert_int_equal(say(&setting, 3 | HWS_UNCOMPRESSED, "", 0), HWS_ERR_OPCODE);
  assert_int_equal(say(&setting, HWS_UNCOMPRESSED, "", 0), HWS_ERR_OPCODE);
  assert_int_equal(say(&setting, HWS_TEXT | HWS_UNCOMPRESSED, "\xff", 1), HWS_ERR_UTF8);
  assert_int_equal(hws_manager_send_part(manager, setting.id, HWS_TEXT | HWS_UNCOMPRESSED, "pl", 2, 0), HWS_OK);
  assert_int_equal(hws_manager_send_part(manager, setting.id, HWS_TEXT, "ain", 3, 1), HWS_OK);
  assert_true(raw_expect_frame(&setting.peer, RAW_TEXT, "pl", 2));
  assert_true(raw_expect_frame(&setting.peer, RAW_FIN | RAW_CONTINUATION, "ain", 3));
  assert_int_equal(hws_manager_send_part(manager, setting.id, HWS_TEXT, "a", 1, 0), HWS_OK); /* however short */
  assert_int_equal(hws_manager_send_part(manager, setting.id, HWS_TEXT | HWS_UNCOMPRESSED, "b", 1, 1), HWS_OK);
  assert_true(expect_squeezed(&setting.peer, &setting.codec, RAW_TEXT, "ab", 2));
  close_setting(&setting);
}

static void test_agreements(void **state) {
  static const char *const rows[][3] = {
      /* option, offer, answer */
      {"off", kAsk, NULL},
      {"shared", kAsk, kAlone},
      {"dedicated", kAsk, "permessage-deflate"},
      {"dedicated", "permessage-deflate; server_max_window_bits=10", "permessage-deflate; server_max_window_bits=10"},
      {"dedicated", "permessage-deflate; server_max_window_bits=7", NULL},
      {"dedicated", "mux, permessage-deflate; x, permessage-deflate; client_no_context_takeover",
       "permessage-deflate; client_no_context_takeover"},
      {"dedicated", "mux", NULL},
  };
  size_t i;
  (void)state;
  for (i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct setting setting;
    const char *agreed;
    open_manager(&setting, rows[i][0], hws_options_new());
    setting.id = join(&setting.log, setting.port, &setting.peer, rows[i][1]);
    assert_true(setting.id > 0);
    agreed = hws_manager_extensions(setting.log.manager, setting.id);
    assert_int_equal(agreed == NULL, rows[i][2] == NULL);
    if (agreed != NULL) assert_string_equal(agreed, rows[i][2]);
    assert_null(hws_manager_extensions(setting.log.manager, setting.listener));
    assert_null(hws_manager_extensions(setting.log.manager, 0));
    assert_null(hws_manager_extensions(NULL, setting.id));
    raw_peer_close(&setting.peer);
    log_close(&setting.log);
  }
}

/* The same without a socket: RFC 7692 7.2.3.1. */
static void test_session(void **state) {
  static const char request[] =
      "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
  static const uint8_t hello[] = {0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00};
  hws_options *options = log_options("deflate_min_size", 0, NULL);
  uint8_t bytes[sizeof request + 64];
  hws_session *session;
  const hws_event *event;
  size_t size = sizeof request - 1;
  (void)state;
  assert_int_equal(hws_options_set_text(options, "deflate", "dedicated"), HWS_OK);
  session = hws_session_new_server(options);
  assert_non_null(session);
  assert_null(hws_session_extensions(session));
  assert_null(hws_session_extensions(NULL));
  memcpy(bytes, request, size);
  size += raw_make_frame(bytes + size, 1, RAW_FIN | RSV1 | RAW_TEXT, hello, sizeof hello);
  assert_int_equal(hws_session_receive(session, bytes, size), size);
  assert_int_equal(hws_session_event(session)->kind, HWS_EVENT_OPEN);
  assert_string_equal(hws_session_extensions(session), "permessage-deflate");
  event = hws_session_event(session);
  assert_int_equal(event->kind, HWS_EVENT_MESSAGE);
  assert_int_equal(event->flags, HWS_FIRST | HWS_FINAL | HWS_COMPRESSED);
  assert_int_equal(event->size, 5);
  assert_memory_equal(event->data, "Hello", 5);
  hws_session_output_sent(session, (size_t)hws_session_output_size(session));
  assert_int_equal(hws_session_send(session, HWS_TEXT, "Hello", 5), HWS_OK);
  assert_int_equal(hws_session_send(session, HWS_TEXT | HWS_UNCOMPRESSED, "Hello", 5), HWS_OK);
  assert_int_equal(hws_session_output_size(session), 2 + sizeof hello + 2 + 5);
  assert_memory_equal(hws_session_output(session), "\xc1\x07", 2);
  assert_memory_equal((const uint8_t *)hws_session_output(session) + 2, hello, sizeof hello);
  assert_memory_equal((const uint8_t *)hws_session_output(session) + 9, "\x81\x05Hello", 7);
  hws_session_free(session);
  hws_options_free(options);
}

/* An answer that does not keep to the offer fails the client. */
static void test_wrong_answers(void **state) {
  static const char *const answers[] = {"permessage-deflate; server_max_window_bits=16", "mux",
                                        "permessage-deflate, permessage-deflate",
                                        "permessage-deflate; client_max_window_bits"};
  size_t i;
  (void)state;
  for (i = 0; i < sizeof answers / sizeof *answers; i++) {
    struct setting setting;
    const struct log_entry *end;
    open_manager(&setting, "dedicated", hws_options_new());
    setting.id = dial(&setting.log, &setting.peer, answers[i]);
    assert_true(setting.id > 0);
    end = log_wait(&setting.log, HWS_EVENT_CLOSE, setting.id);
    assert_non_null(end);
    assert_int_equal(log_count(&setting.log, HWS_EVENT_OPEN, 0), 0);
    assert_int_equal(end->event.error, HWS_ERR_HANDSHAKE);
    raw_peer_close(&setting.peer);
    log_close(&setting.log);
  }
}

/* ---------------------------------------------------------------------------------------------------------------------
 * What is wrong, or too much */

static const struct log_entry *expect_failure(struct setting *setting, int code) {
  struct raw_frame frame;
  const struct log_entry *end;
  do {
    assert_int_equal(raw_read_frame(&setting->peer, &frame), 1);
  } while (frame.first != (RAW_FIN | RAW_CLOSE));
  assert_true(frame.size >= 2);
  assert_int_equal(frame.payload[0] << 8 | frame.payload[1], code);
  raw_peer_close(&setting->peer);
  end = log_wait(&setting->log, HWS_EVENT_CLOSE, setting->id);
  assert_non_null(end);
  log_poll(&setting->log, 0);
  return end;
}

static void test_malformed(void **state) {
  int i;
  (void)state;
  for (i = 0; i < 4; i++) {
    struct setting setting;
    open_setting(&setting, kModes[i & 1], 0, log_options("parts", i >> 1, NULL));
    assert_int_equal(write_squeezed(&setting.peer, &setting.codec, RAW_TEXT, "before", 6), 0);
    assert_int_equal(raw_write_frame(&setting.peer, RAW_FIN | RSV1 | RAW_BINARY, "\xff\xff", 2), 0);
    assert_int_equal(expect_failure(&setting, 1007)->event.error, HWS_ERR_DEFLATE);
    assert_true(log_count(&setting.log, HWS_EVENT_MESSAGE, setting.id) > 0); /* what came before was told */
    if (is_dedicated(kModes[i & 1])) assert_int_equal(memory(&setting), setting.before);
    close_peer(&setting);
    open_peer(&setting, kModes[i & 1], 0);
    assert_int_equal(write_squeezed(&setting.peer, &setting.codec, RAW_TEXT, "\xe2\x28", 2), 0);
    assert_int_equal(expect_failure(&setting, 1007)->event.error, HWS_ERR_UTF8);
    close_setting(&setting);
  }
}

/* Polls, and notes the most memory that was in use. */
static int64_t most_memory;
static void pump_and_measure(void *with) {
  struct log *log = with;
  int64_t now;
  log_poll(log, 0);
  now = hws_manager_stat(log->manager, "memory");
  if (now > most_memory) most_memory = now;
}

/* 8 MB in 8 KB, of which 400 KB are allowed. */
static void check_bomb(const char *mode, int as_client, int parts, int in_fragments, int behind_others) {
  enum { BOMB = 8000000, LIMIT = LARGE, PIECE = 1000 };
  /* What is counted besides: the inflater with its window, TLS, and a copy of what came and was not looked at. */
  enum { REST = 300000 };
  static uint8_t zeros[BOMB];
  struct setting setting;
  size_t size;
  size_t at;
  int64_t rest;
  open_setting(&setting, mode, as_client, log_options("max_message_size", LIMIT, "parts", parts, NULL));
  if (behind_others) {
    for (at = 0; at < 5; at++) {
      assert_int_equal(write_squeezed(&setting.peer, &setting.codec, RAW_TEXT, text, LIMIT), 0);
      do {
        const struct log_entry *entry = log_wait(&setting.log, HWS_EVENT_MESSAGE, setting.id);
        assert_non_null(entry);
        if ((entry->event.flags & HWS_FINAL) != 0) break;
      } while (1);
    }
    log_poll(&setting.log, 0);
  }
  rest = memory(&setting);
  setting.peer.pump = pump_and_measure;
  most_memory = 0;
  size = squeeze(&setting.codec, zeros, BOMB);
  assert_in_range(size, 1, BOMB / 900);
  if (!in_fragments) {
    raw_write_frame(&setting.peer, RAW_FIN | RSV1 | RAW_BINARY, scratch, size); /* may fail: it is cut off */
  }
  for (at = 0; in_fragments && at < size; at += PIECE) {
    size_t piece = size - at < PIECE ? size - at : PIECE;
    if (raw_write_frame(&setting.peer, at == 0 ? RSV1 | RAW_BINARY : RAW_CONTINUATION, scratch + at, piece) != 0) break;
  }
  assert_int_equal(expect_failure(&setting, 1009)->event.error, HWS_ERR_LIMIT);
  assert_in_range(most_memory, 1, rest + LIMIT + REST);
  if (is_dedicated(mode)) assert_int_equal(memory(&setting), setting.before);
  close_setting(&setting);
}

static void test_bombs(void **state) {
  int i;
  (void)state;
  for (i = 0; i < 16; i++)
    check_bomb(kModes[i & 1], 0, i >> 1 & 1, i >> 2 & 1, i >> 3);
  for (i = 0; i < 4; i++)
    check_bomb(kModes[i & 1], 1, 0, i >> 1, 0);
}

/* Many bombs that each are just within the limit: the batch ends before they are too much together. */
static void test_many_large_messages(void **state) {
  enum { COUNT = 50 };
  static uint8_t zeros[LARGE];
  struct setting setting;
  size_t size = 0;
  int i;
  (void)state;
  open_setting(&setting, "shared", 0, log_options("max_batch_bytes", 3 * LARGE, NULL));
  setting.peer.pump = pump_and_measure;
  most_memory = 0;
  for (i = 0; i < COUNT; i++) {
    size = squeeze(&setting.codec, zeros, LARGE);
    assert_int_equal(raw_write_frame(&setting.peer, RAW_FIN | RSV1 | RAW_BINARY, scratch, size), 0);
  }
  while (log_count(&setting.log, HWS_EVENT_MESSAGE, setting.id) < COUNT)
    pump_and_measure(&setting.log);
  assert_in_range(most_memory, 1, 4 * LARGE + 500000);
  close_setting(&setting);
}

/* ---------------------------------------------------------------------------------------------------------------------
 * One to many */

static void test_broadcast(void **state) {
  static const struct {
    const char *offer;
    int window_bits;
    int takeover;
  } rows[] = {
      {"x", 0, 0}, /* declined: it gets plain frames */
      {"permessage-deflate", 15, 1},
      {"permessage-deflate", 15, 1},
      {"permessage-deflate; server_no_context_takeover", 15, 0},
      {"permessage-deflate; server_no_context_takeover", 15, 0},
      {"permessage-deflate; server_no_context_takeover; server_max_window_bits=9", 9, 0},
      {"permessage-deflate; server_max_window_bits=8", 8, 1},
  };
  enum { COUNT = sizeof rows / sizeof *rows };
  struct raw_peer peers[COUNT];
  struct codec codecs[COUNT];
  hws_id ids[COUNT];
  struct setting setting;
  hws_manager *manager;
  int round;
  int i;
  (void)state;
  open_manager(&setting, "dedicated", hws_options_new());
  manager = setting.log.manager;
  for (i = 0; i < COUNT; i++) {
    ids[i] = join(&setting.log, setting.port, &peers[i], rows[i].offer);
    assert_true(ids[i] > 0);
    codec_open(&codecs[i], rows[i].window_bits != 0 ? rows[i].window_bits : 15, rows[i].takeover);
  }
  for (round = 0; round < 5; round++) {
    const uint8_t *data = text + 100 * round;
    /* What is sent to one alone is part of its context. */
    assert_int_equal(hws_manager_send(manager, ids[2], HWS_TEXT, text, 500), HWS_OK);
    assert_int_equal(hws_manager_broadcast(manager, setting.listener, 0, HWS_TEXT, data, 2000), COUNT);
    assert_int_equal(hws_manager_broadcast(manager, setting.listener, ids[1], HWS_BINARY, noise, 30000), COUNT - 1);
    assert_int_equal(hws_manager_broadcast(manager, setting.listener, 0, HWS_TEXT, text, 63), COUNT);
    assert_int_equal(hws_manager_broadcast(manager, setting.listener, 0, HWS_TEXT | HWS_UNCOMPRESSED, data, 2000),
                     COUNT);
    assert_true(expect_squeezed(&peers[2], &codecs[2], RAW_TEXT, text, 500));
    for (i = 0; i < COUNT; i++) {
      if (i == 0) {
        assert_true(raw_expect_frame(&peers[i], RAW_FIN | RAW_TEXT, data, 2000));
        assert_true(raw_expect_frame(&peers[i], RAW_FIN | RAW_BINARY, noise, 30000));
      } else {
        assert_true(expect_squeezed(&peers[i], &codecs[i], RAW_TEXT, data, 2000));
        if (i != 1) assert_true(expect_squeezed(&peers[i], &codecs[i], RAW_BINARY, noise, 30000));
      }
      assert_true(raw_expect_frame(&peers[i], RAW_FIN | RAW_TEXT, text, 63));
      assert_true(raw_expect_frame(&peers[i], RAW_FIN | RAW_TEXT, data, 2000));
    }
  }
  /* Inside an unfinished message it waits for the end. */
  for (i = 1; i < COUNT; i++)
    assert_int_equal(hws_manager_send_part(manager, ids[i], HWS_TEXT, "one ", 4, 0), HWS_OK);
  assert_int_equal(hws_manager_broadcast(manager, setting.listener, ids[0], HWS_TEXT, text, 1000), COUNT - 1);
  for (i = 1; i < COUNT; i++) {
    assert_int_equal(hws_manager_send_part(manager, ids[i], HWS_TEXT, "two", 3, 1), HWS_OK);
    assert_true(expect_squeezed(&peers[i], &codecs[i], RAW_TEXT, "one two", 7));
    assert_true(expect_squeezed(&peers[i], &codecs[i], RAW_TEXT, text, 1000));
  }
  for (i = 0; i < COUNT; i++) {
    raw_peer_close(&peers[i]);
    codec_close(&codecs[i]);
  }
  log_close(&setting.log);
}

/* Slow readers that are skipped can inflate what they did get: what was not sent is no part of the context. */
static void test_slow_readers_are_skipped(void **state) {
  static const char *const offers[] = {"permessage-deflate", "permessage-deflate; server_no_context_takeover"};
  enum { CHUNK = 100000 };
  int i;
  (void)state;
  for (i = 0; i < 2; i++) {
    struct setting setting;
    hws_options *options = log_options("max_send_queue", 300000, NULL);
    int accepted = 0;
    int refused = 0;
    int at = 0;
    assert_int_equal(hws_options_set_text(options, "slow_reader", "skip"), HWS_OK);
    open_manager(&setting, "dedicated", options);
    setting.id = join(&setting.log, setting.port, &setting.peer, offers[i]);
    codec_open(&setting.codec, 15, i == 0);
    while (refused < 20) {
      int32_t count = hws_manager_broadcast(setting.log.manager, setting.listener, 0, HWS_BINARY, noise, CHUNK);
      accepted += count;
      refused = count == 0 ? refused + 1 : 0;
      log_poll(&setting.log, 1);
    }
    assert_true(accepted > 0);
    for (at = 0; at < accepted; at++)
      assert_true(expect_squeezed(&setting.peer, &setting.codec, RAW_BINARY, noise, CHUNK));
    assert_non_null(log_wait(&setting.log, HWS_EVENT_DRAIN, setting.id));
    assert_int_equal(hws_manager_broadcast(setting.log.manager, setting.listener, 0, HWS_TEXT, text, CHUNK), 1);
    assert_true(expect_squeezed(&setting.peer, &setting.codec, RAW_TEXT, text, CHUNK));
    assert_int_equal(log_count(&setting.log, HWS_EVENT_CLOSE, 0), 0);
    close_setting(&setting);
  }
}

/* ---------------------------------------------------------------------------------------------------------------------
 * Queues and memory */

/* Likewise what was refused with WOULD_BLOCK; and the queue counts compressed bytes. */
static void test_would_block_and_drain(void **state) {
  enum { CHUNK = 50000 };
  int i;
  (void)state;
  for (i = 0; i < 4; i++) {
    struct setting setting;
    int accepted = 0;
    size_t drains = 0;
    int at;
    open_setting(&setting, kModes[i & 1], i >> 1, log_options("max_send_queue", 400000, NULL));
    do {
      drains = log_count(&setting.log, HWS_EVENT_DRAIN, setting.id);
      while (say(&setting, HWS_BINARY, noise + accepted % 100 * 1000, CHUNK) == HWS_OK)
        accepted++;
      log_settle(&setting.log);
    } while (log_count(&setting.log, HWS_EVENT_DRAIN, setting.id) != drains);
    assert_true(accepted > 0);
    assert_in_range(hws_manager_queued(setting.log.manager, setting.id), 0, 400000 + CHUNK + 1000);
    for (at = 0; at < accepted; at++)
      assert_true(expect_squeezed(&setting.peer, &setting.codec, RAW_BINARY, noise + at % 100 * 1000, CHUNK));
    assert_true(log_wait_count(&setting.log, HWS_EVENT_DRAIN, setting.id, drains + 1));
    log_settle(&setting.log);
    assert_int_equal(log_count(&setting.log, HWS_EVENT_DRAIN, setting.id), drains + 1);
    assert_int_equal(say(&setting, HWS_TEXT, text, LARGE), HWS_OK);
    assert_in_range(hws_manager_queued(setting.log.manager, setting.id), 0, LARGE * 3 / 4);
    assert_true(expect_squeezed(&setting.peer, &setting.codec, RAW_TEXT, text, LARGE));
    end_peer(&setting);
    if (is_dedicated(kModes[i & 1])) assert_int_equal(memory(&setting), setting.before);
    log_close(&setting.log);
  }
}

/* A budget that is too small for a compressor. */
static void test_budget_of_sends(void **state) {
  struct setting setting;
  const struct log_entry *end;
  (void)state;
  open_setting(&setting, "shared", 0, log_options("memory_budget", 250000, NULL));
  assert_int_equal(say(&setting, HWS_TEXT, text, 1000), HWS_ERR_NO_MEMORY);
  assert_int_equal(say(&setting, HWS_TEXT | HWS_UNCOMPRESSED, text, 1000), HWS_OK); /* nothing is lost */
  assert_true(raw_expect_frame(&setting.peer, RAW_FIN | RAW_TEXT, text, 1000));
  close_setting(&setting);
  /* With a context the peer would not understand what comes later. */
  open_setting(&setting, "dedicated", 0, log_options("memory_budget", 250000, NULL));
  assert_int_equal(say(&setting, HWS_TEXT, text, 1000), HWS_ERR_NO_MEMORY);
  end = log_wait(&setting.log, HWS_EVENT_CLOSE, setting.id);
  assert_non_null(end);
  assert_int_equal(end->event.error, HWS_ERR_NO_MEMORY);
  assert_int_equal(end->event.code, 1006);
  log_poll(&setting.log, 0);
  assert_int_equal(memory(&setting), setting.before);
  close_peer(&setting);
  setting.id = join(&setting.log, setting.port, &setting.peer, "x");
  assert_int_equal(say(&setting, HWS_TEXT, text, 1000), HWS_OK);
  assert_true(raw_expect_frame(&setting.peer, RAW_FIN | RAW_TEXT, text, 1000));
  raw_peer_close(&setting.peer);
  log_close(&setting.log);
}

static void test_budget_of_received_messages(void **state) {
  enum { SIZE = 1000000 };
  static uint8_t zeros[SIZE];
  int i;
  (void)state;
  for (i = 0; i < 2; i++) {
    struct setting setting;
    const struct log_entry *end;
    open_setting(&setting, kModes[i], 0, log_options("memory_budget", 500000, NULL));
    write_squeezed(&setting.peer, &setting.codec, RAW_BINARY, zeros, SIZE);
    end = expect_failure(&setting, 1013);
    assert_int_equal(end->event.error, HWS_ERR_NO_MEMORY);
    assert_int_equal(end->event.flags & HWS_BY_PEER, 0);
    assert_non_null(strstr(end->words, "memory_budget"));
    assert_int_equal(memory(&setting), setting.before);
    close_peer(&setting);
    open_peer(&setting, kModes[i], 0);
    assert_int_equal(write_squeezed(&setting.peer, &setting.codec, RAW_BINARY, zeros, 100000), 0);
    assert_non_null(log_wait(&setting.log, HWS_EVENT_MESSAGE, setting.id));
    close_setting(&setting);
  }
}

/* The memory of as many idle connections, of which each has had a message and an answer to it. */
static int64_t idle_memory(const char *mode, const char *offer, int count) {
  enum { MOST = 100 };
  static struct raw_peer peers[MOST];
  struct setting setting;
  struct codec codec;
  int64_t result;
  int i;
  open_manager(&setting, mode, log_options("max_handshakes", MOST, NULL));
  setting.log.each = echo;
  for (i = 0; i < count; i++) {
    assert_true(join(&setting.log, setting.port, &peers[i], offer) > 0);
    codec_open(&codec, 15, is_dedicated(mode));
    if (strcmp(mode, "off") == 0) {
      assert_int_equal(raw_write_frame(&peers[i], RAW_FIN | RAW_TEXT, text, 1000), 0);
      assert_true(raw_expect_frame(&peers[i], RAW_FIN | RAW_TEXT, text, 1000));
    } else {
      assert_int_equal(write_squeezed(&peers[i], &codec, RAW_TEXT, text, 1000), 0);
      assert_true(expect_squeezed(&peers[i], &codec, RAW_TEXT, text, 1000));
    }
    codec_close(&codec);
  }
  log_settle(&setting.log);
  result = memory(&setting);
  for (i = 0; i < count; i++)
    raw_peer_close(&peers[i]);
  log_close(&setting.log);
  return result;
}

/* All connections of "shared" together hold what one of them does, one of "dedicated" as much as that. */
static void test_idle_connections(void **state) {
  int64_t shared = idle_memory("shared", kAsk, 1) - idle_memory("off", kAsk, 1);
  int64_t dedicated = idle_memory("dedicated", kAsk, 1) - idle_memory("off", kAsk, 1);
  int64_t without = idle_memory("off", kAsk, 100);
  (void)state;
  /* zconf.h: 256 KiB for compressing, 32 KiB for inflating, and a little. */
  assert_in_range(shared, 288 * 1024, 340 * 1024);
  assert_in_range(dedicated, 288 * 1024, 340 * 1024);
  assert_int_equal(idle_memory("shared", kAsk, 100) - without, shared);
  assert_in_range(idle_memory("dedicated", kAsk, 100) - without, 99 * dedicated, 101 * dedicated);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_echo),
      cmocka_unit_test(test_fragments),
      cmocka_unit_test(test_uncompressed),
      cmocka_unit_test(test_agreements),
      cmocka_unit_test(test_session),
      cmocka_unit_test(test_wrong_answers),
      cmocka_unit_test(test_malformed),
      cmocka_unit_test(test_bombs),
      cmocka_unit_test(test_many_large_messages),
      cmocka_unit_test(test_broadcast),
      cmocka_unit_test(test_slow_readers_are_skipped),
      cmocka_unit_test(test_would_block_and_drain),
      cmocka_unit_test(test_budget_of_sends),
      cmocka_unit_test(test_budget_of_received_messages),
      cmocka_unit_test(test_idle_connections),
  };
  return cmocka_run_group_tests(tests, fill_samples, NULL);
}
