/* Peers that stop: after every byte of the handshake, in both roles, over ws:// and over wss://, where the bytes are
 * those of TLS. Some only fall silent, some end the connection, some reset it. And peers that read nothing, or a byte a
 * second, or say a byte a second. Each gets the end that hawser.h tells of, no later and no earlier; nothing is left of
 * it, and who is connected besides does not notice. The clock is the test's: hours take no time. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "support/cmocka.h"
#include "support/log.h"
#include "support/raw_tls.h"

enum { SERVER, CLIENT };        /* what the library is */
enum { STOPS, CLOSES, RESETS }; /* what the peer does */
enum { TOGETHER = 50, MOST = 6000, HANDSHAKE_MS = 10000 /* handshake_timeout */ };

static const char kRequest[] =
    "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/* A peer that says no more than so many bytes. */
struct wire {
  int fd;
  SSL *tls; /* NULL: plain */
  size_t left;
  char inner[4096]; /* what is to go through TLS, or plain */
  size_t inner_size;
  int said;        /* was given to TLS, or to the wire */
  char head[4096]; /* what came */
  size_t head_size;
  int wants_head; /* and is to be answered */
  char outer[8192];
  size_t outer_size;
  int finished; /* all was said */
  hws_id id;    /* 0: not known */
};

struct stage {
  struct log log;
  int role;
  int tls;
  int ending;
  int port;
  int raw_listener;
  struct raw_peer bystander;
  hws_id bystander_id;
  struct wire wires[TOGETHER];
};

static void add_outer(struct wire *wire, const void *data, size_t size) {
  if (size > sizeof wire->outer - wire->outer_size) abort();
  memcpy(wire->outer + wire->outer_size, data, size);
  wire->outer_size += size;
}

/* ---------------------------------------------------------------------------------------------------------------------
 * The peer
 * ------------------------------------------------------------------------------------------------------------------ */

/* The answer to the request that came. */
static void make_answer(struct wire *wire) {
  struct raw_peer peer;
  raw_peer_init(&peer, -1, 0, NULL, NULL);
  peer.bytes = malloc(wire->head_size);
  if (peer.bytes == NULL) abort();
  memcpy(peer.bytes, wire->head, wire->head_size);
  peer.size = wire->head_size;
  wire->inner_size = (size_t)raw_make_answer(&peer, NULL, wire->inner, sizeof wire->inner);
  wire->wants_head = 0;
  raw_peer_close(&peer);
}

static void get_head(struct wire *wire, const void *data, size_t size) {
  if (!wire->wants_head || size > sizeof wire->head - wire->head_size) return;
  memcpy(wire->head + wire->head_size, data, size);
  wire->head_size += size;
  if (memmem(wire->head, wire->head_size, "\r\n\r\n", 4) != NULL) make_answer(wire);
}

static void read_wire(struct wire *wire) {
  char bytes[8192];
  ssize_t got = recv(wire->fd, bytes, sizeof bytes, 0);
  if (got <= 0) return;
  if (wire->tls == NULL) return get_head(wire, bytes, (size_t)got);
  BIO_write(SSL_get_rbio(wire->tls), bytes, (int)got);
}

static int has_more(const struct wire *wire) {
  return wire->inner_size != 0 && !wire->said;
}

static void step_tls(struct wire *wire) {
  char bytes[4096];
  int got;
  if (SSL_do_handshake(wire->tls) == 1) {
    while ((got = SSL_read(wire->tls, bytes, sizeof bytes)) > 0)
      get_head(wire, bytes, (size_t)got);
    if (has_more(wire)) wire->said = SSL_write(wire->tls, wire->inner, (int)wire->inner_size) > 0;
  }
  ERR_clear_error();
  while ((got = BIO_read(SSL_get_wbio(wire->tls), bytes, sizeof bytes)) > 0)
    add_outer(wire, bytes, (size_t)got);
}

/* Reads, thinks, and says what may be said. */
static void step(struct wire *wire) {
  ssize_t sent;
  read_wire(wire);
  if (wire->tls != NULL) {
    step_tls(wire);
  } else if (has_more(wire)) {
    add_outer(wire, wire->inner, wire->inner_size);
    wire->said = 1;
  }
  sent = send(wire->fd, wire->outer, wire->outer_size < wire->left ? wire->outer_size : wire->left, MSG_NOSIGNAL);
  if (sent <= 0) sent = 0;
  memmove(wire->outer, wire->outer + sent, wire->outer_size - (size_t)sent);
  wire->outer_size -= (size_t)sent;
  wire->left -= (size_t)sent;
  wire->finished = wire->said && wire->outer_size == 0;
}

