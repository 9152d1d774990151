// Lua 5.1 to 5.4 and LuaJIT: strings in and out, integers that stay integers. Every call of Lua's that allocates may leave by
// longjmp, or run finalizers, which may call anything here: nothing of ours is held, and nothing of the library's pointed to,
// while one is made.

%include "handles.i"

%{
#include <stdlib.h>
#include <string.h>
#include <time.h>

// What we keep in Lua's registry, by the addresses of these.
static char hawser_error_class, hawser_text_copier, hawser_batch_copier, hawser_manager_class, hawser_options_class;

// ---- integers ---------------------------------------------------------------------------------------------------------

// Before Lua 5.3 all numbers are doubles. Ids have 53 bits.
static void hawser_push_integer(lua_State *L, int64_t number) {
#if LUA_VERSION_NUM >= 503
  lua_pushinteger(L, (lua_Integer)number);
#else
  lua_pushnumber(L, (lua_Number)number);
#endif
}

// 0: it is not an integer, or one that a double may not tell from its neighbour.
static int hawser_to_integer(lua_State *L, int index, int64_t *number) {
#if LUA_VERSION_NUM >= 503
  int is_one;
  *number = lua_tointegerx(L, index, &is_one);
  return is_one;
#else
  lua_Number value = lua_tonumber(L, index);
  if (!(value >= -9007199254740991.0 && value <= 9007199254740991.0)) return 0;
  *number = (int64_t)value;
  return (lua_Number)*number == value;
#endif
}

static void hawser_blame(lua_State *L, int argument, const char *wanted) {
  luaL_argerror(L, argument, lua_pushfstring(L, "%s expected, got %s", wanted, luaL_typename(L, argument)));
}

static void hawser_need(lua_State *L, int argument, int wanted) {
  if (lua_type(L, argument) != wanted) hawser_blame(L, argument, lua_typename(L, wanted));
}

static int64_t hawser_integer(lua_State *L, int argument, int64_t least, int64_t most) {
  int64_t number = 0;
  hawser_need(L, argument, LUA_TNUMBER);
  if (!hawser_to_integer(L, argument, &number)) luaL_argerror(L, argument, "number has no integer representation");
  if (number < least || number > most) luaL_argerror(L, argument, "number out of range");
  return number;
}

// ---- text -------------------------------------------------------------------------------------------------------------

static const char *hawser_text(lua_State *L, int argument) {
  size_t size;
  if (lua_isnil(L, argument)) return NULL;
  hawser_need(L, argument, LUA_TSTRING);
  const char *text = lua_tolstring(L, argument, &size);
  if (strlen(text) != size) luaL_argerror(L, argument, "string contains zeros");
  return text;
}

static int hawser_copy_text(lua_State *L) {
  lua_pushstring(L, (const char *)lua_touserdata(L, 1));
  return 1;
}

// Lua 5.1 collects before it copies: by then `text`, the library's, may be gone.
static void hawser_push_text(lua_State *L, const char *text) {
  if (!text) {
    lua_pushnil(L);
    return;
  }
  size_t size = strlen(text) + 1;
  char *copy = (char *)malloc(size);
  if (!copy) luaL_error(L, "not enough memory");
  memcpy(copy, text, size);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &hawser_text_copier);
  lua_pushlightuserdata(L, copy);
  int failed = lua_pcall(L, 1, 1, 0);
  free(copy);
  if (failed) lua_error(L);
}

// ---- errors -----------------------------------------------------------------------------------------------------------

static void hawser_raise(lua_State *L, int64_t code, const char *words) {
  hawser_push_text(L, words);
  lua_createtable(L, 0, 3);
  lua_insert(L, -2);
  lua_setfield(L, -2, "message");
  hawser_push_integer(L, code);
  lua_setfield(L, -2, "code");
  lua_pushstring(L, hws_error_name((hws_result)code));
  lua_setfield(L, -2, "name");
  lua_rawgetp(L, LUA_REGISTRYINDEX, &hawser_error_class);
  lua_setmetatable(L, -2);
  lua_error(L);
}

// __tostring of errors, which programs may make, too.
static int hawser_error_tostring(lua_State *L) {
  lua_settop(L, 1);
  hawser_need(L, 1, LUA_TTABLE);
  lua_getfield(L, 1, "name");
  lua_getfield(L, 1, "message");
  lua_pushfstring(L, "%s: %s", lua_isstring(L, 2) ? lua_tostring(L, 2) : "?", lua_isstring(L, 3) ? lua_tostring(L, 3) : "?");
  return 1;
}

