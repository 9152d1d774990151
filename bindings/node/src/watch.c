/* Waiting for a manager in the loop of its environment: uv_poll on hws_manager_fd, and a flush before the loop waits.
 */
#define _POSIX_C_SOURCE 200809L /* pthread_rwlock_t */
#include <stdlib.h>
#include <uv.h>

#include "addon.h"

typedef struct watch {
  uv_poll_t poll;
  uv_prepare_t prepare;
  int handles; /* of the two; freed when the loop has let go of both */
  napi_env env;
  binding *bound; /* NULL once stopped */
  napi_ref callback;
  napi_async_context context;
  napi_async_cleanup_hook_handle hook; /* keeps the environment until the loop has let go */
} watch;

/* An exception of the callback is one of the program, not of whoever started the loop. */
static void report_exception(napi_env env) {
  napi_value exception = NULL;
  if (napi_get_and_clear_last_exception(env, &exception) == napi_ok) napi_fatal_exception(env, exception);
}

/* One batch for each turn of the loop: the descriptor stays readable while there is more, and others get their turn in
 * between. What was sent meanwhile, in promises and ticks too, leaves now. */
static void on_readable(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  watch *self = poll->data;
  napi_env env = self->env;
  napi_handle_scope scope;
  napi_value callback = NULL, global = NULL;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_get_reference_value(env, self->callback, &callback);
  napi_get_global(env, &global);
  napi_status answer = napi_make_callback(env, self->context, global, callback, 0, NULL, NULL);
  if (answer == napi_pending_exception) report_exception(env);
  napi_close_handle_scope(env, scope);
  if (self->bound != NULL) hws_manager_flush(self->bound->manager);
}

/* The loop is about to wait: what was said in this turn, outside of on_readable too, leaves now (option "outer_flush").
 */
static void on_prepare(uv_prepare_t *prepare) {
  watch *self = prepare->data;
  if (self->bound != NULL) hws_manager_flush(self->bound->manager);
}

static void on_closed(uv_handle_t *handle) {
  watch *self = handle->data;
  if (--self->handles > 0) return;
  if (self->hook != NULL) napi_remove_async_cleanup_hook(self->hook);
  free(self);
}

void stop_watching(binding *bound) {
  watch *self = bound->watch;
  if (self == NULL) return;
  bound->watch = NULL;
  self->bound = NULL;
  uv_poll_stop(&self->poll);
  napi_delete_reference(self->env, self->callback);
  napi_async_destroy(self->env, self->context);
  uv_close((uv_handle_t *)&self->poll, on_closed);
  uv_close((uv_handle_t *)&self->prepare, on_closed);
}

static void on_environment_end(napi_async_cleanup_hook_handle hook, void *data) {
  (void)hook;
  watch *self = data;
  if (self->bound != NULL) stop_watching(self->bound);
}

static watch *start_watching(napi_env env, int64_t fd, napi_value callback) {
  uv_loop_t *loop = NULL;
  watch *self = calloc(1, sizeof *self);
  if (self == NULL || napi_get_uv_event_loop(env, &loop) != napi_ok || uv_poll_init(loop, &self->poll, (int)fd) != 0) {
    free(self);
    return NULL;
  }
  self->env = env;
  self->poll.data = self;
  napi_create_reference(env, callback, 1, &self->callback);
  napi_async_init(env, NULL, text_value(env, "hawser"), &self->context);
  napi_add_async_cleanup_hook(env, on_environment_end, self, &self->hook);
  uv_poll_start(&self->poll, UV_READABLE, on_readable);
  uv_prepare_init(loop, &self->prepare);
  self->prepare.data = self;
  self->handles = 2;
  uv_prepare_start(&self->prepare, on_prepare);
  uv_unref((uv_handle_t *)&self->prepare);
  return self;
}

/* (manager, callback): the callback is called in a turn of the loop in which there is something to poll for. */
static napi_value watch_manager(napi_env env, napi_callback_info info) {
  napi_value argument[2];
  void *handle;
  if (!take_arguments(env, info, argument, 2, NULL) || !take_handle(env, argument[0], &handle)) return NULL;
  binding *bound = handle;
  int64_t fd = hws_manager_fd(bound->manager);
  if (fd < 0) return number_value(env, fd);
  stop_watching(bound);
  bound->watch = start_watching(env, fd, argument[1]);
  if (bound->watch == NULL) return number_value(env, HWS_ERR_SYSTEM);
  bound->watch->bound = bound;
  return number_value(env, HWS_OK);
}

static napi_value unwatch_manager(napi_env env, napi_callback_info info) {
  napi_value argument[1];
  void *bound;
  if (!take_arguments(env, info, argument, 1, NULL) || !take_handle(env, argument[0], &bound)) return NULL;
  stop_watching(bound);
  return NULL;
}

/* (manager, whether the loop goes on as long as it is watched) */
static napi_value hold_loop(napi_env env, napi_callback_info info) {
  napi_value argument[2];
  void *handle;
  bool hold = false;
  if (!take_arguments(env, info, argument, 2, NULL) || !take_handle(env, argument[0], &handle)) return NULL;
  binding *bound = handle;
  if (bound->watch == NULL || napi_get_value_bool(env, argument[1], &hold) != napi_ok) return NULL;
  if (hold)
    uv_ref((uv_handle_t *)&bound->watch->poll);
  else
    uv_unref((uv_handle_t *)&bound->watch->poll);
  return NULL;
}

void add_watching(napi_env env, napi_value exports) {
  add_function(env, exports, "watch", watch_manager, NULL);
  add_function(env, exports, "unwatch", unwatch_manager, NULL);
  add_function(env, exports, "holdLoop", hold_loop, NULL);
}
