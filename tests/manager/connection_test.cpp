#include "manager/connection.hpp"

#include "bench.hpp"
#include "support/cmocka.hpp"

namespace {

using hawser::Connection;
using hawser::Error;

void test_queue_full(void **) {
  Bench bench;
  hawser::OptionValues values;
  assert_true(values.set_number("max_send_queue", 10).error == Error::OK);
  bench.settings = hawser::make_settings(nullptr, &values);
  assert_true(bench.open(0));
  Connection &connection = bench.connections[0];
  assert_false(connection.queue_full());
  assert_non_null(bench.output.append(*connection.session, 9));
  assert_false(connection.queue_full());
  connection.mailed = 1;
  assert_true(connection.queue_full());
  connection.mailed = 0;
  assert_non_null(bench.output.append(*connection.session, 1));
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
}

// Settings live as long as the connections that were begun with them, and no longer.
void test_settings(void **) {
  Bench bench;
  std::weak_ptr<const hawser::Settings> settings = bench.settings;
  assert_true(bench.open(0) && bench.open(1));
  bench.settings.reset();
  assert_ptr_equal(&bench.connections[1].settings(), settings.lock().get());
  for (int i = 0; i < 2; i++) {
    assert_false(settings.expired());
    bench.table.release(bench.connections[i]);
    bench.connections[i].end();
  }
  assert_true(settings.expired());
}

// What is there for a while goes when nothing is left of it.
void test_extras(void **) {
  Bench bench;
  assert_true(bench.open(0));
  Connection &connection = bench.connections[0];
  connection.need_extras().outbox.emplace(bench.budget);
  connection.need_extras().stash.emplace(bench.budget);
  connection.need_extras().skipped = 7;
  connection.drop(&hawser::Extras::dial);
  assert_non_null(connection.outbox());
  connection.drop(&hawser::Extras::outbox);
  assert_null(connection.outbox());
  assert_non_null(connection.stash());
  connection.drop(&hawser::Extras::stash);
  assert_int_equal(connection.take_skipped(), 7);
  assert_null(connection.extras.get());
  connection.drop(&hawser::Extras::stash);
  assert_int_equal(connection.take_skipped(), 0);
}

// 10,000 idle connections: what each costs is to stay small.
void test_size(void **) {
  assert_true(sizeof(Connection) <= 216);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_queue_full), cmocka_unit_test(test_may_read), cmocka_unit_test(test_publish),
      cmocka_unit_test(test_settings),   cmocka_unit_test(test_extras),   cmocka_unit_test(test_size),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