// ---- objects ----------------------------------------------------------------------------------------------------------

static char *hawser_class_of(swig_type_info *info) {
  return strcmp(info->name, "_p_Manager") == 0 ? &hawser_manager_class : &hawser_options_class;
}

// Made before what it will own, so that nothing is lost when there is no memory for it.
static swig_lua_userdata *hawser_new(lua_State *L, swig_type_info *info) {
  swig_lua_userdata *object = (swig_lua_userdata *)lua_newuserdata(L, sizeof *object);
  object->type = info;
  object->own = 1;
  object->ptr = NULL;
  lua_rawgetp(L, LUA_REGISTRYINDEX, hawser_class_of(info));
  lua_setmetatable(L, -2);
  return object;
}

// Never NULL. SWIG's own conversion takes any userdata for one of its own, and reads in it.
static void *hawser_object(lua_State *L, int argument, swig_type_info *info) {
  swig_lua_userdata *object = (swig_lua_userdata *)lua_touserdata(L, argument);
  int is_one = lua_getmetatable(L, argument);
  if (is_one) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, hawser_class_of(info));
    is_one = object && lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
  }
  if (!is_one) hawser_blame(L, argument, info->name + 3);  // behind "_p_"
  if (!object->ptr) hawser_raise(L, HWS_ERR_ARGUMENT, "it was collected");  // and a finalizer after its own has called it
  return object->ptr;
}

static int hawser_collect(lua_State *L) {
  swig_lua_userdata *object = (swig_lua_userdata *)lua_touserdata(L, 1);
  if (object->ptr) ((swig_lua_class *)object->type->clientdata)->destructor(object->ptr);
  object->ptr = NULL;
  return 0;
}

// ---- events -----------------------------------------------------------------------------------------------------------

static void hawser_push_event(lua_State *L, hws_manager *manager, int32_t index) {
  const hws_event *event = hws_manager_event(manager, index);
  lua_createtable(L, 0, 11);
#define HAWSER_SET(name)              \
  hawser_push_integer(L, event->name); \
  lua_setfield(L, -2, #name);
  HAWSER_EVENT_NUMBERS(HAWSER_SET)
  lua_pushlstring(L, event->size ? (const char *)event->data : "", (size_t)event->size);
  lua_setfield(L, -2, "data");
  if (event->kind != HWS_EVENT_CLOSE) return;
  lua_pushstring(L, hws_manager_event_text(manager, index));
  lua_setfield(L, -2, "text");
}

static int hawser_copy_batch(lua_State *L) {
  const Batch *batch = (const Batch *)lua_touserdata(L, 1);
  lua_createtable(L, batch->count, 0);
  for (int32_t i = 0; i < batch->count; i++) {
    hawser_push_event(L, batch->manager, i);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

// Finalizers that run meanwhile can neither poll nor free: inside is 1. If there is not enough memory it is left at minus the
// number of events, which the next poll returns.
static void hawser_push_batch(lua_State *L, Manager *manager, Batch *batch) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &hawser_batch_copier);
  lua_pushlightuserdata(L, batch);
  manager->inside = 1;
  int failed = lua_pcall(L, 1, 1, 0);
  manager->inside = failed ? -batch->count : 0;
  if (failed) lua_error(L);
}

// ---- time -------------------------------------------------------------------------------------------------------------

// now(): seconds, by a clock that does not jump; Lua has none.
static int hawser_now(lua_State *L) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec / 1e9);
  return 1;
}
%}

%typemap(in) int32_t, hws_result "$1 = ($1_type)hawser_integer(L, $input, INT32_MIN, INT32_MAX);"
%typemap(in) int64_t, hws_id "$1 = ($1_type)hawser_integer(L, $input, INT64_MIN, INT64_MAX);"
%typemap(in) int32_t final {
  $1 = lua_isboolean(L, $input) ? lua_toboolean(L, $input) : (int32_t)hawser_integer(L, $input, INT32_MIN, INT32_MAX);
}
%typemap(out) int32_t, int64_t "hawser_push_integer(L, $1); SWIG_arg++;"

%typemap(in) (const void *DATA, size_t SIZE) {
  hawser_need(L, $input, LUA_TSTRING);
  $1 = (void *)lua_tolstring(L, $input, &$2);
}

