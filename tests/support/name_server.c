#define _GNU_SOURCE
#include "support/name_server.h"

#include "support/raw_peer.h"

#if defined(__linux__)

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DNS_PORT = 53 };

static int server = -1;
static struct sockaddr_in address;         /* of the server */
static struct sockaddr_storage asked_last; /* what it stands in for: its answers have to come from there */
static socklen_t asked_size;

/* IPv4 or, for a socket of that family, the same as an IPv6 address (RFC 4291 2.5.5.2). */
static long connect_to_server(int fd, sa_family_t family) {
  struct sockaddr_in6 mapped;
  if (family == AF_INET) return syscall(SYS_connect, fd, &address, sizeof address);
  memset(&mapped, 0, sizeof mapped);
  mapped.sin6_family = AF_INET6;
  mapped.sin6_port = address.sin_port;
  inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr);
  return syscall(SYS_connect, fd, &mapped, sizeof mapped);
}

/* Instead of the C library's, for the whole process: the shared library has to see them too. */
#define INSTEAD __attribute__((visibility("default")))

/* The port is at the same place in both families. */
INSTEAD int connect(int fd, const struct sockaddr *to, socklen_t size) {
  int internet = to->sa_family == AF_INET || to->sa_family == AF_INET6;
  int to_names = internet && ((const struct sockaddr_in *)(const void *)to)->sin_port == htons(DNS_PORT);
  if (server < 0 || !to_names || size > sizeof asked_last) return (int)syscall(SYS_connect, fd, to, size);
  memcpy(&asked_last, to, size);
  asked_size = size;
  return (int)connect_to_server(fd, to->sa_family);
}

/* Likewise: the resolver takes an answer only from whom it has asked. */
INSTEAD ssize_t recvfrom(int fd, void *data, size_t size, int flags, struct sockaddr *from, socklen_t *from_size) {
  ssize_t got = syscall(SYS_recvfrom, fd, data, size, flags, from, from_size);
  int by_us = server >= 0 && from != NULL && ((struct sockaddr_in *)(void *)from)->sin_port == address.sin_port;
  if (got >= 0 && by_us && *from_size >= asked_size) memcpy(from, &asked_last, asked_size);
  return got;
}

int name_server_open(void) {
  socklen_t size = sizeof address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (server < 0) return -1;
  if (bind(server, (struct sockaddr *)&address, size) == 0 &&
      getsockname(server, (struct sockaddr *)&address, &size) == 0) {
    return 0;
  }
  name_server_close();
  return -1;
}

void name_server_close(void) {
  close(server);
  server = -1;
}

int name_server_asked(void (*pump)(void *with), void *with) {
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  struct pollfd one = {server, POLLIN, 0};
  while (poll(&one, 1, 1) != 1) {
    if (raw_now_ms() >= until) return 0;
    pump(with);
  }
  return 1;
}

void name_server_deny(void) {
  unsigned char message[512];
  struct sockaddr_storage asker;
  socklen_t size = sizeof asker;
  ssize_t got;
  while ((got = syscall(SYS_recvfrom, server, message, sizeof message, 0, &asker, &size)) > 3) {
    message[2] |= 0x80; /* QR: an answer */
    message[3] = 0x83;  /* RA, and RCODE 3: no such name */
    sendto(server, message, (size_t)got, 0, (struct sockaddr *)&asker, size);
    size = sizeof asker;
  }
}

#else

int name_server_open(void) {
  return -1;
}

void name_server_close(void) {}

int name_server_asked(void (*pump)(void *with), void *with) {
  (void)pump;
  (void)with;
  return 0;
}

void name_server_deny(void) {}

#endif
