/* Every way in which a connection can end, in a table, for both roles: what its CLOSE says, that there is one, and that
 * the id is stale behind it. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/log.h"
#include "support/name_server.h"

/* The role of the library. */
enum { SERVER = 1, CLIENT = 2, BOTH = 3 };
enum { TAG = 77, LARGE = 8000000 };

struct scene {
  const struct ending *ending;
  int role;
  struct log log;
  hws_id listener;
  int port;
  hws_id id; /* 0 as long as the application was not told one */
  int raw_listener;
  struct raw_peer peer;
};

struct ending {
  const char *name;
  int roles;
  const char *options; /* "name=number ..." */
  void (*come_about)(struct scene *scene);
  int told; /* else the application hears nothing, and the failed handshake is counted */
  /* Its CLOSE. */
  int32_t code;
  int32_t error;
  int32_t system;
  uint32_t flags;
  const char *words; /* all of these, separated by |, are in its words */
  /* For break_it: the frame, and the code of our Close. */
  int first;
  const char *payload;
  size_t size;
  int answer;
};

/* ---------------------------------------------------------------------------------------------------------------------
 * How far it came
 * ------------------------------------------------------------------------------------------------------------------ */

static void told(struct scene *scene, hws_id id) {
  assert_true(id > 0);
  scene->id = id;
}

static void tag(struct scene *scene, hws_id id) {
  told(scene, id);
  assert_int_equal(hws_manager_set_tag(scene->log.manager, id, TAG), HWS_OK);
}

/* In the batch in which an id is told: the CLOSE may be in the next. */
static void tag_at_once(struct log *log, const hws_event *event) {
  if (event->kind == HWS_EVENT_OPEN || event->kind == HWS_EVENT_REQUEST) {
    hws_manager_set_tag(log->manager, event->connection, TAG);
  }
}

static void start_connect(struct scene *scene, const char *host) {
  char url[128];
  snprintf(url, sizeof url, "ws://%s:%d/", host, scene->port);
  tag(scene, hws_manager_connect(scene->log.manager, url, NULL));
}

/* TCP is connected, and nothing is said, but for a client's request. */
static void begin(struct scene *scene) {
  if (scene->role == SERVER) {
    raw_peer_init(&scene->peer, raw_connect(scene->port), 1, log_pump, &scene->log);
    while (hws_manager_stat(scene->log.manager, "accepted") == 0)
      assert_true(log_poll(&scene->log, 1) >= 0);
    return;
  }
  start_connect(scene, "127.0.0.1");
  raw_peer_init(&scene->peer, raw_accept(scene->raw_listener, log_pump, &scene->log), 0, log_pump, &scene->log);
  assert_true(scene->peer.fd >= 0);
}

/* A server with "requests" has been asked. */
static void ask(struct scene *scene) {
  const struct log_entry *request;
  begin(scene);
  assert_int_equal(raw_write_request(&scene->peer, "/", NULL), 0);
  request = log_wait(&scene->log, HWS_EVENT_REQUEST, 0);
  assert_non_null(request);
  told(scene, request->event.connection);
}

static void open_it(struct scene *scene) {
  const struct log_entry *entry;
  begin(scene);
  if (scene->role == SERVER) {
    assert_int_equal(raw_ask(&scene->peer, "/", NULL), 101);
  } else {
    assert_int_equal(raw_answer(&scene->peer, NULL), 0);
  }
  entry = log_wait(&scene->log, HWS_EVENT_OPEN, scene->id);
  assert_non_null(entry);
  told(scene, entry->event.connection);
}

/* In one piece: the library may end the connection at any byte of it. */
static void say(struct scene *scene, const char *text) {
  assert_int_equal(raw_write_whole(&scene->peer, text, strlen(text)), 0);
}

static void send_frame(struct scene *scene, int first, const char *payload) {
  assert_int_equal(raw_write_frame(&scene->peer, first, payload, strlen(payload)), 0);
}

/* A frame of 100 bytes of which the end is missing. */
static void send_half_a_frame(struct scene *scene) {
  uint8_t payload[100] = {0};
  uint8_t frame[114];
  size_t size = raw_make_frame(frame, scene->peer.masks, RAW_FIN | RAW_BINARY, payload, sizeof payload);
  assert_int_equal(raw_write(&scene->peer, frame, size - 1), 0);
}

static void fill(struct scene *scene) {
  uint8_t *large = calloc(LARGE, 1);
  assert_int_equal(hws_manager_send(scene->log.manager, scene->id, HWS_BINARY, large, LARGE), HWS_OK);
  free(large);
  assert_true(hws_manager_queued(scene->log.manager, scene->id) > 0);
}

static void close_it(struct scene *scene, int32_t code, const char *reason) {
  assert_int_equal(hws_manager_close(scene->log.manager, scene->id, code, reason), HWS_OK);
}

/* The end of what the library has to say; then the peer goes too. */
static void part(struct scene *scene) {
  if (scene->role == SERVER) assert_true(raw_expect_end(&scene->peer)); /* RFC 6455 7.1.1: the server goes first */
  raw_peer_close(&scene->peer);
}

/* ---------------------------------------------------------------------------------------------------------------------
 * Closes
 * ------------------------------------------------------------------------------------------------------------------ */

static void we_close(struct scene *scene) {
  open_it(scene);
  close_it(scene, 4000, "enough");
  assert_true(raw_expect_close(&scene->peer, 4000));
}

static void answered(struct scene *scene) {
  we_close(scene);
  assert_int_equal(raw_write_close(&scene->peer, 4000, "all right"), 0);
  part(scene);
}

static void answered_with_another(struct scene *scene) {
  we_close(scene);
  assert_int_equal(raw_write_close(&scene->peer, 1001, ""), 0);
  part(scene);
}

static void empty_and_answered(struct scene *scene) {
  open_it(scene);
  close_it(scene, 0, NULL);
  assert_true(raw_expect_close(&scene->peer, 1005));
  send_frame(scene, RAW_FIN | RAW_CLOSE, "");
  part(scene);
}

static void closed_and_ended(struct scene *scene) {
  we_close(scene);
  raw_peer_end(&scene->peer);
}

static void closed_and_reset(struct scene *scene) {
  we_close(scene);
  raw_peer_reset(&scene->peer);
}

