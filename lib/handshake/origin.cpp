#include "handshake/origin.hpp"

#include <algorithm>
#include <optional>

#include "bytes/ascii.hpp"
#include "handshake/url.hpp"

namespace hawser {

namespace {

// serialized-origin of RFC 6454 6.2.
struct Origin {
  std::string_view scheme;
  Authority authority;
};

bool is_alpha(char c) {
  return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// RFC 3986 3.1.
bool is_scheme(std::string_view text) {
  if (text.empty() || !is_alpha(text[0])) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.'; });
}

std::optional<Origin> parse_origin(std::string_view text) {
  constexpr std::string_view kSeparator = "://";
  size_t separator = text.find(kSeparator);
  if (separator == std::string_view::npos || !is_scheme(text.substr(0, separator))) return std::nullopt;
  Result<Authority> authority = parse_authority(text.substr(separator + kSeparator.size()));
  if (!authority) return std::nullopt;
  return Origin{text.substr(0, separator), *authority};
}

int32_t effective_port(const Origin &origin) {
  if (origin.authority.port != Authority::kNoPort) return origin.authority.port;
  if (equal_ignoring_case(origin.scheme, "http")) return 80;
  if (equal_ignoring_case(origin.scheme, "https")) return 443;
  return Authority::kNoPort;
}

// A name has no colon, and an IPv6 address has some.
bool same_host(const Authority &a, const Authority &b) {
  return equal_ignoring_case(a.host, b.host);
}

bool matches_host(const std::optional<Origin> &origin, std::string_view host) {
  Result<Authority> authority = parse_authority(host);
  return origin && authority && same_host(origin->authority, *authority) && origin->authority.port == authority->port;
}

bool matches_listed(const std::optional<Origin> &origin, std::string_view element) {
  std::optional<Origin> listed = parse_origin(element);
  return origin && listed && equal_ignoring_case(origin->scheme, listed->scheme) &&
         same_host(origin->authority, listed->authority) && effective_port(*origin) == effective_port(*listed);
}

}  // namespace

Failure check_origins(std::string_view origins) {
  if (trim(origins) == "*") return {};
  std::string_view element;
  int count = 0;
  for (; next_list_element(origins, element); count++) {
    if (element == "*") return {Error::RANGE, 0, "origins: * stands alone"};
    if (element == "same" || element == "null" || parse_origin(element)) continue;
    return {Error::RANGE, 0, "origins: neither same nor an origin as https://host or http://host:port"};
  }
  if (count == 0) return {Error::RANGE, 0, "origins: the list is empty"};
  return {};
}

bool origin_is_allowed(std::string_view origin, std::string_view host, std::string_view origins) {
  if (trim(origins) == "*") return true;
  std::optional<Origin> parsed = parse_origin(origin);
  std::string_view element;
  while (next_list_element(origins, element)) {
    if (element == "same" && matches_host(parsed, host)) return true;
    if (element == "null" && origin == "null") return true;
    if (matches_listed(parsed, element)) return true;
  }
  return false;
}

}  // namespace hawser
