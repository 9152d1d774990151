/* The manager: its life, polling, and the calls that act. */
#include <stdlib.h>

#include "addon.h"

static void end(binding *bound) {
  stop_watching(bound); /* before its descriptor is closed */
  registry_remove(bound);
  hws_manager_free(bound->manager);
  bound->manager = NULL;
}

static void finalize_manager(napi_env env, void *bound, void *hint) {
  (void)env;
  (void)hint;
  end(bound);
  free(bound);
}

static napi_value manager_new(napi_env env, napi_callback_info info) {
  napi_value argument[1], value = NULL;
  void *options;
  if (!take_arguments(env, info, argument, 1, NULL) || !take_handle(env, argument[0], &options)) return NULL;
  binding *bound = calloc(1, sizeof *bound);
  hws_manager *manager = bound ? hws_manager_new(options) : NULL;
  if (manager == NULL) {
    free(bound);
    return number_value(env, HWS_ERR_NO_MEMORY);
  }
  bound->manager = manager;
  registry_add(bound);
  if (napi_create_external(env, bound, finalize_manager, NULL, &value) != napi_ok) finalize_manager(env, bound, NULL);
  return value;
}

static napi_value manager_free(napi_env env, napi_callback_info info) {
  napi_value argument[1];
  binding *bound = take_call(env, info, argument, 1, NULL);
  if (bound != NULL) end(bound);
  return NULL;
}

static napi_value manager_handle(napi_env env, napi_callback_info info) {
  napi_value argument[1];
  binding *bound = take_call(env, info, argument, 1, NULL);
  return bound ? number_value(env, bound->handle) : NULL;
}

/* ---- polling: a batch is packed into memory of JavaScript's, from `offset` on ---- */

static napi_value pack(napi_env env, hws_manager *manager, napi_value memory, napi_value offset) {
  void *data = NULL;
  size_t size = 0;
  int64_t start = 0;
  if (napi_get_buffer_info(env, memory, &data, &size) != napi_ok || !take_int64(env, offset, &start)) return NULL;
  if (start < 0 || (size_t)start > size) return number_value(env, HWS_ERR_TOO_SMALL);
  return number_value(env, hws_manager_pack_events(manager, (char *)data + start, size - (size_t)start));
}

/* (manager, timeout, memory, offset): the bytes packed, 0 if there are no events. */
static napi_value manager_poll(napi_env env, napi_callback_info info) {
  napi_value argument[4];
  int32_t timeout;
  binding *bound = take_call(env, info, argument, 4, NULL);
  if (bound == NULL || !take_int32(env, argument[1], &timeout)) return NULL;
  hws_result count = hws_manager_poll(bound->manager, timeout);
  return count > 0 ? pack(env, bound->manager, argument[2], argument[3]) : number_value(env, count);
}

/* (manager, memory, offset): goes on where poll, or the last pack, stopped. */
static napi_value manager_pack(napi_env env, napi_callback_info info) {
  napi_value argument[3];
  binding *bound = take_call(env, info, argument, 3, NULL);
  return bound ? pack(env, bound->manager, argument[1], argument[2]) : NULL;
}

static napi_value manager_pack_size(napi_env env, napi_callback_info info) {
  napi_value argument[1];
  binding *bound = take_call(env, info, argument, 1, NULL);
  return bound ? number_value(env, hws_manager_pack_size(bound->manager)) : NULL;
}

/* ---- calls of one shape each ---- */

typedef struct {
  const char *name;
  hws_result (*call)(hws_manager *);
} plain_call;

static const plain_call plain_calls[] = {{"flush", hws_manager_flush}, {"wake", hws_manager_wake}};

static napi_value call_plain(napi_env env, napi_callback_info info) {
  napi_value argument[1];
  void *data;
  binding *bound = take_call(env, info, argument, 1, &data);
  return bound ? number_value(env, ((const plain_call *)data)->call(bound->manager)) : NULL;
}

typedef struct {
  const char *name;
  hws_result (*call)(hws_manager *, hws_id);
} id_call;

static const id_call id_calls[] = {
    {"abort", hws_manager_abort}, {"pause", hws_manager_pause}, {"resume", hws_manager_resume}};

