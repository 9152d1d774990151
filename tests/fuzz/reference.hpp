// What the targets compare with, written from the RFCs in the plainest way, sharing nothing with lib/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fuzz {

struct Utf8 {
  size_t fails_after = SIZE_MAX;  // how many bytes there are up to and with the first one that is wrong
  size_t unfinished = 0;          // bytes of the character that the text ends in
  bool complete = false;          // the text is valid, and ends where a character does
  bool failed() const { return fails_after != SIZE_MAX; }
};

// RFC 3629 3 and 4: a character has 1 to 4 bytes, the fewest that hold it, is no surrogate, and not over 10FFFF.
inline Utf8 decode_utf8(std::string_view text) {
  Utf8 result;
  for (size_t at = 0; at < text.size();) {
    auto first = static_cast<uint8_t>(text[at]);
    size_t size = first < 0x80 ? 1 : first < 0xC0 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF8 ? 4 : 0;
    uint32_t least = size == 2 ? 0x80 : size == 3 ? 0x800 : size == 4 ? 0x10000 : 0;
    uint32_t value = size == 1 ? first : first & (0x7FU >> size);
    if (size == 0) return {at + 1, 0, false};
    for (size_t i = 0; i < size; i++) {
      if (i != 0) {
        if (at + i == text.size()) return {SIZE_MAX, i, false};
        auto next = static_cast<uint8_t>(text[at + i]);
        if ((next & 0xC0) != 0x80) return {at + i + 1, 0, false};
        value = value << 6 | (next & 0x3F);
      }
      // Of the characters that may begin so, is there one that is allowed?
      uint32_t lowest = value << 6 * (size - 1 - i);
      uint32_t highest = lowest | ((1U << 6 * (size - 1 - i)) - 1);
      if (highest < least || lowest > 0x10FFFF || (lowest >= 0xD800 && highest <= 0xDFFF))
        return {at + i + 1, 0, false};
    }
    at += size;
  }
  result.complete = true;
  return result;
}

inline bool is_utf8(std::string_view text) {
  return decode_utf8(text).complete;
}

// RFC 9110 5.6.2.
inline bool is_token(std::string_view text) {
  constexpr std::string_view kToken = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  return !text.empty() && text.find_first_not_of(kToken) == std::string_view::npos;
}

}  // namespace fuzz
