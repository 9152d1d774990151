/* A WebSocket over a pair of pipes: a client and a server in two processes, without any socket. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <hawser.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct end {
  hws_session *session;
  void (*handle)(hws_session *session, const hws_event *event);
  int in, out; /* the pipes, not blocking */
  int64_t born;
  uint8_t bytes[4096]; /* received; from `begin` the session has not taken them yet */
  size_t begin, size;
  int clean; /* both Closes were exchanged */
};

static int64_t clock_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void take_events(struct end *end) {
  const hws_event *event;
  while ((event = hws_session_event(end->session)) != NULL) {
    if (event->kind == HWS_EVENT_CLOSE) end->clean = (event->flags & HWS_CLEAN) != 0;
    end->handle(end->session, event);
  }
}

/* Gives the session the bytes that are there. It may leave some of them until its output has left. */
static void deliver(struct end *end) {
  int64_t used = 1;
  while (end->size > 0 && used > 0) {
    used = hws_session_receive(end->session, end->bytes + end->begin, end->size);
    take_events(end);
    end->begin += (size_t)used;
    end->size -= (size_t)used;
  }
}

/* Reads only when everything was taken: a session that takes nothing makes its peer wait. */
static void read_more(struct end *end) {
  ssize_t got = read(end->in, end->bytes, sizeof end->bytes);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  end->begin = 0;
  end->size = got > 0 ? (size_t)got : 0;
  if (got <= 0) hws_session_receive_end(end->session);
}

/* Returns how much has left, or -1 when the pipe is gone. */
static ssize_t write_output(struct end *end) {
  ssize_t written = 0;
  while (hws_session_output_size(end->session) > 0) {
    ssize_t sent = write(end->out, hws_session_output(end->session), (size_t)hws_session_output_size(end->session));
    if (sent < 0) return errno == EAGAIN || errno == EINTR ? written : -1;
    hws_session_output_sent(end->session, (size_t)sent);
    written += sent;
  }
  return written;
}

/* Waits for what the session waits for: bytes, room for its output, or its deadline. */
static void wait_for_news(struct end *end) {
  struct pollfd pipes[] = {{end->size == 0 ? end->in : -1, POLLIN, 0},
                           {hws_session_output_size(end->session) > 0 ? end->out : -1, POLLOUT, 0}};
  int64_t deadline = hws_session_deadline(end->session);
  int64_t left = deadline - (clock_ms() - end->born);
  poll(pipes, 2, deadline < 0 ? -1 : left > 0 ? (int)left : 0);
  hws_session_advance_to(end->session, clock_ms() - end->born);
  if (pipes[0].revents != 0) read_more(end);
}

static int is_done(struct end *end) {
  return hws_session_should_close_transport(end->session) && hws_session_output_size(end->session) == 0;
}

/* Runs a session to its end. */
static void run(struct end *end) {
  while (!is_done(end)) {
    take_events(end);
    deliver(end);
    ssize_t written = write_output(end);
    if (written < 0) break;                     /* the pipe is gone */
    take_events(end);                           /* a DRAIN */
    if (end->size > 0 && written > 0) continue; /* now it may take what it left */
    if (!is_done(end)) wait_for_news(end);
  }
  close(end->in);
  close(end->out);
  hws_session_free(end->session);
}

static void serve(hws_session *session, const hws_event *event) {
  char welcome[64];
  if (event->kind == HWS_EVENT_OPEN) {
    int size = snprintf(welcome, sizeof welcome, "welcome to %s", hws_session_path(session));
    hws_session_send(session, HWS_TEXT, welcome, (size_t)size);
  } else if (event->kind == HWS_EVENT_MESSAGE) {
    hws_session_send(session, event->opcode, event->data, (size_t)event->size);
  }
}

static void ask(hws_session *session, const hws_event *event) {
  static const char *const said[] = {"one", "two", "three"};
  static int count;
  if (event->kind == HWS_EVENT_OPEN) {
    printf("open\n");
  } else if (event->kind == HWS_EVENT_MESSAGE) {
    printf("received: %.*s\n", (int)event->size, (const char *)event->data);
    if (count == 3) {
      hws_session_close(session, 1000, "done");
    } else {
      printf("sent: %s\n", said[count]);
      hws_session_send(session, HWS_TEXT, said[count], strlen(said[count]));
      count++;
    }
  } else if (event->kind == HWS_EVENT_CLOSE) {
    printf("%s\n", hws_session_event_text(session));
  }
}

static int start(hws_session *session, void (*handle)(hws_session *, const hws_event *), int in, int out) {
  struct end end = {0};
  if (session == NULL) return -1;
  end.session = session;
  end.handle = handle;
  end.in = in;
  end.out = out;
  end.born = clock_ms();
  fcntl(in, F_SETFL, O_NONBLOCK);
  fcntl(out, F_SETFL, O_NONBLOCK);
  run(&end);
  return end.clean ? 0 : -1;
}

int main(void) {
  int to_server[2], to_client[2], status = 1;
  signal(SIGPIPE, SIG_IGN); /* a pipe without a reader is an error of write */
  if (pipe(to_server) != 0 || pipe(to_client) != 0) return 1;
  pid_t server = fork();
  if (server < 0) return 1;
  if (server == 0) {
    close(to_server[1]);
    close(to_client[0]);
    return start(hws_session_new_server(NULL), serve, to_server[0], to_client[1]) == 0 ? 0 : 1;
  }
  close(to_server[0]);
  close(to_client[1]);
  int result = start(hws_session_new_client("ws://pipe.example/room", NULL), ask, to_client[0], to_server[1]);
  waitpid(server, &status, 0);
  return result == 0 && status == 0 ? 0 : 1;
}
