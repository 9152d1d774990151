/* The exports of hawser.node. */
#include "addon.h"

NAPI_MODULE_INIT() {
  add_options(env, exports);
  add_managers(env, exports);
  add_readers(env, exports);
  add_watching(env, exports);
  add_registry(env, exports);
  return exports;
}
