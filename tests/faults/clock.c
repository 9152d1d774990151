#define _GNU_SOURCE
#include "clock.h"

#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "caller.h"

enum { MOST_TIMERS = 1024 }; /* by descriptor */

static int taken;
static int64_t now_ns;
static int64_t wall;                /* seconds */
static int64_t timers[MOST_TIMERS]; /* when they ring; 0: never */

static const int64_t kMillisecond = 1000000;
static const int64_t kSecond = 1000000000;

static int64_t to_ns(const struct timespec *time) {
  return (int64_t)time->tv_sec * kSecond + time->tv_nsec;
}

static void set_real_timer(int fd, int64_t at) {
  struct itimerspec when;
  memset(&when, 0, sizeof when);
  when.it_value.tv_nsec = (long)at;
  syscall(SYS_timerfd_settime, fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void ring(void) {
  int fd;
  for (fd = 0; fd < MOST_TIMERS; fd++) {
    if (timers[fd] == 0 || timers[fd] > now_ns) continue;
    timers[fd] = 0;
    set_real_timer(fd, 1); /* long past */
  }
}

void clock_take(void) {
  struct timespec real;
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &real);
  now_ns = to_ns(&real);
  memset(timers, 0, sizeof timers);
  taken = 1;
}

void clock_release(void) {
  taken = 0;
  wall = 0;
}

int64_t clock_now(void) {
  return now_ns / kMillisecond;
}

void clock_advance(int64_t ms) {
  now_ns += ms * kMillisecond;
  ring();
}

void clock_set_wall(int64_t seconds) {
  wall = seconds;
}

int clock_wait(int timeout_ms) {
  int64_t end = timeout_ms >= 0 ? now_ns + timeout_ms * kMillisecond : INT64_MAX;
  int fd;
  if (!taken) return 0;
  for (fd = 0; fd < MOST_TIMERS; fd++) {
    if (timers[fd] != 0 && timers[fd] < end) end = timers[fd];
  }
  if (end == INT64_MAX) return 0;
  if (end > now_ns) now_ns = end;
  ring();
  return 1;
}

/* ---------------------------------------------------------------------------------------------------------------------
 * Instead of the C library's
 * ------------------------------------------------------------------------------------------------------------------ */

INSTEAD int clock_gettime(clockid_t clock, struct timespec *time) {
  int result;
  if (taken && clock == CLOCK_MONOTONIC && CALLED_BY_LIBRARY) {
    time->tv_sec = (time_t)(now_ns / kSecond);
    time->tv_nsec = (long)(now_ns % kSecond);
    return 0;
  }
  result = (int)syscall(SYS_clock_gettime, clock, time);
  if (clock == CLOCK_REALTIME) time->tv_sec += (time_t)wall;
  return result;
}

INSTEAD time_t time(time_t *to) {
  struct timespec real;
  syscall(SYS_clock_gettime, CLOCK_REALTIME, &real);
  real.tv_sec += (time_t)wall;
  if (to != NULL) *to = real.tv_sec;
  return real.tv_sec;
}

INSTEAD int gettimeofday(struct timeval *to, void *zone) {
  int result = (int)syscall(SYS_gettimeofday, to, zone);
  to->tv_sec += (time_t)wall;
  return result;
}

INSTEAD int timerfd_settime(int fd, int flags, const struct itimerspec *when, struct itimerspec *old) {
  int64_t at = to_ns(&when->it_value);
  if (!taken || !CALLED_BY_LIBRARY || fd >= MOST_TIMERS) {
    return (int)syscall(SYS_timerfd_settime, fd, flags, when, old);
  }
  timers[fd] = at;
  set_real_timer(fd, 0); /* silent, and what it rang before is forgotten */
  ring();
  return 0;
}
