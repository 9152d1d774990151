#include "bytes/budget.hpp"

#include <algorithm>
#include <thread>
#include <vector>

#include "support/cmocka.hpp"

using hawser::Budget;

namespace {

void takes_up_to_the_limit_and_no_more(void **) {
  Budget budget(100);
  assert_true(budget.take(60));
  assert_true(budget.take(40));
  assert_int_equal(budget.used(), 100);
  assert_false(budget.take(1));
  assert_int_equal(budget.used(), 100);
  assert_true(budget.take(0));
}

void what_was_given_back_can_be_taken_again(void **) {
  Budget budget(100);
  assert_true(budget.take(100));
  budget.give(30);
  assert_int_equal(budget.used(), 70);
  assert_false(budget.take(31));
  assert_true(budget.take(30));
}

void refuses_sizes_that_do_not_fit_a_signed_number(void **) {
  for (int64_t limit : {int64_t{100}, Budget::kUnlimited}) {
    if (limit == Budget::kUnlimited && sizeof(size_t) < sizeof(int64_t)) continue;  // all of them fit
    Budget budget(limit);
    assert_true(budget.take(10));
    assert_false(budget.take(SIZE_MAX));
    assert_false(budget.take(SIZE_MAX / 2 + 1));
    assert_false(budget.take(SIZE_MAX / 2 - 9));
    assert_int_equal(budget.used(), 10);
  }
}

void unlimited_still_counts(void **) {
  Budget budget(Budget::kUnlimited);
  assert_true(budget.take(SIZE_MAX / 4));
  assert_int_equal(budget.used(), SIZE_MAX / 4);
  budget.give(SIZE_MAX / 4);
  assert_int_equal(budget.used(), 0);
}

// Takes and gives many times; returns how often the budget was seen above its limit.
int take_and_give(Budget &budget, int64_t limit) {
  int excesses = 0;
  for (int i = 0; i < 20000; i++) {
    size_t size = static_cast<size_t>(i % 7) + 1;
    if (!budget.take(size)) continue;
    if (budget.used() > limit) excesses++;
    budget.give(size);
  }
  return excesses;
}

void threads_never_exceed_the_limit_together(void **) {
  constexpr int64_t kLimit = 10;
  Budget budget(kLimit);
  std::vector<int> excesses(4);
  {
    std::vector<std::jthread> threads;
    threads.reserve(excesses.size());
    for (int &excess : excesses)
      threads.emplace_back([&] { excess = take_and_give(budget, kLimit); });
  }
  assert_int_equal(std::count(excesses.begin(), excesses.end(), 0), 4);
  assert_int_equal(budget.used(), 0);
}

void parts_count_alone_and_against_the_whole(void **) {
  Budget whole(100);
  hawser::MemoryParts parts(whole);
  assert_true(parts.received.take(60));
  assert_true(parts.queued.take(30));
  assert_false(parts.tls.take(11));
  assert_int_equal(parts.tls.used(), 0);
  assert_int_equal(whole.used(), 90);
  parts.received.hand_over(60, parts.delivered);
  assert_int_equal(parts.received.used(), 0);
  assert_int_equal(parts.delivered.used(), 60);
  assert_int_equal(whole.used(), 90);
  parts.delivered.give(60);
  parts.queued.give(30);
  assert_int_equal(whole.used(), 0);
}

// A sixteenth is kept back, and no more than 1 MiB.
void the_last_of_it_is_uncomfortable(void **) {
  assert_int_equal(Budget(1600).comfortable(), 1500);
  assert_int_equal(Budget(0).comfortable(), 0);
  assert_int_equal(Budget(int64_t{1} << 30).comfortable(), (int64_t{1} << 30) - (1 << 20));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(takes_up_to_the_limit_and_no_more),
      cmocka_unit_test(what_was_given_back_can_be_taken_again),
      cmocka_unit_test(refuses_sizes_that_do_not_fit_a_signed_number),
      cmocka_unit_test(unlimited_still_counts),
      cmocka_unit_test(parts_count_alone_and_against_the_whole),
      cmocka_unit_test(the_last_of_it_is_uncomfortable),
      cmocka_unit_test(threads_never_exceed_the_limit_together),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
