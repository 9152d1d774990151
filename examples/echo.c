#include <hawser.h>

int main(void) { /* an echo server: cc echo.c $(pkg-config --cflags --libs hawser) */
  hws_manager *manager = hws_manager_new(NULL);
  if (hws_manager_listen(manager, "ws://127.0.0.1:9001/", NULL) < 0) return 1;
  hws_result count;
  while ((count = hws_manager_poll(manager, -1)) >= 0) {
    for (int32_t i = 0; i < count; i++) {
      const hws_event *event = hws_manager_event(manager, i);
      if (event->kind == HWS_EVENT_MESSAGE)
        hws_manager_send(manager, event->connection, event->opcode, event->data, (size_t)event->size);
    }
  }
  hws_manager_free(manager);
  return 1;
}
