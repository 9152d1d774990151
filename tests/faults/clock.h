/* Time for the library as a test tells it. CLOCK_MONOTONIC stands still for the library but for clock_advance and for
 * its own waits: a wait that finds nothing ready is over at once, and the clock then stands where it would have ended,
 * at its timeout or at the next timerfd. Nobody sleeps, and hours cost nothing. The rest of the program, raw_now_ms
 * too, reads the real clock. */
#ifndef HAWSER_TESTS_CLOCK_H
#define HAWSER_TESTS_CLOCK_H

#include <stdint.h>

/* From here on, until clock_release. */
void clock_take(void);
void clock_release(void);
/* The library's time in milliseconds. */
int64_t clock_now(void);
/* Timers that are due by then ring once, as after a suspend. */
void clock_advance(int64_t ms);
/* The wall clock of the whole process, OpenSSL's too, is off by so much. */
void clock_set_wall(int64_t seconds);

/* For the functions that take the place of poll and epoll_wait: a wait in which nothing was ready ends. False if the
 * time is not told by the test, or nothing would ever end it. */
int clock_wait(int timeout_ms);

#endif
