/* hawser_support: what the tests need and Lua has not. */
#include <lauxlib.h>
#include <lua.h>
#include <zlib.h>

static int support_crc32(lua_State *L) {
  size_t size;
  const char *data = luaL_checklstring(L, 1, &size);
  lua_pushnumber(L, (lua_Number)crc32(0, (const Bytef *)data, (uInt)size));
  return 1;
}

int luaopen_hawser_support(lua_State *L);
int luaopen_hawser_support(lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, support_crc32);
  lua_setfield(L, -2, "crc32");
  return 1;
}
