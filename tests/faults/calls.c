#define _GNU_SOURCE
#include "calls.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "caller.h"
#include "clock.h"

enum call {
  ACCEPT,
  BIND,
  CLOSE,
  CONNECT,
  EPOLL_ADD,
  EPOLL_CREATE,
  EPOLL_WAIT,
  EVENTFD,
  FOPEN,
  GETRANDOM,
  GETRLIMIT,
  GETSOCKNAME,
  GETSOCKOPT,
  LISTEN,
  OPEN,
  POLL,
  READ,
  READ_FILE,
  READV,
  RECV,
  RECVFROM,
  SEND,
  SENDMSG,
  SETSOCKOPT,
  SHUTDOWN,
  SOCKET,
  STAT,
  TIMERFD,
  WRITE,
  ALLOCATE
};

static const char *const kNames[] = {
    "accept4",  "bind",      "close",     "connect",        "epoll_ctl",  "epoll_create1", "epoll_wait", "eventfd",
    "fopen",    "getrandom", "getrlimit", "getsockname",    "getsockopt", "listen",        "open",       "poll",
    "read",     "read",      "readv",     "recv",           "recvfrom",   "send",          "sendmsg",    "setsockopt",
    "shutdown", "socket",    "stat",      "timerfd_create", "write",      "allocation"};

enum {
  T = FAULT_TRANSIENT,
  E = FAULT_TRANSIENT | FAULT_EDGE,
  D = FAULT_TRANSIENT | FAULT_DONE,
  B = FAULT_BROKEN,
  H = 0
};

static const struct fault kFaults[] = {
    {ACCEPT, EINTR, T},
    {ACCEPT, EAGAIN, T},
    {ACCEPT, EMFILE, T},
    {ACCEPT, ENFILE, T},
    {ACCEPT, ENOBUFS, T},
    {ACCEPT, ENOMEM, T},
    {ACCEPT, EPROTO, FAULT_TAKEN},
    {ACCEPT, ECONNABORTED, FAULT_TAKEN},
    {BIND, EADDRINUSE, H},
    {BIND, EACCES, H},
    {BIND, ENOMEM, H},
    {CLOSE, EINTR, D},
    {CLOSE, EIO, D},
    {CONNECT, EINTR, D},
    {CONNECT, ECONNREFUSED, H},
    {CONNECT, ENETUNREACH, H},
    {CONNECT, EADDRNOTAVAIL, H},
    {CONNECT, ENOBUFS, H},
    {CONNECT, ETIMEDOUT, H},
    {CONNECT, EACCES, H},
    {EPOLL_ADD, ENOMEM, H},
    {EPOLL_ADD, ENOSPC, H},
    {EPOLL_CREATE, EMFILE, H},
    {EPOLL_CREATE, ENFILE, H},
    {EPOLL_CREATE, ENOMEM, H},
    {EPOLL_WAIT, EINTR, T},
    {EVENTFD, EMFILE, H},
    {EVENTFD, ENFILE, H},
    {EVENTFD, ENOMEM, H},
    {FOPEN, EMFILE, H},
    {FOPEN, EACCES, H},
    {FOPEN, ENOMEM, H},
    {GETRANDOM, EINTR, T},
    {GETRANDOM, 0, T},
    {GETRANDOM, ENOSYS, H},
    {GETRLIMIT, EINVAL, T},
    {GETSOCKNAME, ENOBUFS, H},
    {GETSOCKOPT, ENOBUFS, H},
    {GETSOCKOPT, ECONNREFUSED, FAULT_VALUE | B},
    {GETSOCKOPT, ETIMEDOUT, FAULT_VALUE | B},
    {GETSOCKOPT, EHOSTUNREACH, FAULT_VALUE | B},
    {LISTEN, EADDRINUSE, H},
    {OPEN, EINTR, T},
    {OPEN, EMFILE, H},
    {OPEN, ENFILE, H},
    {OPEN, EACCES, H},
    {POLL, EINTR, T},
    {POLL, ENOMEM, H},
    {READ, EINTR, T},
    {READ, EAGAIN, T},
    {READ_FILE, EINTR, T},
    {READ_FILE, 0, T},
    {READ_FILE, EIO, H},
    {READV, EINTR, T},
    {READV, EAGAIN, E},
    {READV, 0, E},
    {READV, ENOMEM, H},
    {READV, ECONNRESET, B},
    {READV, ETIMEDOUT, B},
    {READV, EHOSTUNREACH, B},
    {RECV, EINTR, T},
    {RECV, EAGAIN, E},
    {RECV, 0, E},
    {RECV, ENOMEM, H},
    {RECV, ECONNRESET, B},
    {RECV, ETIMEDOUT, B},
    {RECV, EHOSTUNREACH, B},
    {RECVFROM, EINTR, H},
    {RECVFROM, EAGAIN, T},
    {RECVFROM, ECONNREFUSED, H},
    {RECVFROM, ENOMEM, H},
    {SEND, EINTR, T},
    {SEND, EAGAIN, E},
    {SEND, 0, E},
    {SEND, ENOBUFS, H},
    {SEND, ENOMEM, H},
    {SEND, ECONNRESET, B},
    {SEND, EPIPE, B},
    {SEND, ETIMEDOUT, B},
    {SENDMSG, EINTR, T},
    {SENDMSG, EAGAIN, E},
    {SENDMSG, 0, E},
    {SENDMSG, ENOBUFS, H},
    {SENDMSG, ENOMEM, H},
    {SENDMSG, ECONNRESET, B},
    {SENDMSG, EPIPE, B},
    {SENDMSG, ETIMEDOUT, B},
    {SETSOCKOPT, ENOMEM, H},
    {SETSOCKOPT, EINVAL, H},
    {SHUTDOWN, ENOTCONN, B},
    {SOCKET, EMFILE, H},
    {SOCKET, ENFILE, H},
    {SOCKET, ENOBUFS, H},
    {SOCKET, ENOMEM, H},
    {STAT, EACCES, H},
    {STAT, ENOMEM, H},
    {TIMERFD, EMFILE, H},
    {TIMERFD, ENFILE, H},
    {TIMERFD, ENOMEM, H},
    {WRITE, EAGAIN, D},
    {ALLOCATE, ENOMEM, H},
};

