/* hawser.h as a C99 header, and its promise about every function: a NULL handle, a stale, foreign or zero id, and a bad
 * argument are answered by a code, or by NULL where a pointer is returned. */
/* clang-format off: hawser.h comes first, so that it needs nothing before it */
#include "hawser.h"
/* clang-format on */

#include <string.h>

#include "support/cmocka.h"
#include "support/log.h"

/* Every call with an id, as a table: what it answers, where NULL counts as STALE. */
enum { STALE_POINTER = HWS_ERR_STALE };

static int64_t pointer(const char *answer) {
  return answer == NULL ? STALE_POINTER : 0;
}

typedef int64_t (*call_on_id)(hws_manager *manager, hws_id id);

static int64_t call_send(hws_manager *manager, hws_id id) {
  return hws_manager_send(manager, id, HWS_TEXT, "x", 1);
}
static int64_t call_send_part(hws_manager *manager, hws_id id) {
  return hws_manager_send_part(manager, id, HWS_TEXT, "x", 1, 1);
}
static int64_t call_ping(hws_manager *manager, hws_id id) {
  return hws_manager_ping(manager, id, "x", 1);
}
static int64_t call_close(hws_manager *manager, hws_id id) {
  return hws_manager_close(manager, id, 1000, "x");
}
static int64_t call_abort(hws_manager *manager, hws_id id) {
  return hws_manager_abort(manager, id);
}
static int64_t call_pause(hws_manager *manager, hws_id id) {
  return hws_manager_pause(manager, id);
}
static int64_t call_resume(hws_manager *manager, hws_id id) {
  return hws_manager_resume(manager, id);
}
static int64_t call_queued(hws_manager *manager, hws_id id) {
  return hws_manager_queued(manager, id);
}
static int64_t call_set_tag(hws_manager *manager, hws_id id) {
  return hws_manager_set_tag(manager, id, 1);
}
static int64_t call_broadcast(hws_manager *manager, hws_id id) {
  return hws_manager_broadcast(manager, id, 0, HWS_TEXT, "x", 1);
}
static int64_t call_accept(hws_manager *manager, hws_id id) {
  return hws_manager_accept(manager, id, "x", NULL);
}
static int64_t call_respond(hws_manager *manager, hws_id id) {
  return hws_manager_respond(manager, id, 200, NULL, "x", 1);
}
static int64_t call_path(hws_manager *manager, hws_id id) {
  return pointer(hws_manager_path(manager, id));
}
static int64_t call_header(hws_manager *manager, hws_id id) {
  return pointer(hws_manager_header(manager, id, "host", 0));
}
static int64_t call_header_at(hws_manager *manager, hws_id id) {
  return pointer(hws_manager_header_at(manager, id, 0));
}
static int64_t call_status(hws_manager *manager, hws_id id) {
  return pointer(hws_manager_status(manager, id));
}
static int64_t call_subprotocol(hws_manager *manager, hws_id id) {
  return pointer(hws_manager_subprotocol(manager, id));
}
static int64_t call_peer_address(hws_manager *manager, hws_id id) {
  return pointer(hws_manager_peer_address(manager, id));
}
static int64_t call_local_address(hws_manager *manager, hws_id id) {
  return pointer(hws_manager_local_address(manager, id));
}

static const struct {
  const char *name;
  call_on_id call;
} kCalls[] = {
    {"send", call_send},
    {"send_part", call_send_part},
    {"ping", call_ping},
    {"close", call_close},
    {"abort", call_abort},
    {"pause", call_pause},
    {"resume", call_resume},
    {"queued", call_queued},
    {"set_tag", call_set_tag},
    {"broadcast", call_broadcast},
    {"accept", call_accept},
    {"respond", call_respond},
    {"path", call_path},
    {"header", call_header},
    {"header_at", call_header_at},
    {"status", call_status},
    {"subprotocol", call_subprotocol},
    {"peer_address", call_peer_address},
    {"local_address", call_local_address},
};
enum { CALLS = sizeof kCalls / sizeof *kCalls };

