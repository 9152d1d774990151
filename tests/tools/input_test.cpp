#include "input.hpp"

#include <random>
#include <vector>

#include <unistd.h>

#include "support/cmocka.hpp"

namespace {

using hawser::tools::Input;
using hawser::tools::InputKind;
using Messages = std::vector<std::string>;

// Every message of `data`, written into a pipe in pieces that end at `cuts`.
Messages messages_of(const std::string &data, const std::vector<size_t> &cuts, InputKind kind) {
  int ends[2];
  if (pipe(ends) != 0) return {"no pipe"};
  Input input(ends[0], kind);
  Messages messages;
  size_t begin = 0;
  for (size_t i = 0; i <= cuts.size() + 1; i++) {
    const size_t end = i < cuts.size() ? cuts[i] : data.size();
    if (i > cuts.size()) close(ends[1]);
    if (i <= cuts.size() && end == begin) continue;
    if (i <= cuts.size() && write(ends[1], data.data() + begin, end - begin) < 0) return {"write failed"};
    begin = end;
    if (!input.fill()) return {"read failed"};
    for (; const auto message = input.front(); input.pop())
      messages.emplace_back(*message);
  }
  close(ends[0]);
  return input.finished() ? messages : Messages{"not finished"};
}

// What lines are, spelled out byte by byte.
Messages lines_by_definition(const std::string &data) {
  Messages lines;
  std::string line;
  for (const char byte : data) {
    if (byte != '\n') {
      line += byte;
      continue;
    }
    if (!line.empty() && line.back() == '\r') line.pop_back();
    lines.push_back(line);
    line.clear();
  }
  if (!line.empty()) lines.push_back(line);
  return lines;
}

void lines_end_with_lf_or_cr_lf(void **) {
  const Messages expected = {"one", "two", "", "a\rb", "\r", "last\r"};
  assert_true(messages_of("one\ntwo\r\n\na\rb\n\r\r\nlast\r", {}, InputKind::LINES) == expected);
  assert_true(messages_of("", {}, InputKind::LINES).empty());
  assert_true(messages_of("\n", {}, InputKind::LINES) == Messages{""});
}

void lines_cut_at_every_position(void **) {
  const std::string data = "one\r\n\r\n\ntwo\rthree\nlast";
  for (size_t first = 0; first <= data.size(); first++)
    for (size_t second = first; second <= data.size(); second++)
      assert_true(messages_of(data, {first, second}, InputKind::LINES) == lines_by_definition(data));
}

void random_lines_in_random_pieces(void **) {
  std::mt19937 random(20261122);
  print_message("seed 20261122\n");
  for (int round = 0; round < 500; round++) {
    std::string data;
    for (size_t i = random() % 200; i > 0; i--)
      data += "ab\r\n"[random() % 4];
    std::vector<size_t> cuts;
    for (size_t at = random() % 9; at < data.size(); at += random() % 9)
      cuts.push_back(at);
    assert_true(messages_of(data, cuts, InputKind::LINES) == lines_by_definition(data));
  }
}

void front_stays_until_pop(void **) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  Input input(ends[0], InputKind::LINES);
  assert_int_equal(write(ends[1], "one\ntw", 6), 6);
  assert_true(input.fill());
  assert_true(input.front() == "one");
  assert_true(input.front() == "one");
  input.pop();
  assert_int_equal(input.popped(), 1);
  assert_false(input.front().has_value());
  close(ends[1]);
  assert_true(input.fill());
  assert_true(input.ended());
  assert_false(input.finished());
  assert_true(input.front() == "tw");
  input.pop();
  assert_true(input.finished());
  close(ends[0]);
}

void bytes_come_as_they_are(void **) {
  const std::string data("\n\r\n\0x", 5);
  assert_true(messages_of(data, {2}, InputKind::BYTES) == (Messages{data.substr(0, 2), data.substr(2)}));
  assert_true(messages_of("", {}, InputKind::BYTES).empty());
}

void failure_to_read_is_told(void **) {
  Input input(-1, InputKind::LINES);
  assert_false(input.fill());
  assert_false(input.ended());
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(lines_end_with_lf_or_cr_lf),    cmocka_unit_test(lines_cut_at_every_position),
      cmocka_unit_test(random_lines_in_random_pieces), cmocka_unit_test(front_stays_until_pop),
      cmocka_unit_test(bytes_come_as_they_are),        cmocka_unit_test(failure_to_read_is_told),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
