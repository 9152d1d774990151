/* What the floors share. A floor moves the same bytes as a server or client (bench/README.md), by system calls alone.
 */
#ifndef FLOOR_H
#define FLOOR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

enum { FLOOR_CHUNK = 512 * 1024, FLOOR_BACKLOG = 4096, FLOOR_UNSUPPORTED = 3 };

struct floor_role {
  int is_client;
  int connections; /* of a client */
  int port;
  const char *certificate, *key; /* NULL if there are none */
};

/* Reads PROGRAM TASK PORT [CERT KEY] or PROGRAM client PORT CONNECTIONS [TASK]. `tasks`: their names, each with a space
 * behind it. Answers "version", and ends the program if the task is none of those. */
struct floor_role floor_begin(int argc, char **argv, const char *tasks, const char *version);

void floor_die(const char *what); /* with the words for errno */

/* Descriptors that don't wait. A listener says so on stdout; floor_accept returns -1 if nobody is there. */
int floor_listen(int port);
int floor_accept(int listener);
int floor_connect(int port);

/* A listener has NULL. FLOOR_EDGES: once for each connection, and never changed. */
#define FLOOR_EDGES (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)
void floor_watch(int epoll, int fd, uint32_t events, void *with);

/* What a socket did not take. A connection that has some is not read. */
struct floor_rest {
  char *bytes; /* NULL: nothing */
  size_t begin, end;
};

void floor_keep(struct floor_rest *rest, const char *bytes, size_t size);
void floor_forget(struct floor_rest *rest);
/* Sends, and keeps what is left, behind what was kept before. An error is left to the next recv. */
void floor_send(int fd, struct floor_rest *rest, const char *bytes, size_t size);
void floor_send_rest(int fd, struct floor_rest *rest);

#endif
