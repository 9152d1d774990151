// Lua 5.1 to 5.4 and LuaJIT: strings in and out, integers that stay integers. Every call of Lua's that allocates may leave by
// longjmp, or run finalizers, which may call anything here: nothing of ours is held, and nothing of the library's pointed to,
// while one is made.

%include "handles.i"

%{
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void swig_delete_Manager(void *object);
static void swig_delete_Options(void *object);

typedef struct hawser_class {
  const char *name;
  void (*destroy)(void *object);
} hawser_class;

// What we keep in Lua's registry, by the addresses of these: metatables and functions.
static const hawser_class hawser_manager_class = {"hawser.Manager", swig_delete_Manager};
static const hawser_class hawser_options_class = {"hawser.Options", swig_delete_Options};
static const char hawser_error_class, hawser_text_copier, hawser_batch_copier;

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

// Made before what it will own, so that nothing is lost when there is no memory for it.
static void **hawser_new(lua_State *L, const hawser_class *class) {
  void **object = (void **)lua_newuserdata(L, sizeof *object);
  *object = NULL;
  lua_rawgetp(L, LUA_REGISTRYINDEX, class);
  lua_setmetatable(L, -2);
  return object;
}

// SWIG's own conversion takes any userdata for one of its own, and reads in it.
static void **hawser_userdata(lua_State *L, int argument, const hawser_class *class) {
  void **object = (void **)lua_touserdata(L, argument);
  int is_one = lua_getmetatable(L, argument);
  if (is_one) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, class);
    is_one = object && lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
  }
  if (!is_one) hawser_blame(L, argument, class->name);
  return object;
}

// Never NULL.
static void *hawser_object(lua_State *L, int argument, const hawser_class *class) {
  void *object = *hawser_userdata(L, argument, class);
  if (!object) hawser_raise(L, HWS_ERR_ARGUMENT, "it was collected");  // and a finalizer after its own has called it
  return object;
}

// __gc, with the class as its upvalue.
static int hawser_collect(lua_State *L) {
  const hawser_class *class = (const hawser_class *)lua_touserdata(L, lua_upvalueindex(1));
  void **object = hawser_userdata(L, 1, class);
  if (*object) class->destroy(*object);
  *object = NULL;
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

%typemap(in) struct Manager *self "$1 = ($1_type)hawser_object(L, $input, &hawser_manager_class);"
%typemap(in) struct Options *self "$1 = ($1_type)hawser_object(L, $input, &hawser_options_class);"
%typemap(in) Options * "$1 = lua_isnil(L, $input) ? NULL : ($1_type)hawser_object(L, $input, &hawser_options_class);"
%typemap(out) struct Manager *, struct Options * "SWIG_arg++;"

// Out of memory, or of descriptors.
%define HAWSER_MAKES_ONE(class)
  void **object = hawser_new(L, &class);
  $action
  if (!result) hawser_raise(L, HWS_ERR_NO_MEMORY, hws_error_text(HWS_ERR_NO_MEMORY));
  *object = result;
%enddef
%exception Manager::Manager { HAWSER_MAKES_ONE(hawser_manager_class) }
%exception Options::Options { HAWSER_MAKES_ONE(hawser_options_class) }

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

static void hawser_keep(lua_State *L, const void *key, lua_CFunction function) {
  lua_pushcfunction(L, function);
  lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

static void hawser_set(lua_State *L, const char *name, lua_CFunction function) {
  lua_pushcfunction(L, function);
  lua_setfield(L, -2, name);
}

static void hawser_set_all(lua_State *L, const swig_lua_method *methods) {
  for (; methods->name; methods++) hawser_set(L, methods->name, methods->func);
}

static void hawser_set_name(lua_State *L, const char *field, const char *name) {
  lua_pushstring(L, name);
  lua_setfield(L, -2, field);
}

// Methods are found by Lua itself.
static void hawser_make_class(lua_State *L, const hawser_class *class, const swig_lua_method *methods) {
  lua_newtable(L);
  lua_newtable(L);
  hawser_set_all(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushlightuserdata(L, (void *)class);
  lua_pushcclosure(L, hawser_collect, 1);
  lua_setfield(L, -2, "__gc");
  hawser_set_name(L, "__name", class->name);
  hawser_set_name(L, "__metatable", class->name);
  if (class == &hawser_manager_class) hawser_set(L, "__close", hawser_close);
  lua_rawsetp(L, LUA_REGISTRYINDEX, class);
}

static void hawser_make_error_class(lua_State *L) {
  lua_newtable(L);
  hawser_set(L, "__tostring", hawser_error_tostring);
  hawser_set_name(L, "__name", "hawser.Error");
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &hawser_error_class);
}

// Not SWIG's own, whose classes and global functions read in any userdata, and meet other modules' classes of the same names.
SWIGEXPORT int luaopen_hawser_raw(lua_State *L) {
  void SWIG_init_user(lua_State *);
  lua_newtable(L);
  SWIG_init_user(L);
  return 1;
}
%}

%init %{
  hawser_keep(L, &hawser_text_copier, hawser_copy_text);
  hawser_keep(L, &hawser_batch_copier, hawser_copy_batch);
  hawser_make_class(L, &hawser_manager_class, swig_Manager_methods);
  hawser_make_class(L, &hawser_options_class, swig_Options_methods);
  hawser_make_error_class(L);
  lua_setfield(L, -2, "Error");
  hawser_set(L, "Manager", _wrap_new_Manager);
  hawser_set(L, "Options", _wrap_new_Options);
  hawser_set(L, "now", hawser_now);
  hawser_set_all(L, swig_SwigModule_methods);
  SWIG_Lua_InstallConstants(L, swig_SwigModule_constants);
%}