enum { FAULTS = sizeof kFaults / sizeof *kFaults, MOST_DESCRIPTORS = 1024 };

static int chosen = SYSTEM_CALLS;
static int64_t wanted_position = -1;
static int wanted_fault;
static int64_t position;
static const struct fault *injected;

/* What epoll was told of a descriptor. */
static struct {
  int epoll;
  struct epoll_event event;
} watched[MOST_DESCRIPTORS];

void calls_choose(int what) {
  chosen = what;
}

void calls_arm(int64_t at, int which) {
  wanted_position = at;
  wanted_fault = which;
  position = 0;
  injected = NULL;
}

int64_t calls_count(void) {
  return position;
}

const struct fault *calls_injected(void) {
  return injected;
}

const char *fault_name(const struct fault *fault) {
  static char name[64];
  const char *error = fault->error != 0 ? strerrorname_np(fault->error) : "a short count";
  snprintf(name, sizeof name, "%s: %s", kNames[fault->call], error);
  return name;
}

/* One more call of the library: the fault that is due now. */
static const struct fault *next_fault(int call) {
  int which = wanted_fault;
  int i;
  if ((call == ALLOCATE) != (chosen == ALLOCATIONS) || position++ != wanted_position) return NULL;
  for (i = 0; i < FAULTS; i++) {
    if (kFaults[i].call == call && which-- == 0) return injected = &kFaults[i];
  }
  return NULL;
}

int calls_fail_allocation(void) {
  return next_fault(ALLOCATE) != NULL;
}

/* ---------------------------------------------------------------------------------------------------------------------
 * What goes with a fault
 * ------------------------------------------------------------------------------------------------------------------ */

struct request {
  long number;
  long arguments[6];
};

