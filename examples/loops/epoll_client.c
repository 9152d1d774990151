/* A client in an edge-triggered epoll loop (Linux): epoll_client ws://127.0.0.1:9001/ */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

static void watch(int epoll, int fd) {
  struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = fd};
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

int main(int argc, char **argv) {
  struct client client;
  int fd = client_open(&client, argc > 1 ? argv[1] : "ws://127.0.0.1:9001/");
  if (fd < 0) return 1;
  struct itimerspec each = {{0, 100000000}, {0, 100000000}};
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  timerfd_settime(timer, 0, &each, NULL);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, fd);
  watch(epoll, timer);
  int is_left = 0; /* there may be more, and nobody will tell: an edge comes once */
  while (!client.over) {
    struct epoll_event event;
    uint64_t rung;
    client_flush(&client);
    int count = epoll_wait(epoll, &event, 1, is_left ? 0 : -1);
    if (count == 1 && event.data.fd == timer && read(timer, &rung, sizeof rung) > 0) client_tick(&client);
    if (count == 1 && event.data.fd == fd) is_left = 1;
    if (is_left) is_left = client_attend(&client) != 0;
  }
  close(epoll);
  close(timer);
  return client_close(&client);
}