static void begin_wire(struct stage *stage, struct wire *wire, size_t left) {
  char url[64];
  memset(wire, 0, sizeof *wire);
  wire->left = left;
  if (stage->role == SERVER) {
    wire->fd = raw_connect(stage->port);
    memcpy(wire->inner, kRequest, wire->inner_size = sizeof kRequest - 1);
  } else {
    snprintf(url, sizeof url, "%s://127.0.0.1:%d/", stage->tls ? "wss" : "ws", stage->port);
    wire->id = hws_manager_connect(stage->log.manager, url, NULL);
    wire->fd = raw_accept(stage->raw_listener, log_pump, &stage->log);
    wire->wants_head = 1;
  }
  if (!stage->tls) return;
  wire->tls = raw_tls_new(wire->fd, stage->role == SERVER);
  SSL_set_bio(wire->tls, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
}

static void end_wire(struct wire *wire, int ending) {
  struct linger abruptly = {1, 0};
  if (ending == RESETS) setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &abruptly, sizeof abruptly);
  if (wire->fd >= 0) close(wire->fd);
  wire->fd = -1;
  SSL_free(wire->tls);
  wire->tls = NULL;
}

/* Lets it say all that it may, and the library hear it. */
static void talk(struct stage *stage, struct wire *wire) {
  int quiet = 0;
  while (quiet < 3) {
    size_t left = wire->left;
    size_t heard = wire->head_size;
    log_poll(&stage->log, 0);
    step(wire);
    quiet = wire->left == left && wire->head_size == heard ? quiet + 1 : 0;
    if (wire->left == 0) break;
  }
  log_poll(&stage->log, 0);
}

/* ---------------------------------------------------------------------------------------------------------------------
 * What comes of it
 * ------------------------------------------------------------------------------------------------------------------ */

static int bystander_answers(struct stage *stage) {
  return raw_write_frame(&stage->bystander, RAW_FIN | RAW_TEXT, "still here", 10) == 0 &&
         raw_expect_frame(&stage->bystander, RAW_FIN | RAW_TEXT, "still here", 10);
}

static void echo(struct log *log, const hws_event *event) {
  if (event->kind != HWS_EVENT_MESSAGE) return;
  hws_manager_send(log->manager, event->connection, event->opcode, event->data, (size_t)event->size);
}

static void open_stage(struct stage *stage, int role, int tls, int ending) {
  hws_options *options = hws_options_new();
  int port;
  memset(stage, 0, sizeof *stage);
  stage->role = role;
  stage->tls = tls;
  stage->ending = ending;
  stage->raw_listener = -1;
  hws_options_set_text(options, "tls_certificate", raw_tls_certificate());
  hws_options_set_text(options, "tls_key", raw_tls_key());
  hws_options_set_text(options, "tls_ca", raw_tls_certificate());
  hws_options_set_int(options, "ping_interval", -1); /* the bystander is not the matter here */
  clock_take();
  log_open(&stage->log, options);
  stage->log.each = echo;
  hws_options_free(options);
  log_listen(&stage->log, NULL, &port);
  stage->bystander_id = log_join(&stage->log, port, &stage->bystander, NULL);
  if (role == CLIENT) {
    stage->raw_listener = raw_listen(&stage->port);
  } else if (tls) {
    stage->port = log_port(&stage->log, hws_manager_listen(stage->log.manager, "wss://127.0.0.1:0/", NULL));
  } else {
    stage->port = port;
  }
}

static void close_stage(struct stage *stage) {
  raw_peer_close(&stage->bystander);
  if (stage->raw_listener >= 0) close(stage->raw_listener);
  log_close(&stage->log);
  clock_release();
}

static void wait_stat(struct stage *stage, const char *name, int64_t value) {
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  while (hws_manager_stat(stage->log.manager, name) != value && raw_now_ms() < until)
    log_poll(&stage->log, 0);
  assert_int_equal(hws_manager_stat(stage->log.manager, name), value);
}

