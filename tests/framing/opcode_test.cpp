#include "framing/opcode.hpp"

#include <set>

#include "support/cmocka.hpp"

using namespace hawser;

namespace {

// RFC 6455 5.2 and 11.8.
const std::set<int> kDefined = {0x0, 0x1, 0x2, 0x8, 0x9, 0xA};

void reserved_opcodes_are_unknown(void **) {
  for (int value = 0; value < 16; value++)
    assert_int_equal(is_known(static_cast<Opcode>(value)), kDefined.count(value) == 1);
}

void control_opcodes_have_the_high_bit(void **) {
  for (int value = 0; value < 16; value++)
    assert_int_equal(is_control(static_cast<Opcode>(value)), value >= 8);
}

void messages_are_text_or_binary(void **) {
  for (int value = 0; value < 256; value++)
    assert_int_equal(begins_message(static_cast<Opcode>(value)), value == 1 || value == 2);
}

void values_are_those_of_the_rfc(void **) {
  assert_int_equal(static_cast<int>(Opcode::CONTINUATION), 0);
  assert_int_equal(static_cast<int>(Opcode::TEXT), 1);
  assert_int_equal(static_cast<int>(Opcode::BINARY), 2);
  assert_int_equal(static_cast<int>(Opcode::CLOSE), 8);
  assert_int_equal(static_cast<int>(Opcode::PING), 9);
  assert_int_equal(static_cast<int>(Opcode::PONG), 10);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(reserved_opcodes_are_unknown),
      cmocka_unit_test(control_opcodes_have_the_high_bit),
      cmocka_unit_test(messages_are_text_or_binary),
      cmocka_unit_test(values_are_those_of_the_rfc),
  };
  return cmocka_run_group_tests_name("framing/opcode", tests, nullptr, nullptr);
}
