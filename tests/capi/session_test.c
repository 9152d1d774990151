/* hws_session: a client and a server, wired to one another in memory. */
#include <stdlib.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/log.h"

struct wire {
  hws_session *client;
  hws_session *server;
  size_t piece; /* bytes that are handed over at once */
  hws_event events[64];
  char data[64][256];
  int count; /* of events of either side; `listener` tells the side */
};

static void take_events(struct wire *wire, hws_session *session, int side) {
  const hws_event *event;
  while ((event = hws_session_event(session)) != NULL && wire->count < 64) {
    hws_event *to = &wire->events[wire->count];
    *to = *event;
    to->listener = side;
    memset(wire->data[wire->count], 0, 256);
    if (event->size > 0 && event->size < 256) memcpy(wire->data[wire->count], event->data, (size_t)event->size);
    wire->count++;
  }
}

/* Hands over what one side has written. Returns how much it was. */
static int64_t carry(struct wire *wire, hws_session *from, hws_session *to, int side) {
  int64_t total = 0;
  while (hws_session_output_size(from) > 0) {
    uint8_t bytes[4096];
    size_t size = (size_t)hws_session_output_size(from);
    size_t used = 0;
    if (size > wire->piece) size = wire->piece;
    memcpy(bytes, hws_session_output(from), size);
    hws_session_output_sent(from, size);
    total += (int64_t)size;
    while (used < size) {
      int64_t got = hws_session_receive(to, bytes + used, size - used);
      if (got < 0) return -1;
      used += (size_t)got;
      take_events(wire, to, side);
    }
  }
  return total;
}

static void run(struct wire *wire) {
  int64_t moved = 1;
  while (moved > 0) {
    moved = carry(wire, wire->client, wire->server, HWS_SERVER);
    take_events(wire, wire->client, HWS_CLIENT);
    take_events(wire, wire->server, HWS_SERVER);
    moved += carry(wire, wire->server, wire->client, HWS_CLIENT);
    take_events(wire, wire->client, HWS_CLIENT);
    take_events(wire, wire->server, HWS_SERVER);
  }
}

static void open_wire(struct wire *wire, const char *url, const hws_options *options, size_t piece) {
  memset(wire, 0, sizeof *wire);
  wire->client = hws_session_new_client(url, options);
  wire->server = hws_session_new_server(options);
  wire->piece = piece;
}

static void close_wire(struct wire *wire) {
  hws_session_free(wire->client);
  hws_session_free(wire->server);
}

static void check_conversation(size_t piece) {
  struct wire wire;
  hws_options *options = hws_options_new();
  int i;
  int opens = 0;
  hws_options_set_text(options, "subprotocols", "chat");
  open_wire(&wire, "ws://example.com/room", options, piece);
  hws_options_free(options);
  assert_true(hws_session_output_size(wire.client) > 0); /* the request is there at once */
  assert_int_equal(hws_session_send(wire.client, HWS_TEXT, "early", 5), HWS_ERR_STATE);
  run(&wire);
  for (i = 0; i < wire.count; i++)
    opens += wire.events[i].kind == HWS_EVENT_OPEN;
  assert_int_equal(opens, 2);
  assert_int_equal(wire.count, 2);
  wire.count = 0;
  assert_int_equal(hws_session_send(wire.client, HWS_TEXT, "to the server", 13), HWS_OK);
  assert_int_equal(hws_session_send_part(wire.server, HWS_BINARY, "to the ", 7, 0), HWS_OK);
  assert_int_equal(hws_session_send(wire.server, HWS_TEXT, "x", 1), HWS_ERR_STATE);
  assert_int_equal(hws_session_send_part(wire.server, HWS_BINARY, "client", 6, 1), HWS_OK);
  assert_int_equal(hws_session_send(wire.server, HWS_TEXT, "\xff", 1), HWS_ERR_UTF8);
  run(&wire);
  assert_int_equal(wire.count, 2);
  for (i = 0; i < 2; i++) {
    assert_int_equal(wire.events[i].kind, HWS_EVENT_MESSAGE);
    assert_string_equal(wire.data[i], wire.events[i].listener == HWS_SERVER ? "to the server" : "to the client");
  }
  wire.count = 0;
  assert_int_equal(hws_session_should_close_transport(wire.server), 0);
  assert_int_equal(hws_session_close(wire.client, 4001, "done"), HWS_OK);
  run(&wire);
  assert_int_equal(wire.count, 2);
  for (i = 0; i < 2; i++) {
    assert_int_equal(wire.events[i].kind, HWS_EVENT_CLOSE);
    assert_int_equal(wire.events[i].code, 4001);
    assert_int_equal(wire.events[i].error, 0);
    assert_int_equal(wire.events[i].flags, wire.events[i].listener == HWS_SERVER ? HWS_CLEAN | HWS_BY_PEER : HWS_CLEAN);
  }
  assert_int_equal(hws_session_should_close_transport(wire.server), 1);
  assert_int_equal(hws_session_should_close_transport(wire.client), 0); /* the server goes first */
  assert_int_equal(hws_session_receive_end(wire.client), HWS_OK);
  assert_int_equal(hws_session_should_close_transport(wire.client), 1);
  assert_int_equal(hws_session_send(wire.client, HWS_TEXT, "", 0), HWS_ERR_CLOSED);
  assert_null(hws_session_event(wire.client));
  close_wire(&wire);
}