/* The CLOSE of a connect whose server went no further. */
static void check_close(struct stage *stage, hws_id id, int opened) {
  const struct log_entry *end = log_wait(&stage->log, HWS_EVENT_CLOSE, id);
  const hws_event *event = &end->event;
  assert_non_null(end);
  assert_int_equal(event->code, 1006);
  assert_int_equal(event->flags, HWS_BY_PEER);
  if (stage->ending == STOPS) {
    assert_int_equal(event->error, HWS_ERR_TIMEOUT);
    assert_non_null(strstr(end->words, "handshake_timeout"));
  } else if (stage->ending == CLOSES && !stage->tls) {
    assert_int_equal(event->error, HWS_ERR_EOF);
    assert_true(opened || strstr(end->words, "handshake") != NULL);
  } else if (!stage->tls) {
    assert_true(event->error == HWS_ERR_IO || event->error == HWS_ERR_EOF);
  } else {
    assert_true(event->error == HWS_ERR_TLS || event->error == HWS_ERR_EOF || event->error == HWS_ERR_IO);
  }
  assert_int_equal(log_count(&stage->log, HWS_EVENT_CLOSE, id), 1);
}

/* Some peers, who say `first` bytes, one more each. Returns how many of them came to the end of the handshake. */
static int play(struct stage *stage, size_t first) {
  size_t opens = log_count(&stage->log, HWS_EVENT_OPEN, 0);
  int64_t failed = hws_manager_stat(stage->log.manager, "handshakes_failed");
  int finished = 0;
  int i;
  for (i = 0; i < TOGETHER; i++) {
    begin_wire(stage, &stage->wires[i], first + (size_t)i);
    talk(stage, &stage->wires[i]);
    finished += stage->wires[i].finished;
    if (stage->ending != STOPS) end_wire(&stage->wires[i], stage->ending);
  }
  if (stage->ending == STOPS) {
    clock_advance(HANDSHAKE_MS - 1);
    log_poll(&stage->log, 0);
    assert_int_equal(hws_manager_stat(stage->log.manager, "connections"), 1 + TOGETHER);
    clock_advance(1);
    wait_stat(stage, "handshakes", 0);
  }
  for (i = 0; i < TOGETHER; i++) {
    if (stage->ending == STOPS && stage->role == CLIENT && !stage->wires[i].finished) {
      check_close(stage, stage->wires[i].id, 0);
    }
    end_wire(&stage->wires[i], CLOSES);
  }
  wait_stat(stage, "connections", 1);
  for (i = 0; stage->role == CLIENT && stage->ending != STOPS && i < TOGETHER; i++)
    check_close(stage, stage->wires[i].id, stage->wires[i].finished);
  opens = log_count(&stage->log, HWS_EVENT_OPEN, 0) - opens;
  failed = hws_manager_stat(stage->log.manager, "handshakes_failed") - failed;
  /* A reset may overtake what was said. */
  if (stage->ending != RESETS) assert_int_equal(opens, finished);
  if (stage->role == SERVER) assert_int_equal((int64_t)opens + failed, TOGETHER);
  assert_int_equal(log_count(&stage->log, HWS_EVENT_CLOSE, stage->bystander_id), 0);
  assert_true(bystander_answers(stage));
  return finished;
}

static void check_every_byte(int role, int tls, int ending) {
  struct stage stage;
  int descriptors;
  size_t size = 0;
  open_stage(&stage, role, tls, ending);
  assert_true(stage.bystander_id > 0);
  descriptors = log_descriptors();
  while (play(&stage, size) == 0) {
    size += TOGETHER;
    assert_in_range(size, 0, MOST);
    assert_int_equal(log_descriptors(), descriptors);
  }
  assert_int_equal(log_descriptors(), descriptors);
  print_message("%s of %s: stopped after each of %zu bytes\n", role == SERVER ? "clients" : "servers",
                tls ? "wss" : "ws", size + TOGETHER);
  close_stage(&stage);
}

static void test_plain_stops(void **state) {
  (void)state;
  check_every_byte(SERVER, 0, STOPS);
  check_every_byte(CLIENT, 0, STOPS);
}

static void test_tls_stops(void **state) {
  (void)state;
  check_every_byte(SERVER, 1, STOPS);
  check_every_byte(CLIENT, 1, STOPS);
}

static void test_tls_closes(void **state) {
  (void)state;
  check_every_byte(SERVER, 1, CLOSES);
  check_every_byte(CLIENT, 1, CLOSES);
}

