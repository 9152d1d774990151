/* An echo server for measurements: bench_echo_server URL. Prints "listening on ADDRESS"; ends when its first connection
 * that announces it by a text message "end" says so. Everything else is echoed. */
#include <hawser.h>
#include <stdio.h>
#include <string.h>

static int echo(hws_manager *manager, const hws_event *event) {
  if (event->size == 3 && memcmp(event->data, "end", 3) == 0) return 0;
  if (hws_manager_send(manager, event->connection, event->opcode, event->data, (size_t)event->size) != HWS_OK) {
    fprintf(stderr, "bench_echo_server: %s\n", hws_manager_last_error(manager));
  }
  return 1;
}

int main(int argc, char **argv) {
  hws_manager *manager = hws_manager_new(NULL);
  hws_id listener = hws_manager_listen(manager, argc > 1 ? argv[1] : "ws://127.0.0.1:0/", NULL);
  if (listener < 0) return 1;
  printf("listening on %s\n", hws_manager_local_address(manager, listener));
  fflush(stdout);
  int running = 1;
  while (running) {
    hws_result count = hws_manager_poll(manager, -1);
    for (int32_t i = 0; i < count; i++) {
      const hws_event *event = hws_manager_event(manager, i);
      if (event->kind == HWS_EVENT_MESSAGE) running &= echo(manager, event);
    }
  }
  hws_manager_free(manager);
  return 0;
}
