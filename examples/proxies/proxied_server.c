/* An echo server behind a proxy: proxied_server ws://127.0.0.1:9001/ [PING_INTERVAL_MS]
 *
 * It tells who its clients are, answers health checks, and ends in good order on SIGTERM. */
#define _POSIX_C_SOURCE 200809L
#include <hawser.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char kProxy[] = "127.0.0.1"; /* where the proxy connects from */

static hws_manager *manager;
static volatile sig_atomic_t told_to_end;

static void on_terminate(int number) {
  (void)number;
  told_to_end = 1;
  hws_manager_wake(manager);
}

/* Who the client is: what the proxy says. Anybody else could write into this header what they like. */
static const char *client_of(hws_id connection) {
  const char *peer = hws_manager_peer_address(manager, connection);
  const char *told = hws_manager_header(manager, connection, "X-Forwarded-For", 0);
  size_t size = strlen(kProxy);
  int is_proxy = strncmp(peer, kProxy, size) == 0 && peer[size] == ':';
  return is_proxy && told != NULL ? told : peer;
}

static void answer(hws_id connection, int32_t status, const char *body) {
  hws_manager_respond(manager, connection, status, NULL, body, strlen(body));
}

/* A handshake, or a plain request, which may be the proxy asking how we are. */
static void on_request(const hws_event *event) {
  const char *path = hws_manager_path(manager, event->connection);
  if ((event->flags & HWS_UPGRADE) != 0) {
    printf("%s opens %s\n", client_of(event->connection), path);
    hws_manager_accept(manager, event->connection, NULL, NULL);
  } else if (strcmp(path, "/health") == 0) {
    answer(event->connection, 200, "well\n");
  } else {
    answer(event->connection, 404, "there is nothing here\n");
  }
}

static void handle(const hws_event *event) {
  if (event->kind == HWS_EVENT_REQUEST) {
    on_request(event);
  } else if (event->kind == HWS_EVENT_MESSAGE) {
    if (hws_manager_send(manager, event->connection, event->opcode, event->data, (size_t)event->size) < 0)
      hws_manager_close(manager, event->connection, 1013, "too much at once");
  }
}

static hws_result poll_and_handle(void) {
  hws_result count = hws_manager_poll(manager, -1);
  for (int32_t i = 0; i < count; i++)
    handle(hws_manager_event(manager, i));
  return count;
}

int main(int argc, char **argv) {
  hws_options *options = hws_options_new();
  hws_options_set_int(options, "requests", 1);
  hws_options_set_int(options, "pause_above", 1 << 20);
  hws_options_set_text(options, "deflate", "shared");
  if (argc > 2) hws_options_set_int(options, "ping_interval", atoi(argv[2]));
  manager = hws_manager_new(options);
  hws_options_free(options);
  hws_id listener = hws_manager_listen(manager, argc > 1 ? argv[1] : "ws://127.0.0.1:9001/", NULL);
  if (listener < 0) {
    fprintf(stderr, "%s\n", hws_manager_last_error(manager));
    return 1;
  }
  struct sigaction action = {.sa_handler = on_terminate};
  sigaction(SIGTERM, &action, NULL);
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("listening on %s\n", hws_manager_local_address(manager, listener));

  hws_result count = 0;
  while (!told_to_end && count >= 0)
    count = poll_and_handle();
  hws_manager_drain(manager, 2000); /* listens no more, and closes everybody with 1001 */
  while (count >= 0 && hws_manager_stat(manager, "connections") > 0)
    count = poll_and_handle();
  hws_manager_free(manager);
  return count < 0;
}