static void check_all(hws_manager *manager, hws_id id, int64_t expected) {
  int i;
  for (i = 0; i < CALLS; i++) {
    int64_t answer = kCalls[i].call(manager, id);
    if (answer != expected)
      print_error("%s of id %lld answers %lld\n", kCalls[i].name, (long long)id, (long long)answer);
    assert_int_equal(answer, expected);
  }
}

static void test_no_manager(void **state) {
  int i;
  (void)state;
  for (i = 0; i < CALLS; i++) {
    int64_t answer = kCalls[i].call(NULL, 1);
    assert_true(answer == HWS_ERR_ARGUMENT || answer == STALE_POINTER);
  }
  hws_manager_free(NULL);
  assert_int_equal(hws_manager_listen(NULL, "ws://127.0.0.1:0/", NULL), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_connect(NULL, "ws://127.0.0.1:1/", NULL), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_poll(NULL, 0), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_flush(NULL), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_wake(NULL), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_fd(NULL), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_pack_events(NULL, NULL, 0), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_pack_size(NULL), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_stat(NULL, "connections"), HWS_ERR_ARGUMENT);
  assert_null(hws_manager_event(NULL, 0));
  assert_null(hws_manager_event_text(NULL, 0));
  hws_manager_last_error(NULL);
}

static void test_no_options(void **state) {
  hws_options *options = hws_options_new();
  (void)state;
  hws_options_free(NULL);
  assert_int_equal(hws_options_set_int(NULL, "parts", 1), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_options_set_text(NULL, "origin", ""), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_options_add_header(NULL, "X", ""), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_options_set_int(options, NULL, 1), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_options_set_text(options, NULL, ""), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_options_set_text(options, "origin", NULL), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_options_add_header(options, NULL, ""), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_options_add_header(options, "X", NULL), HWS_ERR_ARGUMENT);
  hws_options_free(options);
}

static void test_no_session(void **state) {
  (void)state;
  hws_session_free(NULL);
  assert_null(hws_session_new_client(NULL, NULL));
  assert_null(hws_session_new_client("http://x/", NULL));
  assert_null(hws_session_new_open(0, NULL));
  assert_null(hws_session_new_open(3, NULL));
  assert_int_equal(hws_session_receive(NULL, NULL, 0), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_session_receive_end(NULL), HWS_ERR_ARGUMENT);
  assert_null(hws_session_event(NULL));
  assert_null(hws_session_event_text(NULL));
  assert_null(hws_session_output(NULL));
  assert_int_equal(hws_session_output_size(NULL), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_session_output_sent(NULL, 0), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_session_send(NULL, HWS_TEXT, "", 0), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_session_send_part(NULL, HWS_TEXT, "", 0, 1), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_session_ping(NULL, "", 0), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_session_close(NULL, 1000, ""), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_session_accept(NULL, NULL, NULL), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_session_respond(NULL, 200, NULL, "", 0), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_session_deadline(NULL), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_session_advance_to(NULL, 0), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_session_should_close_transport(NULL), 0);
}

static void test_ids_that_name_nothing(void **state) {
  static const hws_id kIds[] = {
      0, 1, -1, -3, 42, INT64_MAX, INT64_MIN, (1LL << 27) + 999, 1LL << 26, (1LL << 53) - 1, 1LL << 62};
  struct log log;
  struct log other;
  struct raw_peer peers[2];
  hws_id ids[2];
  hws_id listener;
  int ports[2];
  size_t i;
  (void)state;
  log_open(&log, NULL);
  log_open(&other, NULL);
  listener = log_listen(&log, NULL, &ports[0]);
  log_listen(&other, NULL, &ports[1]);
  ids[0] = log_join(&log, ports[0], &peers[0], NULL);
  ids[1] = log_join(&other, ports[1], &peers[1], NULL);
  assert_true(ids[0] > 0 && ids[0] < 1LL << 53);
  assert_true(listener > 0 && listener < 1LL << 53);
  for (i = 0; i < sizeof kIds / sizeof *kIds; i++)
    check_all(log.manager, kIds[i], HWS_ERR_STALE);
  check_all(log.manager, ids[1], HWS_ERR_STALE); /* another manager's */
  check_all(other.manager, ids[0], HWS_ERR_STALE);
  assert_int_equal(hws_manager_abort(other.manager, listener), HWS_ERR_STALE);
  raw_peer_close(&peers[0]);
  assert_non_null(log_wait(&log, HWS_EVENT_CLOSE, ids[0]));
  log_poll(&log, 0);
  check_all(log.manager, ids[0], HWS_ERR_STALE); /* gone */
  assert_true(log_join(&log, ports[0], &peers[0], NULL) != ids[0]);
  check_all(log.manager, ids[0], HWS_ERR_STALE); /* and not the next one's */
  raw_peer_close(&peers[0]);
  raw_peer_close(&peers[1]);
  log_close(&log);
  log_close(&other);
}