static void closed_and_broken(struct scene *scene) {
  we_close(scene);
  send_frame(scene, RAW_FIN | 0x40 | RAW_TEXT, "RSV1");
  assert_true(raw_expect_end(&scene->peer));
  raw_peer_close(&scene->peer);
}

static void peer_closes(struct scene *scene) {
  open_it(scene);
  assert_int_equal(raw_write_close(&scene->peer, 3001, "bye for now"), 0);
  assert_true(raw_expect_close(&scene->peer, 3001));
  part(scene);
}

static void peer_closes_empty(struct scene *scene) {
  open_it(scene);
  send_frame(scene, RAW_FIN | RAW_CLOSE, "");
  assert_true(raw_expect_close(&scene->peer, 1005));
  part(scene);
}

static void peer_closes_in_a_message(struct scene *scene) {
  open_it(scene);
  send_frame(scene, RAW_TEXT, "be");
  assert_int_equal(raw_write_close(&scene->peer, 1000, ""), 0);
  assert_true(raw_expect_close(&scene->peer, 1000));
  part(scene);
}

/* The server's end does not come, and close_timeout does. */
static void peer_closes_and_stays(struct scene *scene) {
  open_it(scene);
  assert_int_equal(raw_write_close(&scene->peer, 1001, ""), 0);
  assert_true(raw_expect_close(&scene->peer, 1001));
}

static void both_close(struct scene *scene) {
  open_it(scene);
  close_it(scene, 4000, NULL);
  assert_int_equal(raw_write_close(&scene->peer, 3001, ""), 0);
  assert_true(raw_expect_close(&scene->peer, 4000));
  part(scene);
}

static void close_at_message(struct log *log, const hws_event *event) {
  if (event->kind == HWS_EVENT_MESSAGE) hws_manager_close(log->manager, event->connection, 4000, NULL);
}

/* We close in the batch behind which the peer's Close lies, already read: it was first. */
static void both_close_theirs_first(struct scene *scene) {
  uint8_t bytes[64];
  size_t size;
  open_it(scene);
  scene->log.each = close_at_message;
  size = raw_make_frame(bytes, scene->peer.masks, RAW_FIN | RAW_TEXT, "last", 4);
  size += raw_make_frame(bytes + size, scene->peer.masks, RAW_FIN | RAW_CLOSE, "\x0b\xb9", 2);
  assert_int_equal(raw_write_whole(&scene->peer, bytes, size), 0);
  assert_true(raw_expect_close(&scene->peer, 3001));
  part(scene);
}

static void aborted(struct scene *scene) {
  open_it(scene);
  assert_int_equal(hws_manager_abort(scene->log.manager, scene->id), HWS_OK);
}

static void aborted_with_a_full_queue(struct scene *scene) {
  open_it(scene);
  fill(scene);
  assert_int_equal(hws_manager_abort(scene->log.manager, scene->id), HWS_OK);
}

static void aborted_while_closing(struct scene *scene) {
  we_close(scene);
  assert_int_equal(hws_manager_abort(scene->log.manager, scene->id), HWS_OK);
}

/* ---------------------------------------------------------------------------------------------------------------------
 * Ends without a Close
 * ------------------------------------------------------------------------------------------------------------------ */

static void ended(struct scene *scene) {
  open_it(scene);
  raw_peer_close(&scene->peer);
}

static void half_closed(struct scene *scene) {
  open_it(scene);
  raw_peer_end(&scene->peer);
  assert_true(raw_expect_end(&scene->peer));
}

static void ended_in_a_frame(struct scene *scene) {
  open_it(scene);
  send_half_a_frame(scene);
  raw_peer_end(&scene->peer);
}

static void ended_in_a_message(struct scene *scene) {
  open_it(scene);
  send_frame(scene, RAW_TEXT, "be");
  raw_peer_end(&scene->peer);
}

/* What was accepted still goes to a peer that has ended only its own direction. */
static void half_closed_with_a_full_queue(struct scene *scene) {
  struct raw_frame frame;
  open_it(scene);
  fill(scene);
  raw_peer_end(&scene->peer);
  assert_int_equal(raw_read_frame(&scene->peer, &frame), 1);
  assert_int_equal(frame.size, LARGE);
  assert_true(raw_expect_end(&scene->peer));
}

static void half_closed_and_not_reading(struct scene *scene) {
  open_it(scene);
  fill(scene);
  raw_peer_end(&scene->peer);
}

static void was_reset(struct scene *scene) {
  open_it(scene);
  raw_peer_reset(&scene->peer);
}

static void reset_in_a_frame(struct scene *scene) {
  open_it(scene);
  send_half_a_frame(scene);
  log_settle(&scene->log);
  raw_peer_reset(&scene->peer);
}

static void reset_in_a_message(struct scene *scene) {
  open_it(scene);
  send_frame(scene, RAW_TEXT, "be");
  log_settle(&scene->log);
  raw_peer_reset(&scene->peer);
}

static void reset_with_a_full_queue(struct scene *scene) {
  open_it(scene);
  fill(scene);
  raw_peer_reset(&scene->peer);
}

/* ---------------------------------------------------------------------------------------------------------------------
 * Deadlines and limits
 * ------------------------------------------------------------------------------------------------------------------ */

static void not_reading(struct scene *scene) {
  open_it(scene);
  fill(scene);
}

static void answers_idleness(struct scene *scene) {
  open_it(scene);
  assert_true(raw_expect_close(&scene->peer, 1001));
  assert_int_equal(raw_write_close(&scene->peer, 1001, ""), 0);
  part(scene);
}

/* A frame that breaks the protocol or a limit is answered by a Close that says so, and by the end. */
static void break_it(struct scene *scene) {
  const struct ending *ending = scene->ending;
  open_it(scene);
  assert_int_equal(raw_write_frame(&scene->peer, ending->first, ending->payload, ending->size), 0);
  assert_true(raw_expect_close(&scene->peer, ending->answer));
  assert_true(raw_expect_end(&scene->peer));
  raw_peer_close(&scene->peer);
}

static void break_in_a_message(struct scene *scene) {
  open_it(scene);
  send_frame(scene, RAW_TEXT, "be");
  send_frame(scene, scene->ending->first, scene->ending->payload);
  assert_true(raw_expect_close(&scene->peer, scene->ending->answer));
  assert_true(raw_expect_end(&scene->peer));
  raw_peer_close(&scene->peer);
}

