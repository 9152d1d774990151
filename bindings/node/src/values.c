/* Arguments and results. */
#include <math.h>
#include <stdlib.h>

#include "addon.h"

static bool refuse(napi_env env, const char *words) {
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", words);
  return false;
}

bool take_arguments(napi_env env, napi_callback_info info, napi_value *values, size_t count, void **data) {
  return napi_get_cb_info(env, info, &count, values, NULL, data) == napi_ok; /* those that are missing: undefined */
}

static bool is_absent(napi_env env, napi_value value) {
  napi_valuetype kind = napi_undefined;
  napi_typeof(env, value, &kind);
  return kind == napi_undefined || kind == napi_null;
}

bool take_handle(napi_env env, napi_value value, void **handle) {
  *handle = NULL;
  if (napi_get_value_external(env, value, handle) == napi_ok || is_absent(env, value)) return true;
  return refuse(env, "not a handle of hawser");
}

binding *take_call(napi_env env, napi_callback_info info, napi_value *argument, size_t count, void **data) {
  void *bound = NULL;
  if (!take_arguments(env, info, argument, count, data)) return NULL;
  return take_handle(env, argument[0], &bound) ? bound : NULL;
}

bool take_int64(napi_env env, napi_value value, int64_t *number) {
  double real = 0;
  bool lossless = false;
  if (napi_get_value_double(env, value, &real) == napi_ok) {
    *number = 0;
    if (!(fabs(real) <= 9007199254740991.0) || real != trunc(real)) return refuse(env, "the number must be an integer");
    *number = (int64_t)real;
    return true;
  }
  if (napi_get_value_bigint_int64(env, value, number, &lossless) != napi_ok) return refuse(env, "a number is wanted");
  return lossless || refuse(env, "the number has more than 64 bits");
}

bool take_int32(napi_env env, napi_value value, int32_t *number) {
  int64_t wide = 0;
  if (!take_int64(env, value, &wide)) return false;
  *number = (int32_t)wide;
  return *number == wide || refuse(env, "the number has more than 32 bits");
}

/* The UTF-8 of a string, with a NUL behind it; NULL: out of memory, and thrown. Lone surrogates become U+FFFD. */
static char *copy_string(napi_env env, napi_value value, size_t *size) {
  napi_get_value_string_utf8(env, value, NULL, 0, size);
  char *text = malloc(*size + 1);
  if (text == NULL) {
    napi_throw_error(env, "ERR_OUT_OF_MEMORY", "out of memory");
    return NULL;
  }
  napi_get_value_string_utf8(env, value, text, *size + 1, size);
  return text;
}

/* Most strings fit into `small`. One that might have been cut is asked for its size: the cut is at most a character (3
 * bytes more) before the end. */
static bool take_string(napi_env env, napi_value value, payload *bytes) {
  napi_get_value_string_utf8(env, value, bytes->small, sizeof bytes->small, &bytes->size);
  bytes->data = bytes->small;
  if (bytes->size + 4 < sizeof bytes->small) return true;
  bytes->data = bytes->owned = copy_string(env, value, &bytes->size);
  return bytes->owned != NULL;
}

bool take_payload(napi_env env, napi_value value, payload *bytes) {
  bool is = false;
  void *data = NULL;
  bytes->owned = NULL;
  bytes->size = 0;
  if (napi_is_buffer(env, value, &is) == napi_ok && is) { /* Node.js counts every view as one */
    napi_get_buffer_info(env, value, &data, &bytes->size);
    bytes->data = data;
    return true;
  }
  napi_valuetype kind = napi_undefined;
  if (napi_typeof(env, value, &kind) == napi_ok && kind == napi_string) return take_string(env, value, bytes);
  if (napi_is_arraybuffer(env, value, &is) == napi_ok && is) {
    napi_get_arraybuffer_info(env, value, &data, &bytes->size);
    bytes->data = data;
    return true;
  }
  return refuse(env, "data must be a string, Buffer, TypedArray, DataView or ArrayBuffer");
}

void release_payload(payload *bytes) {
  free(bytes->owned);
}

bool take_text(napi_env env, napi_value value, char **text) {
  napi_valuetype kind = napi_undefined;
  size_t size = 0;
  *text = NULL;
  if (is_absent(env, value)) return true;
  if (napi_typeof(env, value, &kind) != napi_ok || kind != napi_string) return refuse(env, "a string is wanted");
  *text = copy_string(env, value, &size);
  return *text != NULL;
}

napi_value number_value(napi_env env, int64_t number) {
  napi_value value = NULL;
  napi_create_int64(env, number, &value);
  return value;
}

napi_value text_value(napi_env env, const char *text) {
  napi_value value = NULL;
  if (text == NULL)
    napi_get_null(env, &value);
  else
    napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  return value;
}

void add_function(napi_env env, napi_value exports, const char *name, napi_callback function, const void *data) {
  napi_value value = NULL;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, function, (void *)data, &value);
  napi_set_named_property(env, exports, name, value);
}
