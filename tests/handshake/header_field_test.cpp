#include "handshake/header_field.hpp"

#include <string>

#include "support/cmocka.hpp"

using namespace hawser;

namespace {

bool is_refused(std::string_view name, std::string_view value) {
  std::string lines = "before\r\n";
  Failure failure = append_header_field(lines, name, value);
  return failure.error == Error::HEADER && lines == "before\r\n";
}

void fields_are_appended_in_order(void **) {
  std::string lines;
  assert_false(static_cast<bool>(append_header_field(lines, "Cookie", "a=b; c=\"d\"")));
  assert_false(static_cast<bool>(append_header_field(lines, "X-Empty", "")));
  assert_false(static_cast<bool>(append_header_field(lines, "X!#$%&'*+-.^_`|~9", " \t padded \t ")));
  assert_false(static_cast<bool>(append_header_field(lines, "cookie", "a\tb \xc3\xa9\xff")));
  assert_string_equal(
      lines.c_str(), "Cookie: a=b; c=\"d\"\r\nX-Empty: \r\nX!#$%&'*+-.^_`|~9: padded\r\ncookie: a\tb \xc3\xa9\xff\r\n");
}

void names_that_are_no_token_are_refused(void **) {
  for (const char *name :
       {"", " ", "a b", "a:", ":a", " a", "a ", "a\t", "a\r\nb", "a\"", "a(", "a/", "a@", "\xc3\xa9"})
    assert_true(is_refused(name, "v"));
  assert_true(is_refused(std::string_view("a\0", 2), "v"));
}

void control_characters_in_values_are_refused(void **) {
  for (int byte = 0; byte < 256; byte++) {
    bool is_control = (byte < 0x20 && byte != '\t') || byte == 0x7f;
    std::string value = std::string("a") + static_cast<char>(byte) + "b";
    assert_int_equal(is_refused("X", value), is_control);
  }
  assert_true(is_refused("X", "\r\n"));
  assert_true(is_refused("X", "a\r\nHost: evil"));
  assert_true(is_refused("X", "\n"));  // not white space to be trimmed
}

void names_of_the_handshake_are_refused(void **) {
  for (const char *name : {"Host",
                           "hOST",
                           "Upgrade",
                           "Connection",
                           "connection",
                           "Content-Length",
                           "Transfer-Encoding",
                           "Trailer",
                           "TE",
                           "te",
                           "Keep-Alive",
                           "Proxy-Connection",
                           "Expect",
                           "Sec-WebSocket-Key",
                           "Sec-WebSocket-Accept",
                           "Sec-WebSocket-Version",
                           "Sec-WebSocket-Protocol",
                           "sec-websocket-extensions",
                           "SEC-WEBSOCKET-Anything",
                           "Sec-WebSocket-"}) {
    if (!is_refused(name, "v")) print_error("%s\n", name);
    assert_true(is_refused(name, "v"));
  }
}

void other_names_are_the_applications(void **) {
  for (const char *name :
       {"Origin", "Authorization", "Cookie", "Set-Cookie", "User-Agent", "Server", "Date", "Content-Type", "Location",
        "Hosts", "X-Host", "Upgrades", "Sec-WebSocket", "Sec-Fetch-Mode", "TEE", "T", "Proxy-Authorization", "Allow"}) {
    if (is_refused(name, "v")) print_error("%s\n", name);
    assert_false(is_refused(name, "v"));
  }
}

void subprotocol_lists_are_checked(void **) {
  for (const char *good : {"", "chat", "chat, superchat", "chat,superchat", " chat ,\tCHAT ", "a,,b", "v1.x!#"})
    assert_false(static_cast<bool>(check_subprotocols(good)));
  for (const char *bad : {"a b", "a;q=1", "a, b c", "a/b", "\"a\"", "a, b, a", "a,a", "\xc3\xa9", "a\r\n", "a\nb"}) {
    Failure failure = check_subprotocols(bad);
    assert_int_equal(static_cast<int>(failure.error), static_cast<int>(Error::RANGE));
    assert_true(*failure.words != '\0');
  }
}

void offers_are_compared_with_their_case(void **) {
  assert_true(offers_subprotocol("chat", "chat"));
  assert_true(offers_subprotocol("a, chat ,b", "chat"));
  assert_true(offers_subprotocol("a,b", "b"));
  for (const char *offered : {"", "Chat", "chatx", "xchat", "cha t", "super chat", "chat;x"})
    assert_false(offers_subprotocol(offered, "chat"));
  assert_false(offers_subprotocol("a, ,b", ""));
  assert_false(offers_subprotocol("a,b", "a,b"));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(fields_are_appended_in_order),
      cmocka_unit_test(names_that_are_no_token_are_refused),
      cmocka_unit_test(control_characters_in_values_are_refused),
      cmocka_unit_test(names_of_the_handshake_are_refused),
      cmocka_unit_test(other_names_are_the_applications),
      cmocka_unit_test(subprotocol_lists_are_checked),
      cmocka_unit_test(offers_are_compared_with_their_case),
  };
  return cmocka_run_group_tests_name("handshake/header_field", tests, nullptr, nullptr);
}
