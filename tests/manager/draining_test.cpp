// What hws_manager_drain does without memory; tests/capi/drain_test.c has the rest of it.
#include "desk.hpp"
#include "manager/manager.hpp"
#include "support/cmocka.hpp"
#include "support/failing_new.hpp"

namespace {

using hawser::Error;
using hawser::EventKind;

// The answer to a request cannot be made: the connection ends, and the drain goes on to its end all the same.
void test_no_memory(void **) {
  hawser::Options options;
  options.change().set_number("requests", 1);
  Desk desk(&options);
  assert_int_equal(raw_write_request(desk.connect(), "/", nullptr), 0);
  assert_true(desk.wait(EventKind::REQUEST));
  int64_t asked = desk.last(EventKind::REQUEST)->event.connection;

  hawser::allocations_left = 0;
  Error error = desk.manager->drain(-1);
  hawser::allocations_left = -1;
  assert_true(error == Error::OK);
  assert_true(desk.wait(EventKind::CLOSE, 2));
  for (const Seen &entry : desk.seen) {
    if (entry.event.kind != EventKind::CLOSE || entry.event.connection == desk.listener) continue;
    assert_int_equal(entry.event.connection, asked);
    assert_int_equal(entry.event.error, static_cast<int32_t>(Error::NO_MEMORY));
  }
  assert_int_equal(desk.poll(-1), 0);

  auto listener = desk.manager->listen("ws://127.0.0.1:0/", nullptr);
  assert_true(static_cast<bool>(listener));
  desk.port = std::atoi(std::string(desk.manager->local_address(*listener)).substr(10).c_str());
  assert_int_equal(raw_write_request(desk.connect(), "/", nullptr), 0);
  assert_true(desk.wait(EventKind::REQUEST, 2));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_no_memory),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
