/* What the library does to its process: descriptors, signals, fork. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/log.h"
#include "support/name_server.h"
#include "support/raw_tls.h"

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
  int named;
  int port;
  (void)state;
  hws_manager_free(log_new_manager(NULL)); /* what a process has once */
  before = log_descriptors();
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  assert_true(log_join(&log, port, &peers[0], NULL) > 0);
  assert_true(log_dial(&log, NULL, &peers[1]) > 0);
  raw_peer_init(&peers[2], raw_connect(port), 1, log_pump, &log);
  assert_true(hws_manager_connect(log.manager, "ws://127.0.0.1:9/", NULL) > 0);
  named = name_server_open() == 0;
  assert_true(hws_manager_connect(log.manager, "ws://host.example/", NULL) > 0);
  if (named) assert_true(name_server_asked(log_pump, &log)); /* and by no answer yet: the question's socket is open */
  hws_manager_fd(log.manager);                               /* not every backend has one */
  while (hws_manager_stat(log.manager, "accepted") < 2)
    log_poll(&log, 10);
  assert_true(all_close_on_exec(inherited, inherited_count));
  assert_true(log_descriptors() > before);
  log_close(&log);
  raw_peer_close(&peers[0]);
  raw_peer_close(&peers[1]);
  raw_peer_close(&peers[2]);
  if (named) name_server_close();
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

static uint8_t large[1000000];

static void send_small(struct log *log, hws_id id) {
  hws_manager_send(log->manager, id, HWS_TEXT, "x", 1);
}

static void send_large(struct log *log, hws_id id) {
  hws_manager_send(log->manager, id, HWS_BINARY, large, sizeof large);
}

static void send_a_part(struct log *log, hws_id id) {
  hws_manager_send_part(log->manager, id, HWS_BINARY, large, sizeof large, 0);
}

static void ping_it(struct log *log, hws_id id) {
  hws_manager_ping(log->manager, id, "x", 1);
}

static void close_it(struct log *log, hws_id id) {
  hws_manager_close(log->manager, id, 1000, NULL);
}

static void broadcast_to_it(struct log *log, hws_id id) {
  (void)id;
  hws_manager_broadcast(log->manager, log->number, 0, HWS_BINARY, large, 100000);
}

/* The peer has ended its direction and then reset the connection: the first write answers EPIPE, and would raise
 * SIGPIPE. Reading is paused, so that it is the write that finds out. */
static void check_broken_pipe(void (*write_it)(struct log *log, hws_id id), int as_client, int flush) {
  struct log log;
  struct raw_peer peer;
  const struct log_entry *end;
  hws_id id;
  int port;
  log_open(&log, NULL);
  log.number = log_listen(&log, NULL, &port);
  id = as_client ? log_dial(&log, NULL, &peer) : log_join(&log, port, &peer, NULL);
  assert_int_equal(hws_manager_pause(log.manager, id), HWS_OK);
  raw_peer_end(&peer);
  raw_peer_reset(&peer);
  write_it(&log, id);
  if (flush) assert_int_equal(hws_manager_flush(log.manager), HWS_OK);
  end = log_wait(&log, HWS_EVENT_CLOSE, id);
  assert_non_null(end);
  assert_int_equal(end->event.error, HWS_ERR_IO);
  assert_int_equal(end->event.system, EPIPE);
  log_close(&log);
}

/* An answer to a request, and free, which does not write. */
static void check_broken_handshake(int respond) {
  struct log log;
  struct raw_peer peer;
  hws_options *options = log_options("requests", 1, NULL);
  const struct log_entry *request;
  int port;
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  raw_peer_init(&peer, raw_connect(port), 1, log_pump, &log);
  assert_int_equal(raw_write_request(&peer, "/", NULL), 0);
  request = log_wait(&log, HWS_EVENT_REQUEST, 0);
  assert_non_null(request);
  raw_peer_end(&peer);
  raw_peer_reset(&peer);
  if (respond) {
    hws_manager_respond(log.manager, request->event.connection, 200, NULL, large, sizeof large);
  } else {
    hws_manager_accept(log.manager, request->event.connection, NULL, NULL);
  }
  assert_non_null(log_wait(&log, HWS_EVENT_CLOSE, 0));
  log_close(&log);
  hws_options_free(options);
}

