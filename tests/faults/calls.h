/* System calls of the library that fail as the kernel lets them fail. Calls are counted; at one position one fault is
 * injected.
 *
 * THE MODEL. A fault is what the kernel can do, with all that goes with it:
 *
 * - EINTR: nothing has happened (a connect goes on by itself, a close has closed: POSIX, Linux).
 * - EAGAIN of a read or write, or less than was asked for (1 byte): all that there was, or all there was room for. The
 *   rest comes directly after: an edge-triggered epoll reports it anew. (A short read without a further edge is
 *   something that epoll(7) promises not to happen on a stream.) poll(2) is level-triggered and needs no help.
 * - ECONNRESET, EPIPE, ETIMEDOUT, EHOSTUNREACH: the connection is gone in both directions. What the peer had sent
 *   before can still be read; then its end comes.
 * - ENOMEM, ENOBUFS of a read or write: this call alone has failed.
 * - EMFILE, ENFILE, ENOBUFS, ENOMEM of accept4: the connection waits on. ECONNABORTED, EPROTO: it is lost.
 * - SO_ERROR tells that a connect has failed: the socket is shut down.
 *
 * What cannot fail on Linux, given its arguments, is left alone: epoll_ctl with MOD or DEL, timerfd_settime,
 * clock_gettime, a write to a non-blocking eventfd (but with EAGAIN when it is full, which is readable). */
#ifndef HAWSER_TESTS_CALLS_H
#define HAWSER_TESTS_CALLS_H

#include <stdint.h>

struct fault {
  int call;
  int error;   /* errno; 0: a short count */
  int effects; /* FAULT_* */
};

enum {
  FAULT_DONE = 1,      /* the call has done its work all the same */
  FAULT_EDGE = 2,      /* the poller reports the socket anew */
  FAULT_BROKEN = 4,    /* the connection is gone */
  FAULT_TAKEN = 8,     /* accept4: the connection that waited is gone */
  FAULT_VALUE = 16,    /* getsockopt: the error is not the call's but what it tells */
  FAULT_TRANSIENT = 32 /* nothing may be lost by it */
};

/* What is counted, and fails: system calls, or allocations (malloc, realloc, operator new) of the library. */
enum { SYSTEM_CALLS, ALLOCATIONS };
void calls_choose(int what);
/* True if this allocation is to fail. */
int calls_fail_allocation(void);

/* At call number `position` from now on, the fault number `which` of those that fit the call. -1: none. */
void calls_arm(int64_t position, int which);
/* How many calls there were since. */
int64_t calls_count(void);
/* The fault that was injected; NULL: the position was not reached, or has no fault of this number. */
const struct fault *calls_injected(void);
/* "recv: ECONNRESET" */
const char *fault_name(const struct fault *fault);

#endif
