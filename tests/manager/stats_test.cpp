#include "manager/stats.hpp"

#include <cstring>
#include <set>
#include <string>

#include "support/cmocka.hpp"

namespace {

void test_names(void **) {
  hawser::Stats stats;
  std::set<const int64_t *> fields;
  for (int32_t i = 0; i < hawser::stat_count(); i++) {
    assert_non_null(stats.find(hawser::stat_name(i)));
    assert_true(std::strlen(hawser::stat_text(i)) > 10);
    fields.insert(stats.find(hawser::stat_name(i)));
  }
  assert_int_equal(fields.size(), hawser::stat_count());
  stats.opened = 42;
  assert_int_equal(*stats.find("opened"), 42);
  assert_null(stats.find("open"));
  assert_null(stats.find(""));
  assert_null(hawser::stat_name(-1));
  assert_null(hawser::stat_text(hawser::stat_count()));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {cmocka_unit_test(test_names)};
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
