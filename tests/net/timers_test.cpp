#include "net/timers.hpp"

#include <climits>
#include <cstdio>
#include <map>
#include <optional>
#include <random>
#include <vector>

#include "support/cmocka.hpp"
#include "support/failing_new.hpp"

using hawser::Timers;

namespace {

void test_empty(void **) {
  Timers timers;
  uint32_t key = 99;
  assert_int_equal(timers.next(), Timers::kNever);
  assert_false(timers.pop(INT64_MAX, key));
  assert_true(timers.reserve(1));
  assert_int_equal(timers.deadline(0), Timers::kNever);
  timers.cancel(0);
  assert_false(timers.pop(INT64_MAX, key));
  assert_int_equal(key, 99);
}

void test_one(void **) {
  Timers timers;
  uint32_t key = 99;
  assert_true(timers.reserve(3));
  timers.set(2, 1000);
  assert_int_equal(timers.next(), 1000);
  assert_int_equal(timers.deadline(2), 1000);
  assert_false(timers.pop(999, key));
  assert_true(timers.pop(1000, key));
  assert_int_equal(key, 2);
  assert_int_equal(timers.deadline(2), Timers::kNever);
  assert_false(timers.pop(INT64_MAX, key));
}

void test_moves(void **) {
  Timers timers;
  uint32_t key = 99;
  assert_true(timers.reserve(2));
  timers.set(0, 10);
  timers.set(1, 20);
  timers.set(0, 30);
  assert_int_equal(timers.next(), 20);
  timers.set(0, 0);
  assert_int_equal(timers.next(), 0);
  timers.cancel(0);
  assert_int_equal(timers.next(), 20);
  assert_true(timers.pop(INT64_MAX, key));
  assert_int_equal(key, 1);
  assert_int_equal(timers.next(), Timers::kNever);
}

void test_reserve_keeps_what_is_set(void **) {
  Timers timers;
  for (uint32_t count = 1; count <= 1000; count++) {
    assert_true(timers.reserve(count));
    timers.set(count - 1, 5000 - count);
    assert_true(timers.reserve(count / 2));
  }
  uint32_t key;
  for (uint32_t expected = 1000; expected-- > 0;) {
    assert_true(timers.pop(INT64_MAX, key));
    assert_int_equal(key, expected);
  }
}

void test_no_memory(void **) {
  Timers timers;
  assert_true(timers.reserve(2));
  timers.set(1, 7);
  for (int64_t left : {0, 1, 0}) {  // neither, one of its two arrays, and not the other one either
    hawser::allocations_left = left;
    bool reserved = timers.reserve(1000);
    hawser::allocations_left = -1;
    assert_false(reserved);
    assert_int_equal(timers.next(), 7);
  }
  assert_true(timers.reserve(5000));
  for (uint32_t key = 0; key < 5000; key++) {
    timers.set(key, key + 10);
  }
  assert_int_equal(timers.next(), 10);
}

void test_reserved_keys_need_no_memory(void **) {
  Timers timers;
  assert_true(timers.reserve(1000));
  hawser::allocations_left = 0;
  for (uint32_t key = 0; key < 1000; key++) {
    timers.set(key, 1000 - key);
  }
  hawser::allocations_left = -1;
  assert_int_equal(timers.next(), 1);
}

// The same, with a std::multimap from deadlines to keys.
class Reference {
 public:
  explicit Reference(uint32_t count) : places_(count) {}

  void set(uint32_t key, int64_t deadline) {
    if (places_[key]) order_.erase(*places_[key]);
    places_[key].reset();
    if (deadline != Timers::kNever) places_[key] = order_.emplace(deadline, key);
  }
  int64_t deadline(uint32_t key) const { return places_[key] ? (*places_[key])->first : Timers::kNever; }
  int64_t next() const { return order_.empty() ? Timers::kNever : order_.begin()->first; }

 private:
  using Order = std::multimap<int64_t, uint32_t>;
  Order order_;
  std::vector<std::optional<Order::iterator>> places_;
};

// One random step on both; false if they differ.
bool step_alike(Timers &timers, Reference &reference, uint32_t count, int64_t spread, std::mt19937 &random) {
  auto key = static_cast<uint32_t>(random() % count);
  auto deadline = static_cast<int64_t>(random() % static_cast<uint64_t>(spread));
  switch (random() % 8) {
    case 0:
      timers.cancel(key);
      reference.set(key, Timers::kNever);
      break;
    case 1: {
      bool due = reference.next() != Timers::kNever && reference.next() <= deadline;
      uint32_t popped = 0;
      if (timers.pop(deadline, popped) != due) return false;
      // Among equal deadlines any key may come first.
      if (due && reference.deadline(popped) != reference.next()) return false;
      if (due) reference.set(popped, Timers::kNever);
      break;
    }
    default:
      timers.set(key, deadline);
      reference.set(key, deadline);
  }
  return timers.next() == reference.next() && timers.deadline(key) == reference.deadline(key);
}

void test_random(void **) {
  const uint32_t seed = 20;
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  for (uint32_t count : {1U, 2U, 3U, 10U, 100U, 3000U}) {
    for (int64_t spread : {int64_t{3}, int64_t{100}, int64_t{1} << 40}) {
      Timers timers;
      Reference reference(count);
      assert_true(timers.reserve(count));
      for (int i = 0; i < 20'000; i++) {
        assert_true(step_alike(timers, reference, count, spread, random));
      }
      for (uint32_t key = 0; key < count; key++) {
        assert_int_equal(timers.deadline(key), reference.deadline(key));
      }
      uint32_t popped;
      while (timers.pop(INT64_MAX, popped)) {
        assert_int_equal(reference.deadline(popped), reference.next());
        reference.set(popped, Timers::kNever);
      }
      assert_int_equal(reference.next(), Timers::kNever);
    }
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_empty),     cmocka_unit_test(test_one),
      cmocka_unit_test(test_moves),     cmocka_unit_test(test_reserve_keeps_what_is_set),
      cmocka_unit_test(test_no_memory), cmocka_unit_test(test_reserved_keys_need_no_memory),
      cmocka_unit_test(test_random),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