static void test_conversation(void **state) {
  size_t piece;
  (void)state;
  for (piece = 1; piece < 300; piece += piece < 20 ? 1 : 37)
    check_conversation(piece);
  check_conversation(4096);
}

static void test_requests(void **state) {
  struct wire wire;
  hws_options *options = log_options("requests", 1, NULL);
  (void)state;
  open_wire(&wire, "ws://example.com/", options, 4096);
  run(&wire);
  assert_int_equal(wire.count, 1);
  assert_int_equal(wire.events[0].kind, HWS_EVENT_REQUEST);
  assert_int_equal(wire.events[0].flags, HWS_UPGRADE);
  assert_int_equal(hws_session_accept(wire.server, NULL, NULL), HWS_OK);
  run(&wire);
  assert_int_equal(wire.count, 3);
  assert_int_equal(wire.events[1].kind, HWS_EVENT_OPEN);
  assert_int_equal(wire.events[2].kind, HWS_EVENT_OPEN);
  close_wire(&wire);
  open_wire(&wire, "ws://example.com/", options, 4096);
  run(&wire);
  assert_int_equal(hws_session_respond(wire.server, 199, NULL, "", 0), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_session_respond(wire.server, 503, NULL, "later", 5), HWS_OK);
  run(&wire);
  assert_int_equal(wire.events[wire.count - 1].kind, HWS_EVENT_CLOSE);
  assert_int_equal(wire.count, 3); /* REQUEST, and a CLOSE on either side */
  assert_int_equal(hws_session_should_close_transport(wire.server), 1);
  close_wire(&wire);
  hws_options_free(options);
}

static void test_deadlines(void **state) {
  struct wire wire;
  (void)state;
  open_wire(&wire, "ws://example.com/", NULL, 4096);
  assert_int_equal(hws_session_deadline(wire.client), 10000);
  run(&wire);
  assert_int_equal(hws_session_deadline(wire.client), 30000);
  wire.count = 0;
  /* A ping goes out after 30 s of silence, and its answer keeps both alive. */
  assert_int_equal(hws_session_advance_to(wire.client, 29999), HWS_OK);
  assert_int_equal(hws_session_output_size(wire.client), 0);
  assert_int_equal(hws_session_advance_to(wire.client, 30000), HWS_OK);
  assert_true(hws_session_output_size(wire.client) > 0);
  assert_int_equal(hws_session_advance_to(wire.client, 1000), HWS_OK); /* time does not go back */
  run(&wire);
  assert_int_equal(wire.count, 0);
  assert_int_equal(hws_session_deadline(wire.client), 60000);
  /* The second one gets none. */
  assert_int_equal(hws_session_advance_to(wire.client, 60000), HWS_OK);
  hws_session_output_sent(wire.client, (size_t)hws_session_output_size(wire.client));
  assert_int_equal(hws_session_deadline(wire.client), 80000);
  assert_int_equal(hws_session_advance_to(wire.client, 80000), HWS_OK);
  take_events(&wire, wire.client, HWS_CLIENT);
  assert_int_equal(wire.count, 1);
  assert_int_equal(wire.events[0].error, HWS_ERR_TIMEOUT);
  assert_int_equal(hws_session_should_close_transport(wire.client), 1);
  assert_int_equal(hws_session_deadline(wire.client), -1);
  close_wire(&wire);
}