/* SIGPIPE has its default disposition here: it would end the process. */
static void test_no_sigpipe(void **state) {
  static void (*const kWrites[])(struct log * log, hws_id id) = {send_small, send_large, send_a_part, ping_it,
                                                                 close_it};
  size_t i;
  (void)state;
  signal(SIGPIPE, SIG_DFL);
  for (i = 0; i < 4 * sizeof kWrites / sizeof *kWrites; i++)
    check_broken_pipe(kWrites[i / 4], i % 2 != 0, i / 2 % 2 != 0);
  check_broken_pipe(broadcast_to_it, 0, 0);
  check_broken_pipe(broadcast_to_it, 0, 1);
  check_broken_handshake(0);
  check_broken_handshake(1);
}

/* What was queued for a connection that is broken is not written by free either. */
static void test_no_sigpipe_by_free(void **state) {
  struct log log;
  struct raw_peer peer;
  hws_id id;
  int port;
  (void)state;
  signal(SIGPIPE, SIG_DFL);
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peer, NULL);
  raw_peer_end(&peer);
  raw_peer_reset(&peer);
  send_small(&log, id);
  log_close(&log);
}

/* What the process does about signals. */
struct signals {
  struct sigaction actions[NSIG];
  sigset_t blocked;
};

static void note_signals(struct signals *signals) {
  int number;
  memset(signals, 0, sizeof *signals);
  for (number = 1; number < NSIG; number++)
    sigaction(number, NULL, &signals->actions[number]);
  pthread_sigmask(SIG_SETMASK, NULL, &signals->blocked);
}

/* Member by member: the kernel does not fill all of a sigset_t. */
static int same_set(const sigset_t *one, const sigset_t *other) {
  int number;
  for (number = 1; number < NSIG; number++) {
    if (sigismember(one, number) != sigismember(other, number)) return 0;
  }
  return 1;
}

static int same_signals(const struct signals *one, const struct signals *other) {
  int number;
  for (number = 1; number < NSIG; number++) {
    const struct sigaction *action = &one->actions[number];
    const struct sigaction *another = &other->actions[number];
    if (action->sa_handler != another->sa_handler || action->sa_flags != another->sa_flags) return 0;
    if (!same_set(&action->sa_mask, &another->sa_mask)) return 0;
  }
  return same_set(&one->blocked, &other->blocked);
}

/* All that a manager does in its life; in `log` until log_close. */
static void live(struct log *log, struct raw_peer *peers) {
  hws_id id;
  int port;
  log_open(log, NULL);
  log_listen(log, NULL, &port);
  id = log_join(log, port, &peers[0], NULL);
  assert_true(id > 0);
  assert_true(log_dial(log, NULL, &peers[1]) > 0);
  hws_manager_connect(log->manager, "ws://host.example/", NULL);
  hws_manager_fd(log->manager);
  send_large(log, id);
  assert_int_equal(raw_write_frame(&peers[0], RAW_FIN | RAW_BINARY, large, sizeof large), 0);
  assert_non_null(log_wait(log, HWS_EVENT_MESSAGE, id));
}

static void test_no_signal_handler_is_changed(void **state) {
  struct signals before;
  struct signals after;
  struct log log;
  struct raw_peer peers[2];
  (void)state;
  note_signals(&before);
  live(&log, peers);
  note_signals(&after);
  assert_true(same_signals(&before, &after));
  log_close(&log);
  note_signals(&after);
  assert_true(same_signals(&before, &after));
  raw_peer_close(&peers[0]);
  raw_peer_close(&peers[1]);
}

/* OpenSSL's error queue: nothing is left in it. Without TLS the application's entry stays; OpenSSL wants the queue to
 * be empty before TLS. */
static void test_error_queue(void **state) {
  struct log log;
  struct raw_peer peers[2];
  (void)state;
  ERR_clear_error();
  live(&log, peers);
  log_close(&log);
  assert_int_equal(ERR_peek_error(), 0);
  raw_peer_close(&peers[0]);
  raw_peer_close(&peers[1]);
  ERR_put_error(ERR_LIB_USER, 0, 42, __FILE__, __LINE__);
  live(&log, peers);
  log_close(&log);
  if (!raw_tls_wanted()) assert_int_equal(ERR_GET_REASON(ERR_get_error()), 42);
  assert_int_equal(ERR_get_error(), 0);
  raw_peer_close(&peers[0]);
  raw_peer_close(&peers[1]);
}

