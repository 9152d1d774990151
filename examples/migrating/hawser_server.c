/* An echo server that says "tick" to everybody each second: hawser_server 9001 */
#define _POSIX_C_SOURCE 200809L
#include <hawser.h>
#include <stdio.h>
#include <time.h>

static int64_t clock_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void echo(hws_manager *manager, const hws_event *event) {
  if (event->kind == HWS_EVENT_MESSAGE)
    hws_manager_send(manager, event->connection, event->opcode, event->data, (size_t)event->size);
}

int main(int argc, char **argv) {
  char url[64];
  snprintf(url, sizeof url, "ws://127.0.0.1:%s/", argc > 1 ? argv[1] : "9001");
  hws_options *options = hws_options_new();
  hws_options_set_int(options, "pause_above", 1 << 20);
  hws_manager *manager = hws_manager_new(options);
  hws_options_free(options);
  hws_id listener = hws_manager_listen(manager, url, NULL);
  if (listener < 0) return 1;

  int64_t next = clock_ms() + 1000;
  for (;;) {
    int64_t left = next - clock_ms();
    hws_result count = hws_manager_poll(manager, left > 0 ? (int32_t)left : 0);
    if (count < 0) return 1;
    for (int32_t i = 0; i < count; i++)
      echo(manager, hws_manager_event(manager, i));
    if (clock_ms() < next) continue;
    hws_manager_broadcast(manager, listener, 0, HWS_TEXT, "tick", 4);
    next += 1000;
  }
}
