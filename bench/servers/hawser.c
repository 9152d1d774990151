/* The echo server and client that hawser is measured by: see the contract in bench/README.md. */
#include <hawser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static int fail(const char *what, hws_manager *manager) {
  fprintf(stderr, "%s: %s\n", what, hws_manager_last_error(manager));
  return 1;
}

static void raise_descriptor_limit(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/* Answers until `open` connections, of a client, are closed; a server goes on for ever. */
static int serve(hws_manager *manager, hws_id listener, int broadcast, long open) {
  while (listener != 0 || open > 0) {
    hws_result count = hws_manager_poll(manager, -1);
    if (count < 0) return fail("poll", manager);
    for (int32_t i = 0; i < count; i++) {
      const hws_event *event = hws_manager_event(manager, i);
      if (event->kind == HWS_EVENT_CLOSE) {
        if (listener == 0) open--;
        if (listener == 0 && (event->flags & HWS_CLEAN) == 0) return fail(hws_manager_event_text(manager, i), manager);
      } else if (event->kind == HWS_EVENT_MESSAGE && broadcast) {
        hws_manager_broadcast(manager, listener, 0, event->opcode, event->data, (size_t)event->size);
      } else if (event->kind == HWS_EVENT_MESSAGE) {
        hws_manager_send(manager, event->connection, event->opcode, event->data, (size_t)event->size);
      }
    }
  }
  return 0;
}

static int run_client(hws_manager *manager, const hws_options *options, char **arguments, const char *layer) {
  char url[64];
  long count = atol(arguments[1]);
  snprintf(url, sizeof url, "%s://127.0.0.1:%s/", strcmp(layer, "wss") == 0 ? "wss" : "ws", arguments[0]);
  for (long i = 0; i < count; i++) {
    if (hws_manager_connect(manager, url, options) < 0) return fail("connect", manager);
  }
  return serve(manager, 0, 0, count);
}

static int run_server(hws_manager *manager, const hws_options *options, const char *task, const char *port) {
  char url[64];
  snprintf(url, sizeof url, "%s://127.0.0.1:%s/", strcmp(task, "wss") == 0 ? "wss" : "ws", port);
  hws_id listener = hws_manager_listen(manager, url, options);
  if (listener < 0) return fail("listen", manager);
  puts("listening");
  fflush(stdout);
  return serve(manager, listener, strcmp(task, "broadcast") == 0, 0);
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "version") == 0) return printf("hawser %s\n", hws_version()) < 0;
  int client = argc >= 4 && strcmp(argv[1], "client") == 0;
  if (argc < 3) return 2;
  const char *layer = !client ? argv[1] : argc > 4 ? argv[4] : "ws";
  int secure = strcmp(layer, "wss") == 0, compress = strcmp(layer, "deflate") == 0;
  if (!secure && !compress && strcmp(layer, "ws") != 0 && strcmp(layer, "broadcast") != 0) return 3;
  raise_descriptor_limit();
  hws_options *options = hws_options_new();
  if (getenv("HAWSER_BACKEND")) hws_options_set_text(options, "backend", getenv("HAWSER_BACKEND"));
  if (compress) hws_options_set_text(options, "deflate", "shared");
  if (secure && client) hws_options_set_int(options, "tls_verify", 0);
  if (secure && !client && argc > 4) {
    hws_options_set_text(options, "tls_certificate", argv[3]);
    hws_options_set_text(options, "tls_key", argv[4]);
  }

  hws_manager *manager = hws_manager_new(options);
  if (manager == NULL) return 1;
  int status = client ? run_client(manager, options, argv + 2, layer) : run_server(manager, options, argv[1], argv[2]);
  hws_manager_free(manager);
  hws_options_free(options);
  return status;
}