static void do_nothing(int number) {
  (void)number;
}

static hws_manager *alarmed;
static void wake_up(int number) {
  (void)number;
  hws_manager_wake(alarmed);
}

static const struct itimerval kOften = {{0, 300}, {0, 300}};
static const struct itimerval kNever = {{0, 0}, {0, 0}};

/* A signal makes a poll return early with 0; a handler may wake. */
static void test_interruption(void **state) {
  struct sigaction action;
  hws_manager *manager = log_new_manager(NULL);
  (void)state;
  memset(&action, 0, sizeof action);
  action.sa_handler = do_nothing;
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &kOften, NULL); /* again and again: the first may come before the poll waits */
  assert_int_equal(hws_manager_poll(manager, -1), 0);
  setitimer(ITIMER_REAL, &kNever, NULL);
  alarmed = manager;
  action.sa_handler = wake_up;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, NULL);
  raise(SIGALRM);
  assert_int_equal(hws_manager_poll(manager, -1), 0);
  signal(SIGALRM, SIG_DFL);
  hws_manager_free(manager);
}

static volatile sig_atomic_t rings;

static void ring(int number) {
  (void)number;
  rings++;
}

static void echo(struct log *log, const hws_event *event) {
  if (event->kind != HWS_EVENT_MESSAGE) return;
  hws_manager_send(log->manager, event->connection, event->opcode, event->data, (size_t)event->size);
}

/* Messages there and back until so many signals came. False if one was not what it should be. */
static int talk(struct raw_peer *peer, int signals) {
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  int i;
  for (i = 0; rings < signals && raw_now_ms() < until; i++) {
    size_t size = i % 3 == 0 ? sizeof large : (size_t)(i * 77 % 40000);
    memset(large, i, sizeof large);
    if (raw_write_frame(peer, RAW_FIN | RAW_BINARY, large, size) != 0) return 0;
    if (!raw_expect_frame(peer, RAW_FIN | RAW_BINARY, large, size)) return 0;
  }
  return rings >= signals;
}

/* Signals without SA_RESTART, one on the other's heels, lose nothing. */
static void check_signals(int as_client) {
  struct sigaction action;
  struct log log;
  struct raw_peer peer;
  hws_id id;
  int fine;
  int port;
  memset(&action, 0, sizeof action);
  action.sa_handler = ring;
  sigaction(SIGALRM, &action, NULL);
  log_open(&log, NULL);
  log.each = echo;
  log_listen(&log, NULL, &port);
  id = as_client ? log_dial(&log, NULL, &peer) : log_join(&log, port, &peer, NULL);
  assert_true(id > 0);
  rings = 0;
  setitimer(ITIMER_REAL, &kOften, NULL);
  fine = talk(&peer, 500);
  setitimer(ITIMER_REAL, &kNever, NULL);
  assert_true(fine);
  assert_int_equal(log_count(&log, HWS_EVENT_CLOSE, 0), 0);
  raw_peer_close(&peer);
  log_close(&log);
  signal(SIGALRM, SIG_DFL);
}

static void test_many_interruptions(void **state) {
  (void)state;
  check_signals(0);
  check_signals(1);
}

/* In a child: frees the manager. True if that went well. */
static int free_in_a_child(struct log *log) {
  int status = -1;
  pid_t child = fork();
  if (child == 0) {
    log_close(log);
    _exit(0);
  }
  return waitpid(child, &status, 0) == child && status == 0;
}

static void *send_by_another_thread(void *with) {
  struct log *log = with;
  hws_manager_send(log->manager, log->number, HWS_TEXT, "by a thread", 11);
  return NULL;
}

/* After fork the child may only free, which writes nothing and takes nothing from the parent: what was queued, what
 * other threads sent, what the kernel was asked to watch. */