static void test_open_session(void **state) {
  struct wire wire;
  const hws_event *end;
  (void)state;
  memset(&wire, 0, sizeof wire);
  wire.client = hws_session_new_open(HWS_CLIENT, NULL);
  wire.server = hws_session_new_open(HWS_SERVER, NULL);
  wire.piece = 3;
  assert_int_equal(hws_session_send(wire.client, HWS_TEXT, "no handshake", 12), HWS_OK);
  assert_int_equal(hws_session_ping(wire.server, "p", 1), HWS_OK);
  run(&wire);
  assert_int_equal(wire.count, 1);
  assert_string_equal(wire.data[0], "no handshake");
  assert_int_equal(hws_session_receive_end(wire.server), HWS_OK);
  end = hws_session_event(wire.server);
  assert_non_null(end);
  assert_int_equal(end->kind, HWS_EVENT_CLOSE);
  assert_int_equal(end->error, HWS_ERR_EOF);
  assert_true(strlen(hws_session_event_text(wire.server)) > 0);
  assert_null(hws_session_event(wire.server));
  close_wire(&wire);
}

static void test_queue(void **state) {
  struct wire wire;
  hws_options *options = log_options("max_send_queue", 100, NULL);
  int i;
  (void)state;
  memset(&wire, 0, sizeof wire);
  wire.client = hws_session_new_open(HWS_CLIENT, options);
  wire.server = hws_session_new_open(HWS_SERVER, NULL);
  wire.piece = 4096;
  for (i = 0; hws_session_send(wire.client, HWS_TEXT, "0123456789", 10) == HWS_OK; i++)
    assert_true(i < 100);
  assert_int_equal(hws_session_send(wire.client, HWS_TEXT, "", 0), HWS_ERR_WOULD_BLOCK);
  assert_null(hws_session_event(wire.client));
  assert_int_equal(hws_session_output_sent(wire.client, 1000), HWS_ERR_ARGUMENT);
  run(&wire);
  assert_int_equal(wire.events[wire.count - 1].kind, HWS_EVENT_DRAIN);
  assert_int_equal(wire.count, i + 1);
  close_wire(&wire);
  hws_options_free(options);
}

