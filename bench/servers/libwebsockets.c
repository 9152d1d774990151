/* An echo server and client on libwebsockets: see the contract in bench/README.md. */
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { MAX_MESSAGE = 16 << 20, MAX_QUEUE = 1 << 20, CHUNK = 16 << 10 };

struct message {
  struct message *next;
  enum lws_write_protocol opcode;
  size_t size, room;
  unsigned char bytes[]; /* LWS_PRE of them for the library's header, then the payload */
};

struct session {
  struct message *partial; /* comes in chunks */
  struct message *first, **last;
  size_t queued;
};

static long open_connections; /* of a client */

static struct message *append(struct message *message, const void *data, size_t size, size_t more) {
  size_t old = message == NULL ? 0 : message->size;
  if (message == NULL || old + size > message->room) {
    size_t room = old + size + more;
    message = realloc(message, sizeof *message + LWS_PRE + room);
    message->size = old;
    message->room = room;
  }
  memcpy(message->bytes + LWS_PRE + old, data, size);
  message->size += size;
  return message;
}

static int receive(struct lws *wsi, struct session *session, const void *data, size_t size) {
  struct message *message = append(session->partial, data, size, lws_remaining_packet_payload(wsi));
  session->partial = message;
  if (message->size > MAX_MESSAGE) return -1;
  if (!lws_is_final_fragment(wsi)) return 0;
  session->partial = message->next = NULL;
  message->opcode = lws_frame_is_binary(wsi) ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
  if (session->first == NULL) session->last = &session->first;
  *session->last = message;
  session->last = &message->next;
  session->queued += message->size;
  if (session->queued > MAX_QUEUE) lws_rx_flow_control(wsi, 0);
  lws_callback_on_writable(wsi);
  return 0;
}

/* Writes until the library has to keep something: less calls than a message each time that it says "writeable". */
static int write_queue(struct lws *wsi, struct session *session) {
  while (session->first != NULL && !lws_partial_buffered(wsi)) {
    struct message *message = session->first;
    session->first = message->next;
    session->queued -= message->size;
    int written = lws_write(wsi, message->bytes + LWS_PRE, message->size, message->opcode);
    free(message);
    if (written < 0) return -1;
  }
  if (session->first != NULL) lws_callback_on_writable(wsi);
  if (session->queued <= MAX_QUEUE) lws_rx_flow_control(wsi, 1);
  return 0;
}

static void end(struct session *session) {
  for (struct message *next; session->first != NULL; session->first = next) {
    next = session->first->next;
    free(session->first);
  }
  free(session->partial);
  open_connections--;
}

static int handle(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *data, size_t size) {
  switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
      /* 2^24 and 2^17 bytes: a reply is compressed into one frame, and inflating in smaller pieces loses some (4.1.6).
       */
      lws_set_extension_option(wsi, "permessage-deflate", "tx_buf_size", "24");
      lws_set_extension_option(wsi, "permessage-deflate", "rx_buf_size", "17");
      return 0;
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_CLIENT_RECEIVE:
      return receive(wsi, user, data, size);
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_CLIENT_WRITEABLE:
      return write_queue(wsi, user);
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLIENT_CLOSED:
      end(user);
      return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
      fprintf(stderr, "connecting: %s\n", data == NULL ? "failed" : (char *)data);
      exit(1);
    default:
      return 0;
  }
}

static const struct lws_protocols protocols[] = {{"echo", handle, sizeof(struct session), CHUNK, 0, NULL, 0},
                                                 {NULL, NULL, 0, 0, 0, NULL, 0}};
static const struct lws_extension deflate[] = {
    {"permessage-deflate", lws_extension_callback_pm_deflate,
     "permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
    {NULL, NULL, NULL}};

static void connect_all(struct lws_context *context, int port, long count, int secure) {
  struct lws_client_connect_info info = {.context = context, .address = "127.0.0.1", .host = "127.0.0.1", .path = "/"};
  info.port = port;
  info.local_protocol_name = protocols[0].name;
  if (secure) {
    info.ssl_connection =
        LCCSCF_USE_SSL | LCCSCF_ALLOW_SELFSIGNED | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK | LCCSCF_ALLOW_INSECURE;
  }
  for (open_connections = count; count > 0; count--) {
    if (lws_client_connect_via_info(&info) == NULL) exit(1);
  }
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "version") == 0) return printf("libwebsockets %s\n", lws_get_library_version()) < 0;
  if (argc < 3) return 2;
  int client = strcmp(argv[1], "client") == 0, port = atoi(argv[2]);
  const char *layer = !client ? argv[1] : argc > 4 ? argv[4] : "ws";
  int secure = strcmp(layer, "wss") == 0, compress = strcmp(layer, "deflate") == 0;
  if (!secure && !compress && strcmp(layer, "ws") != 0) return 3;

  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  lws_set_log_level(LLL_ERR, NULL);
  struct lws_context_creation_info info = {.protocols = protocols, .iface = "127.0.0.1", .pt_serv_buf_size = CHUNK};
  info.port = client ? CONTEXT_PORT_NO_LISTEN : port;
  info.options = LWS_SERVER_OPTION_VALIDATE_UTF8;
  if (compress) info.extensions = deflate;
  if (secure) info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
  if (secure && !client && argc > 4) {
    info.ssl_cert_filepath = argv[3];
    info.ssl_private_key_filepath = argv[4];
  }
  struct lws_context *context = lws_create_context(&info);
  if (context == NULL) return 1;
  if (client) {
    connect_all(context, port, argc > 3 ? atol(argv[3]) : 1, secure);
  } else {
    puts("listening");
    fflush(stdout);
  }
  while ((!client || open_connections > 0) && lws_service(context, 0) >= 0) {
  }
  lws_context_destroy(context);
  return 0;
}
