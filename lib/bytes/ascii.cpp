#include "bytes/ascii.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include <openssl/crypto.h>

namespace hawser {

namespace {

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; c++)
    table[c] = true;
  for (int c = 'A'; c <= 'Z'; c++)
    table[c] = table[c + ('a' - 'A')] = true;
  for (char c : std::string_view("!#$%&'*+-.^_`|~"))
    table[static_cast<uint8_t>(c)] = true;
  return table;
}

constexpr std::array<bool, 256> kTokenTable = make_token_table();

}  // namespace

bool is_token_char(char c) {
  return kTokenTable[static_cast<uint8_t>(c)];
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

bool is_field_char(char c) {
  uint8_t octet = static_cast<uint8_t>(c);
  if (octet < 0x20) return octet == '\t';
  return octet != 0x7F;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return ascii_lower(x) == ascii_lower(y); });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back()))
    text.remove_suffix(1);
  return text;
}

bool next_list_element(std::string_view &list, std::string_view &element) {
  while (!list.empty()) {
    size_t comma = std::min(list.find(','), list.size());
    element = trim(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (!element.empty()) return true;
  }
  return false;
}

bool list_contains(std::string_view list, std::string_view token) {
  std::string_view element;
  while (next_list_element(list, element)) {
    if (equal_ignoring_case(element, token)) return true;
  }
  return false;
}

std::string printable(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string safe;
  for (size_t i = 0; i < text.size(); i++) {
    uint8_t octet = static_cast<uint8_t>(text[i]);
    uint8_t next = i + 1 < text.size() ? static_cast<uint8_t>(text[i + 1]) : 0;
    bool is_c1 = octet == 0xC2 && next >= 0x80 && next <= 0x9F;
    if (!is_c1 && octet >= 0x20 && octet != 0x7F) {
      safe += text[i];
      continue;
    }
    if (is_c1) octet = static_cast<uint8_t>(text[++i]);
    safe += {'\\', 'x', kDigits[octet >> 4], kDigits[octet & 15]};
  }
  return safe;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  // The sizes are no secret: an Accept value and a token have known lengths.
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace hawser
