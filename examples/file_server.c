/* Sends a file to everybody who connects, to each as fast as it reads, as one binary message in parts:
 * file_server URL FILE [STALL]. Who takes nothing for STALL ms (30000) is cut off. */
#define _POSIX_C_SOURCE 200809L
#include <hawser.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* What may wait for one client. Parts are below 16 KiB, and all of a queue below "send_arena" (256 KiB): so they are
 * collected until the next poll, and everybody has a turn. More would go to the kernel at once, and a client that reads
 * as fast as we send would keep the others waiting. */
enum { MOST_QUEUED = 128 << 10, PART = 8 << 10 };

static hws_manager *manager;
static volatile sig_atomic_t stopped;

static void on_signal(int number) {
  (void)number;
  stopped = 1;
  hws_manager_wake(manager);
}

/* Sends until the queue is full: then DRAIN tells when to go on. What was refused is refused whole, and read again. */
static void send_more(hws_id connection, FILE *file) {
  hws_result sent = HWS_OK;
  int at_end = 0;
  while (sent == HWS_OK && !at_end) {
    char part[PART];
    size_t size = fread(part, 1, sizeof part, file);
    if (ferror(file)) {
      hws_manager_close(manager, connection, 1011, "the file cannot be read");
      return;
    }
    at_end = feof(file) != 0;
    sent = hws_manager_send_part(manager, connection, HWS_BINARY, part, size, at_end);
    if (sent == HWS_ERR_WOULD_BLOCK && fseek(file, -(long)size, SEEK_CUR) != 0) sent = HWS_ERR_SYSTEM; /* a pipe */
  }
  if (sent == HWS_OK)
    hws_manager_close(manager, connection, 1000, NULL);
  else if (sent != HWS_ERR_WOULD_BLOCK)
    hws_manager_close(manager, connection, 1011, hws_error_text(sent)); /* no DRAIN will come */
}

/* The tag comes with every event of the connection, the last one too: so the file needs no table. */
static void on_open(hws_id connection, const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    hws_manager_close(manager, connection, 1011, "the file cannot be opened");
    return;
  }
  hws_manager_set_tag(manager, connection, (int64_t)(intptr_t)file);
  send_more(connection, file);
}

static void on_close(const hws_event *event, const char *words) {
  if (event->connection == event->listener) return; /* the listener's own */
  long long unsent = hws_manager_queued(manager, event->connection);
  fprintf(stderr, "%s: %s; %lld bytes were not sent\n", hws_manager_peer_address(manager, event->connection), words,
          unsent);
  if (event->tag != 0) fclose((FILE *)(intptr_t)event->tag);
}

static hws_result poll_and_handle(const char *path) {
  hws_result count = hws_manager_poll(manager, -1);
  for (int32_t i = 0; i < count; i++) {
    const hws_event *event = hws_manager_event(manager, i);
    if (event->kind == HWS_EVENT_OPEN) on_open(event->connection, path);
    if (event->kind == HWS_EVENT_DRAIN) send_more(event->connection, (FILE *)(intptr_t)event->tag);
    if (event->kind == HWS_EVENT_CLOSE) on_close(event, hws_manager_event_text(manager, i));
  }
  return count;
}

int main(int argc, char **argv) {
  if (argc != 3 && argc != 4) {
    fprintf(stderr, "usage: file_server URL FILE [STALL]\n");
    return 1;
  }
  hws_options *options = hws_options_new();
  hws_options_set_int(options, "max_send_queue", MOST_QUEUED);
  hws_options_set_int(options, "write_stall_timeout", argc == 4 ? atol(argv[3]) : 30000);
  hws_options_set_int(options, "max_message_size", 1024); /* nothing is expected of the clients */
  manager = hws_manager_new(options);
  hws_options_free(options);

  hws_id listener = hws_manager_listen(manager, argv[1], NULL);
  if (listener < 0) {
    fprintf(stderr, "file_server: %s\n", hws_manager_last_error(manager));
    return 1;
  }
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  printf("listening on ws://%s/\n", hws_manager_local_address(manager, listener));
  fflush(stdout);

  hws_result count = 0;
  while (!stopped && count >= 0)
    count = poll_and_handle(argv[2]);

  hws_manager_drain(manager, 2000);
  while (count >= 0 && hws_manager_stat(manager, "connections") > 0)
    count = poll_and_handle(argv[2]);
  hws_manager_free(manager);
  return count < 0;
}