/* Ids of a thousand connections one after the other are all different. */
static void test_ids_are_never_used_again(void **state) {
  enum { COUNT = 300 };
  struct log log;
  struct raw_peer peer;
  hws_id ids[COUNT];
  int port;
  int i;
  int j;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  for (i = 0; i < COUNT; i++) {
    ids[i] = log_join(&log, port, &peer, NULL);
    assert_true(ids[i] > 0);
    for (j = 0; j < i; j++)
      assert_true(ids[i] != ids[j]);
    raw_peer_close(&peer);
    assert_non_null(log_wait(&log, HWS_EVENT_CLOSE, ids[i]));
  }
  log_close(&log);
}

static hws_id listen_without_certificate(hws_manager *manager) {
  hws_options *options = hws_options_new();
  hws_id id;
  assert_int_equal(hws_options_set_text(options, "tls_certificate", "/there/is/none.pem"), HWS_OK);
  id = hws_manager_listen(manager, "wss://127.0.0.1:0/", options);
  hws_options_free(options);
  return id;
}

static void test_bad_arguments(void **state) {
  char reason[125];
  struct log log;
  struct raw_peer peer;
  hws_manager *manager;
  hws_id id;
  int port;
  int code;
  (void)state;
  memset(reason, 'r', sizeof reason);
  reason[124] = '\0';
  log_open(&log, NULL);
  manager = log.manager;
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  assert_int_equal(hws_manager_listen(manager, NULL, NULL), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_listen(manager, "", NULL), HWS_ERR_URL);
  assert_int_equal(hws_manager_listen(manager, "http://127.0.0.1/", NULL), HWS_ERR_URL);
  assert_int_equal(hws_manager_listen(manager, "ws://example.com/", NULL), HWS_ERR_URL);
  assert_int_equal(listen_without_certificate(manager), HWS_ERR_TLS);
  assert_int_equal(hws_manager_listen(manager, "ws://192.0.2.1:0/", NULL), HWS_ERR_LISTEN);
  assert_true(strlen(hws_manager_last_error(manager)) > 0);
  assert_int_equal(hws_manager_connect(manager, NULL, NULL), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_connect(manager, "ws://", NULL), HWS_ERR_URL);
  assert_int_equal(hws_manager_connect(manager, "ws://127.0.0.1:0/", NULL), HWS_ERR_URL);
  assert_int_equal(hws_manager_connect(manager, "ws://127.0.0.1/#fragment", NULL), HWS_ERR_URL);
  assert_int_equal(hws_manager_poll(manager, -2), HWS_ERR_ARGUMENT);
  assert_null(hws_manager_event(manager, -1));
  assert_null(hws_manager_event(manager, 1000));
  assert_null(hws_manager_event_text(manager, -1));
  assert_null(hws_manager_event_text(manager, 1000));
  assert_int_equal(hws_manager_send(manager, id, HWS_TEXT, NULL, 1), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_send(manager, id, HWS_TEXT, NULL, 0), HWS_OK);
  for (code = -1; code < 20; code++) {
    if (code != HWS_TEXT && code != HWS_BINARY) {
      assert_int_equal(hws_manager_send(manager, id, code, "x", 1), HWS_ERR_OPCODE);
      assert_int_equal(hws_manager_send_part(manager, id, code, "x", 1, 1), HWS_ERR_OPCODE);
    }
  }
  assert_int_equal(hws_manager_send(manager, id, HWS_TEXT, "\xed\xa0\x80", 3), HWS_ERR_UTF8);
  assert_int_equal(hws_manager_send(manager, id, HWS_BINARY, "\xed\xa0\x80", 3), HWS_OK);
  assert_int_equal(hws_manager_send_part(manager, id, HWS_TEXT, NULL, 1, 1), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_ping(manager, id, NULL, 1), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_respond(manager, id, 200, NULL, NULL, 1), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_broadcast(manager, id, 0, HWS_TEXT, NULL, 1), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_accept(manager, id, NULL, NULL), HWS_ERR_STATE);
  /* RFC 6455 7.4: which codes may travel. */
  for (code = -1; code < 5100; code++) {
    int fine =
        code == 0 || (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
    if (!fine) assert_int_equal(hws_manager_close(manager, id, code, NULL), HWS_ERR_CLOSE_CODE);
  }
  assert_int_equal(hws_manager_close(manager, id, 1000, reason), HWS_ERR_TOO_LARGE);
  assert_int_equal(hws_manager_close(manager, id, 1000, "\xff"), HWS_ERR_UTF8);
  assert_int_equal(hws_manager_stat(manager, NULL), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_stat(manager, "no such"), HWS_ERR_OPTION);
  assert_null(hws_manager_header(manager, id, NULL, 0));
  assert_int_equal(hws_manager_close(manager, id, 1000, reason + 1), HWS_OK);
  raw_peer_close(&peer);
  log_close(&log);
}

/* What was -1 before it became a size_t. */
static void test_negative_sizes(void **state) {
  hws_manager *manager = log_new_manager(NULL);
  hws_session *session = hws_session_new_open(HWS_SERVER, NULL);
  size_t size = (size_t)-1;
  char byte = 'x';
  (void)state;
  assert_int_equal(hws_manager_send(manager, 1, HWS_BINARY, &byte, size), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_send_part(manager, 1, HWS_BINARY, &byte, size, 1), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_ping(manager, 1, &byte, size), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_broadcast(manager, 1, 0, HWS_BINARY, &byte, size), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_manager_respond(manager, 1, 200, NULL, &byte, size), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_session_receive(session, &byte, size), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_session_send(session, HWS_BINARY, &byte, size), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_session_send_part(session, HWS_BINARY, &byte, size, 1), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_session_ping(session, &byte, size), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_session_respond(session, 200, NULL, &byte, size), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_session_output_size(session), 0);
  hws_session_free(session);
  hws_manager_free(manager);
}

/* Whichever call fails, and for whatever reason: last_error has words about it, here those of its code. */
static void test_last_error(void **state) {
  hws_manager *manager = log_new_manager(NULL);
  (void)state;
  assert_string_equal(hws_manager_last_error(manager), "");
#define FAILS(call, code)                                                       \
  do {                                                                          \
    assert_int_equal(hws_manager_stat(manager, "no such"), HWS_ERR_OPTION);     \
    assert_int_equal(call, code);                                               \
    assert_string_equal(hws_manager_last_error(manager), hws_error_text(code)); \
  } while (0)
  FAILS(hws_manager_listen(manager, NULL, NULL), HWS_ERR_ARGUMENT);
  FAILS(hws_manager_connect(manager, NULL, NULL), HWS_ERR_ARGUMENT);
  FAILS(hws_manager_poll(manager, -2), HWS_ERR_ARGUMENT);
  FAILS(hws_manager_pack_events(manager, NULL, 1), HWS_ERR_ARGUMENT);
  FAILS(hws_manager_send(manager, 1, HWS_TEXT, NULL, 1), HWS_ERR_ARGUMENT);
  FAILS(hws_manager_send(manager, 1, 3, "x", 1), HWS_ERR_OPCODE);
  FAILS(hws_manager_send(manager, 1, HWS_TEXT, "x", 1), HWS_ERR_STALE);
  FAILS(hws_manager_send_part(manager, 1, 3, "x", 1, 1), HWS_ERR_OPCODE);
  FAILS(hws_manager_ping(manager, 1, NULL, 1), HWS_ERR_ARGUMENT);
  FAILS(hws_manager_close(manager, 1, 1005, NULL), HWS_ERR_CLOSE_CODE);
  FAILS(hws_manager_close(manager, 1, 1000, NULL), HWS_ERR_STALE);
  FAILS(hws_manager_abort(manager, 1), HWS_ERR_STALE);
  FAILS(hws_manager_pause(manager, 1), HWS_ERR_STALE);
  FAILS(hws_manager_resume(manager, 1), HWS_ERR_STALE);
  FAILS(hws_manager_set_tag(manager, 1, 1), HWS_ERR_STALE);
  FAILS(hws_manager_broadcast(manager, 1, 0, 3, "x", 1), HWS_ERR_OPCODE);
  FAILS(hws_manager_accept(manager, 1, NULL, NULL), HWS_ERR_STALE);
  FAILS(hws_manager_respond(manager, 1, 200, NULL, NULL, 1), HWS_ERR_ARGUMENT);
  FAILS(hws_manager_respond(manager, 1, 101, NULL, NULL, 0), HWS_ERR_ARGUMENT);
  FAILS(hws_manager_stat(manager, NULL), HWS_ERR_ARGUMENT);
#undef FAILS
  hws_manager_free(manager);
}

static void test_errors_and_version(void **state) {
  hws_result code;
  hws_result other;
  (void)state;
  assert_string_equal(hws_error_name(HWS_OK), "HWS_OK");
  assert_string_equal(hws_error_name(7), "HWS_OK");
  assert_string_equal(hws_error_name(HWS_ERR_UTF8), "HWS_ERR_UTF8");
  assert_string_equal(hws_error_name(HWS_ERR_ABORTED), "HWS_ERR_ABORTED");
  assert_string_equal(hws_error_name(-1000), "HWS_ERR_UNKNOWN");
  assert_string_equal(hws_error_name(INT32_MIN), "HWS_ERR_UNKNOWN");
  for (code = HWS_ERR_ABORTED; code < 0; code++) {
    assert_int_equal(strncmp(hws_error_name(code), "HWS_ERR_", 8), 0);
    assert_true(strlen(hws_error_text(code)) > 5);
    for (other = HWS_ERR_ABORTED; other < code; other++)
      assert_string_not_equal(hws_error_name(code), hws_error_name(other));
  }
  assert_non_null(hws_error_text(INT32_MAX));
  assert_non_null(hws_error_text(INT32_MIN));
  assert_true(strchr(hws_version(), '.') != NULL);
}

static void test_stats(void **state) {
  hws_manager *manager = log_new_manager(NULL);
  int32_t i;
  (void)state;
  assert_true(hws_stat_count() > 5);
  for (i = 0; i < hws_stat_count(); i++) {
    assert_true(hws_manager_stat(manager, hws_stat_name(i)) >= 0);
    assert_true(strlen(hws_stat_text(i)) > 10);
  }
  assert_null(hws_stat_name(-1));
  assert_null(hws_stat_name(hws_stat_count()));
  assert_null(hws_stat_text(-1));
  assert_null(hws_stat_text(hws_stat_count()));
  hws_manager_free(manager);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_no_manager),
      cmocka_unit_test(test_no_options),
      cmocka_unit_test(test_no_session),
      cmocka_unit_test(test_ids_that_name_nothing),
      cmocka_unit_test(test_ids_are_never_used_again),
      cmocka_unit_test(test_bad_arguments),
      cmocka_unit_test(test_negative_sizes),
      cmocka_unit_test(test_last_error),
      cmocka_unit_test(test_errors_and_version),
      cmocka_unit_test(test_stats),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