static void test_fork(void **state) {
  struct log log;
  struct raw_peer peers[3];
  pthread_t thread;
  hws_id id;
  hws_id client;
  int port;
  (void)state;
  log_open(&log, NULL);
  log_listen(&log, NULL, &port);
  id = log_join(&log, port, &peers[0], NULL);
  client = log_dial(&log, NULL, &peers[1]);
  hws_manager_fd(log.manager);
  assert_int_equal(hws_manager_send(log.manager, id, HWS_TEXT, "of the parent", 13), HWS_OK);
  log.number = id;
  pthread_create(&thread, NULL, send_by_another_thread, &log);
  pthread_join(thread, NULL);
  assert_true(free_in_a_child(&log));
  assert_int_equal(recv(peers[0].fd, &port, 1, MSG_DONTWAIT | MSG_PEEK), -1); /* nothing was written, nothing ended */
  assert_int_equal(recv(peers[1].fd, &port, 1, MSG_DONTWAIT | MSG_PEEK), -1);
  assert_true(raw_expect_frame(&peers[0], RAW_FIN | RAW_TEXT, "of the parent", 13));
  assert_true(raw_expect_frame(&peers[0], RAW_FIN | RAW_TEXT, "by a thread", 11));
  assert_int_equal(raw_write_frame(&peers[0], RAW_FIN | RAW_TEXT, "to the parent", 13), 0);
  assert_non_null(log_wait(&log, HWS_EVENT_MESSAGE, id));
  assert_int_equal(raw_write_frame(&peers[1], RAW_FIN | RAW_TEXT, "to the client", 13), 0);
  assert_non_null(log_wait(&log, HWS_EVENT_MESSAGE, client));
  assert_true(log_join(&log, log_port(&log, log.entries[0].event.listener), &peers[2], NULL) > 0);
  assert_int_equal(hws_manager_wake(log.manager), HWS_OK);
  assert_int_equal(hws_manager_poll(log.manager, -1), 0);
  raw_peer_close(&peers[0]);
  raw_peer_close(&peers[1]);
  raw_peer_close(&peers[2]);
  log_close(&log);
}

/* The same while connections come to be: a name is being resolved, TCP connected, a handshake under way, a request
 * undecided. */
static void test_fork_in_handshakes(void **state) {
  struct log log;
  struct raw_peer peers[2];
  char url[64];
  hws_options *options = log_options("requests", 1, NULL);
  const struct log_entry *entry;
  hws_id name;
  hws_id client;
  int listener;
  int port;
  (void)state;
  if (name_server_open() != 0) skip();
  log_open(&log, options);
  log_listen(&log, NULL, &port);
  raw_peer_init(&peers[0], raw_connect(port), 1, log_pump, &log);
  assert_int_equal(raw_write_request(&peers[0], "/", NULL), 0);
  assert_true(log_wait_count(&log, HWS_EVENT_REQUEST, 0, 1));
  name = hws_manager_connect(log.manager, "ws://host.example/", NULL);
  assert_true(name_server_asked(log_pump, &log));
  listener = raw_listen(&port);
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/", port);
  client = hws_manager_connect(log.manager, url, NULL);
  assert_true(free_in_a_child(&log));
  /* The parent is answered, and answers. */
  raw_peer_init(&peers[1], raw_accept(listener, log_pump, &log), 0, log_pump, &log);
  assert_int_equal(raw_answer(&peers[1], NULL), 0);
  assert_non_null(log_wait(&log, HWS_EVENT_OPEN, client));
  while (log_count(&log, HWS_EVENT_CLOSE, name) == 0) {
    name_server_deny();
    assert_true(log_poll(&log, 10) >= 0);
  }
  entry = log_wait(&log, HWS_EVENT_CLOSE, name);
  assert_int_equal(entry->event.error, HWS_ERR_RESOLVE);
  entry = log_wait(&log, HWS_EVENT_REQUEST, 0);
  assert_int_equal(hws_manager_accept(log.manager, entry->event.connection, NULL, NULL), HWS_OK);
  assert_non_null(log_wait(&log, HWS_EVENT_OPEN, entry->event.connection));
  name_server_close();
  close(listener);
  raw_peer_close(&peers[0]);
  raw_peer_close(&peers[1]);
  log_close(&log);
  hws_options_free(options);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_descriptors),
      cmocka_unit_test(test_free_in_the_middle),
      cmocka_unit_test(test_no_sigpipe),
      cmocka_unit_test(test_no_sigpipe_by_free),
      cmocka_unit_test(test_no_signal_handler_is_changed),
      cmocka_unit_test(test_error_queue),
      cmocka_unit_test(test_interruption),
      cmocka_unit_test(test_many_interruptions),
      cmocka_unit_test(test_fork),
      cmocka_unit_test(test_fork_in_handshakes),
  };
  find_inherited();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
