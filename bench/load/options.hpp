// What the load generator is asked to do: its arguments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace load {

enum class Kind { ECHO, OPEN, IDLE, BROADCAST, SERVE };
enum class Layer { WS, WSS, DEFLATE, RAW, TLS };

struct Options {
  Kind kind = Kind::ECHO;
  uint16_t port = 0;
  Layer layer = Layer::WS;
  size_t size = 64;
  bool text = false;
  bool utf8 = false;  // text of more than ASCII
  size_t connections = 1;
  size_t depth = 1;     // messages in one burst
  size_t messages = 1;  // for each connection; of a broadcast, all
  size_t warmup = 0;
  size_t warmup_time = 0;  // milliseconds for which it is repeated
  bool lockstep = false;
  size_t count = 1;     // connections to open
  size_t parallel = 1;  // of them at one time
  int signal = -1;      // a descriptor; -1: none
  std::string certificate;
  std::string key;

  bool is_framed() const { return layer != Layer::RAW && layer != Layer::TLS; }
  bool is_secure() const { return layer == Layer::WSS || layer == Layer::TLS; }
  bool is_compressed() const { return layer == Layer::DEFLATE; }
  bool is_server() const { return kind == Kind::SERVE; }
  // The floor of openings exchanges heads too; nobody looks what they say.
  bool begins_with_heads() const { return is_framed() || kind == Kind::OPEN; }
};

// Ends the program if they make no sense.
Options parse_options(int argc, char **argv);

}  // namespace load
