/* What the Go side calls in place of several functions of hawser.h, so that a batch crosses the border once. */
#ifndef HAWSER_GO_BATCH_H
#define HAWSER_GO_BATCH_H

#include <hawser.h>
#include <stdlib.h>

enum { HAWSER_GO_BATCH = 256 }; /* entries: the default of the option "max_events" */

/* An event and its words; both are the library's, valid until the next poll. text: NULL where there are none. */
typedef struct hawser_go_entry {
  const hws_event *event;
  const char *text;
} hawser_go_entry;

/* Those of the batch from number `first` on, as many as there is room for. */
static inline void hawser_go_events(hws_manager *manager, int32_t first, hawser_go_entry *entries) {
  for (int32_t i = 0; i < HAWSER_GO_BATCH; i++) {
    const hws_event *event = hws_manager_event(manager, first + i);
    if (!event) return;
    entries[i].event = event;
    entries[i].text = event->kind == HWS_EVENT_CLOSE ? hws_manager_event_text(manager, first + i) : NULL;
  }
}

static inline hws_result hawser_go_poll(hws_manager *manager, int32_t timeout, hawser_go_entry *entries) {
  hws_result count = hws_manager_poll(manager, timeout);
  if (count > 0) hawser_go_events(manager, 0, entries);
  return count;
}

/* A send by whichever thread has the manager for itself at the moment: the first call makes it the one that the manager
 * belongs to, so that the message needs no way round by the mailbox. flush: nobody is going to poll soon. */
static inline hws_result hawser_go_send_alone(hws_manager *manager, hws_id connection, int32_t opcode,
                                              const uint8_t *data, size_t size, int32_t flush) {
  hws_manager_queued(manager, connection);
  hws_result result = hws_manager_send(manager, connection, opcode, data, size);
  if (flush) hws_manager_flush(manager);
  return result;
}

/* A close likewise. */
static inline hws_result hawser_go_close_alone(hws_manager *manager, hws_id id, int32_t code, const char *reason) {
  hws_manager_queued(manager, id);
  return hws_manager_close(manager, id, code, reason);
}

/* Payloads as bytes: of a pointer to void cgo demands that the Go object it points into has no pointers anywhere. */
static inline hws_result hawser_go_send(hws_manager *manager, hws_id connection, int32_t opcode, const uint8_t *data,
                                        size_t size) {
  return hws_manager_send(manager, connection, opcode, data, size);
}

static inline hws_result hawser_go_send_part(hws_manager *manager, hws_id connection, int32_t opcode,
                                             const uint8_t *data, size_t size, int32_t final) {
  return hws_manager_send_part(manager, connection, opcode, data, size, final);
}

static inline hws_result hawser_go_ping(hws_manager *manager, hws_id connection, const uint8_t *data, size_t size) {
  return hws_manager_ping(manager, connection, data, size);
}

static inline int32_t hawser_go_broadcast(hws_manager *manager, hws_id listener, hws_id except, int32_t opcode,
                                          const uint8_t *data, size_t size) {
  return hws_manager_broadcast(manager, listener, except, opcode, data, size);
}

static inline hws_result hawser_go_respond(hws_manager *manager, hws_id connection, int32_t status,
                                           const hws_options *headers, const uint8_t *body, size_t size) {
  return hws_manager_respond(manager, connection, status, headers, body, size);
}

#endif
