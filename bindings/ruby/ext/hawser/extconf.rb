# frozen_string_literal: true

# hawser/raw.so, of what SWIG has made, against the libhawser that pkg-config finds.

require "mkmf"

abort "libhawser is not here: pkg-config knows no hawser" unless pkg_config("hawser")
create_makefile("hawser/raw")
