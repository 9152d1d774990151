#include "report.hpp"

#include "support/cmocka.hpp"

namespace {

using namespace hawser::tools;

void statuses_are_those_of_the_manual(void **) {
  assert_int_equal(exit_status_of(HWS_OK), 0);
  for (const hws_result error : {HWS_ERR_URL, HWS_ERR_UNSUPPORTED, HWS_ERR_RANGE, HWS_ERR_HEADER})
    assert_int_equal(exit_status_of(error), 1);
  assert_int_equal(exit_status_of(HWS_ERR_HTTP), 2);
  for (const hws_result error : {HWS_ERR_RESOLVE, HWS_ERR_CONNECT, HWS_ERR_LISTEN, HWS_ERR_IO, HWS_ERR_EOF,
                                 HWS_ERR_TIMEOUT, HWS_ERR_NO_MEMORY, HWS_ERR_SYSTEM, HWS_ERR_ABORTED})
    assert_int_equal(exit_status_of(error), 3);
  for (const hws_result error : {HWS_ERR_HANDSHAKE, HWS_ERR_PROTOCOL, HWS_ERR_LIMIT, HWS_ERR_UTF8, HWS_ERR_DEFLATE})
    assert_int_equal(exit_status_of(error), 4);
}

void control_characters_do_not_reach_the_terminal(void **) {
  assert_string_equal(printable("plain grüße €").c_str(), "plain grüße €");
  assert_string_equal(printable("a\x1b[31mb\nc\td\x7f").c_str(), "a?[31mb?c?d?");
  // U+009B, the C1 control that is ESC [, as UTF-8; U+00A0 is none.
  assert_string_equal(printable("\xC2\x9B"
                                "31m\xC2\xA0")
                          .c_str(),
                      "?31m\xC2\xA0");
  assert_string_equal(printable("cut \xC2").c_str(), "cut \xC2");
  assert_int_equal(printable(std::string_view("\0", 1))[0], '?');
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(statuses_are_those_of_the_manual),
      cmocka_unit_test(control_characters_do_not_reach_the_terminal),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
