// UTF-8 validation (RFC 3629, RFC 6455 8.1): whole texts at the speed of memory, and texts that arrive in pieces, which
// fail at the first byte that no continuation can make valid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser {

// True if the bytes are UTF-8 and end with a complete character.
bool utf8_is_valid(const uint8_t *data, size_t size);

// Validates one text in pieces. It is 4 bytes large and may be copied and reset by assignment.
class Utf8Validator {
 public:
  // False if the text so far cannot be the beginning of valid UTF-8; the validator is of no use then.
  [[nodiscard]] bool add(const uint8_t *data, size_t size);
  // True if the text so far ends with a complete character.
  bool complete() const { return pending_ == 0; }

 private:
  // add() where a character is unfinished.
  bool add_to_character(const uint8_t *data, size_t size);

  uint8_t pending_ = 0;        // bytes of the unfinished character at the end: 0 to 3
  uint8_t character_[3] = {};  // those bytes
};

// For the tests: what the validation is chosen from, when the library is loaded.
namespace utf8_detail {

// The number of bytes, 0 to 3, of an unfinished character at the end of bytes that can begin a valid text, or kInvalid.
using Scan = int(const uint8_t *data, size_t size);
constexpr int kInvalid = -1;

struct Implementation {
  const char *name;
  Scan *scan;
};

// Those that this machine can run, the best one first.
std::span<const Implementation> implementations();

}  // namespace utf8_detail

}  // namespace hawser
