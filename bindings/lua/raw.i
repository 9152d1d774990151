// The module hawser.raw. SWIG's own luaopen function is called by the one at the end of lua.i.
%module hawser_swig
%include "common/lua.i"
%include "common/hawser.i"