static long perform(const struct request *request) {
  const long *a = request->arguments;
  return syscall(request->number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void report_anew(int fd) {
  if (fd >= MOST_DESCRIPTORS || watched[fd].epoll <= 0) return;
  syscall(SYS_epoll_ctl, watched[fd].epoll, EPOLL_CTL_MOD, fd, &watched[fd].event);
}

static void give_up_connection(int listener) {
  long fd = syscall(SYS_accept4, listener, NULL, NULL, SOCK_CLOEXEC);
  if (fd >= 0) syscall(SYS_close, fd);
}

static long fail(const struct fault *fault, const struct request *request) {
  int fd = (int)request->arguments[0];
  if ((fault->effects & FAULT_DONE) != 0) perform(request);
  if ((fault->effects & FAULT_EDGE) != 0) report_anew(fd);
  if ((fault->effects & FAULT_BROKEN) != 0) syscall(SYS_shutdown, fd, SHUT_RDWR);
  if ((fault->effects & FAULT_TAKEN) != 0) give_up_connection(fd);
  errno = fault->error;
  return -1;
}

/* Does the request, or lets it fail. One whose size is its third argument may come short. */
static long ask(int call, int by_library, struct request request) {
  const struct fault *fault = by_library ? next_fault(call) : NULL;
  long result;
  if (fault == NULL) return perform(&request);
  if (fault->error != 0) return fail(fault, &request);
  if (request.arguments[2] > 1) request.arguments[2] = 1;
  result = perform(&request);
  report_anew((int)request.arguments[0]);
  return result;
}

#define ASK(call, number, ...) ask(call, CALLED_BY_LIBRARY, (struct request){number, {__VA_ARGS__}})

/* The first byte of several pieces. */
static struct iovec first_byte(const struct iovec *pieces, size_t count) {
  struct iovec one = {NULL, 0};
  size_t i;
  for (i = 0; i < count && one.iov_len == 0; i++)
    one = pieces[i];
  if (one.iov_len > 1) one.iov_len = 1;
  return one;
}

static int is_short(const struct fault *fault) {
  return fault != NULL && fault->error == 0;
}

/* ---------------------------------------------------------------------------------------------------------------------
 * Instead of the C library's
 * ------------------------------------------------------------------------------------------------------------------ */

INSTEAD int socket(int family, int kind, int protocol) {
  return (int)ASK(SOCKET, SYS_socket, family, kind, protocol);
}

INSTEAD int bind(int fd, const struct sockaddr *name, socklen_t size) {
  return (int)ASK(BIND, SYS_bind, fd, (long)name, (long)size);
}

/* name_server.c's: it answers for the system's, where a test wants it to. */
int name_server_connect(int fd, const struct sockaddr *to, socklen_t size);
ssize_t name_server_recvfrom(int fd, void *data, size_t size, int flags, struct sockaddr *from, socklen_t *from_size);

INSTEAD int connect(int fd, const struct sockaddr *to, socklen_t size) {
  const struct fault *fault = CALLED_BY_LIBRARY ? next_fault(CONNECT) : NULL;
  if (fault == NULL) return name_server_connect(fd, to, size);
  if ((fault->effects & FAULT_DONE) != 0) name_server_connect(fd, to, size);
  errno = fault->error;
  return -1;
}

INSTEAD ssize_t recvfrom(int fd, void *data, size_t size, int flags, struct sockaddr *from, socklen_t *from_size) {
  const struct fault *fault = CALLED_BY_LIBRARY ? next_fault(RECVFROM) : NULL;
  if (fault == NULL) return name_server_recvfrom(fd, data, size, flags, from, from_size);
  errno = fault->error;
  return -1;
}

INSTEAD int listen(int fd, int backlog) {
  return (int)ASK(LISTEN, SYS_listen, fd, backlog);
}

INSTEAD int accept4(int fd, struct sockaddr *name, socklen_t *size, int flags) {
  return (int)ASK(ACCEPT, SYS_accept4, fd, (long)name, (long)size, flags);
}

INSTEAD int setsockopt(int fd, int level, int name, const void *value, socklen_t size) {
  return (int)ASK(SETSOCKOPT, SYS_setsockopt, fd, level, name, (long)value, (long)size);
}

INSTEAD int getsockopt(int fd, int level, int name, void *value, socklen_t *size) {
  long result = ASK(GETSOCKOPT, SYS_getsockopt, fd, level, name, (long)value, (long)size);
  if (result == 0 || injected == NULL || (injected->effects & FAULT_VALUE) == 0) return (int)result;
  memcpy(value, &injected->error, sizeof injected->error);
  return 0;
}

INSTEAD int getsockname(int fd, struct sockaddr *name, socklen_t *size) {
  return (int)ASK(GETSOCKNAME, SYS_getsockname, fd, (long)name, (long)size);
}

INSTEAD int shutdown(int fd, int how) {
  return (int)ASK(SHUTDOWN, SYS_shutdown, fd, how);
}

INSTEAD int close(int fd) {
  if (fd >= 0 && fd < MOST_DESCRIPTORS) watched[fd].epoll = 0;
  return (int)ASK(CLOSE, SYS_close, fd);
}

INSTEAD ssize_t read(int fd, void *data, size_t size) {
  int call = size > sizeof(uint64_t) ? READ_FILE : READ; /* that is what a read of an eventfd takes */
  return ASK(call, SYS_read, fd, (long)data, (long)size);
}

INSTEAD ssize_t write(int fd, const void *data, size_t size) {
  return ASK(WRITE, SYS_write, fd, (long)data, (long)size);
}

INSTEAD ssize_t recv(int fd, void *data, size_t size, int flags) {
  return ASK(RECV, SYS_recvfrom, fd, (long)data, (long)size, flags);
}

INSTEAD ssize_t send(int fd, const void *data, size_t size, int flags) {
  return ASK(SEND, SYS_sendto, fd, (long)data, (long)size, flags);
}

INSTEAD ssize_t readv(int fd, const struct iovec *pieces, int count) {
  const struct fault *fault = CALLED_BY_LIBRARY ? next_fault(READV) : NULL;
  struct iovec one = first_byte(pieces, (size_t)count);
  struct request request = {SYS_readv, {fd, (long)pieces, count}};
  long result;
  if (fault != NULL && !is_short(fault)) return fail(fault, &request);
  if (fault == NULL) return perform(&request);
  result = syscall(SYS_readv, fd, &one, 1);
  report_anew(fd);
  return result;
}

INSTEAD ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  const struct fault *fault = CALLED_BY_LIBRARY ? next_fault(SENDMSG) : NULL;
  struct iovec one = first_byte(message->msg_iov, message->msg_iovlen);
  struct msghdr cut = *message;
  struct request request = {SYS_sendmsg, {fd, (long)message, flags}};
  long result;
  if (fault != NULL && !is_short(fault)) return fail(fault, &request);
  if (fault == NULL) return perform(&request);
  cut.msg_iov = &one;
  cut.msg_iovlen = 1;
  result = syscall(SYS_sendmsg, fd, &cut, flags);
  report_anew(fd);
  return result;
}

INSTEAD int epoll_create1(int flags) {
  return (int)ASK(EPOLL_CREATE, SYS_epoll_create1, flags);
}

INSTEAD int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) {
  int by_library = CALLED_BY_LIBRARY;
  struct request request = {SYS_epoll_ctl, {epoll, operation, fd, (long)event}};
  const struct fault *fault = by_library && operation == EPOLL_CTL_ADD ? next_fault(EPOLL_ADD) : NULL;
  if (fault != NULL) return (int)fail(fault, &request);
  if (by_library && fd < MOST_DESCRIPTORS) {
    watched[fd].epoll = operation != EPOLL_CTL_DEL ? epoll : 0;
    if (operation != EPOLL_CTL_DEL) watched[fd].event = *event;
  }
  return (int)perform(&request);
}