static void test_tls_resets(void **state) {
  (void)state;
  check_every_byte(SERVER, 1, RESETS);
  check_every_byte(CLIENT, 1, RESETS);
}

/* ---------------------------------------------------------------------------------------------------------------------
 * Slow ones
 * ------------------------------------------------------------------------------------------------------------------ */

enum { LARGE_SIZE = 16 << 20, STALL_MS = 30000 /* write_stall_timeout */ };

/* A peer that is upgraded, whatever the stage is; its id. Its kernel keeps no more for it than it has promised by then.
 */
static hws_id open_peer(struct stage *stage, struct raw_peer *peer) {
  const struct log_entry *opened;
  char url[64];
  int small = 4096;
  int fd;
  if (stage->role == SERVER) {
    fd = raw_connect(stage->port);
  } else {
    snprintf(url, sizeof url, "%s://127.0.0.1:%d/", stage->tls ? "wss" : "ws", stage->port);
    if (hws_manager_connect(stage->log.manager, url, NULL) < 0) return 0;
    fd = raw_accept(stage->raw_listener, log_pump, &stage->log);
  }
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  raw_peer_init(peer, fd, stage->role == SERVER, log_pump, &stage->log);
  if (stage->tls && raw_peer_start_tls(peer) != 0) return 0;
  if (stage->role == SERVER ? raw_ask(peer, "/", NULL) != 101 : raw_answer(peer, NULL) != 0) return 0;
  opened = log_wait(&stage->log, HWS_EVENT_OPEN, 0);
  return opened != NULL ? opened->event.connection : 0;
}

/* More is sent than any kernel takes. The library's time has stood still since it took no more. */
static void send_large(struct stage *stage, hws_id id) {
  void *large = calloc(1, LARGE_SIZE);
  assert_int_equal(hws_manager_send(stage->log.manager, id, HWS_BINARY, large, LARGE_SIZE), HWS_OK);
  free(large);
  log_pump(&stage->log);
  log_pump(&stage->log);
  assert_true(hws_manager_queued(stage->log.manager, id) > 0);
}

/* The CLOSE of one that stalled. */
static void check_stalled(struct stage *stage, hws_id id) {
  const struct log_entry *end = log_wait(&stage->log, HWS_EVENT_CLOSE, id);
  assert_non_null(end);
  assert_int_equal(end->event.error, HWS_ERR_TIMEOUT);
  assert_int_equal(end->event.flags, HWS_BY_PEER);
  assert_non_null(strstr(end->words, "write_stall_timeout"));
  assert_int_equal(log_count(&stage->log, HWS_EVENT_CLOSE, 0), 1);
  assert_true(bystander_answers(stage));
}

/* Takes one byte from the socket each second, until this time. Returns how many there were. */
static int sip(struct stage *stage, struct raw_peer *peer, int64_t until_ms) {
  char byte;
  int taken = 0;
  while (clock_now() < until_ms) {
    taken += recv(peer->fd, &byte, 1, 0) == 1;
    clock_advance(clock_now() + 1000 < until_ms ? 1000 : until_ms - clock_now());
    log_poll(&stage->log, 0);
  }
  return taken;
}

/* write_stall_timeout: to the millisecond from when the kernel took no more. Who sips is no better: its window stays
 * shut. */
static void check_stall(int role, int tls, int sips) {
  struct stage stage;
  struct raw_peer peer;
  int64_t begun;
  hws_id id;
  open_stage(&stage, role, tls, STOPS);
  id = open_peer(&stage, &peer);
  assert_true(id > 0);
  begun = clock_now();
  send_large(&stage, id);
  assert_int_equal(clock_now(), begun);
  if (sips) {
    assert_int_equal(sip(&stage, &peer, begun + STALL_MS - 1), STALL_MS / 1000);
  } else {
    clock_advance(STALL_MS - 1);
    log_pump(&stage.log);
  }
  assert_int_equal(log_count(&stage.log, HWS_EVENT_CLOSE, id), 0);
  assert_true(bystander_answers(&stage));
  clock_advance(1);
  check_stalled(&stage, id);
  raw_peer_close(&peer);
  close_stage(&stage);
}

