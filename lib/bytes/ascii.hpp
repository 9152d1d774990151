// The character classes and comparisons of HTTP header fields (RFC 9110 5.6); no locale.
#pragma once

#include <string>
#include <string_view>

namespace hawser {

constexpr char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_alpha(char c) {
  return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}
// Space and tab: OWS of RFC 9110 5.6.3.
constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// tchar of RFC 9110 5.6.2.
bool is_token_char(char c);
// One or more token characters.
bool is_token(std::string_view text);
// VCHAR, obs-text (bytes above 127), space and tab: what a field value may hold (RFC 9110 5.5).
bool is_field_char(char c);

bool equal_ignoring_case(std::string_view a, std::string_view b);
// Without spaces and tabs at both ends.
std::string_view trim(std::string_view text);

// Takes the next element off a comma-separated list (RFC 9110 5.6.1), trimmed; empty elements are passed over. False
// when there is none left.
bool next_list_element(std::string_view &list, std::string_view &element);
// True if `token` is an element of the comma-separated `list`, ignoring case.
bool list_contains(std::string_view list, std::string_view token);

// For terminals and logs, which obey control characters: C0, DEL and C1 (in UTF-8) become \x1B and the like.
std::string printable(std::string_view text);

// Compares without telling by its duration where the first difference is.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace hawser
