/* What a manager has to tell. */
#include <stdlib.h>

#include "addon.h"

typedef struct {
  const char *name;
  const char *(*read)(hws_manager *, hws_id);
} reader;

static const reader readers[] = {
    {"path", hws_manager_path},
    {"status", hws_manager_status},
    {"subprotocol", hws_manager_subprotocol},
    {"extensions", hws_manager_extensions},
    {"tls", hws_manager_tls},
    {"tlsSubject", hws_manager_tls_subject},
    {"peerAddress", hws_manager_peer_address},
    {"localAddress", hws_manager_local_address},
};

static napi_value read_text(napi_env env, napi_callback_info info) {
  napi_value argument[2];
  void *data;
  int64_t id;
  binding *bound = take_call(env, info, argument, 2, &data);
  if (bound == NULL || !take_int64(env, argument[1], &id)) return NULL;
  return text_value(env, ((const reader *)data)->read(bound->manager, id));
}

/* (manager, id, name, nth) */
static napi_value header(napi_env env, napi_callback_info info) {
  napi_value argument[4];
  int64_t id;
  int32_t nth;
  char *name;
  binding *bound = take_call(env, info, argument, 4, NULL);
  if (bound == NULL || !take_int64(env, argument[1], &id) || !take_int32(env, argument[3], &nth)) return NULL;
  if (!take_text(env, argument[2], &name)) return NULL;
  napi_value value = text_value(env, hws_manager_header(bound->manager, id, name, nth));
  free(name);
  return value;
}

static napi_value header_at(napi_env env, napi_callback_info info) {
  napi_value argument[3];
  int64_t id;
  int32_t index;
  binding *bound = take_call(env, info, argument, 3, NULL);
  if (bound == NULL || !take_int64(env, argument[1], &id) || !take_int32(env, argument[2], &index)) return NULL;
  return text_value(env, hws_manager_header_at(bound->manager, id, index));
}

/* (manager, id): all of the peer's head, "Name: value" each. */
static napi_value headers(napi_env env, napi_callback_info info) {
  napi_value argument[2], list = NULL;
  int64_t id;
  const char *line;
  binding *bound = take_call(env, info, argument, 2, NULL);
  if (bound == NULL || !take_int64(env, argument[1], &id)) return NULL;
  napi_create_array(env, &list);
  for (int32_t i = 0; (line = hws_manager_header_at(bound->manager, id, i)) != NULL; i++)
    napi_set_element(env, list, (uint32_t)i, text_value(env, line));
  return list;
}

static napi_value queued(napi_env env, napi_callback_info info) {
  napi_value argument[2];
  int64_t id;
  binding *bound = take_call(env, info, argument, 2, NULL);
  if (bound == NULL || !take_int64(env, argument[1], &id)) return NULL;
  return number_value(env, hws_manager_queued(bound->manager, id));
}

static napi_value stat(napi_env env, napi_callback_info info) {
  napi_value argument[2];
  char *name;
  binding *bound = take_call(env, info, argument, 2, NULL);
  if (bound == NULL || !take_text(env, argument[1], &name)) return NULL;
  int64_t value = hws_manager_stat(bound->manager, name);
  free(name);
  return number_value(env, value);
}

static napi_value last_error(napi_env env, napi_callback_info info) {
  napi_value argument[1];
  binding *bound = take_call(env, info, argument, 1, NULL);
  return bound ? text_value(env, hws_manager_last_error(bound->manager)) : NULL;
}

static napi_value fd(napi_env env, napi_callback_info info) {
  napi_value argument[1];
  binding *bound = take_call(env, info, argument, 1, NULL);
  return bound ? number_value(env, hws_manager_fd(bound->manager)) : NULL;
}

void add_readers(napi_env env, napi_value exports) {
  for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++)
    add_function(env, exports, readers[i].name, read_text, &readers[i]);
  add_function(env, exports, "header", header, NULL);
  add_function(env, exports, "headerAt", header_at, NULL);
  add_function(env, exports, "headers", headers, NULL);
  add_function(env, exports, "queued", queued, NULL);
  add_function(env, exports, "stat", stat, NULL);
  add_function(env, exports, "lastError", last_error, NULL);
  add_function(env, exports, "fd", fd, NULL);
}
