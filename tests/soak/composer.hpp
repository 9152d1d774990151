// Writes what peers say: requests, messages and frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "random.hpp"
#include "script.hpp"
#include "settings.hpp"

namespace soak {

class Composer {
 public:
  Composer(const Settings &settings, const Settings::Door &door, size_t number, uint64_t life);

  bool is_secure() const { return door_.layer == load::Layer::WSS; }
  bool is_compressed() const { return door_.layer == load::Layer::DEFLATE; }
  int64_t longest_pause() const { return settings_.longest_pause; }
  int64_t pause() { return random.pause(settings_.longest_pause); }

  // A right one; it asks for compression where that is the layer.
  std::string request() const;
  // With a random masking key.
  std::string frame(uint8_t first, std::string_view payload);
  std::string random_bytes(size_t size);
  // A step that sends messages, of up to `largest` bytes, in all the forms that are allowed.
  Step send_messages(size_t count, size_t largest);
  Step send_close(uint16_t code);

  Random random;

 private:
  Message make_message(size_t largest);
  std::string label();
  std::string write_frames(const Message &message, size_t largest_ping);

  const Settings &settings_;
  const Settings::Door &door_;
  const size_t number_;
  size_t sequence_ = 0;  // of its messages
};

}  // namespace soak
