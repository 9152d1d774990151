// What a peer does from its connect to its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace soak {

struct Message {
  uint8_t opcode;
  std::string payload;
};

struct Step {
  enum class Action {
    SEND,          // `bytes`, `times` over
    SEND_BELOW,    // `bytes`, under TLS if there is any
    STOP_READING,  // for the rest of its life
    TOLERATE,      // whatever the server does from here on: nobody can tell
    END_OUTPUT,    // a half close
    PAUSE,         // until `patience` is over
    AWAIT_OPEN,
    AWAIT_ECHOES,   // of all messages that were sent
    AWAIT_CLOSE,    // with the close code `code`, behind all echoes
    AWAIT_REFUSAL,  // with the HTTP status `code`
    AWAIT_END,      // that the server ends the TCP connection
    RESET,          // the end, by RST
    CLOSE,          // the end, by FIN
  };

  Action action;
  std::string bytes = {};
  size_t times = 1;
  std::vector<Message> messages = {};  // that are in bytes, and are to be echoed
  int64_t patience = -1;               // milliseconds until the next step has its turn anyway; -1: it never has
  int code = 0;
};

// How fast it writes or reads: `piece` bytes, then a pause of up to `pause` milliseconds, and now and then of up to
// `rest`. 0: as fast as it can.
struct Pace {
  size_t piece = 0;
  int64_t pause = 0;
  int64_t rest = 0;
};

struct Script {
  const char *kind;
  bool opens = true;         // there will be an opening handshake
  bool without_tls = false;  // speaks to the socket itself, where others use TLS
  Pace writing = {}, reading = {};
  std::deque<Step> steps = {};
};

}  // namespace soak
