/* hawser.h for Node.js, over Node-API: one binary for every Node.js from 18 on.
 *
 * Only lib/ calls these functions. They take values apart, call the library once and answer with its numbers; words and
 * exceptions are made in lib/. A value of the wrong type throws a TypeError here, before the library is called. */
#ifndef HAWSER_ADDON_H
#define HAWSER_ADDON_H

#define NAPI_VERSION 8
#include <hawser.h>
#include <node_api.h>
#include <stdbool.h>

struct watch;

/* A manager, and what JavaScript holds it by. All but the registry belongs to the thread of its environment. */
typedef struct binding {
  hws_manager *manager; /* NULL once freed: the library answers that with HWS_ERR_ARGUMENT */
  int64_t handle;       /* its number in the registry */
  struct watch *watch;  /* NULL while no loop waits for it */
  struct binding *next; /* in the registry */
  int32_t visitors;     /* calls of other threads that are in progress: the registry's */
} binding;

/* What a send takes: bytes of the caller's, or the UTF-8 of a string, which is ours. */
typedef struct {
  const void *data;
  size_t size;
  char *owned;
  char small[1024];
} payload;

/* Arguments. Each answers false (or NULL) after having thrown a TypeError. */
bool take_arguments(napi_env env, napi_callback_info info, napi_value *values, size_t count, void **data);
/* The same, where the first value is a manager's handle, which it returns. */
binding *take_call(napi_env env, napi_callback_info info, napi_value *values, size_t count, void **data);
bool take_handle(napi_env env, napi_value value, void **handle); /* what `external` made; undefined: NULL */
bool take_int32(napi_env env, napi_value value, int32_t *number);
bool take_int64(napi_env env, napi_value value, int64_t *number); /* a Number without a fraction, or a BigInt */
bool take_payload(napi_env env, napi_value value, payload *bytes);
bool take_text(napi_env env, napi_value value, char **text); /* undefined: NULL; free() it */
void release_payload(payload *bytes);

/* Results. */
napi_value number_value(napi_env env, int64_t number);
napi_value text_value(napi_env env, const char *text); /* NULL: null */

/* Adds a function to the addon's exports; data is what take_arguments gives back. */
void add_function(napi_env env, napi_value exports, const char *name, napi_callback function, const void *data);

/* The registry: the managers of all environments by number, so that another thread can name one. */
void registry_add(binding *manager);
void registry_remove(binding *manager); /* returns when no other thread is inside a call of it */

/* Waiting in the environment's loop. */
void stop_watching(binding *manager);

/* Parts of the exports. */
void add_options(napi_env env, napi_value exports);
void add_managers(napi_env env, napi_value exports);
void add_readers(napi_env env, napi_value exports);
void add_watching(napi_env env, napi_value exports);
void add_registry(napi_env env, napi_value exports);

#endif
