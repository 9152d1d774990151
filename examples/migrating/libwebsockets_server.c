/* On libwebsockets: an echo server that says "tick" to everybody each second: libwebsockets_server 9001 */
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_MESSAGE = 16 << 20, MAX_QUEUE = 1 << 20 };

struct session {
  struct lws_dll2 link;
  struct lws *wsi;
  struct lws_buflist *queue; /* messages to be written, each behind LWS_PRE bytes, the first of which is its opcode */
  size_t queued;
  uint8_t *message; /* the one that is coming in pieces, laid out like those of the queue */
  size_t size;
};

static struct lws_context *context;
static struct lws_dll2_owner sessions;
static lws_sorted_usec_list_t timer;

static void enqueue(struct session *session, uint8_t *message, size_t size, enum lws_write_protocol opcode) {
  message[0] = (uint8_t)opcode;
  if (lws_buflist_append_segment(&session->queue, message, LWS_PRE + size) < 0) return;
  session->queued += size;
  if (session->queued > MAX_QUEUE) lws_rx_flow_control(session->wsi, 0);
  lws_callback_on_writable(session->wsi);
}

static int receive(struct session *session, const void *data, size_t size) {
  uint8_t *grown = realloc(session->message, LWS_PRE + session->size + size);
  if (grown == NULL) return -1;
  session->message = grown;
  memcpy(grown + LWS_PRE + session->size, data, size);
  session->size += size;
  if (session->size > MAX_MESSAGE) {
    lws_close_reason(session->wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, NULL, 0);
    return -1;
  }
  if (!lws_is_final_fragment(session->wsi)) return 0;
  enqueue(session, grown, session->size, lws_frame_is_binary(session->wsi) ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
  session->size = 0;
  return 0;
}

static int write_one(struct session *session) {
  uint8_t *message;
  size_t size = lws_buflist_next_segment_len(&session->queue, &message);
  if (size == 0) return 0;
  if (lws_write(session->wsi, message + LWS_PRE, size - LWS_PRE, (enum lws_write_protocol)message[0]) < 0) return -1;
  lws_buflist_use_segment(&session->queue, size);
  session->queued -= size - LWS_PRE;
  if (session->queued <= MAX_QUEUE) lws_rx_flow_control(session->wsi, 1);
  if (session->queue != NULL) lws_callback_on_writable(session->wsi);
  return 0;
}

static int handle(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *data, size_t size) {
  struct session *session = user;
  switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
      session->wsi = wsi;
      lws_dll2_add_tail(&session->link, &sessions);
      return 0;
    case LWS_CALLBACK_RECEIVE:
      return receive(session, data, size);
    case LWS_CALLBACK_SERVER_WRITEABLE:
      return write_one(session);
    case LWS_CALLBACK_CLOSED:
      lws_dll2_remove(&session->link);
      lws_buflist_destroy_all_segments(&session->queue);
      free(session->message);
      return 0;
    default:
      return 0;
  }
}

static void tick(lws_sorted_usec_list_t *expired) {
  uint8_t message[LWS_PRE + 4];
  memcpy(message + LWS_PRE, "tick", 4);
  lws_start_foreach_dll(struct lws_dll2 *, link, sessions.head) {
    enqueue(lws_container_of(link, struct session, link), message, 4, LWS_WRITE_TEXT);
  }
  lws_end_foreach_dll(link);
  lws_sul_schedule(context, 0, expired, tick, LWS_US_PER_SEC);
}

int main(int argc, char **argv) {
  static const struct lws_protocols protocols[] = {{"echo", handle, sizeof(struct session), 0, 0, NULL, 0},
                                                   {NULL, NULL, 0, 0, 0, NULL, 0}};
  struct lws_context_creation_info info;
  memset(&info, 0, sizeof info);
  info.port = argc > 1 ? atoi(argv[1]) : 9001;
  info.iface = "127.0.0.1";
  info.protocols = protocols;
  info.options = LWS_SERVER_OPTION_VALIDATE_UTF8;
  lws_set_log_level(LLL_ERR, NULL);
  context = lws_create_context(&info);
  if (context == NULL) return 1;
  lws_sul_schedule(context, 0, &timer, tick, LWS_US_PER_SEC);
  while (lws_service(context, 0) >= 0) {
  }
  lws_context_destroy(context);
  return 0;
}
