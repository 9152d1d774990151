#include "framing/message_assembler.hpp"

#include <cstring>
#include <string>

#include "support/cmocka.hpp"

using namespace hawser;

namespace {

int as_int(Error error) {
  return static_cast<int>(error);
}

FrameHeader frame(uint64_t size, Opcode opcode = Opcode::CONTINUATION) {
  FrameHeader header;
  header.payload_size = size;
  header.opcode = opcode;
  return header;
}

Error add(MessageAssembler &message, const std::string &text) {
  return message.add(reinterpret_cast<const uint8_t *>(text.data()), text.size()).error;
}

std::string content(MessageAssembler &message) {
  return {reinterpret_cast<const char *>(message.payload().data()), message.payload().size()};
}

void pieces_make_a_message(void **) {
  Budget budget(Budget::kUnlimited);
  {
    MessageAssembler message(Opcode::BINARY, true, budget);
    for (const char *piece : {"", "ab", "c", "\xff\x80", ""})
      assert_int_equal(as_int(add(message, piece)), as_int(Error::OK));
    assert_int_equal(as_int(message.finish().error), as_int(Error::OK));
    assert_true(content(message) == "abc\xff\x80");
    assert_int_equal(static_cast<int>(message.opcode()), 2);
    assert_true(budget.used() > 0);
  }
  assert_int_equal(budget.used(), 0);
}

void parts_are_not_collected(void **) {
  Budget budget(0);
  MessageAssembler message(Opcode::TEXT, false, budget);
  assert_int_equal(as_int(add(message, std::string(100000, 'x'))), as_int(Error::OK));
  assert_int_equal(budget.used(), 0);
  assert_int_equal(as_int(add(message, "\x80")), as_int(Error::UTF8));
}

void the_first_part_is_told_once(void **) {
  Budget budget(0);
  MessageAssembler message(Opcode::TEXT, false, budget);
  assert_true(message.take_first());
  assert_false(message.take_first());
}

void continuations_stand_inside_messages(void **) {
  for (Opcode opcode : {Opcode::TEXT, Opcode::BINARY}) {
    assert_true(continues_rightly(frame(1, opcode), false));
    assert_false(continues_rightly(frame(1, opcode), true));
    assert_int_equal(as_int(wrong_continuation(frame(1, opcode)).error), as_int(Error::PROTOCOL));
  }
  assert_true(continues_rightly(frame(1), true));
  assert_false(continues_rightly(frame(1), false));
  assert_int_equal(as_int(wrong_continuation(frame(1)).error), as_int(Error::PROTOCOL));
}

void messages_are_as_large_as_their_frames(void **) {
  Budget budget(Budget::kUnlimited);
  const MessageLimits limits{10, -1};
  MessageAssembler message(Opcode::BINARY, true, budget);
  assert_int_equal(as_int(message.begin_frame(frame(4), limits).error), as_int(Error::OK));
  assert_int_equal(as_int(message.begin_frame(frame(6), limits).error), as_int(Error::OK));
  assert_int_equal(as_int(message.begin_frame(frame(0), limits).error), as_int(Error::OK));
  assert_int_equal(as_int(message.begin_frame(frame(1), limits).error), as_int(Error::LIMIT));
  assert_int_equal(budget.used(), 0);

  assert_true(message_fits(0, 10, limits));
  assert_false(message_fits(0, 11, limits));
  assert_false(message_fits(10, UINT64_MAX, limits));
  assert_false(message_fits(0, INT64_MAX, limits));
  const MessageLimits unlimited{-1, -1};
  assert_true(message_fits(0, INT64_MAX, unlimited));
  assert_false(message_fits(1, INT64_MAX, unlimited));
}

void fragments_are_counted(void **) {
  Budget budget(Budget::kUnlimited);
  MessageAssembler message(Opcode::BINARY, true, budget);
  for (int i = 0; i < 3; i++)
    assert_int_equal(as_int(message.begin_frame(frame(0), {-1, 3}).error), as_int(Error::OK));
  assert_int_equal(as_int(message.begin_frame(frame(0), {-1, 3}).error), as_int(Error::LIMIT));
  MessageAssembler another(Opcode::BINARY, true, budget);
  for (int i = 0; i < 1000; i++)
    assert_int_equal(as_int(another.begin_frame(frame(0), {-1, -1}).error), as_int(Error::OK));
}

void text_is_judged_as_it_comes(void **) {
  Budget budget(Budget::kUnlimited);
  const std::string text = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
  for (size_t cut = 0; cut <= text.size(); cut++) {
    MessageAssembler message(Opcode::TEXT, true, budget);
    assert_int_equal(as_int(add(message, text.substr(0, cut))), as_int(Error::OK));
    assert_int_equal(as_int(add(message, text.substr(cut))), as_int(Error::OK));
    assert_int_equal(as_int(message.finish().error), as_int(Error::OK));
    assert_true(content(message) == text);
  }
  MessageAssembler cut(Opcode::TEXT, true, budget);
  assert_int_equal(as_int(add(cut, "a\xf0\x9f")), as_int(Error::OK));
  assert_int_equal(as_int(cut.finish().error), as_int(Error::UTF8));
  MessageAssembler wrong(Opcode::TEXT, true, budget);
  assert_int_equal(as_int(add(wrong, "a\xf4")), as_int(Error::OK));
  assert_int_equal(as_int(add(wrong, "\x90")), as_int(Error::UTF8));  // beyond U+10FFFF, two bytes before its end
}

void there_is_no_window_for_what_is_only_announced(void **) {
  Budget budget(Budget::kUnlimited);
  MessageAssembler message(Opcode::BINARY, true, budget);
  assert_int_equal(as_int(message.begin_frame(frame(16 << 20), {}).error), as_int(Error::OK));
  assert_int_equal(message.window(16 << 20).size, 0);
  assert_int_equal(budget.used(), 0);
  add(message, std::string(100, 'x'));
  assert_int_equal(message.window(16 << 20).size, 0);
  assert_true(budget.used() <= 400);
}

// However much was announced, what is held stays below some multiple of what has come.
void windows_grow_with_what_has_come(void **) {
  Budget budget(Budget::kUnlimited);
  MessageAssembler message(Opcode::BINARY, true, budget);
  std::string expected;
  uint64_t left = 3 << 20;
  for (char c = 'a'; left > 0; c = c == 'z' ? 'a' : static_cast<char>(c + 1)) {
    MessageAssembler::Window window = message.window(left);
    assert_true(window.size <= left);
    if (window.size == 0) {
      std::string piece(5000, c);
      assert_int_equal(as_int(add(message, piece)), as_int(Error::OK));
      expected += piece;
      left -= piece.size();
    } else {
      std::memset(window.data, c, window.size);
      assert_int_equal(as_int(message.added(window.size).error), as_int(Error::OK));
      expected.append(window.size, c);
      left -= window.size;
    }
    assert_true(budget.used() <= static_cast<int64_t>(2 * expected.size() + 16384));
  }
  assert_int_equal(expected.size(), 3 << 20);
  assert_true(content(message) == expected);
}

void text_in_windows_is_judged_too(void **) {
  Budget budget(Budget::kUnlimited);
  MessageAssembler message(Opcode::TEXT, true, budget);
  add(message, std::string(20000, 'x') + "\xe2\x82");
  MessageAssembler::Window window = message.window(100);
  assert_int_equal(window.size, 100);
  window.data[0] = 0xAC;
  assert_int_equal(as_int(message.added(1).error), as_int(Error::OK));
  assert_int_equal(as_int(message.finish().error), as_int(Error::OK));
  window = message.window(99);
  window.data[0] = 0x80;
  assert_int_equal(as_int(message.added(1).error), as_int(Error::UTF8));
}

void memory_may_be_refused(void **) {
  Budget budget(40000);
  {
    MessageAssembler message(Opcode::BINARY, true, budget);
    assert_int_equal(as_int(add(message, std::string(30000, 'x'))), as_int(Error::OK));
    MessageAssembler::Window window = message.window(1 << 20);
    assert_int_equal(window.size, 0);
    assert_int_equal(as_int(add(message, std::string(20000, 'x'))), as_int(Error::NO_MEMORY));
    assert_int_equal(message.payload().size(), 30000);
  }
  assert_int_equal(budget.used(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(pieces_make_a_message),
      cmocka_unit_test(parts_are_not_collected),
      cmocka_unit_test(the_first_part_is_told_once),
      cmocka_unit_test(continuations_stand_inside_messages),
      cmocka_unit_test(messages_are_as_large_as_their_frames),
      cmocka_unit_test(fragments_are_counted),
      cmocka_unit_test(text_is_judged_as_it_comes),
      cmocka_unit_test(there_is_no_window_for_what_is_only_announced),
      cmocka_unit_test(windows_grow_with_what_has_come),
      cmocka_unit_test(text_in_windows_is_judged_too),
      cmocka_unit_test(memory_may_be_refused),
  };
  return cmocka_run_group_tests_name("framing/message_assembler", tests, nullptr, nullptr);
}
