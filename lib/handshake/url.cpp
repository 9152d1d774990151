#include "handshake/url.hpp"

#include <algorithm>

#include <arpa/inet.h>

#include "bytes/ascii.hpp"

namespace hawser {

namespace {

constexpr size_t kMaxHostSize = 255;          // RFC 1035 2.3.4
constexpr size_t kMaxTargetSize = 15 * 1024;  // heads are limited to 16 KiB by default, and header fields follow
constexpr uint32_t kMaxPort = 65535;

Failure bad_url(const char *words) {
  return {Error::URL, 0, words};
}

bool is_hex_digit(char c) {
  return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}
bool is_host_char(char c) {
  return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
}

// The characters of RFC 3986, and [ ] | ^, which browsers leave as they are in a query.
bool is_url_char(char c) {
  if (c <= ' ' || c == '\x7f') return false;  // char may be signed: non-ASCII is refused below
  constexpr std::string_view kRefused = "\"<>\\`{}";
  return static_cast<unsigned char>(c) < 0x80 && kRefused.find(c) == std::string_view::npos;
}

// RFC 3986 2.1.
bool percents_are_encodings(std::string_view text) {
  for (size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1)) {
    if (at + 2 >= text.size() || !is_hex_digit(text[at + 1]) || !is_hex_digit(text[at + 2])) return false;
  }
  return true;
}

Failure check_name(std::string_view host) {
  if (host.empty()) return bad_url("no host");
  if (host.size() > kMaxHostSize) return bad_url("the host is longer than 255 characters");
  if (!std::all_of(host.begin(), host.end(), is_host_char)) {
    return bad_url("a character in the host other than letters, digits, - . and _");
  }
  if (host[0] == '.' || host.find("..") != std::string_view::npos) return bad_url("an empty label in the host");
  return {};
}

Failure check_ipv6(std::string_view host) {
  // RFC 6874 zone ids mean nothing to anybody but the sender's machine.
  if (host.find('%') != std::string_view::npos) return bad_url("an IPv6 zone id");
  in6_addr address;
  bool has_nul = host.find('\0') != std::string_view::npos;  // where inet_pton would stop
  if (has_nul || inet_pton(AF_INET6, std::string(host).c_str(), &address) != 1) {
    return bad_url("no IPv6 address in the brackets");
  }
  return {};
}

// Takes the host off the front of `text`.
Failure take_host(std::string_view &text, Authority &authority) {
  authority.ipv6 = text.starts_with('[');
  if (!authority.ipv6) {
    authority.host = text.substr(0, text.find(':'));
    text.remove_prefix(authority.host.size());
    return check_name(authority.host);
  }
  size_t bracket = text.find(']');
  if (bracket == std::string_view::npos) return bad_url("a [ without its ]");
  authority.host = text.substr(1, bracket - 1);
  text.remove_prefix(bracket + 1);
  return check_ipv6(authority.host);
}

// `text` is what follows the host.
Failure parse_port(std::string_view text, int32_t &port) {
  if (text.empty() || text == ":") return {};  // RFC 3986 6.2.3: an empty port is the default one
  if (text[0] != ':') return bad_url("something other than a port behind the ]");
  uint32_t value = 0;
  for (char c : text.substr(1)) {
    if (!is_digit(c)) return bad_url("a port that is no number");
    value = value * 10 + static_cast<uint32_t>(c - '0');
    if (value > kMaxPort) return bad_url("a port over 65535");
  }
  port = static_cast<int32_t>(value);
  return {};
}

// Takes the scheme and the slashes off the front.
Failure take_scheme(std::string_view &text, bool &secure) {
  constexpr std::string_view kSeparator = "://";
  size_t separator = text.find(kSeparator);
  if (separator == std::string_view::npos) return bad_url("the URL does not begin with ws:// or wss://");
  std::string_view scheme = text.substr(0, separator);
  secure = equal_ignoring_case(scheme, "wss");
  if (!secure && !equal_ignoring_case(scheme, "ws")) return bad_url("the URL does not begin with ws:// or wss://");
  text.remove_prefix(separator + kSeparator.size());
  return {};
}

// "127.1" and "1" are addresses to some resolvers and names to others.
bool is_ambiguous_number(const Authority &authority) {
  if (authority.ipv6) return false;
  std::string host(authority.host);
  std::string_view last = authority.host;
  if (last.ends_with('.')) last.remove_suffix(1);
  last.remove_prefix(last.rfind('.') + 1);  // npos + 1 is 0
  in_addr address;
  return std::all_of(last.begin(), last.end(), is_digit) && inet_pton(AF_INET, host.c_str(), &address) != 1;
}

Failure check_characters(std::string_view text) {
  if (!std::all_of(text.begin(), text.end(), is_url_char)) {
    return bad_url("a character that must be percent-encoded in a URL");
  }
  // RFC 6455 3: fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be used.
  if (text.find('#') != std::string_view::npos) return bad_url("a fragment");
  return {};
}

Failure parse_target(std::string_view text, std::string &target) {
  if (!percents_are_encodings(text)) return bad_url("a % without two hexadecimal digits");
  if (text.size() > kMaxTargetSize) return bad_url("path and query are longer than 15 KiB");
  // RFC 6455 3: the resource name is "/" if the path component is empty, then the path, then the query.
  if (!text.starts_with('/')) target = "/";
  target += text;
  return {};
}

uint16_t default_port(bool secure) {
  return secure ? 443 : 80;
}

}  // namespace

Result<Authority> parse_authority(std::string_view text) {
  if (text.find('@') != std::string_view::npos) return bad_url("user information before the host");
  Authority authority;
  if (Failure failure = take_host(text, authority)) return failure;
  if (Failure failure = parse_port(text, authority.port)) return failure;
  return authority;
}

std::string Url::authority() const {
  std::string text = ipv6 ? "[" + host + "]" : host;
  if (port != default_port(secure)) text += ":" + std::to_string(port);
  return text;
}

Result<Url> parse_url(std::string_view text) {
  Url url;
  if (Failure failure = check_characters(text)) return failure;
  if (Failure failure = take_scheme(text, url.secure)) return failure;
  size_t authority_size = std::min(text.find_first_of("/?"), text.size());
  Result<Authority> authority = parse_authority(text.substr(0, authority_size));
  if (!authority) return authority.failure();
  if (is_ambiguous_number(*authority)) return bad_url("the host ends in a number and is no IPv4 address");
  url.host = authority->host;
  url.ipv6 = authority->ipv6;
  bool has_port = authority->port != Authority::kNoPort;
  url.port = has_port ? static_cast<uint16_t>(authority->port) : default_port(url.secure);
  if (Failure failure = parse_target(text.substr(authority_size), url.target)) return failure;
  return url;
}

}  // namespace hawser
