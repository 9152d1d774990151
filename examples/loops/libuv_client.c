/* A client in a libuv loop: libuv_client ws://127.0.0.1:9001/ */
#define _POSIX_C_SOURCE 200809L
#include <uv.h>

#include "client.h"

static void on_readable(uv_poll_t *readable, int status, int events) {
  struct client *client = readable->data;
  (void)status;
  (void)events;
  client_attend(client);
  if (client->over) uv_stop(readable->loop);
}

/* The loop is about to wait. */
static void on_prepare(uv_prepare_t *prepare) {
  client_flush(prepare->data);
}

static void on_timer(uv_timer_t *timer) {
  client_tick(timer->data);
}

static void end(uv_handle_t *handle, void *argument) {
  (void)argument;
  uv_close(handle, NULL);
}

int main(int argc, char **argv) {
  struct client client;
  int fd = client_open(&client, argc > 1 ? argv[1] : "ws://127.0.0.1:9001/");
  if (fd < 0) return 1;
  uv_loop_t *loop = uv_default_loop();
  uv_poll_t readable = {.data = &client};
  uv_prepare_t prepare = {.data = &client};
  uv_timer_t timer = {.data = &client};
  uv_poll_init(loop, &readable, fd);
  uv_poll_start(&readable, UV_READABLE, on_readable);
  uv_prepare_init(loop, &prepare);
  uv_prepare_start(&prepare, on_prepare);
  uv_timer_init(loop, &timer);
  uv_timer_start(&timer, on_timer, 100, 100);
  uv_run(loop, UV_RUN_DEFAULT);

  uv_walk(loop, end, NULL);
  uv_run(loop, UV_RUN_DEFAULT); /* to the last callback of what was closed */
  uv_loop_close(loop);
  return client_close(&client);
}
