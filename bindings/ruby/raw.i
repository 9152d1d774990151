// The raw layer of the module Hawser: hawser/raw.so.
%module hawser
%include "common/ruby.i"
%include "common/hawser.i"
