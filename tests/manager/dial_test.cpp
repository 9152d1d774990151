#include "manager/dial.hpp"

#include "desk.hpp"
#include "support/cmocka.hpp"

namespace {

using hawser::Error;
using hawser::EventKind;

// "localhost" is [::1] and then 127.0.0.1, where the listener is: the second address is tried after the first.
void test_next_address(void **) {
  Desk desk;
  std::string url = "ws://localhost:" + std::to_string(desk.port) + "/";
  auto id = desk.manager->connect(url, nullptr);
  assert_true(static_cast<bool>(id));
  assert_true(desk.wait(EventKind::OPEN, 2));  // both ends
  std::string peer = desk.manager->peer_address(*id);
  assert_string_equal(peer.c_str(), ("127.0.0.1:" + std::to_string(desk.port)).c_str());
}

void test_begins_at_the_first(void **) {
  hawser::Dial dial;
  assert_int_equal(dial.next, 0);
  assert_true(dial.failure.error == Error::OK);
  assert_true(dial.addresses.empty());
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_next_address),
      cmocka_unit_test(test_begins_at_the_first),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
