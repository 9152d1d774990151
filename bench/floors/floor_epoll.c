/* The bare echo on epoll: what comes is sent back. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "floor.h"

struct connection {
  int fd;
  int has_ended; /* the peer says no more: a short read isn't the last */
  struct floor_rest rest;
};

static char chunk[FLOOR_CHUNK];
static int epoll, open_connections;

static void add(int fd) {
  struct connection *connection = calloc(1, sizeof *connection);
  if (connection == NULL) floor_die("calloc");
  connection->fd = fd;
  open_connections++;
  floor_watch(epoll, fd, FLOOR_EDGES, connection);
}

static void end(struct connection *connection) {
  close(connection->fd);
  floor_forget(&connection->rest);
  free(connection);
  open_connections--;
}

static void echo(struct connection *connection) {
  floor_send_rest(connection->fd, &connection->rest);
  while (connection->rest.bytes == NULL) {
    ssize_t size = recv(connection->fd, chunk, sizeof chunk, 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) {
      end(connection);
      return;
    }
    floor_send(connection->fd, &connection->rest, chunk, (size_t)size);
    if ((size_t)size < sizeof chunk && !connection->has_ended) return;
  }
}

static void accept_all(int listener) {
  for (int fd; (fd = floor_accept(listener)) >= 0;)
    add(fd);
}

static void handle(const struct epoll_event *event, int listener) {
  struct connection *connection = event->data.ptr;
  if (connection == NULL) {
    accept_all(listener);
  } else {
    if (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) connection->has_ended = 1;
    /* A new connection can be written at once: that says nothing. */
    if ((event->events & ~(uint32_t)EPOLLOUT) != 0 || connection->rest.bytes != NULL) echo(connection);
  }
}

int main(int argc, char **argv) {
  struct floor_role role = floor_begin(argc, argv, "raw ws deflate ", "echo on epoll, without WebSocket");
  struct epoll_event events[256];
  int listener = -1;
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (!role.is_client) floor_watch(epoll, listener = floor_listen(role.port), EPOLLIN, NULL);
  for (int i = 0; i < role.connections; i++)
    add(floor_connect(role.port));
  while (!role.is_client || open_connections > 0) {
    int count = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < count; i++)
      handle(&events[i], listener);
  }
  return 0;
}
