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
static inline hws_result hawser_go_send(hws_manager *manager, hws_id connection, int32_t opcode, const void *data,
                                        size_t size, int32_t flush) {
  hws_manager_queued(manager, connection);
  hws_result result = hws_manager_send(manager, connection, opcode, data, size);
  if (result == 0 && flush) hws_manager_flush(manager);
  return result;
}

#endif
