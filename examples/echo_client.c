/* Sends three messages to an echo server and checks what comes back: echo_client [ws://127.0.0.1:9001/] */
#include <hawser.h>
#include <stdio.h>
#include <string.h>

static const char *const messages[] = {"one", "two", "three"};

static int is_echo(const hws_event *event, const char *text) {
  return (size_t)event->size == strlen(text) && memcmp(event->data, text, strlen(text)) == 0;
}

int main(int argc, char **argv) {
  hws_manager *manager = hws_manager_new(NULL);
  hws_id id = hws_manager_connect(manager, argc > 1 ? argv[1] : "ws://127.0.0.1:9001/", NULL);
  if (id < 0) fprintf(stderr, "echo_client: %s\n", hws_error_text((hws_result)id));

  int received = 0, matched = 0, clean = 0, done = id < 0;
  while (!done) {
    hws_result count = hws_manager_poll(manager, -1);
    done = count < 0;
    for (int32_t i = 0; i < count; i++) {
      const hws_event *event = hws_manager_event(manager, i);
      if (event->kind == HWS_EVENT_OPEN) {
        for (int n = 0; n < 3; n++)
          done |= hws_manager_send(manager, id, HWS_TEXT, messages[n], strlen(messages[n])) < 0;
      } else if (event->kind == HWS_EVENT_MESSAGE) {
        printf("%.*s\n", (int)event->size, (const char *)event->data);
        matched += received < 3 && is_echo(event, messages[received]);
        if (++received == 3) hws_manager_close(manager, id, 1000, NULL);
      } else if (event->kind == HWS_EVENT_CLOSE) {
        clean = (event->flags & HWS_CLEAN) != 0;
        if (!clean) fprintf(stderr, "echo_client: %s\n", hws_manager_event_text(manager, i));
        done = 1;
      }
    }
  }
  hws_manager_free(manager);
  return received == 3 && matched == 3 && clean ? 0 : 1;
}
