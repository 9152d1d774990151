/* Sends every message back to its sender: echo_server [ws://127.0.0.1:9001/] */
#include <hawser.h>
#include <stdio.h>

static void handle(hws_manager *manager, const hws_event *event) {
  if (event->kind != HWS_EVENT_MESSAGE) return;
  hws_result sent = hws_manager_send(manager, event->connection, event->opcode, event->data, (size_t)event->size);
  if (sent < 0 && sent != HWS_ERR_CLOSED) hws_manager_close(manager, event->connection, 1013, hws_error_text(sent));
}

int main(int argc, char **argv) {
  hws_options *options = hws_options_new();
  hws_options_set_int(options, "pause_above", 1 << 20); /* read no further from a peer that does not read */
  hws_manager *manager = hws_manager_new(options);
  hws_options_free(options);

  hws_id listener = hws_manager_listen(manager, argc > 1 ? argv[1] : "ws://127.0.0.1:9001/", NULL);
  if (listener < 0) {
    fprintf(stderr, "echo_server: %s\n",
            manager ? hws_manager_last_error(manager) : hws_error_text((hws_result)listener));
    hws_manager_free(manager);
    return 1;
  }
  printf("listening on %s\n", hws_manager_local_address(manager, listener));
  fflush(stdout);

  hws_result count;
  while ((count = hws_manager_poll(manager, -1)) >= 0)
    for (int32_t i = 0; i < count; i++)
      handle(manager, hws_manager_event(manager, i));
  fprintf(stderr, "echo_server: %s\n", hws_manager_last_error(manager));
  hws_manager_free(manager);
  return 1;
}
