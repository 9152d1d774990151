/* Managers by number: a number can be posted to another thread, a manager cannot. */
#include <pthread.h>
#include <stdlib.h>

#include "addon.h"

/* Held to look a manager up. Calls of other threads are counted, so that free waits for them (promise 6 of hawser.h)
 * and for no new ones: a lock that they held while they call might never be free. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t left = PTHREAD_COND_INITIALIZER;
static binding *first;
static int64_t last_handle;

void registry_add(binding *bound) {
  pthread_mutex_lock(&lock);
  bound->handle = ++last_handle;
  bound->next = first;
  first = bound;
  pthread_mutex_unlock(&lock);
}

void registry_remove(binding *bound) {
  pthread_mutex_lock(&lock);
  binding **at = &first;
  while (*at != NULL && *at != bound)
    at = &(*at)->next;
  if (*at == bound) *at = bound->next;
  while (bound->visitors != 0)
    pthread_cond_wait(&left, &lock);
  pthread_mutex_unlock(&lock);
}

static binding *enter(int64_t handle) {
  pthread_mutex_lock(&lock);
  binding *bound = first;
  while (bound != NULL && bound->handle != handle)
    bound = bound->next;
  if (bound != NULL) bound->visitors++;
  pthread_mutex_unlock(&lock);
  return bound;
}

static void leave(binding *bound) {
  pthread_mutex_lock(&lock);
  if (--bound->visitors == 0) pthread_cond_broadcast(&left);
  pthread_mutex_unlock(&lock);
}

/* (handle, id, opcode, data) */
static napi_value remote_send(napi_env env, napi_callback_info info) {
  napi_value argument[4];
  int64_t handle, id;
  int32_t opcode;
  payload bytes;
  if (!take_arguments(env, info, argument, 4, NULL) || !take_int64(env, argument[0], &handle)) return NULL;
  if (!take_int64(env, argument[1], &id) || !take_int32(env, argument[2], &opcode)) return NULL;
  if (!take_payload(env, argument[3], &bytes)) return NULL;
  binding *bound = enter(handle);
  hws_result result = bound ? hws_manager_send(bound->manager, id, opcode, bytes.data, bytes.size) : HWS_ERR_STALE;
  if (bound != NULL) leave(bound);
  release_payload(&bytes);
  return number_value(env, result);
}

/* (handle, id, code, reason) */
static napi_value remote_close(napi_env env, napi_callback_info info) {
  napi_value argument[4];
  int64_t handle, id;
  int32_t code;
  char *reason;
  if (!take_arguments(env, info, argument, 4, NULL) || !take_int64(env, argument[0], &handle)) return NULL;
  if (!take_int64(env, argument[1], &id) || !take_int32(env, argument[2], &code)) return NULL;
  if (!take_text(env, argument[3], &reason)) return NULL;
  binding *bound = enter(handle);
  hws_result result = bound ? hws_manager_close(bound->manager, id, code, reason) : HWS_ERR_STALE;
  if (bound != NULL) leave(bound);
  free(reason);
  return number_value(env, result);
}

static napi_value remote_wake(napi_env env, napi_callback_info info) {
  napi_value argument[1];
  int64_t handle;
  if (!take_arguments(env, info, argument, 1, NULL) || !take_int64(env, argument[0], &handle)) return NULL;
  binding *bound = enter(handle);
  hws_result result = bound ? hws_manager_wake(bound->manager) : HWS_ERR_STALE;
  if (bound != NULL) leave(bound);
  return number_value(env, result);
}

void add_registry(napi_env env, napi_value exports) {
  add_function(env, exports, "remoteSend", remote_send, NULL);
  add_function(env, exports, "remoteClose", remote_close, NULL);
  add_function(env, exports, "remoteWake", remote_wake, NULL);
}
