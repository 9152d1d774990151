/* Parts of messages, received and sent. */
#include <string.h>

#include "support/cmocka.h"
#include "support/log.h"

static const struct log_entry *next(struct log *log) {
  return log_wait(log, HWS_EVENT_MESSAGE, 0);
}

static void test_receive_parts(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_options *options = log_options("parts", 1, NULL);
  const struct log_entry *entry;
  static uint8_t large[3000000];
  size_t got = 0;
  uint32_t chops;
  int port;
  (void)state;
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  assert_true(log_join(&log, port, &peer, NULL) > 0);
  chops = peer.chops;
  peer.chops = 0; /* a part is what came together */
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_TEXT, "whole", 5), 0);
  entry = next(&log);
  assert_int_equal(entry->event.flags, HWS_FIRST | HWS_FINAL);
  assert_string_equal(entry->data, "whole");
  assert_int_equal(raw_write_frame(&peer, RAW_TEXT, "be\xc3", 3), 0); /* a character is cut */
  entry = next(&log);
  assert_int_equal(entry->event.flags, HWS_FIRST);
  assert_int_equal(entry->event.opcode, HWS_TEXT);
  assert_string_equal(entry->data, "be\xc3");
  assert_int_equal(raw_write_frame(&peer, RAW_CONTINUATION, "\xa4", 1), 0);
  entry = next(&log);
  assert_int_equal(entry->event.flags, 0);
  assert_int_equal(entry->event.opcode, HWS_TEXT);
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_PING, "p", 1), 0);
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_PONG, "p", 1));
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_CONTINUATION, "", 0), 0);
  entry = next(&log);
  assert_int_equal(entry->event.flags, HWS_FINAL);
  assert_int_equal(entry->event.size, 0);
  /* A large frame comes in parts as it arrives, whatever they are. */
  peer.chops = chops;
  memset(large, 'l', sizeof large);
  assert_int_equal(raw_write_frame(&peer, RAW_FIN | RAW_BINARY, large, sizeof large), 0);
  do {
    entry = next(&log);
    assert_non_null(entry);
    assert_int_equal(entry->event.flags & HWS_FIRST, got == 0 ? HWS_FIRST : 0);
    assert_int_equal(entry->event.opcode, HWS_BINARY);
    assert_memory_equal(entry->data, large, (size_t)entry->event.size);
    got += (size_t)entry->event.size;
  } while ((entry->event.flags & HWS_FINAL) == 0);
  assert_int_equal(got, sizeof large);
  raw_peer_close(&peer);
  log_close(&log);
  hws_options_free(options);
}

static void check_sending(int as_client) {
  struct log log;
  struct raw_peer peer;
  hws_manager *manager;
  hws_id id;
  int port;
  log_open(&log, NULL);
  manager = log.manager;
  log_listen(&log, NULL, &port);
  id = as_client ? log_dial(&log, NULL, &peer) : log_join(&log, port, &peer, NULL);
  assert_true(id > 0);
  assert_int_equal(hws_manager_send_part(manager, id, 0, "x", 1, 0), HWS_ERR_OPCODE);
  assert_int_equal(hws_manager_send_part(manager, id, HWS_TEXT, "a\xe2", 2, 0), HWS_OK);
  assert_int_equal(hws_manager_send_part(manager, id, HWS_BINARY, "x", 1, 0), HWS_ERR_OPCODE);
  assert_int_equal(hws_manager_send_part(manager, id, HWS_TEXT, "b", 1, 0), HWS_ERR_UTF8); /* not a continuation byte */
  assert_int_equal(hws_manager_send_part(manager, id, HWS_TEXT, "\x82", 1, 1), HWS_ERR_UTF8); /* the end is cut */
  assert_int_equal(hws_manager_send(manager, id, HWS_TEXT, "whole", 5), HWS_ERR_STATE);
  assert_int_equal(hws_manager_ping(manager, id, "ping", 4), HWS_OK); /* control frames may stand in between */
  assert_int_equal(hws_manager_send_part(manager, id, HWS_TEXT, "\x82\xac", 2, 0), HWS_OK);
  assert_int_equal(hws_manager_send_part(manager, id, HWS_TEXT, NULL, 0, 1), HWS_OK);
  assert_int_equal(hws_manager_send(manager, id, HWS_TEXT, "whole", 5), HWS_OK);
  assert_true(raw_expect_frame(&peer, RAW_TEXT, "a\xe2", 2));
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_PING, "ping", 4));
  assert_true(raw_expect_frame(&peer, RAW_CONTINUATION, "\x82\xac", 2));
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_CONTINUATION, "", 0));
  assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_TEXT, "whole", 5));
  raw_peer_close(&peer);
  log_close(&log);
}

static void test_send_parts(void **state) {
  (void)state;
  check_sending(0);
  check_sending(1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_receive_parts),
      cmocka_unit_test(test_send_parts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
