#include "net/wakeup.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <thread>
#include <vector>

#include <sys/time.h>
#include <unistd.h>

#include "net/descriptors.hpp"
#include "net/poller.hpp"
#include "support/cmocka.hpp"

using hawser::is_readable_now;
using hawser::Wakeup;

namespace {

void test_flags(void **) {
  auto wakeup = Wakeup::make();
  assert_true(bool(wakeup));
  assert_true(hawser::closes_on_exec(wakeup->fd()));
  assert_true(hawser::is_non_blocking(wakeup->fd()));
}

void test_signals_are_one(void **) {
  auto wakeup = Wakeup::make();
  assert_true(bool(wakeup));
  assert_false(is_readable_now(wakeup->fd()));
  wakeup->clear();  // of nothing
  for (int signals : {1, 2, 1000}) {
    for (int i = 0; i < signals; i++) {
      wakeup->signal();
    }
    assert_true(is_readable_now(wakeup->fd()));
    assert_true(is_readable_now(wakeup->fd()));
    wakeup->clear();
    assert_false(is_readable_now(wakeup->fd()));
  }
}

void test_errno_is_kept(void **) {
  auto wakeup = Wakeup::make();
  assert_true(bool(wakeup));
  errno = ERANGE;
  wakeup->signal();
  assert_int_equal(errno, ERANGE);
#if defined(__linux__)
  wakeup->clear();
  uint64_t full = UINT64_MAX - 1;  // eventfd(2): the largest value; one more would block
  assert_int_equal(write(wakeup->fd(), &full, sizeof full), sizeof full);
  errno = ERANGE;
  wakeup->signal();
  assert_int_equal(errno, ERANGE);
  assert_true(is_readable_now(wakeup->fd()));
#endif
}

const Wakeup *handled;

void on_alarm(int) {
  handled->signal();
}

void test_in_a_signal_handler(void **) {
  auto wakeup = Wakeup::make();
  assert_true(bool(wakeup));
  handled = &*wakeup;
  auto before = std::signal(SIGALRM, on_alarm);
  raise(SIGALRM);
  std::signal(SIGALRM, before);
  assert_true(is_readable_now(wakeup->fd()));
}

void test_from_threads_in_a_poller(void **) {
  auto wakeup = Wakeup::make();
  assert_true(bool(wakeup));
  auto poller = hawser::make_poller("auto");
  assert_true(bool(poller));
  assert_false(bool((*poller)->add_level(wakeup->fd(), 77, hawser::READABLE)));
  std::atomic<int> said = 0;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; t++) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; i++) {
        said++;
        wakeup->signal();
      }
    });
  }
  // What was said before a signal must be seen after it: no wake-up may be lost.
  hawser::Ready ready[4];
  bool woken = true;
  while (woken && said < 4000) {
    woken = (*poller)->wait(ready, 10'000) == 1 && ready[0].token == 77;
    wakeup->clear();
  }
  for (std::thread &thread : threads) {
    thread.join();
  }
  assert_true(woken);
  wakeup->clear();
  assert_int_equal((*poller)->wait(ready, 0), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      DESCRIPTOR_TEST(test_flags),
      DESCRIPTOR_TEST(test_signals_are_one),
      DESCRIPTOR_TEST(test_errno_is_kept),
      DESCRIPTOR_TEST(test_in_a_signal_handler),
      DESCRIPTOR_TEST(test_from_threads_in_a_poller),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
