/* A client in a loop around poll(2): poll_client ws://127.0.0.1:9001/ */
#define _POSIX_C_SOURCE 200809L
#include <poll.h>
#include <time.h>

#include "client.h"

static int64_t clock_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int argc, char **argv) {
  struct client client;
  struct pollfd readable = {client_open(&client, argc > 1 ? argv[1] : "ws://127.0.0.1:9001/"), POLLIN, 0};
  if (readable.fd < 0) return 1;
  int64_t next = clock_ms() + 100;
  while (!client.over) {
    client_flush(&client);
    int64_t left = next - clock_ms();
    if (poll(&readable, 1, left > 0 ? (int)left : 0) > 0) client_attend(&client);
    if (clock_ms() < next) continue;
    client_tick(&client);
    next += 100;
  }
  return client_close(&client);
}
