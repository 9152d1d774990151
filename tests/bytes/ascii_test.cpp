#include "bytes/ascii.hpp"

#include <cstring>
#include <string>
#include <vector>

#include "support/cmocka.hpp"

using hawser::ascii_lower;
using hawser::equal_ignoring_case;
using hawser::equal_in_constant_time;
using hawser::is_field_char;
using hawser::is_token;
using hawser::is_token_char;
using hawser::list_contains;
using hawser::next_list_element;
using hawser::printable;
using hawser::trim;

namespace {

// All elements of a list, joined by '|'.
std::string elements_of(std::string_view list) {
  std::string joined;
  std::string_view element;
  while (next_list_element(list, element))
    joined += std::string(element) + "|";
  return joined;
}

void lowers_the_capital_letters_only(void **) {
  for (int c = 0; c < 256; c++) {
    int expected = c >= 0x41 && c <= 0x5A ? c + 0x20 : c;
    assert_int_equal(static_cast<uint8_t>(ascii_lower(static_cast<char>(c))), expected);
  }
}

// The delimiters of RFC 9110 5.6.2; a token character is any other VCHAR.
void token_characters_are_the_visible_ones_without_delimiters(void **) {
  for (int c = 0; c < 256; c++) {
    bool visible = c >= 0x21 && c <= 0x7E;
    bool expected = visible && std::strchr("\"(),/:;<=>?@[\\]{}", c) == nullptr;
    assert_int_equal(is_token_char(static_cast<char>(c)), expected);
  }
}

void token_is_one_or_more_token_characters(void **) {
  for (const char *token : {"websocket", "x", "Sec-WebSocket-Key", "a.b_c~1", "*"})
    assert_true(is_token(token));
  for (const char *other : {"", " ", "a b", "a,", ":a", "a\t", "\x80"})
    assert_false(is_token(other));
  assert_false(is_token(std::string_view("a\0b", 3)));
}

void field_characters_are_visible_obs_text_space_or_tab(void **) {
  for (int c = 0; c < 256; c++) {
    bool expected = (c >= 0x20 && c <= 0x7E) || c >= 0x80 || c == 0x09;
    assert_int_equal(is_field_char(static_cast<char>(c)), expected);
  }
}

void equality_ignores_ascii_case_only(void **) {
  assert_true(equal_ignoring_case("WebSocket", "wEBsOCKET"));
  assert_true(equal_ignoring_case("", ""));
  assert_false(equal_ignoring_case("upgrade", "upgrades"));
  assert_false(equal_ignoring_case("upgrades", "upgrade"));
  assert_false(equal_ignoring_case("", "a"));
  assert_false(equal_ignoring_case("@", "`"));             // differ in the bit of case, and are no letters
  assert_false(equal_ignoring_case("\xC4", "\xE4"));       // letters of Latin-1
  assert_false(equal_ignoring_case("k", "\xE2\x84\xAA"));  // U+212A, the Kelvin sign
}

void trims_spaces_and_tabs(void **) {
  assert_true(trim(" \t a b\t ") == "a b");
  assert_true(trim("a") == "a");
  assert_true(trim("").empty());
  assert_true(trim(" \t ").empty());
  assert_true(trim("\ra\n") == "\ra\n");
}

void lists_yield_trimmed_elements(void **) {
  assert_string_equal(elements_of("a,b").c_str(), "a|b|");
  assert_string_equal(elements_of(" chat\t, superchat ").c_str(), "chat|superchat|");
  assert_string_equal(elements_of("one two").c_str(), "one two|");
}

// RFC 9110 5.6.1.2: a recipient must parse and ignore a reasonable number of empty elements.
void lists_skip_empty_elements(void **) {
  assert_string_equal(elements_of("").c_str(), "");
  assert_string_equal(elements_of(",").c_str(), "");
  assert_string_equal(elements_of(" , ,\t,").c_str(), "");
  assert_string_equal(elements_of(",a,,b, ,c,").c_str(), "a|b|c|");
}

void lists_are_searched_by_whole_elements(void **) {
  assert_true(list_contains("keep-alive, Upgrade", "upgrade"));
  assert_true(list_contains("UPGRADE", "upgrade"));
  assert_true(list_contains("a,b,c", "c"));
  assert_false(list_contains("upgraded, not-upgrade", "upgrade"));
  assert_false(list_contains("a b", "a"));
  assert_false(list_contains("", "a"));
  assert_false(list_contains("a,,b", ""));
}

void controls_become_printable(void **) {
  assert_true(printable("").empty());
  assert_true(printable("moor \xE2\x9A\x93 \\ caf\xC3\xA9 \xC2\xA0") == "moor \xE2\x9A\x93 \\ caf\xC3\xA9 \xC2\xA0");
  assert_true(printable("\x1B[2J\r\n\tgone\x7F") == "\\x1B[2J\\x0D\\x0A\\x09gone\\x7F");
  assert_true(printable("\xC2\x9B"
                        "31m\xC2\x80\xC2\x9F") == "\\x9B31m\\x80\\x9F");
  assert_true(printable(std::string("a\0b", 3)) == "a\\x00b");
  assert_true(printable("\xC2") == "\xC2");
}

void constant_time_comparison_compares(void **) {
  std::string value = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
  assert_true(equal_in_constant_time(value, value));
  assert_true(equal_in_constant_time("", ""));
  assert_true(equal_in_constant_time({}, ""));
  assert_false(equal_in_constant_time(value, value.substr(1)));
  assert_false(equal_in_constant_time(value, ""));
  for (size_t i = 0; i < value.size() * 8; i++) {
    std::string other = value;
    other[i / 8] = static_cast<char>(other[i / 8] ^ 1 << i % 8);
    assert_false(equal_in_constant_time(value, other));
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(lowers_the_capital_letters_only),
      cmocka_unit_test(token_characters_are_the_visible_ones_without_delimiters),
      cmocka_unit_test(token_is_one_or_more_token_characters),
      cmocka_unit_test(field_characters_are_visible_obs_text_space_or_tab),
      cmocka_unit_test(equality_ignores_ascii_case_only),
      cmocka_unit_test(trims_spaces_and_tabs),
      cmocka_unit_test(lists_yield_trimmed_elements),
      cmocka_unit_test(lists_skip_empty_elements),
      cmocka_unit_test(lists_are_searched_by_whole_elements),
      cmocka_unit_test(controls_become_printable),
      cmocka_unit_test(constant_time_comparison_compares),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
