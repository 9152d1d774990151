rockspec_format = "3.0"
package = "hawser"
version = "0.1.0-1"
source = {
  url = "file://hawser-0.1.0.tar.gz",  -- published nowhere yet: the .src.rock carries it, with SWIG's output (see `package`)
}
description = {
  summary = "WebSocket client and server on libhawser",
  detailed = "WebSocket (RFC 6455, RFC 7692) client and server for coroutines, and the raw manager of libhawser.",
  license = "MIT",
}
dependencies = {"lua >= 5.1, < 5.5"}
external_dependencies = {
  HAWSER = {header = "hawser.h", library = "hawser"},
}
build = {
  type = "builtin",
  modules = {
    hawser = "src/hawser.lua",
    ["hawser.tasks"] = "src/hawser/tasks.lua",
    ["hawser.raw"] = {
      sources = {"raw_wrap.c"},
      libraries = {"hawser"},
      incdirs = {"$(HAWSER_INCDIR)"},
      libdirs = {"$(HAWSER_LIBDIR)"},
    },
  },
}
