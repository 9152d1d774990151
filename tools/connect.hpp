// hawser connect: a WebSocket between standard input and standard output, or an echo client.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "layers.hpp"

namespace hawser::tools {

struct ConnectSettings {
  ConnectSettings() { layers.deflate = "dedicated"; }

  std::string url;
  bool echo = false;
  bool binary = false;
  std::vector<std::string> headers;  // "Name: value"
  std::vector<std::string> subprotocols;
  std::optional<std::string> origin;
  std::optional<double> ping_interval;  // seconds, as the next
  std::optional<double> timeout;
  std::optional<int64_t> max_message_size;
  int32_t close_code = 1000;
  LayerSettings layers;
  bool verbose = false;
};

// Returns the exit status.
int run_connect(const ConnectSettings &settings);

}  // namespace hawser::tools