/* RFC 6455 5.1: a client that does not mask, a server that does. */
static void mask_wrongly(struct scene *scene) {
  open_it(scene);
  scene->peer.masks = !scene->peer.masks;
  send_frame(scene, RAW_FIN | RAW_TEXT, "mask");
  scene->peer.masks = !scene->peer.masks;
  assert_true(raw_expect_close(&scene->peer, 1002));
  assert_true(raw_expect_end(&scene->peer));
  raw_peer_close(&scene->peer);
}

static void over_the_budget(struct scene *scene) {
  uint8_t *large = calloc(LARGE, 1);
  open_it(scene);
  raw_write_frame(&scene->peer, RAW_FIN | RAW_BINARY, large, LARGE); /* may fail: it is cut off */
  free(large);
  raw_peer_close(&scene->peer);
}

/* ---------------------------------------------------------------------------------------------------------------------
 * Before OPEN
 * ------------------------------------------------------------------------------------------------------------------ */

static void silent(struct scene *scene) {
  begin(scene);
}

static void begin_a_head(struct scene *scene) {
  begin(scene);
  say(scene, scene->role == SERVER ? "GET / HTTP/1.1\r\nHost:" : "HTTP/1.1 101 Swi");
}

/* Over TLS the connection may be cut off before the head has begun. */
static void begin_a_head_over_the_budget(struct scene *scene) {
  begin(scene);
  raw_write_text(&scene->peer, "GET / HTTP/1.1\r\nHost:");
}

static void ended_before_the_head(struct scene *scene) {
  begin(scene);
  raw_peer_end(&scene->peer);
}

static void ended_in_the_head(struct scene *scene) {
  begin_a_head(scene);
  raw_peer_end(&scene->peer);
}

static void reset_before_the_head(struct scene *scene) {
  begin(scene);
  log_settle(&scene->log); /* a client's request has come: else the peer's end might be that of the connect */
  raw_peer_reset(&scene->peer);
}

static void reset_in_the_head(struct scene *scene) {
  begin_a_head(scene);
  log_settle(&scene->log);
  raw_peer_reset(&scene->peer);
}

static void rubbish(struct scene *scene) {
  begin(scene);
  say(scene, "rubbish\r\n\r\n");
  if (scene->role == SERVER) assert_true(raw_expect_end(&scene->peer) == 0); /* an answer comes first */
  raw_peer_close(&scene->peer);
}

static void long_head(struct scene *scene) {
  begin(scene);
  say(scene, scene->role == SERVER ? "GET / HTTP/1.1\r\nX: " : "HTTP/1.1 200 OK\r\nX: ");
  say(scene, "0123456789012345678901234567890123456789012345678901234567890123456789");
}

static void many_headers(struct scene *scene) {
  begin(scene);
  say(scene, scene->role == SERVER ? "GET / HTTP/1.1\r\n" : "HTTP/1.1 200 OK\r\n");
  say(scene, "A: 1\r\nB: 2\r\nC: 3\r\n\r\n");
}

static void forbidden_origin(struct scene *scene) {
  begin(scene);
  assert_int_equal(raw_ask(&scene->peer, "/", "Origin: http://other.example\r\n"), 403);
  raw_peer_close(&scene->peer);
}

static void refused_upgrade(struct scene *scene) {
  begin(scene);
  say(scene, "HTTP/1.1 403 Go away\r\nContent-Length: 0\r\n\r\n");
}

