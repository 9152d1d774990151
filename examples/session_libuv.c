/* Sessions in a libuv loop. Without arguments a server and a client, which talk to one another; with a port only the
 * server, which sends every message back: session_libuv [9001] */
#define _POSIX_C_SOURCE 200809L
#include <hawser.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct peer {
  hws_session *session;
  void (*handle)(struct peer *peer, const hws_event *event);
  uv_tcp_t socket;
  uv_timer_t timer;
  uv_connect_t connecting;
  uv_write_t writing;
  uv_shutdown_t ending;
  uint64_t born;
  char received[65536]; /* from `begin` the session has not taken them yet */
  size_t begin, size;
  char sending[16384]; /* what libuv is writing */
  size_t sent_size;    /* 0: nothing */
  int half_closed, ended, handles;
};

static uv_tcp_t listener;
static int succeeded; /* the client heard its own words, and both Closes were exchanged */

static void attend(struct peer *peer);

/* Comes first in each callback: whatever follows happens at this time. */
static void tell_time(struct peer *peer) {
  hws_session_advance_to(peer->session, (int64_t)(uv_now(peer->socket.loop) - peer->born));
}

static void on_closed(uv_handle_t *handle) {
  struct peer *peer = handle->data;
  if (--peer->handles > 0) return;
  hws_session_free(peer->session);
  free(peer);
}

static void close_peer(struct peer *peer) {
  if (uv_is_closing((uv_handle_t *)&peer->socket)) return;
  uv_close((uv_handle_t *)&peer->socket, on_closed);
  uv_close((uv_handle_t *)&peer->timer, on_closed);
}

static void on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer) {
  struct peer *peer = handle->data;
  (void)wanted;
  *buffer = uv_buf_init(peer->received, sizeof peer->received);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer) {
  struct peer *peer = stream->data;
  (void)buffer;
  tell_time(peer);
  if (got < 0) {
    peer->ended = 1;
    uv_read_stop(stream);
    hws_session_receive_end(peer->session);
  } else {
    peer->begin = 0;
    peer->size = (size_t)got;
  }
  attend(peer);
}

static void on_written(uv_write_t *request, int status) {
  struct peer *peer = request->data;
  if (status < 0) {
    close_peer(peer);
    return;
  }
  tell_time(peer);
  hws_session_output_sent(peer->session, peer->sent_size);
  peer->sent_size = 0;
  attend(peer);
}

static void on_timer(uv_timer_t *timer) {
  tell_time(timer->data);
  attend(timer->data);
}

static void take_events(struct peer *peer) {
  const hws_event *event;
  while ((event = hws_session_event(peer->session)) != NULL)
    peer->handle(peer, event);
}

static void deliver(struct peer *peer) {
  int64_t used = 1;
  while (peer->size > 0 && used > 0) {
    used = hws_session_receive(peer->session, peer->received + peer->begin, peer->size);
    take_events(peer);
    peer->begin += (size_t)used;
    peer->size -= (size_t)used;
  }
}

/* libuv goes on writing when we are gone from here, so it gets a copy: the session's own bytes may move. */
static void write_output(struct peer *peer) {
  int64_t size = hws_session_output_size(peer->session);
  if (size == 0 || peer->sent_size != 0) return;
  peer->sent_size = size < (int64_t)sizeof peer->sending ? (size_t)size : sizeof peer->sending;
  memcpy(peer->sending, hws_session_output(peer->session), peer->sent_size);
  uv_buf_t buffer = uv_buf_init(peer->sending, (unsigned)peer->sent_size);
  if (uv_write(&peer->writing, (uv_stream_t *)&peer->socket, &buffer, 1, on_written) < 0) close_peer(peer);
}

/* Ends our direction, and the peer's when it has ended or its time is up. */
static void end_transport(struct peer *peer) {
  if (!peer->half_closed) uv_shutdown(&peer->ending, (uv_stream_t *)&peer->socket, NULL);
  peer->half_closed = 1;
  if (peer->ended || hws_session_deadline(peer->session) < 0) close_peer(peer);
}

