/* The bare echo on poll(2), with an array that is kept from one call to the next. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "floor.h"

static char chunk[FLOOR_CHUNK];
static struct pollfd *watched;   /* a client's first one is -1: no listener */
static struct floor_rest *rests; /* at the same places */
static nfds_t count, room;

static void watch(int fd) {
  if (count == room) {
    room = room == 0 ? 64 : 2 * room;
    watched = realloc(watched, room * sizeof *watched);
    rests = realloc(rests, room * sizeof *rests);
    if (watched == NULL || rests == NULL) floor_die("realloc");
  }
  watched[count].fd = fd;
  watched[count].events = POLLIN;
  watched[count].revents = 0;
  memset(&rests[count], 0, sizeof rests[count]);
  count++;
}

/* The last one takes its place. */
static void end(nfds_t at) {
  close(watched[at].fd);
  floor_forget(&rests[at]);
  count--;
  watched[at] = watched[count];
  rests[at] = rests[count];
}

static void echo(nfds_t at) {
  int fd = watched[at].fd;
  if (rests[at].bytes != NULL) {
    floor_send_rest(fd, &rests[at]);
  } else {
    ssize_t size = recv(fd, chunk, sizeof chunk, 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) {
      end(at);
      return;
    }
    floor_send(fd, &rests[at], chunk, (size_t)size);
  }
  watched[at].events = rests[at].bytes != NULL ? POLLOUT : POLLIN;
}

static void accept_all(void) {
  for (int fd; (fd = floor_accept(watched[0].fd)) >= 0;)
    watch(fd);
}

/* From the end, because an ended one is replaced by the last. */
static void handle_all(int ready) {
  for (nfds_t at = count; at-- > 0 && ready > 0;) {
    if (watched[at].revents == 0) continue;
    ready--;
    if (at == 0) {
      accept_all();
    } else {
      echo(at);
    }
  }
}

int main(int argc, char **argv) {
  struct floor_role role = floor_begin(argc, argv, "raw ws ", "echo on poll(2), without WebSocket");
  watch(role.is_client ? -1 : floor_listen(role.port));
  for (int i = 0; i < role.connections; i++)
    watch(floor_connect(role.port));
  while (!role.is_client || count > 1)
    handle_all(poll(watched, count, -1));
  return 0;
}
