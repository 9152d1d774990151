#include "net/poll_poller.hpp"

#include "net/descriptors.hpp"
#include "net/wakeup.hpp"
#include "support/cmocka.hpp"

// What is poll(2)'s own; what holds for every poller is in poller_test.cpp.

using hawser::connect_loopback;
using hawser::HANGUP;
using hawser::READABLE;
using hawser::Ready;
using hawser::WRITABLE;

namespace {

std::unique_ptr<hawser::Poller> make() {
  return std::move(*hawser::PollPoller::make());
}

void test_no_descriptor(void **) {
  int before = hawser::count_descriptors();
  auto poller = make();
  assert_int_equal(poller->fd(), -1);
  assert_int_equal(hawser::count_descriptors(), before);
}

// Level-triggered: what is of interest is reported until it is gone, and nothing else.
void test_stream(void **) {
  auto connection = connect_loopback();
  auto poller = make();
  Ready ready[2];
  char bytes[10];
  int fd = connection.server.get();
  assert_false(bool(poller->add_stream(fd, 42, READABLE)));
  assert_int_equal(poller->wait(ready, 0), 0);
  assert_int_equal(hawser::write_socket(connection.client.get(), "ab", 2).size, 2);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(poller->wait(ready, 10'000), 1);
    assert_int_equal(ready[0].token, 42);
    assert_int_equal(ready[0].readiness, READABLE);
  }
  poller->set_stream_interest(fd, WRITABLE);
  assert_int_equal(poller->wait(ready, 0), 1);
  assert_int_equal(ready[0].readiness, WRITABLE);
  poller->set_stream_interest(fd, READABLE | WRITABLE);
  assert_int_equal(poller->wait(ready, 0), 1);
  assert_int_equal(ready[0].token, 42);
  assert_int_equal(ready[0].readiness, READABLE | WRITABLE);
  assert_int_equal(hawser::read_socket(fd, bytes, sizeof bytes).size, 2);
  poller->set_stream_interest(fd, READABLE);
  assert_int_equal(poller->wait(ready, 0), 0);
}

// The kernel reports a reset for ever; who has no interest is spared.
void test_silenced_hangup(void **) {
  auto connection = connect_loopback();
  auto poller = make();
  Ready ready[2];
  int fd = connection.server.get();
  assert_false(bool(poller->add_stream(fd, 1, WRITABLE)));
  hawser::reset(connection.client);
  assert_true(hawser::wait_for(fd, POLLHUP));
  for (int i = 0; i < 3; i++) {
    assert_int_equal(poller->wait(ready, 0), 1);
    assert_int_equal(ready[0].readiness, READABLE | WRITABLE | HANGUP);
  }
  poller->set_stream_interest(fd, 0);
  assert_int_equal(poller->wait(ready, 0), 0);
  poller->set_stream_interest(fd, READABLE);
  assert_int_equal(poller->wait(ready, 0), 1);
}

// A descriptor that was never added, or is gone.
void test_unknown(void **) {
  auto poller = make();
  Ready ready[1];
  for (int fd : {-1, 0, 100'000}) {
    poller->set_interest(fd, 1, READABLE);
    poller->set_stream_interest(fd, READABLE);
    poller->remove(fd);
  }
  assert_int_equal(poller->wait(ready, 0), 0);
}

// Where a few are always ready and there is room for one, each has its turn.
void test_fairness(void **) {
  constexpr uint64_t kCount = 5;
  auto poller = make();
  std::vector<hawser::Wakeup> wakeups;
  for (uint64_t i = 0; i < kCount; i++) {
    wakeups.push_back(std::move(*hawser::Wakeup::make()));
    wakeups.back().signal();
    assert_false(bool(poller->add_level(wakeups.back().fd(), i, READABLE)));
  }
  int turns[kCount] = {};
  Ready ready[1];
  for (uint64_t i = 0; i < 10 * kCount; i++) {
    assert_int_equal(poller->wait(ready, 0), 1);
    turns[ready[0].token]++;
  }
  for (int count : turns)
    assert_int_equal(count, 10);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      DESCRIPTOR_TEST(test_no_descriptor), DESCRIPTOR_TEST(test_stream),   DESCRIPTOR_TEST(test_silenced_hangup),
      DESCRIPTOR_TEST(test_unknown),       DESCRIPTOR_TEST(test_fairness),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