static napi_value call_id(napi_env env, napi_callback_info info) {
  napi_value argument[2];
  void *data;
  int64_t id;
  binding *bound = take_call(env, info, argument, 2, &data);
  if (bound == NULL || !take_int64(env, argument[1], &id)) return NULL;
  return number_value(env, ((const id_call *)data)->call(bound->manager, id));
}

typedef struct {
  const char *name;
  hws_id (*call)(hws_manager *, const char *, const hws_options *);
} url_call;

static const url_call url_calls[] = {{"listen", hws_manager_listen}, {"connect", hws_manager_connect}};

static napi_value call_url(napi_env env, napi_callback_info info) {
  napi_value argument[3];
  void *data, *options;
  char *url;
  binding *bound = take_call(env, info, argument, 3, &data);
  if (bound == NULL || !take_handle(env, argument[2], &options) || !take_text(env, argument[1], &url)) return NULL;
  hws_id id = ((const url_call *)data)->call(bound->manager, url, options);
  free(url);
  return number_value(env, id);
}

/* ---- the others ---- */

/* (manager, id, opcode, data): the bytes that are queued now, to save a call to those who want to know. */
static napi_value manager_send(napi_env env, napi_callback_info info) {
  napi_value argument[4];
  int64_t id;
  int32_t opcode;
  payload bytes;
  binding *bound = take_call(env, info, argument, 4, NULL);
  if (bound == NULL || !take_int64(env, argument[1], &id) || !take_int32(env, argument[2], &opcode)) return NULL;
  if (!take_payload(env, argument[3], &bytes)) return NULL;
  hws_result result = hws_manager_send(bound->manager, id, opcode, bytes.data, bytes.size);
  release_payload(&bytes);
  return number_value(env, result < 0 ? result : hws_manager_queued(bound->manager, id));
}

/* (manager, id, opcode, data, final) */
static napi_value manager_send_part(napi_env env, napi_callback_info info) {
  napi_value argument[5];
  int64_t id;
  int32_t opcode, final;
  payload bytes;
  binding *bound = take_call(env, info, argument, 5, NULL);
  if (bound == NULL || !take_int64(env, argument[1], &id) || !take_int32(env, argument[2], &opcode)) return NULL;
  if (!take_int32(env, argument[4], &final) || !take_payload(env, argument[3], &bytes)) return NULL;
  hws_result result = hws_manager_send_part(bound->manager, id, opcode, bytes.data, bytes.size, final);
  release_payload(&bytes);
  return number_value(env, result);
}

static napi_value manager_ping(napi_env env, napi_callback_info info) {
  napi_value argument[3];
  int64_t id;
  payload bytes;
  binding *bound = take_call(env, info, argument, 3, NULL);
  if (bound == NULL || !take_int64(env, argument[1], &id) || !take_payload(env, argument[2], &bytes)) return NULL;
  hws_result result = hws_manager_ping(bound->manager, id, bytes.data, bytes.size);
  release_payload(&bytes);
  return number_value(env, result);
}

static napi_value manager_close(napi_env env, napi_callback_info info) {
  napi_value argument[4];
  int64_t id;
  int32_t code;
  char *reason;
  binding *bound = take_call(env, info, argument, 4, NULL);
  if (bound == NULL || !take_int64(env, argument[1], &id) || !take_int32(env, argument[2], &code)) return NULL;
  if (!take_text(env, argument[3], &reason)) return NULL;
  hws_result result = hws_manager_close(bound->manager, id, code, reason);
  free(reason);
  return number_value(env, result);
}

static napi_value manager_set_tag(napi_env env, napi_callback_info info) {
  napi_value argument[3];
  int64_t id, tag;
  binding *bound = take_call(env, info, argument, 3, NULL);
  if (bound == NULL || !take_int64(env, argument[1], &id) || !take_int64(env, argument[2], &tag)) return NULL;
  return number_value(env, hws_manager_set_tag(bound->manager, id, tag));
}

