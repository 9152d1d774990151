#include "manager/id_table.hpp"

#include <set>

#include "support/cmocka.hpp"

namespace {

struct Thing {
  std::atomic<int64_t> id{0};
};

using Table = hawser::IdTable<Thing>;

int64_t id_of(const Thing *thing) {
  return thing->id.load();
}

void test_ids_are_positive_and_exact_in_a_double(void **) {
  Table table(-1, 63, true);
  for (int i = 0; i < 200; i++) {
    int64_t id = id_of(table.claim());
    assert_true(id > 0 && id < int64_t{1} << 53);
    assert_int_equal(static_cast<int64_t>(static_cast<double>(id)), id);
    assert_true(hawser::is_listener_id(id));
  }
  Table connections(-1, 63, false);
  assert_false(hawser::is_listener_id(id_of(connections.claim())));
}

void test_limit(void **) {
  Table table(70, 1, false);
  for (int i = 0; i < 70; i++)
    assert_non_null(table.claim());
  assert_null(table.claim());
  assert_int_equal(table.live(), 70);
  table.release(*table.at(69));
  assert_ptr_equal(table.claim(), table.at(69));
  assert_null(table.claim());
}

void test_no_id_is_used_again(void **) {
  Table table(3, 5, false);
  std::set<int64_t> seen;
  for (int i = 0; i < 10000; i++) {
    Thing *thing = table.claim();
    assert_true(seen.insert(id_of(thing)).second);
    table.release(*thing);
  }
  int found = 0;
  for (int64_t id : seen)
    found += table.find(id) != nullptr;
  assert_int_equal(found, 0);
}

// A slot whose generations are used up is retired.
void test_retirement(void **) {
  Table table(2, 0, false);
  Thing *thing = table.claim();
  constexpr int64_t kGenerations = hawser::id_bits::kLastGeneration << 27;
  int64_t last = id_of(thing) | kGenerations;
  thing->id = last - (int64_t{1} << 27);
  table.release(*thing);
  assert_ptr_equal(table.claim(), thing);
  assert_true(id_of(thing) == last && last < int64_t{1} << 53);
  table.release(*thing);
  Thing *other = table.claim();
  assert_ptr_not_equal(other, thing);
  assert_null(table.claim());
  assert_int_equal(table.live(), 1);
  assert_null(table.find(last));
}

void test_find(void **) {
  Table table(100, 7, false);
  Table foreign(100, 8, false);
  Table listeners(100, 7, true);
  Thing *thing = table.claim();
  assert_ptr_equal(table.find(id_of(thing)), thing);
  assert_null(foreign.find(id_of(thing)));
  assert_null(listeners.find(id_of(thing)));
  assert_null(table.find(id_of(foreign.claim())));
  for (int64_t id : {int64_t{0}, int64_t{-1}, INT64_MAX, INT64_MIN, int64_t{1} << 62, id_of(thing) + 1,
                     id_of(thing) + 99, id_of(thing) + 101, id_of(thing) + (int64_t{1} << 53)}) {
    assert_null(table.find(id));
  }
  table.release(*thing);
  assert_null(table.find(0));
}

void test_for_each(void **) {
  Table table(-1, 0, false);
  std::set<int64_t> live;
  for (int i = 0; i < 150; i++)
    live.insert(id_of(table.claim()));
  for (uint32_t slot = 0; slot < 150; slot += 3) {
    live.erase(id_of(table.at(slot)));
    table.release(*table.at(slot));
  }
  std::set<int64_t> visited;
  table.for_each([&](Thing &thing) { visited.insert(thing.id.load()); });
  assert_true(visited == live);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_ids_are_positive_and_exact_in_a_double),
      cmocka_unit_test(test_limit),
      cmocka_unit_test(test_no_id_is_used_again),
      cmocka_unit_test(test_retirement),
      cmocka_unit_test(test_find),
      cmocka_unit_test(test_for_each),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