/* The request and its answer, each for as long as hawser.h says. */
static void test_readers(void **state) {
  struct wire wire;
  hws_options *options = log_options("requests", 1, NULL);
  const hws_event *event;
  (void)state;
  hws_options_set_text(options, "subprotocols", "chat, superchat");
  hws_options_add_header(options, "X-Twice", "one");
  hws_options_add_header(options, "x-twice", "two");
  open_wire(&wire, "wss://example.com:444/room?a=b", options, 7);
  assert_string_equal(hws_session_path(wire.client), "/room?a=b"); /* it has asked for it */
  assert_null(hws_session_path(wire.server));
  assert_null(hws_session_header(wire.server, "Host", 0));
  assert_null(hws_session_header_at(wire.server, 0));
  run(&wire);
  assert_int_equal(wire.events[0].kind, HWS_EVENT_REQUEST);
  assert_null(hws_session_event(wire.server)); /* it stays while the request waits */
  assert_string_equal(hws_session_path(wire.server), "/room?a=b");
  assert_string_equal(hws_session_header(wire.server, "hOST", 0), "example.com:444");
  assert_null(hws_session_header(wire.server, "Host", 1));
  assert_null(hws_session_header(wire.server, "Host", -1));
  assert_null(hws_session_header(wire.server, NULL, 0));
  assert_string_equal(hws_session_header(wire.server, "X-Twice", 0), "one");
  assert_string_equal(hws_session_header(wire.server, "X-Twice", 1), "two");
  assert_string_equal(hws_session_header_at(wire.server, 0), "Host: example.com:444");
  assert_null(hws_session_header_at(wire.server, -1));
  assert_null(hws_session_header_at(wire.server, 1000));
  assert_null(hws_session_status(wire.server));
  assert_string_equal(hws_session_subprotocol(wire.server), "chat");
  assert_int_equal(hws_session_accept(wire.server, "other", NULL), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_session_accept(wire.server, "superchat", options), HWS_OK);
  event = hws_session_event(wire.server);
  assert_int_equal(event->kind, HWS_EVENT_OPEN);
  assert_string_equal(hws_session_path(wire.server), "/room?a=b");
  assert_null(hws_session_event(wire.server));
  assert_null(hws_session_path(wire.server));
  assert_null(hws_session_header_at(wire.server, 0));
  assert_string_equal(hws_session_subprotocol(wire.server), "superchat");
  while (hws_session_status(wire.client) == NULL) {
    uint8_t byte = *(const uint8_t *)hws_session_output(wire.server);
    hws_session_output_sent(wire.server, 1);
    assert_int_equal(hws_session_receive(wire.client, &byte, 1), 1);
  }
  assert_int_equal(hws_session_event(wire.client)->kind, HWS_EVENT_OPEN);
  assert_string_equal(hws_session_status(wire.client), "101 Switching Protocols");
  assert_string_equal(hws_session_header(wire.client, "x-TWICE", 3), "two"); /* the listener's and the accept's */
  assert_string_equal(hws_session_subprotocol(wire.client), "superchat");
  assert_null(hws_session_event(wire.client));
  assert_null(hws_session_status(wire.client));
  assert_null(hws_session_path(wire.client));
  assert_string_equal(hws_session_subprotocol(wire.client), "superchat");
  close_wire(&wire);
  hws_options_free(options);
}

static void test_no_session(void **state) {
  (void)state;
  assert_int_equal(hws_session_pause(NULL), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_session_resume(NULL), HWS_ERR_ARGUMENT);
  assert_null(hws_session_path(NULL));
  assert_null(hws_session_header(NULL, "Host", 0));
  assert_null(hws_session_header_at(NULL, 0));
  assert_null(hws_session_status(NULL));
  assert_null(hws_session_subprotocol(NULL));
}

/* What the session gave to be sent; the caller frees it. Frames in it are those of a server, so unmasked. */
static uint8_t *take_output(hws_session *session, size_t *size) {
  uint8_t *bytes;
  *size = (size_t)hws_session_output_size(session);
  bytes = malloc(*size + 1);
  if (*size != 0) memcpy(bytes, hws_session_output(session), *size);
  hws_session_output_sent(session, *size);
  return bytes;
}

/* A frame of a client, in memory of its own that ends where the frame ends. */
static int64_t receive_frame(hws_session *server, int first, const void *payload, size_t size, uint8_t **bytes) {
  uint8_t frame[300];
  size_t whole = raw_make_frame(frame, 1, first, payload, size);
  *bytes = malloc(whole);
  memcpy(*bytes, frame, whole);
  return hws_session_receive(server, *bytes, whole) == (int64_t)whole ? (int64_t)whole : -1;
}

