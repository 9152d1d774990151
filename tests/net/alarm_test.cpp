#include "net/alarm.hpp"

#include <chrono>
#include <cstdint>

#include <unistd.h>

#include "net/descriptors.hpp"
#include "net/poller.hpp"
#include "support/cmocka.hpp"

using hawser::Alarm;
using hawser::is_readable_now;
using hawser::now_ms;

namespace {

int64_t steady_ms() {
  auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

void test_clock(void **) {
  int64_t before = steady_ms();
  int64_t now = now_ms();
  int64_t after = steady_ms();
  assert_true(before <= now && now <= after);
}

void test_flags(void **) {
  auto alarm = Alarm::make();
  assert_true(bool(alarm));
  assert_true(hawser::closes_on_exec(alarm->fd()));
  assert_true(hawser::is_non_blocking(alarm->fd()));
  assert_false(is_readable_now(alarm->fd()));
}

void test_past_and_future(void **) {
  auto alarm = Alarm::make();
  assert_true(bool(alarm));
  for (int64_t past : {int64_t{0}, int64_t{1}, int64_t{999}, int64_t{1000}, now_ms()}) {
    alarm->set(past);
    assert_true(hawser::wait_for(alarm->fd(), POLLIN));
    assert_true(is_readable_now(alarm->fd()));  // until it is set again
    alarm->set(-1);
    assert_false(is_readable_now(alarm->fd()));
  }
  for (int64_t future : {now_ms() + 1'000'000, INT64_MAX}) {
    alarm->set(future);
    assert_false(is_readable_now(alarm->fd()));
  }
}

void test_not_before_its_time(void **) {
  auto alarm = Alarm::make();
  assert_true(bool(alarm));
  for (int64_t delay : {1, 7, 20}) {
    int64_t deadline = now_ms() + delay;
    alarm->set(deadline);
    assert_true(hawser::wait_for(alarm->fd(), POLLIN));
    assert_true(now_ms() >= deadline);
  }
}

void test_unchanged_deadline_is_left_alone(void **) {
  auto alarm = Alarm::make();
  assert_true(bool(alarm));
  int64_t past = now_ms() - 100;
  alarm->set(past);
  assert_true(hawser::wait_for(alarm->fd(), POLLIN));
  uint64_t expirations = 0;
  assert_int_equal(read(alarm->fd(), &expirations, sizeof expirations), sizeof expirations);
  alarm->set(past);  // a system call would make the timer run, and fire, again
  assert_false(is_readable_now(alarm->fd()));
  alarm->set(past - 1);
  assert_true(hawser::wait_for(alarm->fd(), POLLIN));
}

void test_in_a_poller(void **) {
  auto alarm = Alarm::make();
  assert_true(bool(alarm));
  auto poller = hawser::make_poller("auto");
  assert_true(bool(poller));
  assert_false(bool((*poller)->add_level(alarm->fd(), 5, hawser::READABLE)));
  hawser::Ready ready[2];
  assert_int_equal((*poller)->wait(ready, 0), 0);
  alarm->set(now_ms() + 2);
  for (int i = 0; i < 3; i++) {
    assert_int_equal((*poller)->wait(ready, 10'000), 1);
    assert_int_equal(ready[0].token, 5);
    assert_int_equal(ready[0].readiness, hawser::READABLE);
  }
  alarm->set(-1);
  assert_int_equal((*poller)->wait(ready, 0), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      DESCRIPTOR_TEST(test_clock),
      DESCRIPTOR_TEST(test_flags),
      DESCRIPTOR_TEST(test_past_and_future),
      DESCRIPTOR_TEST(test_not_before_its_time),
      DESCRIPTOR_TEST(test_unchanged_deadline_is_left_alone),
      DESCRIPTOR_TEST(test_in_a_poller),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
