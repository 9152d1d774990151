#include "handshake/extension_list.hpp"

#include "support/cmocka.hpp"

using namespace hawser;

namespace {

void lists_of_the_grammar_are_taken(void **) {
  for (const char *value : {"x", "permessage-deflate", "permessage-deflate; client_max_window_bits", "x;a", "x;a=1",
                            "x ; a = 1 ;b", "x; a=\"1\"", "x; a=\"\\1b\\c\"", "x, y", "x,y;a=1,z", " x\t", ",x,, y,",
                            "mux; max-channels=4; flow-control, x"}) {
    if (!is_extension_list(value)) print_error("%s\n", value);
    assert_true(is_extension_list(value));
  }
}

void others_are_not(void **) {
  for (const char *value : {"",
                            " ",
                            ",",
                            ", ,",
                            ";",
                            ";a",
                            "x;",
                            "x;;a",
                            "x; a=",
                            "x; =1",
                            "x=1",
                            "x y",
                            "x; a b",
                            "x; a=1 2",
                            "x; a=1=2",
                            "\"x\"",
                            "x; \"a\"",
                            "x; a=\"",
                            "x; a=\"1",
                            "x; a=\"\"",
                            "x; a=\"b c\"",
                            "x; a=\"b\"c",
                            "x; a=\"b\\",
                            "x; a=\"b\\\"",
                            "x; a=\"b,c\"",
                            "x; a='b c'",
                            "x/y",
                            "x, y z",
                            "\xc3\xa9",
                            "x; a=\xff"}) {
    if (is_extension_list(value)) print_error("%s\n", value);
    assert_false(is_extension_list(value));
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(lists_of_the_grammar_are_taken),
      cmocka_unit_test(others_are_not),
  };
  return cmocka_run_group_tests_name("handshake/extension_list", tests, nullptr, nullptr);
}
