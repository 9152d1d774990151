#include "handshake/header_list.hpp"

#include <string>
#include <vector>

#include "support/cmocka.hpp"

using namespace hawser;

namespace {

constexpr char kText[] = "Host: h\0set-cookie: a\0X-Empty: \0Set-Cookie: b: c\0SET-COOKIE: d\0Set-Cookie2: e";
const std::string kBlock(kText, sizeof(kText));
constexpr int32_t kCount = 6;

bool is(const char *found, const char *expected) {
  if (found == nullptr || expected == nullptr) return found == expected;
  return std::string(found) == expected;
}

void fields_are_found_by_name_and_occurrence(void **) {
  HeaderList list(kBlock.data(), kBlock.size(), kCount);
  assert_true(is(list.find("Host"), "h"));
  assert_true(is(list.find("hOST"), "h"));
  assert_true(is(list.find("X-Empty"), ""));
  assert_true(is(list.find("Set-Cookie"), "a"));
  assert_true(is(list.find("Set-Cookie", 1), "b: c"));
  assert_true(is(list.find("set-cookie", 2), "d"));
  assert_true(is(list.find("set-cookie2"), "e"));
  for (int32_t nth : {3, 1000, INT32_MAX, -1, INT32_MIN})
    assert_null(list.find("Set-Cookie", nth));
  for (const char *name : {"", "Hos", "Host:", "Hosts", "h", "Cookie"})
    assert_null(list.find(name));
}

void found_values_point_into_the_block(void **) {
  HeaderList list(kBlock.data(), kBlock.size(), kCount);
  assert_ptr_equal(list.find("Host"), kBlock.data() + 6);
}

void lines_are_told_by_index(void **) {
  HeaderList list(kBlock.data(), kBlock.size(), kCount);
  const char *const expected[kCount] = {
      "Host: h", "set-cookie: a", "X-Empty: ", "Set-Cookie: b: c", "SET-COOKIE: d", "Set-Cookie2: e"};
  for (int32_t i = 0; i < kCount; i++)
    assert_true(is(list.line(i), expected[i]));
  for (int32_t i : {kCount, INT32_MAX, -1, INT32_MIN})
    assert_null(list.line(i));
}

void a_walk_sees_every_field_once(void **) {
  HeaderList list(kBlock.data(), kBlock.size(), kCount);
  std::vector<std::string> seen;
  size_t position = 0;
  HeaderField field;
  while (list.next(position, field))
    seen.push_back(std::string(field.name) + "=" + std::string(field.value));
  const std::vector<std::string> expected = {
      "Host=h", "set-cookie=a", "X-Empty=", "Set-Cookie=b: c", "SET-COOKIE=d", "Set-Cookie2=e"};
  assert_true(seen == expected);
  assert_int_equal(position, list.size());
  assert_false(list.next(position, field));
}

void a_copied_block_is_the_same_list(void **) {
  std::string copy = kBlock;
  HeaderList list(copy.data(), copy.size(), kCount);
  assert_true(is(list.find("Set-Cookie", 2), "d"));
  assert_true(list.find("Host") >= copy.data() && list.find("Host") < copy.data() + copy.size());
}

void an_empty_list_has_nothing(void **) {
  HeaderList list;
  size_t position = 0;
  HeaderField field;
  assert_int_equal(list.count(), 0);
  assert_null(list.find("Host"));
  assert_null(list.line(0));
  assert_false(list.next(position, field));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(fields_are_found_by_name_and_occurrence),
      cmocka_unit_test(found_values_point_into_the_block),
      cmocka_unit_test(lines_are_told_by_index),
      cmocka_unit_test(a_walk_sees_every_field_once),
      cmocka_unit_test(a_copied_block_is_the_same_list),
      cmocka_unit_test(an_empty_list_has_nothing),
  };
  return cmocka_run_group_tests_name("handshake/header_list", tests, nullptr, nullptr);
}
