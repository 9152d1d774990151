// The module hawser.raw. SWIG's own luaopen function is not called: see the one at the end of lua.i.
%module hawser_swig
%include "common/lua.i"
%include "common/hawser.i"
