/* What the library does to its process: descriptors, signals, fork. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/log.h"

/* True if every open descriptor but the given ones and 0, 1, 2 is closed by exec. */
static int all_close_on_exec(const int *known, int count) {
  DIR *folder = opendir("/proc/self/fd");
  struct dirent *entry;
  int fine = 1;
  while ((entry = readdir(folder)) != NULL) {
    int fd = atoi(entry->d_name);
    int skip = fd <= 2 || entry->d_name[0] == '.';
    int i;
    for (i = 0; i < count; i++)
      skip = skip || known[i] == fd;
    if (!skip && (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0) {
      fprintf(stderr, "descriptor %d is not closed by exec\n", fd);
      fine = 0;
    }
  }
  closedir(folder);
  return fine;
}

static int inherited[256];
static int inherited_count;

static void find_inherited(void) {
  int fd;
  for (fd = 3; fd < 256; fd++) {
    if (fcntl(fd, F_GETFD) >= 0) inherited[inherited_count++] = fd;
  }
}

/* Listeners, connections in both roles and stages, an outer loop: all close-on-exec, and none left after free. */
static void test_descriptors(void **state) {
  struct log log;
  struct raw_peer peers[3];
  int before;
  int port;
  (void)state;
  hws_manager_free(hws_manager_new(NULL)); /* what a process has once */
  before = log_descriptors();
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  assert_true(log_join(&log, port, &peers[0], NULL) > 0);
  assert_true(log_dial(&log, NULL, &peers[1]) > 0);
  raw_peer_init(&peers[2], raw_connect(port), 1, log_pump, &log);
  assert_true(hws_manager_connect(log.manager, "ws://127.0.0.1:9/", NULL) > 0);
  assert_true(hws_manager_connect(log.manager, "ws://no-such-host.invalid/", NULL) > 0);
  assert_true(hws_manager_fd(log.manager) >= 0);
  log_poll(&log, 1);
  assert_true(all_close_on_exec(inherited, inherited_count));
  assert_true(log_descriptors() > before);
  log_close(&log);
  raw_peer_close(&peers[0]);
  raw_peer_close(&peers[1]);
  raw_peer_close(&peers[2]);
  assert_int_equal(log_descriptors(), before);
}

/* Managers of every size of life, with what is queued, paused, half read. */
static void test_free_in_the_middle(void **state) {
  static uint8_t bytes[1000000];
  int before = log_descriptors();
  int i;
  (void)state;
  for (i = 0; i < 10; i++) {
    struct log log;
    struct raw_peer peers[2];
    hws_id listener;
    hws_id id;
    int port;
    log_open(&log, NULL);
    listener = log_listen(&log, NULL, &port);
    id = log_join(&log, port, &peers[0], NULL);
    log_join(&log, port, &peers[1], NULL);
    if (i > 0) hws_manager_send(log.manager, id, HWS_BINARY, bytes, sizeof bytes);
    if (i > 1) hws_manager_broadcast(log.manager, listener, 0, HWS_BINARY, bytes, 100);
    if (i > 2) raw_write_frame(&peers[0], RAW_BINARY, bytes, 100000);
    if (i > 3) hws_manager_pause(log.manager, id);
    if (i > 4) raw_write_frame(&peers[0], RAW_BINARY, bytes, 100);
    if (i > 5) log_poll(&log, 0);
    if (i > 6) hws_manager_send_part(log.manager, id, HWS_TEXT, "x", 1, 0);
    if (i > 7) hws_manager_broadcast(log.manager, listener, 0, HWS_BINARY, bytes, 100);
    if (i > 8) hws_manager_close(log.manager, id, 1000, NULL);
    log_close(&log);
    raw_peer_close(&peers[0]);
    raw_peer_close(&peers[1]);
  }
  assert_int_equal(log_descriptors(), before);
}

/* SIGPIPE has its default disposition here: it would end the process. */
static void test_no_sigpipe(void **state) {
  static uint8_t bytes[1000000];
  struct sigaction action;
  struct log log;
  struct raw_peer peer;
  hws_id id;
  int port;
  int i;
  (void)state;
  signal(SIGPIPE, SIG_DFL);
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  for (i = 0; i < 5; i++) {
    id = log_join(&log, port, &peer, NULL);
    hws_manager_pause(log.manager, id);
    raw_peer_reset(&peer);
    hws_manager_send(log.manager, id, HWS_TEXT, "x", 1);
    hws_manager_flush(log.manager);
    hws_manager_send(log.manager, id, HWS_BINARY, bytes, sizeof bytes);
    hws_manager_send(log.manager, id, HWS_BINARY, bytes, sizeof bytes);
    assert_non_null(log_wait(&log, HWS_EVENT_CLOSE, id));
  }
  assert_int_equal(sigaction(SIGPIPE, NULL, &action), 0);
  assert_true(action.sa_handler == SIG_DFL);
  log_close(&log);
}

static void do_nothing(int number) {
  (void)number;
}

static hws_manager *alarmed;
static void wake_up(int number) {
  (void)number;
  hws_manager_wake(alarmed);
}

/* A signal makes a poll return early with 0; a handler may wake. */
static void test_interruption(void **state) {
  struct sigaction action;
  hws_manager *manager = hws_manager_new(NULL);
  (void)state;
  memset(&action, 0, sizeof action);
  action.sa_handler = do_nothing;
  sigaction(SIGALRM, &action, NULL);
  alarm(1);
  assert_int_equal(hws_manager_poll(manager, -1), 0);
  alarmed = manager;
  action.sa_handler = wake_up;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, NULL);
  raise(SIGALRM);
  assert_int_equal(hws_manager_poll(manager, -1), 0);
  signal(SIGALRM, SIG_DFL);
  hws_manager_free(manager);
}

/* After fork the child may only free, which writes nothing and takes nothing from the parent. */
static void test_fork(void **state) {
  struct log log;
  struct raw_peer peers[2];
  hws_id id;
  pid_t child;
  int status = -1;
  int port;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peers[0], NULL);
  assert_true(hws_manager_fd(log.manager) >= 0);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_TEXT, "of the parent", 13), HWS_OK);
  child = fork();
  if (child == 0) {
    log_close(&log);
    _exit(0);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  assert_int_equal(recv(peers[0].fd, &port, 1, MSG_DONTWAIT | MSG_PEEK), -1); /* nothing was written, nothing ended */
  assert_true(raw_expect_frame(&peers[0], RAW_FIN | RAW_TEXT, "of the parent", 13));
  assert_int_equal(raw_write_frame(&peers[0], RAW_FIN | RAW_TEXT, "to the parent", 13), 0);
  assert_non_null(log_wait(&log, HWS_EVENT_MESSAGE, id));
  assert_true(log_join(&log, log_port(&log, log.entries[0].event.listener), &peers[1], NULL) > 0);
  raw_peer_close(&peers[0]);
  raw_peer_close(&peers[1]);
  log_close(&log);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_descriptors), cmocka_unit_test(test_free_in_the_middle),
      cmocka_unit_test(test_no_sigpipe),  cmocka_unit_test(test_interruption),
      cmocka_unit_test(test_fork),
  };
  find_inherited();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
