/* The floor of a broadcast: what one connection says is sent to all, by one send() each. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "floor.h"

struct connection {
  int fd;
  int is_readable; /* as far as is known */
  int place;       /* in all */
  struct floor_rest rest;
};

static char chunk[FLOOR_CHUNK];
static struct connection **all;
static int count, room;
static int waiting;      /* connections with a rest: while there are any, nothing is read */
static int is_held_back; /* something that could be read */

static void add(int epoll, int fd) {
  struct connection *connection = calloc(1, sizeof *connection);
  if (count == room) all = realloc(all, (size_t)(room = 2 * room + 64) * sizeof *all);
  if (connection == NULL || all == NULL) floor_die("no memory");
  connection->fd = fd;
  connection->place = count;
  all[count++] = connection;
  floor_watch(epoll, fd, FLOOR_EDGES, connection);
}

static void accept_all(int epoll, int listener) {
  for (int fd; (fd = floor_accept(listener)) >= 0;)
    add(epoll, fd);
}

static void end(struct connection *connection) {
  if (connection->rest.bytes != NULL) waiting--;
  close(connection->fd);
  floor_forget(&connection->rest);
  all[connection->place] = all[--count];
  all[connection->place]->place = connection->place;
  free(connection);
}

static void tell_all(const char *bytes, size_t size) {
  for (int i = 0; i < count; i++) {
    int had_rest = all[i]->rest.bytes != NULL;
    floor_send(all[i]->fd, &all[i]->rest, bytes, size);
    waiting += (all[i]->rest.bytes != NULL) - had_rest;
  }
}

static void send_rest(struct connection *connection) {
  if (connection->rest.bytes == NULL) return;
  floor_send_rest(connection->fd, &connection->rest);
  if (connection->rest.bytes == NULL) waiting--;
}

/* Who has connected before a message was sent gets it. */
static void receive(struct connection *connection, int epoll, int listener) {
  while (connection->is_readable && waiting == 0) {
    ssize_t size = recv(connection->fd, chunk, sizeof chunk, 0);
    if (size == 0 || (size < 0 && errno != EAGAIN)) {
      end(connection);
      return;
    }
    if (size < 0) {
      connection->is_readable = 0;
      return;
    }
    accept_all(epoll, listener);
    tell_all(chunk, (size_t)size);
  }
  if (connection->is_readable) is_held_back = 1;
}

/* From the end, because an ended one is replaced by the last. */
static void receive_held_back(int epoll, int listener) {
  is_held_back = 0;
  for (int i = count; i-- > 0;)
    receive(all[i], epoll, listener);
}

static void handle(const struct epoll_event *event, int epoll, int listener) {
  struct connection *connection = event->data.ptr;
  if (connection == NULL) {
    accept_all(epoll, listener);
    return;
  }
  if ((event->events & ~(uint32_t)EPOLLOUT) != 0) connection->is_readable = 1;
  send_rest(connection);
  receive(connection, epoll, listener);
}

int main(int argc, char **argv) {
  struct floor_role role = floor_begin(argc, argv, "raw broadcast ", "a loop of send()");
  struct epoll_event events[256];
  if (role.is_client) return FLOOR_UNSUPPORTED;
  int epoll = epoll_create1(EPOLL_CLOEXEC), listener = floor_listen(role.port);
  floor_watch(epoll, listener, EPOLLIN, NULL);
  for (;;) {
    int ready = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < ready; i++)
      handle(&events[i], epoll, listener);
    if (is_held_back && waiting == 0) receive_held_back(epoll, listener);
  }
}
