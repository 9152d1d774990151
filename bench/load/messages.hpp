// The messages that are sent, made beforehand: a ring that all connections go round, each from another place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "options.hpp"

namespace load {

class Messages {
 public:
  explicit Messages(const Options &options);

  // The bytes of `depth` messages, from number `first` on: they last as long as this does.
  std::string_view burst(size_t first) const;
  // What comes back of message `number`: its payload, or of a bare connection all of its bytes.
  std::string_view reply(size_t number) const;
  uint8_t opcode() const { return opcode_; }

 private:
  void append(const Options &options, std::string_view payload, const uint8_t *key);

  const size_t depth_;
  const uint8_t opcode_;
  std::vector<std::string> replies_;
  std::string frames_;           // the ring, and its begin once more, so that each burst is in one piece
  std::vector<size_t> offsets_;  // of each frame, and the end
};

}  // namespace load