/* (manager, listener, except, opcode, data) */
static napi_value manager_broadcast(napi_env env, napi_callback_info info) {
  napi_value argument[5];
  int64_t listener, except;
  int32_t opcode;
  payload bytes;
  binding *bound = take_call(env, info, argument, 5, NULL);
  if (bound == NULL || !take_int64(env, argument[1], &listener) || !take_int64(env, argument[2], &except)) return NULL;
  if (!take_int32(env, argument[3], &opcode) || !take_payload(env, argument[4], &bytes)) return NULL;
  int32_t count = hws_manager_broadcast(bound->manager, listener, except, opcode, bytes.data, bytes.size);
  release_payload(&bytes);
  return number_value(env, count);
}

/* (manager, id, subprotocol, options) */
static napi_value manager_accept(napi_env env, napi_callback_info info) {
  napi_value argument[4];
  int64_t id;
  char *subprotocol;
  void *options;
  binding *bound = take_call(env, info, argument, 4, NULL);
  if (bound == NULL || !take_int64(env, argument[1], &id) || !take_handle(env, argument[3], &options)) return NULL;
  if (!take_text(env, argument[2], &subprotocol)) return NULL;
  hws_result result = hws_manager_accept(bound->manager, id, subprotocol, options);
  free(subprotocol);
  return number_value(env, result);
}

/* (manager, id, status, options, body) */
static napi_value manager_respond(napi_env env, napi_callback_info info) {
  napi_value argument[5];
  int64_t id;
  int32_t status;
  void *options;
  payload body;
  binding *bound = take_call(env, info, argument, 5, NULL);
  if (bound == NULL || !take_int64(env, argument[1], &id) || !take_int32(env, argument[2], &status)) return NULL;
  if (!take_handle(env, argument[3], &options) || !take_payload(env, argument[4], &body)) return NULL;
  hws_result result = hws_manager_respond(bound->manager, id, status, options, body.data, body.size);
  release_payload(&body);
  return number_value(env, result);
}

static napi_value manager_reload_tls(napi_env env, napi_callback_info info) {
  napi_value argument[3];
  int64_t listener;
  void *options;
  binding *bound = take_call(env, info, argument, 3, NULL);
  if (bound == NULL || !take_int64(env, argument[1], &listener) || !take_handle(env, argument[2], &options))
    return NULL;
  return number_value(env, hws_manager_reload_tls(bound->manager, listener, options));
}

static napi_value manager_drain(napi_env env, napi_callback_info info) {
  napi_value argument[2];
  int32_t deadline;
  binding *bound = take_call(env, info, argument, 2, NULL);
  if (bound == NULL || !take_int32(env, argument[1], &deadline)) return NULL;
  return number_value(env, hws_manager_drain(bound->manager, deadline));
}

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

void add_managers(napi_env env, napi_value exports) {
  for (size_t i = 0; i < COUNT(plain_calls); i++)
    add_function(env, exports, plain_calls[i].name, call_plain, &plain_calls[i]);
  for (size_t i = 0; i < COUNT(id_calls); i++)
    add_function(env, exports, id_calls[i].name, call_id, &id_calls[i]);
  for (size_t i = 0; i < COUNT(url_calls); i++)
    add_function(env, exports, url_calls[i].name, call_url, &url_calls[i]);
  add_function(env, exports, "managerNew", manager_new, NULL);
  add_function(env, exports, "free", manager_free, NULL);
  add_function(env, exports, "handle", manager_handle, NULL);
  add_function(env, exports, "poll", manager_poll, NULL);
  add_function(env, exports, "pack", manager_pack, NULL);
  add_function(env, exports, "packSize", manager_pack_size, NULL);
  add_function(env, exports, "send", manager_send, NULL);
  add_function(env, exports, "sendPart", manager_send_part, NULL);
  add_function(env, exports, "ping", manager_ping, NULL);
  add_function(env, exports, "close", manager_close, NULL);
  add_function(env, exports, "setTag", manager_set_tag, NULL);
  add_function(env, exports, "broadcast", manager_broadcast, NULL);
  add_function(env, exports, "accept", manager_accept, NULL);
  add_function(env, exports, "respond", manager_respond, NULL);
  add_function(env, exports, "reloadTls", manager_reload_tls, NULL);
  add_function(env, exports, "drain", manager_drain, NULL);
}
