/* One end of a connection across a bad network, for the script `network`.
 *
 *     network_peer serve ws://192.0.2.1:9001/ PING_INTERVAL PING_TIMEOUT
 *     network_peer connect ws://192.0.2.1:9001/ PING_INTERVAL PING_TIMEOUT MESSAGES
 *
 * The server echoes for ever. The client sends numbered messages of all sizes and holds the echoes against them: each
 * whole, and in order; then it waits, or closes if it was asked for messages by a number above 0. What happens is told
 * on standard output, a line each: listening, open, echoed COUNT, close CODE ERROR WORDS. */
#include <hawser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 60000, AT_ONCE = 8 };

struct client {
  int wanted;
  int sent;
  int echoed;
};

static unsigned char bytes[LARGEST];

/* From 0 to 60,000 bytes, the number in the first of them. */
static size_t make_message(int number) {
  size_t size = (size_t)number * (size_t)number * 7919 % LARGEST;
  size_t i;
  for (i = 0; i < size; i++)
    bytes[i] = (unsigned char)((size_t)number + i * 31);
  return size;
}

static int is_echo(int number, const hws_event *event) {
  size_t size = make_message(number);
  return event->size == (int64_t)size && (size == 0 || memcmp(event->data, bytes, size) == 0);
}

static void say_next(hws_manager *manager, hws_id id, struct client *client) {
  while (client->sent < client->wanted && client->sent < client->echoed + AT_ONCE) {
    size_t size = make_message(client->sent++);
    if (hws_manager_send(manager, id, HWS_BINARY, bytes, size) != HWS_OK) exit(1);
  }
  if (client->echoed < client->wanted) return;
  printf("echoed %d\n", client->echoed);
  if (client->wanted > 0) hws_manager_close(manager, id, 1000, NULL);
}

/* True at the end. */
static int handle(hws_manager *manager, int32_t index, struct client *client) {
  const hws_event *event = hws_manager_event(manager, index);
  if (event->kind == HWS_EVENT_OPEN) printf("open\n");
  if (event->kind == HWS_EVENT_OPEN && client != NULL) say_next(manager, event->connection, client);
  if (event->kind == HWS_EVENT_MESSAGE && client == NULL) {
    hws_manager_send(manager, event->connection, event->opcode, event->data, (size_t)event->size);
  } else if (event->kind == HWS_EVENT_MESSAGE) {
    if (!is_echo(client->echoed++, event)) {
      printf("message %d came wrong\n", client->echoed - 1);
      exit(1);
    }
    say_next(manager, event->connection, client);
  }
  if (event->kind != HWS_EVENT_CLOSE) return 0;
  printf("close %d %s %s\n", (int)event->code, hws_error_name(event->error), hws_manager_event_text(manager, index));
  return client != NULL;
}

int main(int count, char **arguments) {
  struct client client = {0, 0, 0};
  int serves = count == 5 && strcmp(arguments[1], "serve") == 0;
  hws_options *options = hws_options_new();
  hws_manager *manager;
  int ended = 0;
  if (!serves && count != 6) return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  hws_options_set_int(options, "ping_interval", atoi(arguments[3]));
  hws_options_set_int(options, "ping_timeout", atoi(arguments[4]));
  hws_options_set_int(options, "write_stall_timeout", atoi(arguments[4])); /* where the ping has no room */
  manager = hws_manager_new(options);
  if (!serves) client.wanted = atoi(arguments[5]);
  if (serves ? hws_manager_listen(manager, arguments[2], NULL) < 0
             : hws_manager_connect(manager, arguments[2], NULL) < 0) {
    printf("failed: %s\n", hws_manager_last_error(manager));
    return 1;
  }
  if (serves) printf("listening\n");
  while (!ended) {
    hws_result events = hws_manager_poll(manager, -1);
    int32_t i;
    for (i = 0; i < events; i++)
      ended = handle(manager, i, serves ? NULL : &client) || ended;
  }
  hws_manager_free(manager);
  hws_options_free(options);
  return 0;
}
