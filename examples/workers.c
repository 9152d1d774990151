/* Factors the numbers that clients send, in a pool of threads: workers URL [THREADS] */
#define _POSIX_C_SOURCE 200809L
#include <hawser.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WAITING = 64, MOST_AT_ALL = 32 << 10, MOST_THREADS = 64, LONGEST_TEXT = 15 };

struct job {
  struct job *next;
  hws_id connection;
  int is_paused; /* the connection, because too many jobs were waiting */
  char text[LONGEST_TEXT + 1];
};

struct list {
  struct job *first, **end;
};

static hws_manager *manager;
static volatile sig_atomic_t stopped;

/* What the threads share. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t news = PTHREAD_COND_INITIALIZER;
static struct list waiting = {NULL, &waiting.first}, done = {NULL, &done.first};
static int count_waiting, is_over;

static void append(struct list *list, struct job *job) {
  job->next = NULL;
  *list->end = job;
  list->end = &job->next;
}

static struct job *take_first(struct list *list) {
  struct job *job = list->first;
  if (job == NULL) return NULL;
  list->first = job->next;
  if (list->first == NULL) list->end = &list->first;
  return job;
}

/* In the threads of the pool -------------------------------------------------------------------------------------- */

/* "91" makes "91 = 7 x 13". */
static int write_factors(uint64_t number, char *text, size_t size) {
  int used = snprintf(text, size, "%" PRIu64 " =", number);
  const char *sign = " ";
  for (uint64_t divisor = 2; divisor * divisor <= number; divisor++)
    for (; number % divisor == 0 && divisor < number; number /= divisor, sign = " x ")
      used += snprintf(text + used, size - (size_t)used, "%s%" PRIu64, sign, divisor);
  return used + snprintf(text + used, size - (size_t)used, "%s%" PRIu64, sign, number);
}

/* hws_manager_send may be called from here. The client may have gone: then it answers HWS_ERR_CLOSED or _STALE, but
 * never sends to somebody else, because no id is used twice. */
static void work(const struct job *job) {
  char text[256];
  int size = write_factors(strtoull(job->text, NULL, 10), text, sizeof text);
  hws_result sent = hws_manager_send(manager, job->connection, HWS_TEXT, text, (size_t)size);
  if (sent == HWS_ERR_WOULD_BLOCK) hws_manager_close(manager, job->connection, 1013, "read your answers");
}

static void *run_worker(void *unused) {
  pthread_mutex_lock(&mutex);
  for (;;) {
    while (waiting.first == NULL && !is_over)
      pthread_cond_wait(&news, &mutex);
    if (is_over) break;
    struct job *job = take_first(&waiting);
    count_waiting--;
    pthread_mutex_unlock(&mutex);
    work(job);
    pthread_mutex_lock(&mutex);
    append(&done, job);
    if (job->is_paused) hws_manager_wake(manager); /* resume is the polling thread's to call */
  }
  pthread_mutex_unlock(&mutex);
  return unused;
}

/* In the polling thread ------------------------------------------------------------------------------------------- */

/* The event is gone at the next poll: a job has a copy of what it needs. */
static struct job *job_of(const hws_event *event) {
  struct job *job = event->size > 0 && event->size <= LONGEST_TEXT ? calloc(1, sizeof *job) : NULL;
  if (job == NULL) return NULL;
  job->connection = event->connection;
  memcpy(job->text, event->data, (size_t)event->size);
  if (strspn(job->text, "0123456789") == (size_t)event->size) return job;
  free(job);
  return NULL;
}

/* A pause keeps one client from sending more. It does not keep many of them from sending a little each: so there is a
 * bound on all as well. */
static int put(struct job *job) {
  pthread_mutex_lock(&mutex);
  int has_room = count_waiting < MOST_AT_ALL;
  if (has_room) {
    job->is_paused = ++count_waiting > MOST_WAITING;
    append(&waiting, job);
    pthread_cond_signal(&news);
  }
  pthread_mutex_unlock(&mutex);
  return has_room;
}

static void on_message(const hws_event *event) {
  struct job *job = job_of(event);
  if (job == NULL) {
    hws_manager_close(manager, event->connection, 1008, "a number of up to 15 digits, please");
    return;
  }
  if (!put(job)) {
    free(job);
    hws_manager_close(manager, event->connection, 1013, "too many numbers are waiting");
  } else if (job->is_paused) {
    hws_manager_pause(manager, event->connection);
  }
}

/* Nobody is resumed before there is room again: else each job that is done would let in a batch of new ones. */
static void clear_away_done(void) {
  struct job *job;
  pthread_mutex_lock(&mutex);
  while (count_waiting <= MOST_WAITING && (job = take_first(&done)) != NULL) {
    if (job->is_paused) hws_manager_resume(manager, job->connection);
    free(job);
  }
  pthread_mutex_unlock(&mutex);
}

static hws_result poll_and_handle(void) {
  hws_result count = hws_manager_poll(manager, -1);
  for (int32_t i = 0; i < count; i++) {
    const hws_event *event = hws_manager_event(manager, i);
    if (event->kind == HWS_EVENT_MESSAGE) on_message(event);
  }
  clear_away_done();
  return count;
}

static int start_workers(pthread_t *threads, int count) {
  int started = 0;
  while (started < count && pthread_create(&threads[started], NULL, run_worker, NULL) == 0)
    started++;
  return started;
}

/* No call may be in progress during hws_manager_free: so the workers end first. */
static void end_workers(pthread_t *threads, int count) {
  pthread_mutex_lock(&mutex);
  is_over = 1;
  pthread_cond_broadcast(&news);
  pthread_mutex_unlock(&mutex);
  for (int i = 0; i < count; i++)
    pthread_join(threads[i], NULL);
  for (struct job *job; (job = take_first(&waiting)) != NULL; count_waiting--)
    free(job);
  clear_away_done();
}

static void on_signal(int number) {
  (void)number;
  stopped = 1;
  hws_manager_wake(manager); /* one of the few things that a signal handler may do */
}

static void handle_signals(void) {
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

/* A new thread inherits the mask: workers are made while the signals are blocked, so that it is the polling thread that
 * handles them. */
static void block_signals(int how) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(how, &signals, NULL);
}

int main(int argc, char **argv) {
  int wanted = argc == 3 ? atoi(argv[2]) : 4;
  if (argc < 2 || argc > 3 || wanted < 1 || wanted > MOST_THREADS) {
    fprintf(stderr, "usage: workers URL [THREADS]\n");
    return 1;
  }
  manager = hws_manager_new(NULL);
  hws_id listener = hws_manager_listen(manager, argv[1], NULL);
  if (listener < 0) {
    fprintf(stderr, "workers: %s\n", hws_manager_last_error(manager));
    return 1;
  }
  pthread_t threads[MOST_THREADS];
  block_signals(SIG_BLOCK);
  int count_threads = start_workers(threads, wanted);
  handle_signals();
  block_signals(SIG_UNBLOCK);
  printf("listening on ws://%s/\n", hws_manager_local_address(manager, listener));
  fflush(stdout);

  hws_result count = count_threads > 0 ? 0 : HWS_ERR_SYSTEM;
  while (!stopped && count >= 0)
    count = poll_and_handle();

  hws_manager_drain(manager, 2000);
  while (count >= 0 && hws_manager_stat(manager, "connections") > 0)
    count = poll_and_handle();
  end_workers(threads, count_threads);
  hws_manager_free(manager);
  return count < 0;
}
