// WebSocket URLs (RFC 6455 3, RFC 3986), and authorities by themselves.
#include "fuzz/fuzz.hpp"
#include "handshake/url.hpp"

using namespace hawser;

namespace {

bool is_hex(char c) {
  return std::string_view("0123456789abcdefABCDEF").find(c) != std::string_view::npos;
}

std::string lower(std::string_view text) {
  std::string lowered(text);
  for (char &c : lowered)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return lowered;
}

// RFC 3986 3.2.2: nothing in a host that could end it, begin something else, or split a line.
void check_host(std::string_view host, bool ipv6) {
  constexpr std::string_view kName = "abcdefghijklmnopqrstuvwxyz0123456789-._";
  HOLDS(!host.empty() && host.size() <= 255);
  HOLDS(lower(host).find_first_not_of(ipv6 ? "abcdef0123456789:." : kName) == std::string::npos);
}

// What goes into the request line (RFC 9112 3.2.1): visible ASCII, a path first, no fragment, percents that encode.
void check_target(std::string_view target) {
  HOLDS(target.starts_with('/'));
  for (size_t i = 0; i < target.size(); i++) {
    HOLDS(target[i] > ' ' && target[i] <= '~' && target[i] != '#');
    if (target[i] == '%') HOLDS(i + 2 < target.size() && is_hex(target[i + 1]) && is_hex(target[i + 2]));
  }
}

void check_same(const Url &a, const Url &b) {
  HOLDS(a.secure == b.secure && a.host == b.host && a.ipv6 == b.ipv6 && a.port == b.port && a.target == b.target);
}

void check_url(std::string_view text) {
  Result<Url> url = parse_url(text);
  if (!url) {
    HOLDS(url.failure().error == Error::URL && *url.failure().words != '\0');
    return;
  }
  HOLDS(lower(text).starts_with(url->secure ? "wss://" : "ws://"));
  check_host(url->host, url->ipv6);
  check_target(url->target);
  // RFC 6455 3: a resource name is what stands in the URL, with a / if there is no path.
  HOLDS(text.ends_with(url->target) || text.ends_with(url->target.substr(1)));
  HOLDS(url->target.size() <= text.size() + 1 && url->host.size() < text.size());
  std::string printed = (url->secure ? "wss://" : "ws://") + url->authority() + url->target;
  Result<Url> again = parse_url(printed);
  HOLDS(static_cast<bool>(again));
  check_same(*url, *again);
}

void check_authority(std::string_view text) {
  Result<Authority> authority = parse_authority(text);
  if (!authority) return;
  check_host(authority->host, authority->ipv6);
  HOLDS(authority->port >= Authority::kNoPort && authority->port <= 65535);
  HOLDS(authority->host.data() >= text.data() && authority->host.end() <= text.end());
  HOLDS(text.starts_with(authority->ipv6 ? "[" : authority->host));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  check_url(fuzz::text_of(data, size));
  check_authority(fuzz::text_of(data, size));
  return 0;
}
