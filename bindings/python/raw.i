// The module hawser.raw.
%module(package = "hawser") raw
%include "common/python.i"
%include "common/hawser.i"
