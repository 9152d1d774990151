#include "manager/ownership.hpp"

#include <thread>
#include <vector>

#include "support/cmocka.hpp"

namespace {

using hawser::Ownership;

void test_first_caller_owns(void **) {
  Ownership ownership;
  assert_null(ownership.enter_as_owner());
  Ownership::Seat *seat = ownership.enter();
  assert_non_null(seat);
  Ownership::leave(seat);
  assert_ptr_equal(ownership.enter_as_owner(), seat);
  Ownership::leave(seat);
}

void test_handing_over(void **) {
  Ownership ownership;
  Ownership::Seat *mine = ownership.enter();
  Ownership::leave(mine);
  bool was_owner = true;
  bool entered = false;
  std::thread other([&] {
    was_owner = ownership.enter_as_owner() != nullptr;
    Ownership::Seat *seat = ownership.enter();
    entered = seat != nullptr && seat != mine;
    Ownership::leave(seat);
  });
  other.join();
  assert_false(was_owner);
  assert_true(entered);
  assert_null(ownership.enter_as_owner());
  assert_ptr_equal(ownership.enter(), mine);
  Ownership::leave(mine);
}

// During a poll nobody else gets in, and the poller stays the owner.
void test_poll(void **) {
  Ownership ownership;
  Ownership::Seat *mine = ownership.enter_to_poll();
  bool refused = false;
  std::thread([&] { refused = ownership.enter() == nullptr && ownership.enter_as_owner() == nullptr; }).join();
  assert_true(refused);
  Ownership::leave(mine);
  assert_ptr_equal(ownership.enter_as_owner(), mine);
  Ownership::leave(mine);
}

// Threads that take over from one another all the time never are inside together.
void test_exclusion(void **) {
  Ownership ownership;
  int64_t plain = 0;  // a race on it would lose counts
  int64_t entries[4] = {};
  std::vector<std::thread> threads;
  for (int64_t &count : entries) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20000; i++) {
        Ownership::Seat *seat = i % 8 == 0 ? ownership.enter() : ownership.enter_as_owner();
        if (seat == nullptr) continue;
        plain = plain + 1;
        count++;
        Ownership::leave(seat);
      }
    });
  }
  for (std::thread &thread : threads)
    thread.join();
  assert_int_equal(plain, entries[0] + entries[1] + entries[2] + entries[3]);
  assert_true(plain >= 4 * 20000 / 8);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_first_caller_owns),
      cmocka_unit_test(test_handing_over),
      cmocka_unit_test(test_poll),
      cmocka_unit_test(test_exclusion),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
