/* Options, and what the library tells about itself. */
#include <stdlib.h>

#include "addon.h"

static void finalize_options(napi_env env, void *options, void *hint) {
  (void)env;
  (void)hint;
  hws_options_free(options);
}

static napi_value options_new(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value value = NULL;
  hws_options *options = hws_options_new();
  if (options == NULL) return number_value(env, HWS_ERR_NO_MEMORY);
  if (napi_create_external(env, options, finalize_options, NULL, &value) != napi_ok) hws_options_free(options);
  return value;
}

/* (options, name, value): a string is a text, all else a number. */
static napi_value options_set(napi_env env, napi_callback_info info) {
  napi_value argument[3];
  void *options;
  char *name, *text;
  int64_t number;
  napi_valuetype kind = napi_undefined;
  hws_result result;
  if (!take_arguments(env, info, argument, 3, NULL) || !take_handle(env, argument[0], &options)) return NULL;
  if (!take_text(env, argument[1], &name)) return NULL;
  napi_typeof(env, argument[2], &kind);
  bool taken = kind == napi_string ? take_text(env, argument[2], &text) : take_int64(env, argument[2], &number);
  if (taken && kind == napi_string) {
    result = hws_options_set_text(options, name, text);
    free(text);
  } else if (taken) {
    result = hws_options_set_int(options, name, number);
  }
  free(name);
  return taken ? number_value(env, result) : NULL;
}

static napi_value options_add_header(napi_env env, napi_callback_info info) {
  napi_value argument[3], value = NULL;
  void *options;
  char *name = NULL, *text = NULL;
  if (!take_arguments(env, info, argument, 3, NULL) || !take_handle(env, argument[0], &options)) return NULL;
  if (take_text(env, argument[1], &name) && take_text(env, argument[2], &text))
    value = number_value(env, hws_options_add_header(options, name, text));
  free(name);
  free(text);
  return value;
}

static napi_value options_add_certificate(napi_env env, napi_callback_info info) {
  napi_value argument[4], value = NULL;
  void *options;
  char *host = NULL, *chain = NULL, *key = NULL;
  if (!take_arguments(env, info, argument, 4, NULL) || !take_handle(env, argument[0], &options)) return NULL;
  if (take_text(env, argument[1], &host) && take_text(env, argument[2], &chain) && take_text(env, argument[3], &key))
    value = number_value(env, hws_options_add_certificate(options, host, chain, key));
  free(host);
  free(chain);
  free(key);
  return value;
}

static void set(napi_env env, napi_value object, const char *name, napi_value value) {
  napi_set_named_property(env, object, name, value);
}

/* Numbers that a double has not are BigInts: those that stand for "no bound". */
static napi_value wide_value(napi_env env, int64_t number) {
  napi_value value = NULL;
  if (number <= 9007199254740991 && number >= -9007199254740991) return number_value(env, number);
  napi_create_bigint_int64(env, number, &value);
  return value;
}

static napi_value describe_options(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value list = NULL;
  napi_create_array(env, &list);
  for (int32_t i = 0; i < hws_option_count(); i++) {
    napi_value option = NULL;
    napi_create_object(env, &option);
    set(env, option, "name", text_value(env, hws_option_name(i)));
    set(env, option, "kind", number_value(env, hws_option_kind(i)));
    set(env, option, "default", wide_value(env, hws_option_default(i)));
    set(env, option, "min", wide_value(env, hws_option_min(i)));
    set(env, option, "max", wide_value(env, hws_option_max(i)));
    set(env, option, "text", text_value(env, hws_option_text(i)));
    napi_set_element(env, list, (uint32_t)i, option);
  }
  return list;
}

static napi_value describe_stats(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value list = NULL;
  napi_create_array(env, &list);
  for (int32_t i = 0; i < hws_stat_count(); i++) {
    napi_value stat = NULL;
    napi_create_object(env, &stat);
    set(env, stat, "name", text_value(env, hws_stat_name(i)));
    set(env, stat, "text", text_value(env, hws_stat_text(i)));
    napi_set_element(env, list, (uint32_t)i, stat);
  }
  return list;
}

static napi_value version(napi_env env, napi_callback_info info) {
  (void)info;
  return text_value(env, hws_version());
}

static napi_value error_name(napi_env env, napi_callback_info info) {
  napi_value argument[1];
  int32_t code;
  if (!take_arguments(env, info, argument, 1, NULL) || !take_int32(env, argument[0], &code)) return NULL;
  return text_value(env, hws_error_name(code));
}

static napi_value error_text(napi_env env, napi_callback_info info) {
  napi_value argument[1];
  int32_t code;
  if (!take_arguments(env, info, argument, 1, NULL) || !take_int32(env, argument[0], &code)) return NULL;
  return text_value(env, hws_error_text(code));
}

void add_options(napi_env env, napi_value exports) {
  add_function(env, exports, "optionsNew", options_new, NULL);
  add_function(env, exports, "optionsSet", options_set, NULL);
  add_function(env, exports, "optionsAddHeader", options_add_header, NULL);
  add_function(env, exports, "optionsAddCertificate", options_add_certificate, NULL);
  add_function(env, exports, "describeOptions", describe_options, NULL);
  add_function(env, exports, "describeStats", describe_stats, NULL);
  add_function(env, exports, "version", version, NULL);
  add_function(env, exports, "errorName", error_name, NULL);
  add_function(env, exports, "errorText", error_text, NULL);
}