static void wrong_accept(struct scene *scene) {
  begin(scene);
  say(scene,
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
}

static void no_such_port(struct scene *scene) {
  close(scene->raw_listener);
  scene->raw_listener = -1;
  start_connect(scene, "127.0.0.1");
}

static void malformed_name(struct scene *scene) {
  /* RFC 1035 2.3.4: a label has at most 63 characters. */
  start_connect(scene, "a234567890123456789012345678901234567890123456789012345678901234");
}

static void ask_for_a_name(struct scene *scene) {
  if (name_server_open() != 0) skip();
  start_connect(scene, "host.example");
  assert_true(name_server_asked(log_pump, &scene->log));
}

static void no_such_name(struct scene *scene) {
  ask_for_a_name(scene);
  name_server_deny();
  while (log_count(&scene->log, HWS_EVENT_CLOSE, scene->id) == 0) {
    assert_true(log_poll(&scene->log, 10) >= 0);
    name_server_deny(); /* IPv4 and IPv6 are two questions */
  }
}

static void close_before_open(struct scene *scene) {
  start_connect(scene, "127.0.0.1");
  close_it(scene, 1000, "");
}

static void abort_before_open(struct scene *scene) {
  start_connect(scene, "127.0.0.1");
  assert_int_equal(hws_manager_abort(scene->log.manager, scene->id), HWS_OK);
}

static void close_while_resolving(struct scene *scene) {
  ask_for_a_name(scene);
  close_it(scene, 1000, "");
}

static void close_in_the_handshake(struct scene *scene) {
  begin(scene);
  close_it(scene, 1000, "");
}

static void abort_in_the_handshake(struct scene *scene) {
  begin(scene);
  assert_int_equal(hws_manager_abort(scene->log.manager, scene->id), HWS_OK);
}

static void undecided(struct scene *scene) {
  ask(scene);
}

/* As long as a request waits nothing is read, and no end either: it is found when the request was answered. */
static void undecided_and_ended(struct scene *scene) {
  ask(scene);
  raw_peer_end(&scene->peer);
  log_settle(&scene->log);
  assert_int_equal(hws_manager_accept(scene->log.manager, scene->id, NULL, NULL), HWS_OK);
}

static void undecided_and_reset(struct scene *scene) {
  ask(scene);
  raw_peer_reset(&scene->peer);
  log_settle(&scene->log);
  assert_int_equal(hws_manager_accept(scene->log.manager, scene->id, NULL, NULL), HWS_OK);
}

static void undecided_and_closed(struct scene *scene) {
  ask(scene);
  close_it(scene, 1000, "");
}

static void undecided_and_aborted(struct scene *scene) {
  ask(scene);
  assert_int_equal(hws_manager_abort(scene->log.manager, scene->id), HWS_OK);
}

static void respond(struct scene *scene) {
  char head[1024];
  ask(scene);
  assert_int_equal(hws_manager_respond(scene->log.manager, scene->id, 404, NULL, "none", 4), HWS_OK);
  assert_true(raw_read_head(&scene->peer, head, sizeof head) > 0);
  raw_peer_close(&scene->peer);
}

static void respond_to_one_that_stays(struct scene *scene) {
  ask(scene);
  assert_int_equal(hws_manager_respond(scene->log.manager, scene->id, 404, NULL, "none", 4), HWS_OK);
}

static void close_the_listener(struct scene *scene) {
  tag(scene, scene->listener);
  close_it(scene, 1000, NULL);
}

static void abort_the_listener(struct scene *scene) {
  tag(scene, scene->listener);
  assert_int_equal(hws_manager_abort(scene->log.manager, scene->id), HWS_OK);
}

/* ---------------------------------------------------------------------------------------------------------------------
 * The table
 * ------------------------------------------------------------------------------------------------------------------ */

#define PEER HWS_BY_PEER
#define CLEAN HWS_CLEAN
#define ENDS(name, roles, options, come_about, code, error, system, flags, words) \
  { name, roles, options, come_about, 1, code, error, system, flags, words, 0, NULL, 0, 0 }
#define BREAKS(name, options, come_about, error, words, first, payload, answer) \
  { name, BOTH, options, come_about, 1, 1006, error, 0, PEER, words, first, payload, sizeof payload - 1, answer }
#define UNTOLD(name, options, come_about) \
  { name, SERVER, options, come_about, 0, 0, 0, 0, 0, NULL, 0, NULL, 0, 0 }

static const struct ending kEndings[] = {
    ENDS("our Close, answered", BOTH, "", answered, 4000, 0, 0, CLEAN, "by us|4000|all right"),
    ENDS("our Close, answered with another", BOTH, "", answered_with_another, 1001, 0, 0, CLEAN, "by us|1001"),
    ENDS("our empty Close, answered", BOTH, "", empty_and_answered, 1005, 0, 0, CLEAN, "by us"),
    ENDS("our Close, unanswered", BOTH, "close_timeout=50", we_close, 1006, HWS_ERR_TIMEOUT, 0, PEER, "close_timeout"),
    ENDS("our Close, then the end", BOTH, "", closed_and_ended, 1006, HWS_ERR_EOF, 0, PEER, "without a Close"),
    ENDS("our Close, then an RST", BOTH, "", closed_and_reset, 1006, HWS_ERR_IO, ECONNRESET, PEER, "reset"),
    ENDS("our Close, then a bad frame", BOTH, "", closed_and_broken, 1006, HWS_ERR_PROTOCOL, 0, PEER, "reserved bit"),
    ENDS("the peer's Close", BOTH, "", peer_closes, 3001, 0, 0, PEER | CLEAN, "by the peer|3001|bye for now"),
    ENDS("the peer's empty Close", BOTH, "", peer_closes_empty, 1005, 0, 0, PEER | CLEAN, "by the peer"),
    ENDS("the peer's Close in a message", BOTH, "", peer_closes_in_a_message, 1000, 0, 0, PEER | CLEAN,
         "by the peer|1000"),
    ENDS("the peer's Close, and it stays", BOTH, "close_timeout=50", peer_closes_and_stays, 1001, 0, 0, PEER | CLEAN,
         "by the peer"),
    ENDS("both Closes at once", BOTH, "", both_close, 3001, 0, 0, CLEAN, "by us"),
    ENDS("both Closes, theirs read first", BOTH, "", both_close_theirs_first, 3001, 0, 0, PEER | CLEAN, "by the peer"),
    ENDS("abort", BOTH, "", aborted, 1006, HWS_ERR_ABORTED, 0, 0, "aborted"),
    ENDS("abort with a full queue", BOTH, "", aborted_with_a_full_queue, 1006, HWS_ERR_ABORTED, 0, 0,
         "aborted|bytes were not sent"),
    ENDS("abort while closing", BOTH, "", aborted_while_closing, 1006, HWS_ERR_ABORTED, 0, 0, "aborted"),

    ENDS("the end between messages", BOTH, "", ended, 1006, HWS_ERR_EOF, 0, PEER, "without a Close"),
    ENDS("the end of the peer's direction", BOTH, "", half_closed, 1006, HWS_ERR_EOF, 0, PEER, "without a Close"),
    ENDS("the end in a frame", BOTH, "", ended_in_a_frame, 1006, HWS_ERR_EOF, 0, PEER, "without a Close"),
    ENDS("the end in a message", BOTH, "", ended_in_a_message, 1006, HWS_ERR_EOF, 0, PEER, "without a Close"),
    ENDS("half-close with a full queue", BOTH, "", half_closed_with_a_full_queue, 1006, HWS_ERR_EOF, 0, PEER,
         "without a Close"),
    ENDS("half-close, and it does not read", BOTH, "write_stall_timeout=50", half_closed_and_not_reading, 1006,
         HWS_ERR_EOF, 0, PEER, "without a Close|bytes were not sent"),
    ENDS("an RST between messages", BOTH, "", was_reset, 1006, HWS_ERR_IO, ECONNRESET, PEER, "reset"),
    ENDS("an RST in a frame", BOTH, "", reset_in_a_frame, 1006, HWS_ERR_IO, ECONNRESET, PEER, "reset"),
    ENDS("an RST in a message", BOTH, "", reset_in_a_message, 1006, HWS_ERR_IO, ECONNRESET, PEER, "reset"),
    ENDS("an RST with a full queue", BOTH, "", reset_with_a_full_queue, 1006, HWS_ERR_IO, ECONNRESET, PEER,
         "reset|bytes were not sent"),

    ENDS("write_stall_timeout", BOTH, "write_stall_timeout=50", not_reading, 1006, HWS_ERR_TIMEOUT, 0, PEER,
         "write_stall_timeout|bytes were not sent"),
    ENDS("ping_timeout", BOTH, "ping_interval=20 ping_timeout=30", open_it, 1006, HWS_ERR_TIMEOUT, 0, PEER,
         "ping_timeout"),
    ENDS("idle_timeout, answered", BOTH, "idle_timeout=50", answers_idleness, 1001, HWS_ERR_TIMEOUT, 0, CLEAN,
         "idle_timeout"),
    ENDS("idle_timeout, unanswered", BOTH, "idle_timeout=50 close_timeout=50", open_it, 1006, HWS_ERR_TIMEOUT, 0, 0,
         "idle_timeout"),
    ENDS("handshake_timeout before a head", CLIENT, "handshake_timeout=50", silent, 1006, HWS_ERR_TIMEOUT, 0, PEER,
         "handshake_timeout"),
    UNTOLD("handshake_timeout before a head", "handshake_timeout=50", silent),
    ENDS("handshake_timeout in a head", CLIENT, "handshake_timeout=500", begin_a_head, 1006, HWS_ERR_TIMEOUT, 0, PEER,
         "handshake_timeout"),
    UNTOLD("handshake_timeout in a head", "handshake_timeout=500", begin_a_head),
    ENDS("handshake_timeout while resolving", CLIENT, "handshake_timeout=200", ask_for_a_name, 1006, HWS_ERR_TIMEOUT, 0,
         PEER, "handshake_timeout"),
    ENDS("handshake_timeout of the application", SERVER, "requests=1 handshake_timeout=500", undecided, 1006,
         HWS_ERR_TIMEOUT, 0, 0, "handshake_timeout"),

    BREAKS("max_message_size", "max_message_size=10", break_it, HWS_ERR_LIMIT, "max_message_size", RAW_FIN | RAW_TEXT,
           "01234567890", 1009),
    BREAKS("max_message_size in parts", "max_message_size=10", break_in_a_message, HWS_ERR_LIMIT, "max_message_size",
           RAW_FIN, "012345678", 1009),
    BREAKS("max_fragments", "max_fragments=1", break_in_a_message, HWS_ERR_LIMIT, "max_fragments", RAW_FIN, "gun",
           1009),
    ENDS("memory_budget", BOTH, "memory_budget=500000", over_the_budget, 1006, HWS_ERR_NO_MEMORY, 0, 0,
         "memory_budget"),

    BREAKS("RSV1", "", break_it, HWS_ERR_PROTOCOL, "reserved bit", RAW_FIN | 0x40 | RAW_TEXT, "", 1002),
    BREAKS("RSV2", "", break_it, HWS_ERR_PROTOCOL, "reserved bit", RAW_FIN | 0x20 | RAW_TEXT, "", 1002),
    BREAKS("RSV3", "", break_it, HWS_ERR_PROTOCOL, "reserved bit", RAW_FIN | 0x10 | RAW_TEXT, "", 1002),
    BREAKS("a reserved data opcode", "", break_it, HWS_ERR_PROTOCOL, "opcode", RAW_FIN | 3, "", 1002),
    BREAKS("a reserved control opcode", "", break_it, HWS_ERR_PROTOCOL, "opcode", RAW_FIN | 11, "", 1002),
    BREAKS("nothing to continue", "", break_it, HWS_ERR_PROTOCOL, "continu", RAW_FIN | RAW_CONTINUATION, "", 1002),
    BREAKS("a message in a message", "", break_in_a_message, HWS_ERR_PROTOCOL, "message", RAW_FIN | RAW_TEXT, "gun",
           1002),
    BREAKS("a ping in fragments", "", break_it, HWS_ERR_PROTOCOL, "control", RAW_PING, "", 1002),
    BREAKS("a ping of 126 bytes", "", break_it, HWS_ERR_PROTOCOL, "control", RAW_FIN | RAW_PING,
           "012345678901234567890123456789012345678901234567890123456789012"
           "012345678901234567890123456789012345678901234567890123456789012",
           1002),
    BREAKS("a Close of a byte", "", break_it, HWS_ERR_PROTOCOL, "Close", RAW_FIN | RAW_CLOSE, "\x03", 1002),
    BREAKS("a Close with 1005", "", break_it, HWS_ERR_PROTOCOL, "code", RAW_FIN | RAW_CLOSE, "\x03\xed", 1002),
    BREAKS("a reason that is not UTF-8", "", break_it, HWS_ERR_UTF8, "reason", RAW_FIN | RAW_CLOSE, "\x03\xe8\xff",
           1007),
    BREAKS("text that is not UTF-8", "", break_it, HWS_ERR_UTF8, "UTF-8", RAW_FIN | RAW_TEXT, "\xc0\xaf", 1007),
    BREAKS("text that ends in a character", "", break_in_a_message, HWS_ERR_UTF8, "UTF-8", RAW_FIN, "\xc3", 1007),
    ENDS("the wrong masking", BOTH, "", mask_wrongly, 1006, HWS_ERR_PROTOCOL, 0, PEER, "mask"),

    ENDS("the end before a head", CLIENT, "", ended_before_the_head, 1006, HWS_ERR_EOF, 0, PEER, "handshake"),
    UNTOLD("the end before a head", "", ended_before_the_head),
    ENDS("the end in a head", CLIENT, "", ended_in_the_head, 1006, HWS_ERR_EOF, 0, PEER, "handshake"),
    UNTOLD("the end in a head", "", ended_in_the_head),
    ENDS("an RST before a head", CLIENT, "", reset_before_the_head, 1006, HWS_ERR_IO, ECONNRESET, PEER, "reset"),
    UNTOLD("an RST before a head", "", reset_before_the_head),
    ENDS("an RST in a head", CLIENT, "", reset_in_the_head, 1006, HWS_ERR_IO, ECONNRESET, PEER, "reset"),
    UNTOLD("an RST in a head", "", reset_in_the_head),
    ENDS("rubbish for a head", CLIENT, "", rubbish, 1006, HWS_ERR_HANDSHAKE, 0, PEER, ""),
    UNTOLD("rubbish for a head", "", rubbish),
    ENDS("max_head_size", CLIENT, "max_head_size=64", long_head, 1006, HWS_ERR_LIMIT, 0, PEER, "max_head_size"),
    UNTOLD("max_head_size", "max_head_size=64 close_timeout=50", long_head),
    ENDS("max_headers", CLIENT, "max_headers=2", many_headers, 1006, HWS_ERR_LIMIT, 0, PEER, "max_headers"),
    UNTOLD("max_headers", "max_headers=2 close_timeout=50", many_headers),
    ENDS("memory_budget in a head", CLIENT, "memory_budget=1", begin_a_head_over_the_budget, 1006, HWS_ERR_NO_MEMORY, 0,
         0, "memory_budget"),
    UNTOLD("memory_budget in a head", "memory_budget=1", begin_a_head_over_the_budget),
    UNTOLD("an Origin that is refused", "", forbidden_origin),
    ENDS("a refused upgrade", CLIENT, "", refused_upgrade, 1006, HWS_ERR_HTTP, 403, PEER, "403 Go away"),
    ENDS("the Accept of another key", CLIENT, "", wrong_accept, 1006, HWS_ERR_HANDSHAKE, 0, PEER,
         "Sec-WebSocket-Accept"),
    ENDS("a refused connect", CLIENT, "", no_such_port, 1006, HWS_ERR_CONNECT, ECONNREFUSED, PEER, "refused"),
    ENDS("a malformed name", CLIENT, "", malformed_name, 1006, HWS_ERR_RESOLVE, 0, PEER, "host name"),
    ENDS("a name that is not there", CLIENT, "", no_such_name, 1006, HWS_ERR_RESOLVE, 0, PEER, ""),
    ENDS("close before OPEN", CLIENT, "", close_before_open, 1006, HWS_ERR_ABORTED, 0, 0, "handshake"),
    ENDS("abort before OPEN", CLIENT, "", abort_before_open, 1006, HWS_ERR_ABORTED, 0, 0, "aborted"),
    ENDS("close while resolving", CLIENT, "", close_while_resolving, 1006, HWS_ERR_ABORTED, 0, 0, "handshake"),
    ENDS("close in the handshake", CLIENT, "", close_in_the_handshake, 1006, HWS_ERR_ABORTED, 0, 0, "handshake"),
    ENDS("abort in the handshake", CLIENT, "", abort_in_the_handshake, 1006, HWS_ERR_ABORTED, 0, 0, "aborted"),
    ENDS("the end before our decision", SERVER, "requests=1", undecided_and_ended, 1006, HWS_ERR_EOF, 0, PEER,
         "without a Close"),
    ENDS("an RST before our decision", SERVER, "requests=1", undecided_and_reset, 1006, HWS_ERR_IO, ECONNRESET, PEER,
         "reset|bytes were not sent"),
    ENDS("close before our decision", SERVER, "requests=1", undecided_and_closed, 1006, HWS_ERR_ABORTED, 0, 0,
         "handshake"),
    ENDS("abort before our decision", SERVER, "requests=1", undecided_and_aborted, 1006, HWS_ERR_ABORTED, 0, 0,
         "aborted"),
    ENDS("respond", SERVER, "requests=1", respond, 1006, HWS_ERR_ABORTED, 404, 0, "answered"),
    ENDS("respond, and it stays", SERVER, "requests=1 close_timeout=50", respond_to_one_that_stays, 1006,
         HWS_ERR_ABORTED, 404, 0, "answered"),
    ENDS("close of a listener", SERVER, "", close_the_listener, 1000, 0, 0, CLEAN, "listener"),
    ENDS("abort of a listener", SERVER, "", abort_the_listener, 1000, 0, 0, CLEAN, "listener"),
};
enum { ENDINGS = sizeof kEndings / sizeof *kEndings };

/* ---------------------------------------------------------------------------------------------------------------------
 * What has to hold for each
 * ------------------------------------------------------------------------------------------------------------------ */

static void set_options(hws_options *options, const char *text) {
  char name[32];
  int value;
  int used;
  while (sscanf(text, " %31[^=]=%d%n", name, &value, &used) == 2) {
    assert_int_equal(hws_options_set_int(options, name, value), HWS_OK);
    text += used;
  }
}

static void check_words(const char *words, const char *expected) {
  char copy[128];
  char *rest = copy;
  char *word;
  snprintf(copy, sizeof copy, "%s", expected);
  assert_true(strlen(words) > 10);
  while ((word = strsep(&rest, "|")) != NULL) {
    if (strstr(words, word) == NULL) fail_msg("\"%s\" does not say \"%s\"", words, word);
  }
  if (strstr(expected, "not sent") == NULL) assert_null(strstr(words, "not sent"));
}

static void check_stale(hws_manager *manager, hws_id id) {
  assert_int_equal(hws_manager_send(manager, id, HWS_TEXT, "", 0), HWS_ERR_STALE);
  assert_int_equal(hws_manager_close(manager, id, 1000, NULL), HWS_ERR_STALE);
  assert_int_equal(hws_manager_abort(manager, id), HWS_ERR_STALE);
  assert_int_equal(hws_manager_set_tag(manager, id, 1), HWS_ERR_STALE);
  assert_int_equal(hws_manager_queued(manager, id), HWS_ERR_STALE);
  assert_null(hws_manager_local_address(manager, id));
}

/* Nothing may come any more: a connection that is gone has no deadline that would have to be waited for. */
static void poll_on(struct log *log) {
  int i;
  for (i = 0; i < 5; i++)
    log_poll(log, 1);
}

static void check_close(struct scene *scene) {
  const struct ending *ending = scene->ending;
  const struct log_entry *end = log_wait(&scene->log, HWS_EVENT_CLOSE, scene->id);
  assert_non_null(end);
  assert_int_equal(end->event.code, ending->code);
  assert_int_equal(end->event.error, ending->error);
  assert_int_equal(end->event.system, ending->system);
  assert_int_equal(end->event.flags, ending->flags);
  assert_int_equal(end->event.tag, TAG);
  assert_int_equal(end->event.listener, scene->role == SERVER ? scene->listener : 0);
  check_words(end->words, ending->words);
  poll_on(&scene->log);
  assert_int_equal(log_count(&scene->log, HWS_EVENT_CLOSE, 0), 1);
  assert_int_equal(scene->log.entries[scene->log.count - 1].event.kind, HWS_EVENT_CLOSE);
  check_stale(scene->log.manager, scene->id);
}

static void check_untold(struct scene *scene) {
  hws_manager *manager = scene->log.manager;
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  while (hws_manager_stat(manager, "connections") != 0 && raw_now_ms() < until)
    log_poll(&scene->log, 100);
  poll_on(&scene->log);
  assert_int_equal(hws_manager_stat(manager, "handshakes_failed"), 1);
  assert_int_equal(scene->log.count, 0);
}

static void open_scene(struct scene *scene, const char *text) {
  hws_options *options = hws_options_new();
  set_options(options, text);
  log_open(&scene->log, options);
  scene->log.each = tag_at_once;
  hws_options_free(options);
  scene->peer.fd = scene->raw_listener = -1;
  if (scene->role == SERVER) {
    scene->listener = log_listen(&scene->log, NULL, &scene->port);
  } else {
    scene->raw_listener = raw_listen(&scene->port);
  }
}

static void close_scene(struct scene *scene) {
  raw_peer_close(&scene->peer);
  if (scene->raw_listener >= 0) close(scene->raw_listener);
  log_close(&scene->log);
}

static void test_ending(void **state) {
  struct scene *scene = *state;
  open_scene(scene, scene->ending->options);
  scene->ending->come_about(scene);
  if (scene->ending->told) {
    check_close(scene);
  } else {
    check_untold(scene);
  }
  assert_int_equal(hws_manager_stat(scene->log.manager, "connections"), 0);
  assert_int_equal(hws_manager_stat(scene->log.manager, "handshakes"), 0);
  assert_int_equal(hws_manager_stat(scene->log.manager, "memory"), 0);
  close_scene(scene);
}

static int stop_name_server(void **state) {
  (void)state;
  name_server_close();
  return 0;
}

/* ---------------------------------------------------------------------------------------------------------------------
 * What does not fit the table
 * ------------------------------------------------------------------------------------------------------------------ */

static hws_id join_or_dial(struct scene *scene) {
  return scene->role == SERVER ? log_join(&scene->log, scene->port, &scene->peer, NULL)
                               : log_dial(&scene->log, NULL, &scene->peer);
}

/* The peer's Close with a code: it is echoed and told. */
static void check_code(struct scene *scene, int code) {
  hws_id id = join_or_dial(scene);
  const struct log_entry *end;
  assert_int_equal(raw_write_close(&scene->peer, code, "reason"), 0);
  assert_true(raw_expect_close(&scene->peer, code));
  raw_peer_close(&scene->peer);
  end = log_wait(&scene->log, HWS_EVENT_CLOSE, id);
  assert_non_null(end);
  assert_int_equal(end->event.code, code);
  assert_int_equal(end->event.error, 0);
  assert_string_equal(end->data, "reason");
  assert_int_equal(end->event.flags, HWS_BY_PEER | HWS_CLEAN);
}

/* One that must not travel (RFC 6455 7.4). */
static void check_bad_code(struct scene *scene, int code) {
  hws_id id = join_or_dial(scene);
  const struct log_entry *end;
  assert_int_equal(raw_write_close(&scene->peer, code, ""), 0);
  assert_true(raw_expect_close(&scene->peer, 1002));
  raw_peer_close(&scene->peer);
  end = log_wait(&scene->log, HWS_EVENT_CLOSE, id);
  assert_non_null(end);
  assert_int_equal(end->event.code, 1006);
  assert_int_equal(end->event.error, HWS_ERR_PROTOCOL);
  assert_int_equal(end->event.flags, HWS_BY_PEER);
}

static void test_codes(void **state) {
  static const int kGood[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                              1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999};
  static const int kBad[] = {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535};
  struct scene scene;
  size_t i;
  (void)state;
  memset(&scene, 0, sizeof scene);
  for (scene.role = SERVER; scene.role <= CLIENT; scene.role++) {
    open_scene(&scene, "");
    for (i = 0; i < sizeof kGood / sizeof *kGood; i++)
      check_code(&scene, kGood[i]);
    for (i = 0; i < sizeof kBad / sizeof *kBad; i++)
      check_bad_code(&scene, kBad[i]);
    close_scene(&scene);
  }
}

/* A connect that the other side neither takes nor refuses: the queue of its listener is full. */
static void test_connect_that_hangs(void **state) {
  struct scene scene;
  const struct log_entry *end;
  struct raw_peer waiting[2];
  char url[64];
  hws_id ids[2];
  int i;
  (void)state;
  memset(&scene, 0, sizeof scene);
  scene.role = CLIENT;
  open_scene(&scene, "handshake_timeout=100");
  assert_int_equal(listen(scene.raw_listener, 0), 0);
  raw_peer_init(&waiting[0], raw_connect(scene.port), 1, NULL, NULL); /* it has room for this one */
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/", scene.port);
  for (i = 0; i < 2; i++)
    ids[i] = hws_manager_connect(scene.log.manager, url, NULL);
  assert_int_equal(hws_manager_abort(scene.log.manager, ids[0]), HWS_OK);
  end = log_wait(&scene.log, HWS_EVENT_CLOSE, ids[0]);
  assert_non_null(end);
  assert_int_equal(end->event.error, HWS_ERR_ABORTED);
  end = log_wait(&scene.log, HWS_EVENT_CLOSE, ids[1]);
  assert_non_null(end);
  assert_int_equal(end->event.error, HWS_ERR_TIMEOUT);
  assert_int_equal(end->event.flags, HWS_BY_PEER);
  assert_non_null(strstr(end->words, "handshake_timeout"));
  log_settle(&scene.log);
  assert_int_equal(scene.log.count, 2);
  assert_int_equal(hws_manager_stat(scene.log.manager, "bytes_sent"), 0); /* no request: it was never connected */
  raw_peer_close(&waiting[0]);
  close_scene(&scene);
}

/* A peer's whole conversation behind its head; returns its size. */
static size_t make_conversation(uint8_t *bytes, int masks) {
  size_t size = raw_make_frame(bytes, masks, RAW_TEXT, "be", 2);
  size += raw_make_frame(bytes + size, masks, RAW_FIN | RAW_PING, "ping", 4);
  size += raw_make_frame(bytes + size, masks, RAW_FIN | RAW_CONTINUATION, "gun", 3);
  return size + raw_make_frame(bytes + size, masks, RAW_FIN | RAW_CLOSE,
                               "\x03\xe8"
                               "over",
                               6);
}

/* Says so much of it, and then ends or resets the connection. Nothing is left of it then. */
static void cut_off(struct scene *scene, const void *bytes, size_t size, int reset) {
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  assert_int_equal(raw_write(&scene->peer, bytes, size), 0);
  if (reset) {
    raw_peer_reset(&scene->peer);
  } else {
    raw_peer_end(&scene->peer);
  }
  do
    log_poll(&scene->log, 1);
  while (hws_manager_stat(scene->log.manager, "connections") != 0 && raw_now_ms() < until);
  assert_int_equal(hws_manager_stat(scene->log.manager, "connections"), 0);
  if (!reset) raw_peer_close(&scene->peer);
}

static void check_cut(struct scene *scene, size_t cut, size_t head, size_t total, int reset) {
  const struct log_entry *end = log_wait(&scene->log, HWS_EVENT_CLOSE, 0);
  assert_non_null(end);
  if (cut == total && !reset) {
    assert_int_equal(end->event.error, 0);
    assert_int_equal(end->event.code, 1000);
    assert_int_equal(end->event.flags, HWS_BY_PEER | HWS_CLEAN);
    assert_string_equal(end->data, "over");
  } else if (!reset) {
    assert_int_equal(end->event.error, HWS_ERR_EOF);
    assert_int_equal(end->event.code, 1006);
    assert_int_equal(end->event.flags, HWS_BY_PEER);
    assert_int_equal(strstr(end->words, "handshake") != NULL, cut < head);
  } else if (end->event.error != 0 || cut < total) {
    assert_int_equal(end->event.error, HWS_ERR_IO);
    assert_true(end->event.system == ECONNRESET || end->event.system == EPIPE);
  }
}

static void check_server_cuts(struct scene *scene, int reset) {
  static const char kHead[] =
      "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  uint8_t bytes[512];
  size_t head = sizeof kHead - 1;
  size_t total;
  size_t cut;
  memcpy(bytes, kHead, head);
  total = head + make_conversation(bytes + head, 1);
  for (cut = 0; cut <= total; cut++) {
    size_t known = log_count(&scene->log, HWS_EVENT_OPEN, 0);
    int64_t failed = hws_manager_stat(scene->log.manager, "handshakes_failed");
    begin(scene);
    cut_off(scene, bytes, cut, reset);
    known = log_count(&scene->log, HWS_EVENT_OPEN, 0) - known;
    failed = hws_manager_stat(scene->log.manager, "handshakes_failed") - failed;
    assert_int_equal(known + (size_t)failed, 1);
    if (!reset) assert_int_equal(known, cut >= head);
    if (known) check_cut(scene, cut, head, total, reset);
  }
}

static void check_client_cuts(struct scene *scene, int reset) {
  uint8_t bytes[512];
  size_t head;
  size_t total;
  size_t cut = 0;
  do {
    size_t known = log_count(&scene->log, HWS_EVENT_OPEN, 0);
    begin(scene);
    head = (size_t)raw_make_answer(&scene->peer, NULL, (char *)bytes, sizeof bytes);
    assert_in_range(head, 1, 400);
    total = head + make_conversation(bytes + head, 0);
    cut_off(scene, bytes, cut, reset);
    known = log_count(&scene->log, HWS_EVENT_OPEN, 0) - known;
    if (!reset) assert_int_equal(known, cut >= head);
    check_cut(scene, cut, head, total, reset);
  } while (cut++ < total);
}

/* A conversation that breaks off behind each of its bytes. */
static void check_cuts(int role, int reset) {
  struct scene scene;
  size_t i;
  memset(&scene, 0, sizeof scene);
  scene.role = role;
  open_scene(&scene, "");
  if (role == SERVER) {
    check_server_cuts(&scene, reset);
  } else {
    check_client_cuts(&scene, reset);
  }
  log_settle(&scene.log);
  for (i = 0; i < scene.log.count; i++)
    assert_int_equal(log_count(&scene.log, HWS_EVENT_CLOSE, scene.log.entries[i].event.connection), 1);
  close_scene(&scene);
}

static void test_cuts(void **state) {
  (void)state;
  check_cuts(SERVER, 0);
  check_cuts(CLIENT, 0);
}

static void test_cuts_by_reset(void **state) {
  (void)state;
  check_cuts(SERVER, 1);
  check_cuts(CLIENT, 1);
}

/* hws_manager_free: the peer gets nothing that it had not got before, and the end. */
static void check_free(int role, const char *options, void (*come_about)(struct scene *scene)) {
  struct scene scene;
  size_t before;
  memset(&scene, 0, sizeof scene);
  scene.role = role;
  open_scene(&scene, options);
  come_about(&scene);
  log_settle(&scene.log);
  if (scene.id != 0 && hws_manager_send(scene.log.manager, scene.id, HWS_TEXT, "unsent", 6) == HWS_OK) {
    assert_int_equal(hws_manager_close(scene.log.manager, scene.id, 1000, NULL), HWS_OK);
  }
  while (role == CLIENT && scene.peer.size == 0)
    assert_int_equal(raw_read_more(&scene.peer), 1); /* its request */
  before = scene.peer.size;
  log_close(&scene.log);
  scene.peer.pump = NULL;
  while (raw_read_more(&scene.peer) > 0) {
  }
  assert_true(scene.peer.ended || scene.peer.error == ECONNRESET);
  assert_int_equal(scene.peer.size, before);
  raw_peer_close(&scene.peer);
  if (scene.raw_listener >= 0) close(scene.raw_listener);
}

static void test_manager_free(void **state) {
  (void)state;
  check_free(SERVER, "", silent);
  check_free(SERVER, "", begin_a_head);
  check_free(SERVER, "requests=1", undecided);
  check_free(SERVER, "", open_it);
  check_free(CLIENT, "", silent);
  check_free(CLIENT, "", begin_a_head);
  check_free(CLIENT, "", open_it);
}

int main(void) {
  static struct scene scenes[2 * ENDINGS];
  static char names[2 * ENDINGS][80];
  struct CMUnitTest tests[2 * ENDINGS + 5] = {
      cmocka_unit_test(test_codes),         cmocka_unit_test(test_connect_that_hangs), cmocka_unit_test(test_cuts),
      cmocka_unit_test(test_cuts_by_reset), cmocka_unit_test(test_manager_free),
  };
  size_t count = 0;
  size_t i;
  for (i = 0; i < 2 * ENDINGS; i++) {
    const struct ending *ending = &kEndings[i / 2];
    struct scene *scene = &scenes[count];
    scene->role = i % 2 == 0 ? SERVER : CLIENT;
    if ((ending->roles & scene->role) == 0) continue;
    scene->ending = ending;
    snprintf(names[count], sizeof names[count], "%s, %s", scene->role == SERVER ? "server" : "client", ending->name);
    tests[5 + count].name = names[count];
    tests[5 + count].test_func = test_ending;
    tests[5 + count].teardown_func = stop_name_server;
    tests[5 + count].initial_state = scene;
    count++;
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