/* Waits for what the session waits for. It reads only when everything was taken: that makes its peer wait. */
static void wait_for_news(struct peer *peer) {
  int64_t deadline = hws_session_deadline(peer->session);
  int64_t left = deadline - (int64_t)(uv_now(peer->socket.loop) - peer->born);
  if (deadline < 0) {
    uv_timer_stop(&peer->timer);
  } else {
    uv_timer_start(&peer->timer, on_timer, left > 0 ? (uint64_t)left : 0, 0);
  }
  if (peer->size > 0) {
    uv_read_stop((uv_stream_t *)&peer->socket);
  } else if (!peer->ended) {
    uv_read_start((uv_stream_t *)&peer->socket, on_room, on_read);
  }
}

/* Something has happened: bytes, their end, room for output, or the time. */
static void attend(struct peer *peer) {
  if (uv_is_closing((uv_handle_t *)&peer->socket)) return;
  take_events(peer);
  deliver(peer);
  write_output(peer);
  if (hws_session_should_close_transport(peer->session) && hws_session_output_size(peer->session) == 0)
    end_transport(peer);
  if (!uv_is_closing((uv_handle_t *)&peer->socket)) wait_for_news(peer);
}

static void echo(struct peer *peer, const hws_event *event) {
  if (event->kind == HWS_EVENT_MESSAGE)
    hws_session_send(peer->session, event->opcode, event->data, (size_t)event->size);
}

static void ask(struct peer *peer, const hws_event *event) {
  if (event->kind == HWS_EVENT_OPEN) {
    hws_session_send(peer->session, HWS_TEXT, "ahoy", 4);
  } else if (event->kind == HWS_EVENT_MESSAGE) {
    printf("received: %.*s\n", (int)event->size, (const char *)event->data);
    succeeded = event->size == 4 && memcmp(event->data, "ahoy", 4) == 0;
    hws_session_close(peer->session, 1000, NULL);
  } else if (event->kind == HWS_EVENT_CLOSE) {
    printf("%s\n", hws_session_event_text(peer->session));
    succeeded = succeeded && (event->flags & HWS_CLEAN) != 0;
    uv_close((uv_handle_t *)&listener, NULL); /* the loop ends with its last handle */
  }
}

static struct peer *new_peer(hws_session *session, void (*handle)(struct peer *, const hws_event *)) {
  struct peer *peer = calloc(1, sizeof *peer);
  if (peer == NULL || session == NULL) abort();
  peer->session = session;
  peer->handle = handle;
  peer->handles = 2;
  uv_tcp_init(listener.loop, &peer->socket);
  uv_timer_init(listener.loop, &peer->timer);
  peer->socket.data = peer->timer.data = peer->connecting.data = peer->writing.data = peer;
  peer->born = uv_now(listener.loop);
  return peer;
}

static void on_connection(uv_stream_t *stream, int status) {
  if (status < 0) return;
  struct peer *peer = new_peer(hws_session_new_server(NULL), echo);
  if (uv_accept(stream, (uv_stream_t *)&peer->socket) < 0) close_peer(peer);
  attend(peer);
}

static void on_connected(uv_connect_t *request, int status) {
  struct peer *peer = request->data;
  tell_time(peer);
  if (status < 0) hws_session_receive_end(peer->session);
  attend(peer);
}

static void connect_to(const struct sockaddr_in *address) {
  struct peer *client = new_peer(hws_session_new_client("ws://127.0.0.1/", NULL), ask);
  uv_tcp_connect(&client->connecting, &client->socket, (const struct sockaddr *)address, on_connected);
}

int main(int argc, char **argv) {
  struct sockaddr_in address;
  int size = sizeof address;
  uv_loop_t *loop = uv_default_loop();
  signal(SIGPIPE, SIG_IGN); /* libuv does not keep a peer that has gone from raising it */
  setvbuf(stdout, NULL, _IOLBF, 0);
  uv_tcp_init(loop, &listener);
  uv_ip4_addr("127.0.0.1", argc > 1 ? atoi(argv[1]) : 0, &address);
  if (uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0) < 0 ||
      uv_listen((uv_stream_t *)&listener, 128, on_connection) < 0 ||
      uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &size) < 0) {
    fprintf(stderr, "session_libuv: cannot listen\n");
    return 1;
  }
  if (argc > 1)
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  else
    connect_to(&address);
  uv_run(loop, UV_RUN_DEFAULT);
  uv_loop_close(loop);
  return succeeded ? 0 : 1;
}
