#include "manager/drain.hpp"

#include "support/cmocka.hpp"

using hawser::Drain;
using hawser::kNever;

namespace {

// The Closes that the plan makes due at each millisecond, until `end`; who does what it says at each step.
void test_spread(void **) {
  for (int64_t count : {1, 2, 3, 7, 100, 5000}) {
    for (int64_t time : {1, 2, 10, 1000, 30'000}) {
      Drain drain;
      drain.begin(500, time, count);
      int64_t closed = 0;
      int64_t last = 500;
      while (closed < count) {
        int64_t now = drain.next();
        assert_in_range(now, last, 500 + time * 3 / 4);
        if (now > last) assert_int_equal(drain.due(now - 1), 0);  // next() tells no later time than due()
        int64_t due = drain.due(now);
        assert_in_range(due, 1, count - closed);
        for (; due > 0; due--, closed++)
          drain.note_closed();
        // No more than their share of the time.
        if (time * 3 / 4 > 0) assert_true((closed - 1) * (time * 3 / 4) <= (now - 500) * count);
        last = now;
      }
      assert_int_equal(drain.due(INT32_MAX), 0);
      assert_int_equal(drain.next(), 500 + time);
    }
  }
}

void test_first_at_once(void **) {
  Drain drain;
  drain.begin(0, 4000, 4);
  assert_int_equal(drain.due(0), 1);
  assert_int_equal(drain.due(749), 1);
  assert_int_equal(drain.due(750), 2);
  assert_int_equal(drain.due(2250), 4);
  assert_int_equal(drain.due(100'000), 4);
}

void test_deadline(void **) {
  Drain drain;
  drain.begin(100, 1000, 3);
  assert_false(drain.too_late(1099));
  assert_true(drain.too_late(1100));
  drain.exhaust();
  assert_int_equal(drain.due(2000), 0);
  assert_int_equal(drain.next(), 1100);
}

void test_at_once(void **) {
  Drain drain;
  drain.begin(100, 0, 3);
  assert_int_equal(drain.due(100), 3);
  assert_true(drain.too_late(100));
}

void test_without_deadline(void **) {
  Drain drain;
  drain.begin(100, -1, 3);
  assert_int_equal(drain.due(100), 3);
  assert_false(drain.too_late(INT64_MAX));
  drain.exhaust();
  assert_int_equal(drain.next(), kNever);
}

void test_again(void **) {
  Drain drain;
  assert_false(drain.active());
  drain.begin(100, 1000, 3);
  drain.note_closed();
  drain.advance();
  assert_true(drain.active());
  drain.begin(200, 10, 2);
  assert_int_equal(drain.cursor(), 0);
  assert_int_equal(drain.due(300), 2);
  assert_true(drain.too_late(210));
  drain.end();
  assert_false(drain.active());
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_spread),  cmocka_unit_test(test_first_at_once),    cmocka_unit_test(test_deadline),
      cmocka_unit_test(test_at_once), cmocka_unit_test(test_without_deadline), cmocka_unit_test(test_again),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
