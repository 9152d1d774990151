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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_conversation), cmocka_unit_test(test_requests), cmocka_unit_test(test_deadlines),
      cmocka_unit_test(test_open_session), cmocka_unit_test(test_queue),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
