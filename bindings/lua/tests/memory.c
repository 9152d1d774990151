/* Runs memory.lua with an allocator of Lua's that refuses everything from its nth call on, for every n: nothing may be
 * lost. */
#include <dirent.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long left = -1; /* allocations that are granted; -1: all */
static size_t held;    /* bytes */

static void *allocate(void *unused, void *old, size_t old_size, size_t size) {
  (void)unused;
  if (!old) old_size = 0; /* then it is a kind of object */
  if (size == 0) {
    free(old);
    held -= old_size;
    return NULL;
  }
  if (size > old_size && left == 0) return NULL;
  if (size > old_size && left > 0) left--;
  void *data = realloc(old, size);
  if (data) held += size - old_size;
  return data;
}

static int count_descriptors(void) {
  int count = 0;
  DIR *folder = opendir("/proc/self/fd");
  while (folder && readdir(folder))
    count++;
  if (folder) closedir(folder);
  return count;
}

static void die(const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

static void must(lua_State *L, int failed, const char *what) {
  if (failed) die(what, lua_tostring(L, -1));
}

/* 1: the call of memory.lua went through; 0: there was not enough memory, and what is left of it is sound. */
static int try_call(const char *script, const char *name, long granted) {
  lua_State *L = lua_newstate(allocate, NULL);
  if (!L) die(name, "no state");
  luaL_openlibs(L);
  must(L, luaL_loadfile(L, script) || lua_pcall(L, 0, 1, 0), script);
  lua_getfield(L, -1, name);
  must(L, lua_pcall(L, 0, 2, 0), name); /* returns what to call with little memory, and then with enough */
  lua_pushvalue(L, -2);
  left = granted;
  int failed = lua_pcall(L, 0, 0, 0);
  left = -1;
  if (failed && !strstr(lua_tostring(L, -1), "not enough memory")) die(name, lua_tostring(L, -1));
  lua_settop(L, 3);
  must(L, lua_pcall(L, 0, 0, 0), name);
  lua_close(L);
  return !failed;
}

int main(int argc, char **argv) {
  for (int i = 2; i < argc; i++) {
    int descriptors = count_descriptors();
    long granted = 0;
    while (!try_call(argv[1], argv[i], granted)) {
      if (held != 0) die(argv[i], "Lua's memory is left");
      if (count_descriptors() != descriptors) die(argv[i], "a descriptor is left");
      granted++;
    }
    printf("passed: %s, with up to %ld allocations\n", argv[i], granted);
    if (granted == 0) die(argv[i], "nothing was refused");
  }
  return 0;
}
