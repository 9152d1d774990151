#include "handshake/origin.hpp"

#include <string>

#include "support/cmocka.hpp"

using namespace hawser;

namespace {

struct Case {
  const char *origin;
  const char *host;
  const char *origins;
  bool allowed;
};

const Case kCases[] = {
    // "same": the host name without regard to case, the port equal or absent on both sides, any scheme.
    {"http://h", "h", "same", true},
    {"https://h", "h", "same", true},
    {"http://EXAMPLE.com", "example.COM", "same", true},
    {"http://h:8080", "h:8080", "same", true},
    {"https://h:8080", "h:8080", "same", true},
    {"http://127.0.0.1:9", "127.0.0.1:9", "same", true},
    {"http://[::1]:9", "[::1]:9", "same", true},
    {"http://[::FF]", "[::ff]", "same", true},
    {"http://h", "h:", "same", true},  // an empty port is none
    {"http://h", "h:80", "same", false},
    {"http://h:80", "h", "same", false},
    {"https://h:443", "h", "same", false},
    {"http://h:8080", "h:8081", "same", false},
    {"http://h.", "h", "same", false},
    {"http://evil.h", "h", "same", false},
    {"http://h.evil", "h", "same", false},
    {"http://evil", "h", "same", false},
    {"http://h@evil", "h", "same", false},
    {"http://evil/h", "h", "same", false},
    {"http://h/", "h", "same", false},  // no serialized origin
    {"http://h#", "h", "same", false},
    {"http://[::1]", "[::2]", "same", false},
    {"h", "h", "same", false},
    {"//h", "h", "same", false},
    {"://h", "h", "same", false},
    {"1http://h", "h", "same", false},
    {"", "h", "same", false},
    {"null", "h", "same", false},
    {"null", "null", "same", false},
    {"same", "h", "same", false},
    {"*", "h", "same", false},
    {"http://h, http://h", "h", "same", false},
    {"http://h http://evil", "h", "same", false},

    {"http://evil", "h", "*", true},
    {"null", "h", "*", true},
    {"", "h", " * ", true},

    {"https://a.example", "h", "https://a.example, http://b:8080", true},
    {"http://b:8080", "h", "https://a.example, http://b:8080", true},
    {"HTTPS://A.Example", "h", "https://a.example", true},
    {"https://a.example", "h", "https://a.example:443", true},
    {"https://a.example:443", "h", "https://a.example", true},
    {"http://a.example", "h", "http://a.example:80", true},
    {"chrome-extension://abcdef", "h", "chrome-extension://abcdef", true},
    {"http://a.example", "h", "https://a.example", false},
    {"https://a.example:80", "h", "https://a.example", false},
    {"https://a.example:444", "h", "https://a.example", false},
    {"https://b.a.example", "h", "https://a.example", false},
    {"https://a.example.evil", "h", "https://a.example", false},
    {"https://a.example/", "h", "https://a.example", false},
    {"http://h", "h", "https://a.example", false},  // a list without same
    {"null", "h", "https://a.example", false},
    {"null", "h", "https://a.example, null", true},
    {"http://h", "h", "https://a.example, same", true},
    {"http://i", "h", "https://a.example, same", false},
    {"http://evil", "h", "", false},
    {"http://evil", "h", "https://*.example", false},
};

void every_case_is_decided(void **) {
  for (const Case &c : kCases) {
    bool allowed = origin_is_allowed(c.origin, c.host, c.origins);
    if (allowed != c.allowed) print_error("origin %s, host %s, option %s\n", c.origin, c.host, c.origins);
    assert_int_equal(allowed, c.allowed);
  }
}

void good_options_are_accepted(void **) {
  for (const char *good : {"same", "*", " * ", "null", "https://a.example", "https://a.example, http://b:8080",
                           "https://a.example,same,null", "http://[::1]:80", "chrome-extension://abc", " same "}) {
    Failure failure = check_origins(good);
    if (failure) print_error("%s: %s\n", good, failure.words);
    assert_false(static_cast<bool>(failure));
  }
}

void bad_options_are_refused_with_words(void **) {
  for (const char *bad : {"", " ", ",", "a.example", "https://", "https://a.example/", "https://a.example:x",
                          "https://*.example", "*, same", "same, *", "Same", "all", "https://a b", "//a", "https:/a",
                          "https://u@a", "https://a?x", "https://a.example; https://b.example"}) {
    Failure failure = check_origins(bad);
    if (!failure) print_error("%s\n", bad);
    assert_int_equal(static_cast<int>(failure.error), static_cast<int>(Error::RANGE));
    assert_true(*failure.words != '\0');
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_case_is_decided),
      cmocka_unit_test(good_options_are_accepted),
      cmocka_unit_test(bad_options_are_refused_with_words),
  };
  return cmocka_run_group_tests_name("handshake/origin", tests, nullptr, nullptr);
}
