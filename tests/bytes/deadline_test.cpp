#include "bytes/deadline.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "support/cmocka.hpp"

using hawser::after;
using hawser::earlier;
using hawser::kNever;

namespace {

void test_after(void **) {
  assert_true(after(0, 0) == 0);
  assert_true(after(5, 0) == 5);
  assert_true(after(5, 7) == 12);
  assert_true(after(5, -1) == kNever);
  assert_true(after(0, -1) == kNever);
}

// Never is later than every time, for all that it is the smallest number.
void test_earlier(void **) {
  const int64_t times[] = {0, 1, 2, INT64_MAX, kNever};  // in their order
  for (size_t i = 0; i < std::size(times); i++) {
    for (size_t j = 0; j < std::size(times); j++) {
      assert_true(earlier(times[i], times[j]) == times[std::min(i, j)]);
    }
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {cmocka_unit_test(test_after), cmocka_unit_test(test_earlier)};
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
