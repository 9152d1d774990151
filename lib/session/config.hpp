// Everything that a session is told about how to behave; shared by all sessions with the same options, and never
// changed.
#pragma once

#include <cstdint>

#include "deflate/negotiation.hpp"
#include "framing/message_assembler.hpp"
#include "handshake/client_handshake.hpp"
#include "handshake/server_handshake.hpp"

namespace hawser {

enum class Role : uint8_t { CLIENT = 1, SERVER = 2 };

struct Config {
  MessageLimits message;
  HeadLimits head;

  bool parts = false;           // deliver parts as they arrive instead of whole messages
  bool pongs = false;           // deliver the pongs that answer the application's pings
  bool requests = false;        // ask the application about each request
  bool keep_handshake = false;  // keep the peer's head as long as the session lives

  // Milliseconds; -1: never.
  int64_t handshake_timeout = 10'000;
  int64_t close_timeout = 5'000;
  int64_t ping_interval = 30'000;
  int64_t ping_timeout = 20'000;
  int64_t idle_timeout = -1;

  ClientOffer offer;
  ServerPolicy policy;
  DeflateOptions deflate;

  void set_deflate(const DeflateOptions &options) {
    deflate = options;
    offer.extensions = make_deflate_offer(options);
  }
};

}  // namespace hawser