/* The Close that answers is written when the last event was taken, behind the answers to the messages before it. */
static void test_settling(void **state) {
  hws_session *server = hws_session_new_open(HWS_SERVER, NULL);
  uint8_t *frames[2];
  uint8_t *output;
  size_t size;
  const hws_event *event;
  (void)state;
  assert_true(receive_frame(server, RAW_FIN | RAW_TEXT, "question", 8, &frames[0]) > 0);
  event = hws_session_event(server);
  assert_int_equal(event->kind, HWS_EVENT_MESSAGE);
  assert_ptr_equal(event->data, frames[0] + 6); /* unmasked where it lies */
  assert_memory_equal(event->data, "question", 8);
  assert_string_equal(hws_session_event_text(server), "");
  assert_true(receive_frame(server, RAW_FIN | 3, "", 0, &frames[1]) > 0); /* a reserved opcode */
  assert_int_equal(hws_session_output_size(server), 0);
  assert_int_equal(hws_session_should_close_transport(server), 0);
  assert_int_equal(hws_session_send(server, HWS_TEXT, "answer", 6), HWS_OK);
  event = hws_session_event(server);
  assert_int_equal(event->kind, HWS_EVENT_CLOSE);
  assert_int_equal(event->error, HWS_ERR_PROTOCOL);
  assert_int_equal(event->code, 1006);
  assert_int_equal(event->flags, HWS_BY_PEER);
  assert_true(strlen(hws_session_event_text(server)) > 0);
  assert_null(hws_session_event(server));
  assert_int_equal(hws_session_should_close_transport(server), 1);
  output = take_output(server, &size);
  assert_true(size > 8 + 4);
  assert_memory_equal(output,
                      "\x81\x06"
                      "answer\x88",
                      9);
  assert_memory_equal(output + 10, "\x03\xea", 2); /* 1002 */
  assert_int_equal(hws_session_send(server, HWS_TEXT, "late", 4), HWS_ERR_CLOSED);
  free(output);
  free(frames[0]);
  free(frames[1]);
  hws_session_free(server);
}

/* A peer that sends pings and reads no pongs is not read on; the rest is taken when they have left. */
static void test_pongs_block(void **state) {
  enum { PINGS = 2000 };
  hws_session *server = hws_session_new_open(HWS_SERVER, NULL);
  uint8_t *pings = malloc(PINGS * 140);
  uint8_t payload[125];
  size_t frame = 0;
  size_t used = 0;
  size_t pongs = 0;
  int blocked = 0;
  int i;
  (void)state;
  memset(payload, 'p', sizeof payload);
  for (i = 0; i < PINGS; i++)
    frame = raw_make_frame(pings + (size_t)i * frame, 1, RAW_FIN | RAW_PING, payload, sizeof payload);
  while (used < PINGS * frame) {
    int64_t got = hws_session_receive(server, pings + used, PINGS * frame - used);
    assert_true(got > 0);
    used += (size_t)got;
    assert_null(hws_session_event(server));
    assert_in_range(hws_session_output_size(server), 1, 128 * 1024);
    if (used < PINGS * frame) {
      blocked++;
      assert_int_equal(hws_session_receive(server, pings + used, PINGS * frame - used), 0);
    }
    pongs += (size_t)hws_session_output_size(server);
    assert_int_equal(hws_session_output_sent(server, (size_t)hws_session_output_size(server)), HWS_OK);
  }
  assert_int_equal(pongs, PINGS * (2 + sizeof payload));
  assert_true(blocked > 0);
  free(pings);
  hws_session_free(server);
}

/* The options on limits and deadlines are the session's own. */
static void test_limits(void **state) {
  hws_options *options = log_options("max_message_size", 10, "write_stall_timeout", 700, "max_events", 1, NULL);
  hws_session *server = hws_session_new_open(HWS_SERVER, options);
  uint8_t frames[64];
  uint8_t *output;
  size_t size;
  size_t one;
  (void)state;
  one = raw_make_frame(frames, 1, RAW_FIN | RAW_TEXT, "0123456789", 10);
  size = one + raw_make_frame(frames + one, 1, RAW_FIN | RAW_TEXT, "0123456789x", 11);
  assert_int_equal(hws_session_receive(server, frames, size), one);
  assert_int_equal(hws_session_receive(server, frames + one, size - one), 0); /* the event has to be taken first */
  assert_int_equal(hws_session_event(server)->kind, HWS_EVENT_MESSAGE);
  assert_null(hws_session_event(server));
  assert_true(hws_session_receive(server, frames + one, size - one) > 0);
  assert_int_equal(hws_session_event(server)->error, HWS_ERR_LIMIT);
  assert_int_equal(hws_session_receive(server, frames + one, size - one), size - one); /* heeded no more */
  assert_null(hws_session_event(server));
  assert_int_equal(hws_session_deadline(server), 700); /* the Close does not leave */
  hws_session_advance_to(server, 699);
  assert_true(hws_session_output_size(server) > 4);
  assert_memory_equal((const uint8_t *)hws_session_output(server) + 2, "\x03\xf1", 2); /* 1009 */
  hws_session_advance_to(server, 700);
  output = take_output(server, &size);
  assert_int_equal(size, 0);
  free(output);
  hws_session_free(server);
  hws_options_free(options);
}

