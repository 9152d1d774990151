/* Says "tick 1" to "tick 5" to an echo server, one each time that a timer rings, and prints what comes back. */
#include "client.h"

#include <stdio.h>

enum { TICKS = 5 };

int client_open(struct client *client, const char *url) {
  hws_options *options = hws_options_new();
  hws_options_set_int(options, "outer_flush", 1);
  *client = (struct client){.manager = hws_manager_new(options)};
  hws_options_free(options);
  client->id = hws_manager_connect(client->manager, url, NULL);
  int64_t fd = client->id < 0 ? client->id : hws_manager_fd(client->manager);
  if (fd < 0) fprintf(stderr, "%s: %s\n", url, hws_error_text((hws_result)fd));
  return (int)fd;
}

static void handle(struct client *client, const hws_event *event, const char *words) {
  if (event->kind == HWS_EVENT_MESSAGE) {
    printf("%.*s\n", (int)event->size, (const char *)event->data);
    if (++client->echoes == TICKS) hws_manager_close(client->manager, client->id, 1000, NULL);
  } else if (event->kind == HWS_EVENT_CLOSE) {
    client->over = 1;
    client->clean = (event->flags & HWS_CLEAN) != 0;
    if (!client->clean) fprintf(stderr, "%s\n", words);
  }
}

int client_attend(struct client *client) {
  hws_result count = hws_manager_poll(client->manager, 0);
  for (int32_t i = 0; i < count; i++)
    handle(client, hws_manager_event(client->manager, i), hws_manager_event_text(client->manager, i));
  return count;
}

void client_flush(struct client *client) {
  hws_manager_flush(client->manager);
}

void client_tick(struct client *client) {
  char text[16];
  if (client->ticks == TICKS) return;
  int size = snprintf(text, sizeof text, "tick %d", client->ticks + 1);
  if (hws_manager_send(client->manager, client->id, HWS_TEXT, text, (size_t)size) == HWS_OK)
    client->ticks++; /* else it is not open yet */
}

int client_close(struct client *client) {
  hws_manager_free(client->manager);
  return client->clean && client->echoes == TICKS ? 0 : 1;
}
