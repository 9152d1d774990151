// The functions and constants of the package Hawser, of which lib/Hawser/Raw.pm makes classes.
%module Hawser
%include "common/perl.i"
%include "common/hawser.i"