%typemap(in) const char * "$1 = (char *)hawser_text(L, $input);"
%typemap(out) const char * "hawser_push_text(L, $1); SWIG_arg++;"

%typemap(out) Result "if ($1 < 0) hawser_raise(L, $1, hawser_words(arg1, $1));"
%typemap(out) Wordless "if ($1 < 0) hawser_raise(L, $1, hws_error_text($1));"
%typemap(out) Count {
  if ($1 < 0) hawser_raise(L, $1, hawser_words(arg1, $1));
  hawser_push_integer(L, $1);
  SWIG_arg++;
}
%typemap(out) Batch {
  if ($1.count < 0) hawser_raise(L, $1.count, hawser_words(arg1, $1.count));
  hawser_push_batch(L, arg1, &$1);
  SWIG_arg++;
}

%typemap(in) struct Manager *self, struct Options *self "$1 = ($1_type)hawser_object(L, $input, $descriptor);"
%typemap(in) Options * "$1 = lua_isnil(L, $input) ? NULL : ($1_type)hawser_object(L, $input, $descriptor);"
%typemap(out) struct Manager *, struct Options * "SWIG_arg++;"

// Out of memory, or of descriptors.
%define HAWSER_MAKES_ONE(Class)
  swig_lua_userdata *object = hawser_new(L, SWIGTYPE_p_##Class);
  $action
  if (!result || !result->handle) {
    free(result);
    hawser_raise(L, HWS_ERR_NO_MEMORY, hws_error_text(HWS_ERR_NO_MEMORY));
  }
  object->ptr = result;
%enddef
%exception Manager::Manager { HAWSER_MAKES_ONE(Manager) }
%exception Options::Options { HAWSER_MAKES_ONE(Options) }

%exception Manager::poll {
  result.manager = arg1->handle;
  if (arg1->inside > 0)
    result.count = HWS_ERR_BUSY;
  else if (arg1->inside < 0 && arg1->handle)
    result.count = -arg1->inside;
  else
    $action
}

// ---- the module -------------------------------------------------------------------------------------------------------

%wrapper %{
static int _wrap_Manager_free(lua_State *L);

// Lua 5.4: local manager <close> = ...; it is called with an error, too.
static int hawser_close(lua_State *L) {
  lua_settop(L, 1);
  return _wrap_Manager_free(L);
}

static void hawser_keep(lua_State *L, void *key, lua_CFunction function) {
  lua_pushcfunction(L, function);
  lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

static void hawser_set(lua_State *L, const char *name, lua_CFunction function) {
  lua_pushcfunction(L, function);
  lua_setfield(L, -2, name);
}

// A metatable that is ours: methods are found by Lua itself, and no function of SWIG's is met that takes any userdata for its
// own.
static void hawser_make_class(lua_State *L, const char *name, swig_lua_method *methods, void *key) {
  lua_newtable(L);
  lua_newtable(L);
  for (; methods->name; methods++) hawser_set(L, methods->name, methods->func);
  lua_setfield(L, -2, "__index");
  hawser_set(L, "__gc", hawser_collect);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__metatable");
  if (key == &hawser_manager_class) hawser_set(L, "__close", hawser_close);
  lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

static void hawser_make_error_class(lua_State *L) {
  lua_newtable(L);
  hawser_set(L, "__tostring", hawser_error_tostring);
  lua_pushstring(L, "hawser.Error");
  lua_setfield(L, -2, "__name");
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &hawser_error_class);
}

// SWIG sets two global functions, which read in any userdata: what was there comes back.
SWIGEXPORT int luaopen_hawser_raw(lua_State *L) {
  int SWIG_init(lua_State *);
  lua_settop(L, 0);
  lua_getglobal(L, "swig_type");
  lua_getglobal(L, "swig_equals");
  SWIG_init(L);
  lua_pushvalue(L, 1);
  lua_setglobal(L, "swig_type");
  lua_pushvalue(L, 2);
  lua_setglobal(L, "swig_equals");
  return 1;
}
%}

%init %{
  hawser_keep(L, &hawser_text_copier, hawser_copy_text);
  hawser_keep(L, &hawser_batch_copier, hawser_copy_batch);
  hawser_make_class(L, "hawser.Manager", swig_Manager_methods, &hawser_manager_class);
  hawser_make_class(L, "hawser.Options", swig_Options_methods, &hawser_options_class);
  hawser_make_error_class(L);
  lua_setfield(L, -2, "Error");
  hawser_set(L, "now", hawser_now);
%}
