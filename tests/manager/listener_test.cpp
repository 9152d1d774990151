#include "manager/listener.hpp"

#include <sys/socket.h>

#include "desk.hpp"
#include "support/cmocka.hpp"

namespace {

using hawser::EventKind;

void test_told(void **) {
  hawser::IdTable<hawser::Listener> table{1, 0, true};
  hawser::Listener &listener = *table.claim();
  bool joined = false;
  hawser::ClosedListeners closed{table, joined};
  listener.socket = hawser::open_socket(AF_INET, SOCK_STREAM, 0);
  assert_false(listener.told());
  listener.socket.close();
  closed.push(listener);
  assert_false(listener.told());
  assert_ptr_equal(closed.pop(), &listener);
  assert_true(listener.told());
}

// Its slot is used again, by another id.
void test_slots(void **) {
  Desk desk;
  for (int i = 0; i < 3000; i++) {
    auto id = desk.manager->listen("ws://127.0.0.1:0/", nullptr);
    assert_true(id && *id != desk.listener);
    assert_true(desk.manager->abort(*id) == hawser::Error::OK);
    assert_true(desk.wait(EventKind::CLOSE, static_cast<size_t>(i) + 1));
    assert_int_equal(desk.last(EventKind::CLOSE)->event.connection, *id);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_told),
      cmocka_unit_test(test_slots),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
