/* An echo server with a manager in each of its threads, all on one port: per_core URL [THREADS] */
#define _DEFAULT_SOURCE
#include <hawser.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_LOOPS = 256 };

struct loop {
  pthread_t thread;
  hws_manager *manager;
  hws_id listener;
  int has_failed;
  char url[128]; /* with the port that it got */
};

static void echo(hws_manager *manager, const hws_event *event) {
  if (hws_manager_send(manager, event->connection, event->opcode, event->data, (size_t)event->size) < 0)
    hws_manager_close(manager, event->connection, 1013, "too much at once");
}

/* A thread: nobody else polls its manager. The end of its listener tells it to come to an end. */
static void *run(void *argument) {
  struct loop *loop = argument;
  hws_manager *manager = loop->manager;
  hws_result count = 0;
  int is_ending = 0;
  while (count >= 0 && !(is_ending && hws_manager_stat(manager, "connections") == 0)) {
    count = hws_manager_poll(manager, -1);
    for (int32_t i = 0; i < count; i++) {
      const hws_event *event = hws_manager_event(manager, i);
      if (event->kind == HWS_EVENT_MESSAGE) echo(manager, event);
      if (event->kind == HWS_EVENT_CLOSE && event->connection == loop->listener) {
        is_ending = 1;
        hws_manager_drain(manager, 2000);
      }
    }
  }
  loop->has_failed = count < 0;
  if (loop->has_failed) { /* the kernel would go on to give it connections, so all of them end */
    fprintf(stderr, "per_core: %s\n", hws_manager_last_error(manager));
    kill(getpid(), SIGTERM);
  }
  return NULL;
}

/* The kernel shares the connections out among listeners that have "reuse_port". */
static int start(struct loop *loop, const char *url) {
  hws_options *options = hws_options_new();
  hws_options_set_int(options, "reuse_port", 1);
  hws_options_set_int(options, "pause_above", 1 << 20);
  loop->manager = hws_manager_new(options);
  hws_options_free(options);
  loop->listener = hws_manager_listen(loop->manager, url, NULL);
  if (loop->listener < 0) {
    fprintf(stderr, "per_core: %s\n", hws_manager_last_error(loop->manager));
  } else {
    snprintf(loop->url, sizeof loop->url, "ws://%s/", hws_manager_local_address(loop->manager, loop->listener));
    if (pthread_create(&loop->thread, NULL, run, loop) == 0) return 1;
  }
  hws_manager_free(loop->manager);
  return 0;
}

/* hws_manager_close may be called from any thread, for a listener too. All of them end at the same time. */
static int end(struct loop *loops, int count) {
  int is_well = 1;
  for (int i = 0; i < count; i++)
    hws_manager_close(loops[i].manager, loops[i].listener, 0, NULL);
  for (int i = 0; i < count; i++) {
    pthread_join(loops[i].thread, NULL);
    hws_manager_free(loops[i].manager);
    is_well &= !loops[i].has_failed;
  }
  return is_well;
}

int main(int argc, char **argv) {
  static struct loop loops[MOST_LOOPS];
  long wanted = argc > 2 ? atol(argv[2]) : sysconf(_SC_NPROCESSORS_ONLN);
  if (argc < 2 || argc > 3 || wanted < 1 || wanted > MOST_LOOPS) {
    fprintf(stderr, "usage: per_core URL [THREADS]\n");
    return 1;
  }
  /* The threads inherit the mask: no handler interrupts them, and the main thread takes the signals one by one. */
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, NULL);

  /* Port 0 is any free one for the first of them, and that one for the others. */
  if (!start(&loops[0], argv[1])) return 1;
  int count = 1;
  while (count < wanted && start(&loops[count], loops[0].url))
    count++;
  printf("listening on %s in %d threads\n", loops[0].url, count);
  fflush(stdout);

  int number;
  if (count == wanted) sigwait(&signals, &number);
  int is_well = end(loops, count);
  return !is_well || count < wanted;
}
