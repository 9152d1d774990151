#include "session/event_batch.hpp"

#include <cstring>

#include "support/cmocka.hpp"

using namespace hawser;

namespace {

void events_are_numbered_in_their_order(void **) {
  EventBatch batch(3);
  assert_int_equal(batch.size(), 0);
  for (int i = 0; i < 3; i++) {
    assert_false(batch.full());
    batch.next().tag = i;
    assert_int_equal(batch.size(), i);  // not before it is committed
    batch.commit();
  }
  assert_true(batch.full());
  for (int i = 0; i < 3; i++)
    assert_int_equal(batch.at(i)->tag, i);
}

void there_is_nothing_out_of_range(void **) {
  EventBatch batch(3);
  batch.next().tag = 1;
  assert_null(batch.at(0));
  batch.commit();
  for (int32_t index : {1, 2, 3, -1, INT32_MAX, INT32_MIN})
    assert_null(batch.at(index));
  assert_non_null(batch.at(0));
}

void events_stand_still(void **) {
  EventBatch batch(100);
  batch.next().tag = 7;
  batch.commit();
  const Event *first = batch.at(0);
  while (!batch.full()) {
    batch.next() = {};
    batch.commit();
  }
  assert_ptr_equal(batch.at(0), first);
  assert_int_equal(first->tag, 7);
}

void payloads_are_kept_until_the_batch_ends(void **) {
  Budget budget(Budget::kUnlimited);
  EventBatch batch(4);
  const uint8_t *at[4];
  for (int i = 0; i < 4; i++) {
    Buffer payload(budget);
    assert_true(payload.append("0123456789", 10));
    at[i] = payload.data();
    batch.keep(std::move(payload));
    assert_int_equal(batch.kept_bytes(), 10 * (i + 1));
  }
  for (const uint8_t *payload : at)
    assert_memory_equal(payload, "0123456789", 10);
  assert_true(budget.used() >= 40);
  batch.clear();
  assert_int_equal(budget.used(), 0);
  assert_int_equal(batch.kept_bytes(), 0);
  assert_int_equal(batch.size(), 0);
}

void a_batch_is_used_again(void **) {
  EventBatch batch(2);
  for (int round = 0; round < 3; round++) {
    while (!batch.full()) {
      batch.next().tag = round;
      batch.commit();
    }
    assert_int_equal(batch.at(1)->tag, round);
    batch.text(1) = "words";
    assert_string_equal(batch.text(1).c_str(), "words");
    batch.clear();
    assert_null(batch.at(0));
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(events_are_numbered_in_their_order),
      cmocka_unit_test(there_is_nothing_out_of_range),
      cmocka_unit_test(events_stand_still),
      cmocka_unit_test(payloads_are_kept_until_the_batch_ends),
      cmocka_unit_test(a_batch_is_used_again),
  };
  return cmocka_run_group_tests_name("session/event_batch", tests, nullptr, nullptr);
}
