#include "manager/connection.hpp"

#include "bench.hpp"
#include "support/cmocka.hpp"

namespace {

using hawser::Connection;
using hawser::Error;

void test_queue_full(void **) {
  Bench bench;
  assert_true(bench.open(0));
  Connection &connection = bench.connections[0];
  auto settings = std::make_shared<hawser::Settings>(*bench.settings);
  settings->max_send_queue = 10;
  connection.settings = settings;
  assert_false(connection.queue_full());
  assert_non_null(connection.append(9));
  assert_false(connection.queue_full());
  connection.mailed = 1;
  assert_true(connection.queue_full());
  connection.mailed = 0;
  assert_non_null(connection.append(1));
  assert_true(connection.queue_full());
  bench.output.flush_all();
  assert_false(connection.queue_full());
}

void test_may_read(void **) {
  Bench bench;
  assert_true(bench.open(0));
  Connection &connection = bench.connections[0];
  assert_true(connection.may_read());
  connection.paused = true;
  assert_false(connection.may_read());
  connection.session->abandon({Error::IO, 0, "gone"}, true);
  assert_true(connection.may_read());  // only to find the end
}

void test_publish(void **) {
  Bench bench;
  assert_true(bench.open(0));
  Connection &connection = bench.connections[0];
  connection.publish();
  assert_true(connection.sendable.load() == Error::OK);
  connection.session->close(1000, "");
  connection.publish();
  assert_true(connection.sendable.load() == Error::CLOSED);
  connection.session.reset();
  connection.publish();
  assert_true(connection.sendable.load() == Error::CLOSED);
}

// 10,000 idle connections: what each costs is to stay small.
void test_size(void **) {
  assert_true(sizeof(Connection) <= 336);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_queue_full),
      cmocka_unit_test(test_may_read),
      cmocka_unit_test(test_publish),
      cmocka_unit_test(test_size),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
