/* What an idle wss:// connection costs: 1,000 of them, whose clients live in another process. */
#define _GNU_SOURCE
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/log.h"
#include "support/raw_tls.h"

enum { MANY = 1000, MOST = 18000 };

/* The clients: they open one after another, and stay until the pipe ends. */
static void be_clients(int port, int until) {
  static struct raw_peer peers[MANY];
  char byte;
  int i;
  for (i = 0; i < MANY; i++) {
    raw_peer_init(&peers[i], raw_connect(port), 1, NULL, NULL);
    if (raw_ask(&peers[i], "/", NULL) != 101) _exit(1);
    /* A message in both directions: whatever that needs is needed only then. */
    if (raw_write_frame(&peers[i], RAW_FIN | RAW_TEXT, "hello", 5) != 0) _exit(1);
    if (!raw_expect_frame(&peers[i], RAW_FIN | RAW_TEXT, "hello", 5)) _exit(1);
    free(peers[i].bytes);
    peers[i].bytes = NULL;
  }
  if (read(until, &byte, 1) != 0) _exit(1);
  _exit(0);
}

static void echo(struct log *log, const hws_event *event) {
  if (event->kind != HWS_EVENT_MESSAGE) return;
  hws_manager_send(log->manager, event->connection, event->opcode, event->data, (size_t)event->size);
}

/* Bytes that malloc has given away; -1: a sanitizer has replaced it, or it does not tell. */
static int64_t allocated(void) {
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  struct mallinfo2 info = mallinfo2();
  return (int64_t)(info.uordblks + info.hblkhd);
#else
  return -1;
#endif
}

static void test_idle_connections(void **state) {
  struct log log;
  int64_t before;
  int64_t after;
  int64_t counted;
  int pipes[2];
  int status;
  int port;
  int count = 0;
  pid_t child;
  int64_t until = raw_now_ms() + 2 * RAW_PATIENCE_MS;
  (void)state;
  log_open(&log, NULL);
  log.each = echo;
  assert_true(log_listen(&log, NULL, &port) > 0);
  assert_int_equal(pipe(pipes), 0);
  child = fork();
  if (child == 0) {
    close(pipes[1]);
    be_clients(port, pipes[0]);
  }
  close(pipes[0]);
  before = allocated();
  while (count < MANY && raw_now_ms() < until) {
    /* The diary's own memory does not count. */
    hws_result events = hws_manager_poll(log.manager, 100);
    int32_t i;
    for (i = 0; i < events; i++) {
      const hws_event *event = hws_manager_event(log.manager, i);
      echo(&log, event);
      if (event->kind == HWS_EVENT_MESSAGE) count++;
    }
  }
  hws_manager_poll(log.manager, 0);
  after = allocated();
  counted = hws_manager_stat(log.manager, "memory");
  assert_int_equal(count, MANY);
  assert_int_equal(hws_manager_stat(log.manager, "connections"), MANY);
  printf("bytes for each idle wss:// connection: %lld of the budget\n", (long long)(counted / MANY));
  assert_in_range(counted, 1, (int64_t)MANY * MOST);
  if (after >= 0) {
    int64_t each = (after - before) / MANY;
    printf("and %lld of malloc's\n", (long long)each);
    assert_in_range(each, 1, MOST);
    /* The budget is no less than what TLS holds; beside it a connection has a few hundred bytes of ours. */
    assert_true(each <= counted / MANY + 1000);
  }
  close(pipes[1]);
  waitpid(child, &status, 0);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  until = raw_now_ms() + RAW_PATIENCE_MS;
  while (hws_manager_stat(log.manager, "connections") != 0 && raw_now_ms() < until)
    hws_manager_poll(log.manager, 100);
  hws_manager_poll(log.manager, 0);
  assert_int_equal(hws_manager_stat(log.manager, "connections"), 0);
  assert_int_equal(hws_manager_stat(log.manager, "memory"), 0);
  log_close(&log);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_idle_connections)};
  struct rlimit limit;
  setenv("HAWSER_TEST_TLS", "1", 1);
  raw_tls_certificate(); /* both processes have the same */
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < MANY + 100) limit.rlim_cur = MANY + 100 < limit.rlim_max ? MANY + 100 : limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
