// For languages whose threads run at the same time: every call may come from every thread. What hawser.h leaves to one thread at a
// time fails with HWS_ERR_BUSY while another is at it, and what is closed is only freed when all have left. And for those that
// take packed records apart themselves: their size.

%{
#include <sched.h>
#include <string.h>

// In Manager.inside, above the number of the calls of any thread.
enum { HAWSER_CLOSED = 1 << 30, HAWSER_BUSY = 1 << 29 };

// HWS_OK: the manager stays as it is until hawser_leave, even if another thread closes it. HWS_ERR_ARGUMENT: it is closed; _BUSY.
static hws_result hawser_enter(Manager *manager, int any_thread) {
  int32_t was = any_thread ? __atomic_fetch_add(&manager->inside, 1, __ATOMIC_ACQUIRE)
                           : __atomic_fetch_or(&manager->inside, HAWSER_BUSY, __ATOMIC_ACQUIRE);
  int is_busy = !any_thread && (was & HAWSER_BUSY);
  if (!is_busy && !(was & HAWSER_CLOSED)) return HWS_OK;
  if (any_thread) __atomic_fetch_sub(&manager->inside, 1, __ATOMIC_RELEASE);
  if (!any_thread && !is_busy) __atomic_fetch_and(&manager->inside, ~HAWSER_BUSY, __ATOMIC_RELEASE);
  return was & HAWSER_CLOSED ? HWS_ERR_ARGUMENT : HWS_ERR_BUSY;
}

static void hawser_leave(Manager *manager, int any_thread) {
  if (any_thread)
    __atomic_fetch_sub(&manager->inside, 1, __ATOMIC_RELEASE);
  else
    __atomic_fetch_and(&manager->inside, ~HAWSER_BUSY, __ATOMIC_RELEASE);
}

// Calls are short, but for a poll that waits: it is woken.
static void hawser_close(Manager *manager) {
  if (__atomic_fetch_or(&manager->inside, HAWSER_CLOSED, __ATOMIC_ACQ_REL) & HAWSER_CLOSED) return;
  while (__atomic_load_n(&manager->inside, __ATOMIC_ACQUIRE) != HAWSER_CLOSED) {
    hws_manager_wake(manager->handle);
    sched_yield();
  }
  hws_manager_free(manager->handle);
  manager->handle = NULL;
}

// Of a method, by SWIG's name for it, in C's case or C#'s: see hawser.h, promise 6. The compiler works it out.
static inline int hawser_is_for_any_thread(const char *method) {
  return !strcmp(method, "Manager_send") || !strcmp(method, "Manager_close") || !strcmp(method, "Manager_wake") ||
         !strcmp(method, "Manager_Send") || !strcmp(method, "Manager_Close") || !strcmp(method, "Manager_Wake");
}

// What a record of hws_manager_pack_events has behind its header.
static inline int64_t hawser_body_size(Batch batch, int32_t index) {
  const hws_event *event = hws_manager_event(batch.manager, index);
  int64_t text = event->kind == HWS_EVENT_CLOSE ? (int64_t)strlen(hws_manager_event_text(batch.manager, index)) : 0;
  return (event->size + text + 7) / 8 * 8;
}

// Later versions of the library may lengthen the header: the first record tells it.
static inline int64_t hawser_batch_size(Batch batch) {
  int64_t header = batch.count > 0 ? hws_manager_pack_size(batch.manager) - hawser_body_size(batch, 0) : 0;
  int64_t size = header * batch.count;
  for (int32_t i = 0; i < batch.count; i++) size += hawser_body_size(batch, i);
  return size;
}
%}
