// What is made by SWIG of the package hawser.
%module hawser
%include "common/tcl.i"
%include "common/hawser.i"