INSTEAD int eventfd(unsigned value, int flags) {
  return (int)ASK(EVENTFD, SYS_eventfd2, value, flags);
}

INSTEAD int timerfd_create(int clock, int flags) {
  return (int)ASK(TIMERFD, SYS_timerfd_create, clock, flags);
}

INSTEAD ssize_t getrandom(void *data, size_t size, unsigned flags) {
  const struct fault *fault = CALLED_BY_LIBRARY ? next_fault(GETRANDOM) : NULL;
  struct request request = {SYS_getrandom, {(long)data, (long)(is_short(fault) ? 1 : size), flags}};
  if (fault == NULL || is_short(fault)) return perform(&request);
  errno = fault->error;
  return -1;
}

INSTEAD int getrlimit(__rlimit_resource_t resource, struct rlimit *limit) {
  return (int)ASK(GETRLIMIT, SYS_prlimit64, 0, (long)resource, 0, (long)limit);
}

INSTEAD int open(const char *name, int flags, ...) {
  va_list rest;
  int mode = 0;
  va_start(rest, flags);
  if ((flags & O_CREAT) != 0) mode = va_arg(rest, int);
  va_end(rest);
  return (int)ASK(OPEN, SYS_openat, AT_FDCWD, (long)name, flags, mode);
}

INSTEAD int stat(const char *name, struct stat *to) {
  return (int)ASK(STAT, SYS_newfstatat, AT_FDCWD, (long)name, (long)to, 0);
}

