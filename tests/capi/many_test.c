/* Up to ten thousand connections on one manager. Their clients are another process: descriptors are limited for each.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/log.h"

/* poll(2) looks at each of them in every wait: there a tenth of them. */
static int many(void) {
  return log_has_outer_loops() ? 10000 : 1000;
}

/* The clients: all connect, all send, then each reads its echo and closes. Returns 0 if all is as it should be. */
static int run_clients(int port) {
  const int count = many();
  struct raw_peer *peers = calloc((size_t)count, sizeof *peers);
  char text[32];
  int i;
  for (i = 0; i < count; i++) {
    raw_peer_init(&peers[i], raw_connect(port), 1, NULL, NULL);
    if (peers[i].fd < 0 || raw_write_request(&peers[i], "/", NULL) != 0) return 1;
  }
  for (i = 0; i < count; i++) {
    char head[2048];
    if (raw_read_head(&peers[i], head, sizeof head) < 0 || peers[i].size != 0) return 2;
    free(peers[i].bytes); /* ten thousand buffers would be too much */
    raw_peer_init(&peers[i], peers[i].fd, 1, NULL, NULL);
  }
  for (i = 0; i < count; i++) {
    snprintf(text, sizeof text, "client %d", i);
    if (raw_write_frame(&peers[i], RAW_FIN | RAW_TEXT, text, strlen(text)) != 0) return 3;
  }
  for (i = 0; i < count; i++) {
    snprintf(text, sizeof text, "client %d", i);
    if (!raw_expect_frame(&peers[i], RAW_FIN | RAW_TEXT, text, strlen(text))) return 4;
    if (raw_write_close(&peers[i], 1000, "") != 0 || !raw_expect_close(&peers[i], 1000)) return 5;
    raw_peer_close(&peers[i]);
  }
  free(peers);
  return 0;
}

static int raise_limit(rlim_t least) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < least) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
  }
  return limit.rlim_cur >= least;
}

static void test_many(void **state) {
  hws_options *options;
  hws_manager *manager;
  struct log log;
  hws_id listener;
  int64_t until = raw_now_ms() + 100000;
  int counts[8] = {0};
  int failures = 0;
  int status = -1;
  const int expected = many();
  int port;
  pid_t child;
  (void)state;
  if (!raise_limit((rlim_t)expected + 100)) {
    print_message("skipped: fewer than %d descriptors\n", expected + 100);
    skip();
  }
  /* The clients take their time. */
  options = log_options("max_handshakes", expected, "handshake_timeout", 100000, "ping_interval", -1, NULL);
  manager = log_new_manager(options);
  hws_options_free(options);
  memset(&log, 0, sizeof log);
  log.manager = manager;
  listener = hws_manager_listen(manager, "ws://127.0.0.1:0/", NULL);
  port = log_port(&log, listener);
  child = fork();
  if (child == 0) {
    hws_manager_free(manager);
    _exit(run_clients(port));
  }
  while (counts[HWS_EVENT_CLOSE] < expected && raw_now_ms() < until && failures == 0) {
    hws_result count = hws_manager_poll(manager, 100);
    int32_t i;
    for (i = 0; i < count; i++) {
      const hws_event *event = hws_manager_event(manager, i);
      counts[event->kind]++;
      if (event->kind == HWS_EVENT_MESSAGE &&
          hws_manager_send(manager, event->connection, event->opcode, event->data, (size_t)event->size) != HWS_OK) {
        failures++;
      }
      if (event->kind == HWS_EVENT_CLOSE && event->error != 0) failures++;
    }
    if (waitpid(child, &status, WNOHANG) == child && counts[HWS_EVENT_CLOSE] == 0) break;
  }
  if (status == -1) waitpid(child, &status, 0);
  assert_int_equal(status, 0);
  assert_int_equal(failures, 0);
  assert_int_equal(counts[HWS_EVENT_OPEN], expected);
  assert_int_equal(counts[HWS_EVENT_MESSAGE], expected);
  assert_int_equal(counts[HWS_EVENT_CLOSE], expected);
  hws_manager_poll(manager, 0);
  assert_int_equal(hws_manager_stat(manager, "connections"), 0);
  assert_int_equal(hws_manager_stat(manager, "memory"), 0);
  hws_manager_free(manager);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_many),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
