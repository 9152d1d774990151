// What the chaos client is asked to do: its arguments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/load/options.hpp"

namespace soak {

struct Settings {
  struct Door {
    load::Layer layer;
    uint16_t port;
  };

  std::vector<Door> doors;  // the layers that are to be tried, and where the server has them
  size_t connections = 0;
  uint64_t seed = 0;
  int64_t seconds = 0;  // 0: until each connection has done `rounds`
  size_t rounds = 0;    // of a well-behaved or slow one: messages and their echoes; of others: lives
  size_t restarts = 0;
  int64_t longest_pause = 0;  // milliseconds
};

// Ends the program if they make no sense.
Settings parse_settings(int argc, char **argv);

}  // namespace soak
