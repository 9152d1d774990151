// hawser serve: an echo or broadcast server, with a page for browsers at "/".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "layers.hpp"

namespace hawser::tools {

enum class ServeRole { ECHO, BROADCAST };

struct ServeSettings {
  std::string url;
  ServeRole role = ServeRole::ECHO;
  std::optional<std::string> origins;
  std::optional<std::string> backend;
  std::vector<std::string> subprotocols;  // in order of preference
  std::optional<int64_t> max_message_size;
  std::optional<int64_t> max_queue;
  std::optional<double> drain;  // seconds
  LayerSettings layers;         // the authorities vouch for clients, which have to show a certificate then
  bool verbose = false;
  bool quiet = false;
};

// Runs until SIGINT or SIGTERM, and then until the connections have been drained; returns the exit status.
int run_serve(const ServeSettings &settings);

}  // namespace hawser::tools
