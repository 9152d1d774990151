/* The floor of opening and closing: a connection brings one head, is given one of the size of a usual answer, and
 * closes. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "floor.h"

static const char kAnswer[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
static char chunk[FLOOR_CHUNK];

/* Descriptors stand where others have a pointer: a listener's is 0. */
static void accept_all(int epoll, int listener) {
  for (int fd; (fd = floor_accept(listener)) >= 0;)
    floor_watch(epoll, fd, EPOLLIN, (void *)(intptr_t)fd);
}

/* A new socket has room for a head, and the load sends its own in one piece. */
static void answer_or_end(int fd) {
  ssize_t size = recv(fd, chunk, sizeof chunk, 0);
  if (size > 0) send(fd, kAnswer, sizeof kAnswer - 1, MSG_NOSIGNAL);
  if (size == 0 || (size < 0 && errno != EAGAIN)) close(fd);
}

int main(int argc, char **argv) {
  struct floor_role role = floor_begin(argc, argv, "raw ws ", "one head each way on epoll");
  struct epoll_event events[256];
  if (role.is_client) return FLOOR_UNSUPPORTED;
  int epoll = epoll_create1(EPOLL_CLOEXEC), listener = floor_listen(role.port);
  floor_watch(epoll, listener, EPOLLIN, NULL);
  for (;;) {
    int count = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr == NULL) {
        accept_all(epoll, listener);
      } else {
        answer_or_end((int)(intptr_t)events[i].data.ptr);
      }
    }
  }
}