INSTEAD FILE *fopen(const char *name, const char *mode) {
  static FILE *(*real)(const char *, const char *);
  const struct fault *fault = CALLED_BY_LIBRARY ? next_fault(FOPEN) : NULL;
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "fopen");
  if (fault == NULL) return real(name, mode);
  errno = fault->error;
  return NULL;
}

/* ---------------------------------------------------------------------------------------------------------------------
 * Waits
 * ------------------------------------------------------------------------------------------------------------------ */

/* What is on its way gets a moment. */
static void linger(struct pollfd *entries, nfds_t count) {
  struct timespec moment = {0, 100000};
  syscall(SYS_ppoll, entries, count, &moment, NULL, 0);
}

static long poll_for(struct pollfd *entries, nfds_t count, int timeout_ms) {
  struct timespec time = {timeout_ms / 1000, (long)(timeout_ms % 1000) * 1000000};
  return syscall(SYS_ppoll, entries, count, timeout_ms >= 0 ? &time : NULL, NULL, 0);
}

INSTEAD int poll(struct pollfd *entries, nfds_t count, int timeout_ms) {
  int by_library = CALLED_BY_LIBRARY;
  const struct fault *fault = by_library ? next_fault(POLL) : NULL;
  long result;
  if (fault != NULL) {
    errno = fault->error;
    return -1;
  }
  if (!by_library) return (int)poll_for(entries, count, timeout_ms);
  if (timeout_ms != 0) linger(entries, count);
  result = poll_for(entries, count, 0);
  if (result != 0 || timeout_ms == 0) return (int)result;
  return (int)poll_for(entries, count, clock_wait(timeout_ms) ? 0 : timeout_ms);
}

static long epoll_for(int fd, struct epoll_event *events, int most, int timeout_ms) {
  return syscall(SYS_epoll_pwait, fd, events, most, timeout_ms, NULL, 8);
}

INSTEAD int epoll_wait(int fd, struct epoll_event *events, int most, int timeout_ms) {
  int by_library = CALLED_BY_LIBRARY;
  const struct fault *fault = by_library ? next_fault(EPOLL_WAIT) : NULL;
  struct pollfd any = {fd, POLLIN, 0};
  long result;
  if (fault != NULL) {
    errno = fault->error;
    return -1;
  }
  if (!by_library) return (int)epoll_for(fd, events, most, timeout_ms);
  if (timeout_ms != 0) linger(&any, 1);
  result = epoll_for(fd, events, most, 0);
  if (result != 0 || timeout_ms == 0) return (int)result;
  return (int)epoll_for(fd, events, most, clock_wait(timeout_ms) ? 0 : timeout_ms);
}