static void test_never_reads(void **state) {
  (void)state;
  check_stall(SERVER, 0, 0);
  check_stall(CLIENT, 0, 0);
  check_stall(SERVER, 1, 0);
  check_stall(CLIENT, 1, 0);
}

static void test_reads_a_byte_a_second(void **state) {
  (void)state;
  check_stall(SERVER, 0, 1);
  check_stall(CLIENT, 0, 1);
  check_stall(SERVER, 1, 1);
  check_stall(CLIENT, 1, 1);
}

/* What the kernel has taken is the peer's to take when it likes, for hours. */
static void check_patience(int role) {
  enum { HEAD = 4 /* RFC 6455 5.2: a length of 16 bits */, SIZE = 3 * 3600 };
  static uint8_t said[SIZE];
  static uint8_t got[HEAD + 4 + SIZE];
  size_t head = role == SERVER ? HEAD : HEAD + 4;
  const uint8_t *key = got + HEAD;
  struct stage stage;
  struct raw_peer peer;
  size_t i;
  hws_id id;
  open_stage(&stage, role, 0, STOPS);
  id = open_peer(&stage, &peer);
  assert_true(id > 0);
  for (i = 0; i < SIZE; i++)
    said[i] = (uint8_t)(i % 251);
  assert_int_equal(hws_manager_send(stage.log.manager, id, HWS_BINARY, said, SIZE), HWS_OK);
  log_pump(&stage.log);
  assert_int_equal(hws_manager_queued(stage.log.manager, id), 0);
  for (i = 0; i < head + SIZE; i++) {
    assert_int_equal(recv(peer.fd, &got[i], 1, 0), 1);
    clock_advance(1000);
    log_pump(&stage.log);
  }
  for (i = 0; i < SIZE; i++)
    assert_int_equal(got[head + i] ^ (role == SERVER ? 0 : key[i % 4]), said[i]);
  assert_int_equal(log_count(&stage.log, HWS_EVENT_CLOSE, id), 0);
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_TEXT, "thanks", 6), 0);
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_TEXT, "thanks", 6));
  raw_peer_close(&peer);
  close_stage(&stage);
}

static void test_takes_hours(void **state) {
  (void)state;
  check_patience(SERVER);
  check_patience(CLIENT);
}

/* Says the bytes, a second after each; true as long as the connection is there. */
static int drip(struct stage *stage, struct raw_peer *peer, const void *bytes, size_t size) {
  size_t i;
  for (i = 0; i < size && hws_manager_stat(stage->log.manager, "connections") == 2; i++) {
    if (raw_write_whole(peer, (const char *)bytes + i, 1) != 0) return 0;
    log_poll(&stage->log, 0);
    clock_advance(1000);
    log_poll(&stage->log, 0);
  }
  return hws_manager_stat(stage->log.manager, "connections") == 2;
}

/* A byte a second is no handshake, but a sign of life afterwards. */
static void test_byte_a_second(void **state) {
  struct stage stage;
  struct raw_peer peer;
  uint8_t frame[200];
  char text[150];
  int64_t heard;
  (void)state;
  memset(text, 'x', sizeof text);
  open_stage(&stage, SERVER, 0, STOPS);
  raw_peer_init(&peer, raw_connect(stage.port), 1, log_pump, &stage.log);
  wait_stat(&stage, "connections", 2);
  heard = hws_manager_stat(stage.log.manager, "bytes_received");
  assert_false(drip(&stage, &peer, kRequest, sizeof kRequest - 1));
  wait_stat(&stage, "connections", 1);
  heard = hws_manager_stat(stage.log.manager, "bytes_received") - heard;
  assert_int_equal(heard, HANDSHAKE_MS / 1000);
  raw_peer_close(&peer);
  assert_true(log_join(&stage.log, stage.port, &peer, NULL) > 0);
  assert_true(drip(&stage, &peer, frame, raw_make_frame(frame, 1, RAW_FIN | RAW_TEXT, text, sizeof text)));
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_TEXT, text, sizeof text));
  raw_peer_close(&peer);
  close_stage(&stage);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_plain_stops), cmocka_unit_test(test_tls_stops),
      cmocka_unit_test(test_tls_closes),  cmocka_unit_test(test_tls_resets),
      cmocka_unit_test(test_never_reads), cmocka_unit_test(test_reads_a_byte_a_second),
      cmocka_unit_test(test_takes_hours), cmocka_unit_test(test_byte_a_second),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
