#include "handshake/url.hpp"

#include <string>

#include "support/cmocka.hpp"

using namespace hawser;

namespace {

struct Good {
  const char *text;
  bool secure;
  const char *host;
  bool ipv6;
  int port;
  const char *target;
  const char *authority;
};

// RFC 6455 3 and RFC 3986 6.2.3 for the defaults.
const Good kGood[] = {
    {"ws://example.com", false, "example.com", false, 80, "/", "example.com"},
    {"ws://example.com/", false, "example.com", false, 80, "/", "example.com"},
    {"wss://example.com/chat", true, "example.com", false, 443, "/chat", "example.com"},
    {"WSS://Example.COM/Chat", true, "Example.COM", false, 443, "/Chat", "Example.COM"},
    {"Ws://a-b_c.d./", false, "a-b_c.d.", false, 80, "/", "a-b_c.d."},
    {"ws://h:80/", false, "h", false, 80, "/", "h"},
    {"wss://h:80/", true, "h", false, 80, "/", "h:80"},
    {"wss://h:443/", true, "h", false, 443, "/", "h"},
    {"ws://h:443/", false, "h", false, 443, "/", "h:443"},
    {"ws://h:/x", false, "h", false, 80, "/x", "h"},
    {"wss://h:", true, "h", false, 443, "/", "h"},
    {"ws://h:0/", false, "h", false, 0, "/", "h:0"},
    {"ws://h:65535/", false, "h", false, 65535, "/", "h:65535"},
    {"ws://h:00081/", false, "h", false, 81, "/", "h:81"},
    {"ws://h?x", false, "h", false, 80, "/?x", "h"},
    {"ws://h:9?x=1/2?3", false, "h", false, 9, "/?x=1/2?3", "h:9"},
    {"ws://h?", false, "h", false, 80, "/?", "h"},
    {"ws://h/a%20b?c=%e2%82%AC&d[]=1|2^3", false, "h", false, 80, "/a%20b?c=%e2%82%AC&d[]=1|2^3", "h"},
    {"ws://h//a/../b;c=d,e:f@g!$&'()*+~", false, "h", false, 80, "//a/../b;c=d,e:f@g!$&'()*+~", "h"},
    {"ws://h/ws://user@other:1/", false, "h", false, 80, "/ws://user@other:1/", "h"},
    {"ws://127.0.0.1:9001", false, "127.0.0.1", false, 9001, "/", "127.0.0.1:9001"},
    {"ws://1.2.3.4.example", false, "1.2.3.4.example", false, 80, "/", "1.2.3.4.example"},
    {"ws://1a", false, "1a", false, 80, "/", "1a"},
    {"ws://[::1]/", false, "::1", true, 80, "/", "[::1]"},
    {"wss://[2001:DB8::192.0.2.1]:8443?q", true, "2001:DB8::192.0.2.1", true, 8443, "/?q",
     "[2001:DB8::192.0.2.1]:8443"},
    {"ws://[::]:", false, "::", true, 80, "/", "[::]"},
};

struct Bad {
  const char *text;
  const char *words;  // a part of them
};

const Bad kBad[] = {
    {"", "ws:// or wss://"},
    {"ws", "ws:// or wss://"},
    {"ws:", "ws:// or wss://"},
    {"ws:/h/", "ws:// or wss://"},
    {"ws:h", "ws:// or wss://"},
    {"h/", "ws:// or wss://"},
    {"//h/", "ws:// or wss://"},
    {"http://h/", "ws:// or wss://"},
    {"wsss://h/", "ws:// or wss://"},
    {"w://h/", "ws:// or wss://"},
    {"://h/", "ws:// or wss://"},
    {"ws://", "no host"},
    {"ws:///", "no host"},
    {"ws://?x", "no host"},
    {"ws://:80/", "no host"},
    {"ws://::1/", "no host"},
    {"ws://user@h/", "user information"},
    {"ws://user:secret@h:80/", "user information"},
    {"ws://@h/", "user information"},
    {"ws://h/#", "fragment"},
    {"ws://h#x", "fragment"},
    {"ws://h/?q#x", "fragment"},
    {"ws://h:x/", "no number"},
    {"ws://h:-1/", "no number"},
    {"ws://h:+1/", "no number"},
    {"ws://h:1:2/", "no number"},
    {"ws://h:65536/", "65535"},
    {"ws://h:99999999999999999999/", "65535"},
    {"ws://h:4294967376/", "65535"},  // 80 in 32 bits
    {"ws://[::1/", "without its ]"},
    {"ws://[::1]x/", "behind the ]"},
    {"ws://[::1]80/", "behind the ]"},
    {"ws://[]/", "no IPv6"},
    {"ws://[::g]/", "no IPv6"},
    {"ws://[1:2:3]/", "no IPv6"},
    {"ws://[127.0.0.1]/", "no IPv6"},
    {"ws://[v1.x]/", "no IPv6"},
    {"ws://[fe80::1%25eth0]/", "zone id"},
    {"ws://::1]/", "no host"},
    {"ws://h]/", "in the host"},
    {"ws://a%41/", "in the host"},
    {"ws://a,b/", "in the host"},
    {"ws://a$b/", "in the host"},
    {"ws://a*/", "in the host"},
    {"ws://a..b/", "empty label"},
    {"ws://.a/", "empty label"},
    {"ws://127.1/", "no IPv4"},
    {"ws://1/", "no IPv4"},
    {"ws://256.0.0.1/", "no IPv4"},
    {"ws://1.2.3.4.5/", "no IPv4"},
    {"ws://127.0.0.1./", "no IPv4"},
    {"ws://h/ ", "percent-encoded"},
    {" ws://h/", "percent-encoded"},
    {"ws://h /", "percent-encoded"},
    {"ws://h/a b", "percent-encoded"},
    {"ws://h/\t", "percent-encoded"},
    {"ws://h/\r\nX: y", "percent-encoded"},
    {"ws://h/\x7f", "percent-encoded"},
    {"ws://h/\xc3\xa9", "percent-encoded"},
    {"ws://h\xc3\xa9/", "percent-encoded"},
    {"ws://h/\"", "percent-encoded"},
    {"ws://h/<", "percent-encoded"},
    {"ws://h/>", "percent-encoded"},
    {"ws://h\\x", "percent-encoded"},
    {"ws://h/`", "percent-encoded"},
    {"ws://h/{", "percent-encoded"},
    {"ws://h/}", "percent-encoded"},
    {"ws://h/%", "hexadecimal"},
    {"ws://h/%4", "hexadecimal"},
    {"ws://h/%4g", "hexadecimal"},
    {"ws://h/?100%", "hexadecimal"},
};

bool is_refused(std::string_view text, const char *words) {
  Result<Url> url = parse_url(text);
  if (!url && url.failure().error == Error::URL && std::string(url.failure().words).find(words) != std::string::npos) {
    return true;
  }
  print_error("%.100s: %s\n", std::string(text).c_str(), url ? "accepted" : url.failure().words);
  return false;
}

void good_urls_are_taken_apart(void **) {
  for (const Good &good : kGood) {
    Result<Url> url = parse_url(good.text);
    if (!url) print_error("%s: %s\n", good.text, url.failure().words);
    assert_true(static_cast<bool>(url));
    assert_int_equal(url->secure, good.secure);
    assert_string_equal(url->host.c_str(), good.host);
    assert_int_equal(url->ipv6, good.ipv6);
    assert_int_equal(url->port, good.port);
    assert_string_equal(url->target.c_str(), good.target);
    assert_string_equal(url->authority().c_str(), good.authority);
  }
}

void bad_urls_are_refused_with_their_reason(void **) {
  for (const Bad &bad : kBad)
    assert_true(is_refused(bad.text, bad.words));
  assert_true(is_refused(std::string_view("ws://h/\0", 8), "percent-encoded"));
  // What is behind the text is not looked at.
  assert_true(is_refused(std::string_view("ws://h/%41", 9), "hexadecimal"));
  assert_true(is_refused(std::string_view("ws://h/%41", 8), "hexadecimal"));
}

void every_byte_is_allowed_in_a_path_or_refused(void **) {
  const std::string allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?[]@!$&'()*+,;=|^";
  for (int byte = 0; byte < 256; byte++) {
    if (byte == '%') continue;
    char c = static_cast<char>(byte);
    Result<Url> url = parse_url(std::string("ws://h/") + c);
    assert_int_equal(static_cast<bool>(url), allowed.find(c) != std::string::npos);
  }
}

void sizes_are_limited(void **) {
  assert_true(static_cast<bool>(parse_url("ws://" + std::string(255, 'a') + "/")));
  assert_true(is_refused("ws://" + std::string(256, 'a') + "/", "255"));
  assert_true(static_cast<bool>(parse_url("ws://h/" + std::string(15 * 1024 - 1, 'a'))));
  assert_true(is_refused("ws://h/" + std::string(15 * 1024, 'a'), "15 KiB"));
}

void an_authority_has_a_port_or_none(void **) {
  Result<Authority> authority = parse_authority("Example.com");
  assert_true(static_cast<bool>(authority));
  assert_true(authority->host == "Example.com");
  assert_int_equal(authority->port, Authority::kNoPort);
  authority = parse_authority("h:");
  assert_true(static_cast<bool>(authority));
  assert_int_equal(authority->port, Authority::kNoPort);
  authority = parse_authority("[::1]:0");
  assert_true(static_cast<bool>(authority));
  assert_true(authority->host == "::1" && authority->ipv6);
  assert_int_equal(authority->port, 0);
  for (const char *bad : {"", ":", ":1", "h/", "h:80/", "u@h", "[::1", "h h", "h,h", "*", "h?x"}) {
    authority = parse_authority(bad);
    assert_false(static_cast<bool>(authority));
    assert_int_equal(static_cast<int>(authority.failure().error), static_cast<int>(Error::URL));
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(good_urls_are_taken_apart),
      cmocka_unit_test(bad_urls_are_refused_with_their_reason),
      cmocka_unit_test(every_byte_is_allowed_in_a_path_or_refused),
      cmocka_unit_test(sizes_are_limited),
      cmocka_unit_test(an_authority_has_a_port_or_none),
  };
  return cmocka_run_group_tests_name("handshake/url", tests, nullptr, nullptr);
}