/* What is not to be sent any more is not shown: the loop that closes when no output is left does so at once. */
static void test_giving_up(void **state) {
  hws_session *client = hws_session_new_client("ws://example.com/", NULL);
  const hws_event *event;
  (void)state;
  assert_int_equal(hws_session_advance_to(client, 9999), HWS_OK);
  assert_null(hws_session_event(client));
  assert_true(hws_session_output_size(client) > 0);
  assert_int_equal(hws_session_advance_to(client, 10000), HWS_OK);
  event = hws_session_event(client);
  assert_int_equal(event->kind, HWS_EVENT_CLOSE);
  assert_int_equal(event->error, HWS_ERR_TIMEOUT);
  assert_int_equal(hws_session_output_size(client), 0);
  assert_int_equal(hws_session_should_close_transport(client), 1);
  assert_int_equal(hws_session_deadline(client), -1);
  hws_session_free(client);
  client = hws_session_new_client("ws://example.com/", NULL);
  assert_int_equal(hws_session_close(client, 1000, NULL), HWS_OK);
  assert_int_equal(hws_session_event(client)->error, HWS_ERR_ABORTED);
  assert_int_equal(hws_session_output_size(client), 0);
  assert_int_equal(hws_session_should_close_transport(client), 1);
  assert_int_equal(hws_session_close(client, 1000, NULL), HWS_ERR_CLOSED);
  hws_session_free(client);
}

static void test_pause(void **state) {
  hws_session *server = hws_session_new_open(HWS_SERVER, NULL);
  uint8_t *frame;
  (void)state;
  assert_int_equal(hws_session_pause(server), HWS_OK);
  assert_int_equal(hws_session_deadline(server), -1);
  assert_int_equal(hws_session_advance_to(server, 1000000), HWS_OK);
  assert_int_equal(hws_session_output_size(server), 0); /* no ping */
  assert_true(receive_frame(server, RAW_FIN | RAW_TEXT, "x", 1, &frame) > 0);
  assert_int_equal(hws_session_event(server)->kind, HWS_EVENT_MESSAGE);
  assert_int_equal(hws_session_resume(server), HWS_OK);
  assert_int_equal(hws_session_deadline(server), 1030000);
  free(frame);
  hws_session_free(server);
}

/* A clock can say anything. */
static void test_end_of_time(void **state) {
  hws_session *server = hws_session_new_open(HWS_SERVER, NULL);
  (void)state;
  assert_int_equal(hws_session_advance_to(server, INT64_MAX), HWS_OK);
  assert_true(hws_session_deadline(server) > INT64_MAX / 2);
  assert_int_equal(hws_session_advance_to(server, INT64_MIN), HWS_OK);
  assert_true(hws_session_deadline(server) > INT64_MAX / 2);
  hws_session_free(server);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_conversation), cmocka_unit_test(test_requests),  cmocka_unit_test(test_deadlines),
      cmocka_unit_test(test_open_session), cmocka_unit_test(test_queue),     cmocka_unit_test(test_readers),
      cmocka_unit_test(test_no_session),   cmocka_unit_test(test_settling),  cmocka_unit_test(test_pongs_block),
      cmocka_unit_test(test_limits),       cmocka_unit_test(test_giving_up), cmocka_unit_test(test_pause),
      cmocka_unit_test(test_end_of_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
