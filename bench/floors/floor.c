#define _GNU_SOURCE /* accept4 */
#include "floor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

static void raise_descriptor_limit(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static int is_among(const char *task, const char *tasks) {
  size_t size = strlen(task);
  for (const char *at = tasks; (at = strstr(at, task)) != NULL; at++) {
    if ((at == tasks || at[-1] == ' ') && at[size] == ' ') return 1;
  }
  return 0;
}

struct floor_role floor_begin(int argc, char **argv, const char *tasks, const char *version) {
  struct floor_role role = {0, 0, 0, NULL, NULL};
  if (argc == 2 && strcmp(argv[1], "version") == 0) {
    puts(version);
    exit(0);
  }
  role.is_client = argc > 3 && strcmp(argv[1], "client") == 0;
  if (argc < 3 || !is_among(role.is_client ? (argc > 4 ? argv[4] : "ws") : argv[1], tasks)) exit(FLOOR_UNSUPPORTED);
  role.port = atoi(argv[2]);
  if (role.is_client) {
    role.connections = atoi(argv[3]);
  } else if (argc > 4) {
    role.certificate = argv[3];
    role.key = argv[4];
  }
  raise_descriptor_limit();
  return role;
}

void floor_die(const char *what) {
  perror(what);
  exit(1);
}

static struct sockaddr_in address_of(int port) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static int new_socket(void) {
  int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) floor_die("socket");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* what a listener accepts inherits it */
  return fd;
}

int floor_listen(int port) {
  struct sockaddr_in address = address_of(port);
  int one = 1, fd = new_socket();
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) floor_die("bind");
  if (listen(fd, FLOOR_BACKLOG) != 0) floor_die("listen");
  puts("listening");
  fflush(stdout);
  return fd;
}

int floor_accept(int listener) {
  return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int floor_connect(int port) {
  struct sockaddr_in address = address_of(port);
  int fd = new_socket();
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) floor_die("connect");
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

void floor_watch(int epoll, int fd, uint32_t events, void *with) {
  struct epoll_event event;
  event.events = events;
  event.data.ptr = with;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) floor_die("epoll_ctl");
}

void floor_keep(struct floor_rest *rest, const char *bytes, size_t size) {
  size_t before = rest->end - rest->begin;
  char *kept = malloc(before + size);
  if (kept == NULL) floor_die("malloc");
  if (before != 0) memcpy(kept, rest->bytes + rest->begin, before);
  memcpy(kept + before, bytes, size);
  floor_forget(rest);
  rest->bytes = kept;
  rest->end = before + size;
}

void floor_forget(struct floor_rest *rest) {
  free(rest->bytes);
  memset(rest, 0, sizeof *rest);
}

/* How much was taken. */
static size_t send_some(int fd, const char *bytes, size_t size) {
  ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
  if (sent >= 0) return (size_t)sent;
  return errno == EAGAIN ? 0 : size; /* nobody will get it */
}

void floor_send(int fd, struct floor_rest *rest, const char *bytes, size_t size) {
  size_t sent = rest->bytes == NULL ? send_some(fd, bytes, size) : 0;
  if (sent < size) floor_keep(rest, bytes + sent, size - sent);
}

void floor_send_rest(int fd, struct floor_rest *rest) {
  if (rest->bytes == NULL) return;
  rest->begin += send_some(fd, rest->bytes + rest->begin, rest->end - rest->begin);
  if (rest->begin == rest->end) floor_forget(rest);
}
