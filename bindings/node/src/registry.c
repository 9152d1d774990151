/* Managers by number: a number can be posted to another thread, a manager cannot. */
#define _POSIX_C_SOURCE 200809L /* pthread_rwlock_t */
#include <pthread.h>
#include <stdlib.h>

#include "addon.h"

/* Held for reading by a call of another thread, so that free waits for it (promise 6 of hawser.h). */
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static binding *first;
static int64_t last_handle;

void registry_add(binding *bound) {
  pthread_rwlock_wrlock(&lock);
  bound->handle = ++last_handle;
  bound->next = first;
  first = bound;
  pthread_rwlock_unlock(&lock);
}

void registry_remove(binding *bound) {
  pthread_rwlock_wrlock(&lock);
  binding **at = &first;
  while (*at != NULL && *at != bound)
    at = &(*at)->next;
  if (*at == bound) *at = bound->next;
  pthread_rwlock_unlock(&lock);
}

static hws_manager *find(int64_t handle) {
  const binding *bound = first;
  while (bound != NULL && bound->handle != handle)
    bound = bound->next;
  return bound ? bound->manager : NULL;
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
  pthread_rwlock_rdlock(&lock);
  hws_manager *manager = find(handle);
  hws_result result = manager ? hws_manager_send(manager, id, opcode, bytes.data, bytes.size) : HWS_ERR_STALE;
  pthread_rwlock_unlock(&lock);
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
  pthread_rwlock_rdlock(&lock);
  hws_manager *manager = find(handle);
  hws_result result = manager ? hws_manager_close(manager, id, code, reason) : HWS_ERR_STALE;
  pthread_rwlock_unlock(&lock);
  free(reason);
  return number_value(env, result);
}

static napi_value remote_wake(napi_env env, napi_callback_info info) {
  napi_value argument[1];
  int64_t handle;
  if (!take_arguments(env, info, argument, 1, NULL) || !take_int64(env, argument[0], &handle)) return NULL;
  pthread_rwlock_rdlock(&lock);
  hws_manager *manager = find(handle);
  hws_result result = manager ? hws_manager_wake(manager) : HWS_ERR_STALE;
  pthread_rwlock_unlock(&lock);
  return number_value(env, result);
}

void add_registry(napi_env env, napi_value exports) {
  add_function(env, exports, "remoteSend", remote_send, NULL);
  add_function(env, exports, "remoteClose", remote_close, NULL);
  add_function(env, exports, "remoteWake", remote_wake, NULL);
}
