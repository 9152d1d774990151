/* A manager with a diary of all its events, for tests in C. */
#ifndef HAWSER_TESTS_LOG_H
#define HAWSER_TESTS_LOG_H

#include <hawser.h>

#include "support/raw_peer.h"

struct log_entry {
  hws_event event; /* its data is the copy below */
  char *data;      /* with a NUL behind it */
  char words[512];
  int taken;
};

struct log {
  hws_manager *manager;
  struct log_entry *entries;
  size_t count;
  size_t capacity;
  /* Called for each event during its batch; may be NULL. */
  void (*each)(struct log *log, const hws_event *event);
  int64_t number; /* for `each` */
  int ports[64];  /* of log_listen: another log's listener may get one later, and not speak TLS */
  size_t port_count;
};

/* A manager with the backend that this run of the tests is about: HAWSER_TEST_BACKEND in the environment, "auto"
 * without it. It is set in `options`, which may be NULL. */
hws_manager *log_new_manager(hws_options *options);

void log_open(struct log *log, hws_options *options);
void log_close(struct log *log);
/* One poll; its events go into the diary. Returns what the poll returned. */
hws_result log_poll(struct log *log, int32_t timeout_ms);
/* log_poll(log, 0) for raw_peer.pump. */
void log_pump(void *log);
/* Polls until an event of this kind, of this id (0: any), has come that was not returned yet; NULL when patience ends.
 */
const struct log_entry *log_wait(struct log *log, int32_t kind, hws_id id);
/* How many events of a kind and id (0: any) there were so far. */
size_t log_count(const struct log *log, int32_t kind, hws_id id);
/* Polls until `count` of them are there; false when patience ends. */
int log_wait_count(struct log *log, int32_t kind, hws_id id, size_t count);
/* Polls on for as long as the loop finds something to do, and a little more: nothing else is to come. */
void log_settle(struct log *log);

/* A listener at a free port. */
hws_id log_listen(struct log *log, const hws_options *options, int *port);
int log_port(struct log *log, hws_id listener);
/* A raw client that has been upgraded, and its id; 0 if that failed. */
hws_id log_join(struct log *log, int port, struct raw_peer *peer, const char *headers);
/* A connection of the manager to a raw server, after OPEN; 0 if that failed. */
hws_id log_dial(struct log *log, const hws_options *options, struct raw_peer *peer);
/* An options handle with some numbers: names and values, which are read as int, up to a NULL. */
hws_options *log_options(const char *name, ...);
/* The backend under test has a descriptor for outer loops. */
int log_has_outer_loops(void);
/* Open descriptors of this process. */
int log_descriptors(void);

#endif
