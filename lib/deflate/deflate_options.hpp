// How an application wants messages to be compressed (permessage-deflate, RFC 7692).
#pragma once

#include <cstdint>

namespace hawser {

enum class DeflateMode : uint8_t {
  OFF,
  SHARED,     // no context takeover on either side: nothing is held for a connection
  DEDICATED,  // a connection has state of its own, where there is context takeover
};

struct DeflateOptions {
  DeflateMode mode = DeflateMode::OFF;
  int level = 6;         // of zlib, 1 to 9
  int memory_level = 8;  // of zlib, 1 to 9
  // 8 to 15: the logarithm of a window's size.
  int server_max_window_bits = 15;
  int client_max_window_bits = 15;
  bool server_no_context_takeover = false;
  bool client_no_context_takeover = false;
  int64_t min_size = 64;  // of a message that is compressed

  bool operator==(const DeflateOptions &) const = default;
};

}  // namespace hawser
