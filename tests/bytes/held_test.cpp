#include "bytes/held.hpp"

#include "support/cmocka.hpp"

namespace {

struct Thing : hawser::Held<Thing> {};

void test_stays_while_it_is_held(void **) {
  auto owner = std::make_shared<const Thing>();
  std::weak_ptr<const Thing> thing = owner;
  const Thing &held = *owner;
  held.hold();
  held.hold();
  owner.reset();
  held.release();
  assert_false(thing.expired());
  held.release();
  assert_true(thing.expired());
}

// Who owns it keeps it, and it can be held again.
void test_stays_with_its_owner(void **) {
  auto owner = std::make_shared<const Thing>();
  for (int i = 0; i < 3; i++) {
    owner->hold();
    owner->release();
  }
  assert_int_equal(owner.use_count(), 1);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_stays_while_it_is_held),
      cmocka_unit_test(test_stays_with_its_owner),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
