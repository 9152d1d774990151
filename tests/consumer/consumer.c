/* A user of the installed library: sends one message to the server at argv[1] and expects it back. */
#include <hawser.h>
#include <stdio.h>
#include <string.h>

static const char kText[] = "moor \xE2\x9A\x93";

/* Returns the exit status once it is known, else -1. */
static int handle(hws_manager *manager, const hws_event *event, const char *words) {
  if (event->kind == HWS_EVENT_OPEN) {
    hws_manager_send(manager, event->connection, HWS_TEXT, kText, strlen(kText));
  } else if (event->kind == HWS_EVENT_MESSAGE) {
    int same = event->size == (int64_t)strlen(kText) && memcmp(event->data, kText, strlen(kText)) == 0;
    hws_manager_close(manager, event->connection, same ? 1000 : 4000, NULL);
  } else if (event->kind == HWS_EVENT_CLOSE) {
    printf("closed with %d: %s\n", (int)event->code, words);
    return event->code == 1000 && (event->flags & HWS_CLEAN) ? 0 : 1;
  }
  return -1;
}

int main(int argc, char **argv) {
  hws_manager *manager = hws_manager_new(NULL);
  int status = -1;
  if (argc != 2 || hws_manager_connect(manager, argv[1], NULL) < 0) status = 2;
  while (status < 0) {
    hws_result count = hws_manager_poll(manager, -1);
    if (count < 0) status = 3;
    for (int32_t i = 0; i < count && status < 0; i++)
      status = handle(manager, hws_manager_event(manager, i), hws_manager_event_text(manager, i));
  }
  hws_manager_free(manager);
  printf("hawser %s: %d\n", hws_version(), status);
  return status;
}
