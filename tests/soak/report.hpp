// What has happened, in figures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace soak {

struct Report {
  size_t connects = 0;
  size_t opened = 0;
  size_t messages = 0;  // whose echoes came
  size_t bytes = 0;     // of them
  size_t pings = 0;     // of the server's
  size_t restarted = 0;
  size_t late = 0;  // connections that the server's handshake_timeout ended, or of slow ones its ping_timeout
  std::map<std::string, size_t> kinds;      // lives that came to an end, for each kind of peer
  std::map<std::string, size_t> opened_by;  // "good, wss"
  std::map<int, size_t> closes;             // that the server sent, for each close code
  std::map<int, size_t> refusals;           // for each HTTP status

  // One line of JSON.
  void print() const;
};

}  // namespace soak
