#include "net/epoll_poller.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <random>
#include <set>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "net/descriptors.hpp"
#include "net/poller.hpp"
#include "net/waiting.hpp"
#include "net/wakeup.hpp"
#include "support/cmocka.hpp"

#if defined(__linux__)

using hawser::connect_loopback;
using hawser::HANGUP;
using hawser::READABLE;
using hawser::Ready;
using hawser::wait_until;
using hawser::Wakeup;
using hawser::WRITABLE;

namespace {

std::unique_ptr<hawser::Poller> make() {
  auto made = hawser::make_poller("epoll");
  return made ? std::move(*made) : nullptr;
}

void test_flags(void **) {
  auto poller = make();
  assert_non_null(poller.get());
  assert_true(hawser::closes_on_exec(poller->fd()));
}

void test_stream_is_reported_once(void **) {
  auto connection = connect_loopback();
  auto poller = make();
  Ready ready[4];
  char byte;
  assert_false(bool(poller->add_stream(connection.server.get(), 42, READABLE)));
  assert_int_equal(wait_until(*poller, 42, WRITABLE), WRITABLE);
  assert_int_equal(poller->wait(ready, 0), 0);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(hawser::write_socket(connection.client.get(), "ab", 2).size, 2);
    assert_int_equal(wait_until(*poller, 42, READABLE) & ~uint32_t{WRITABLE}, READABLE);
    assert_int_equal(poller->wait(ready, 0), 0);  // though there is something to read
    assert_int_equal(hawser::read_socket(connection.server.get(), &byte, 1).size, 1);
    assert_int_equal(poller->wait(ready, 0), 0);
  }
}

void test_writable_again(void **) {
  auto connection = connect_loopback();
  auto poller = make();
  assert_false(bool(poller->add_stream(connection.client.get(), 1, READABLE)));
  assert_int_equal(wait_until(*poller, 1, WRITABLE), WRITABLE);
  std::vector<char> block(1 << 20);
  hawser::Transfer sent;
  while (!sent.would_block && sent.error == 0) {
    sent = hawser::write_socket(connection.client.get(), block.data(), block.size());
  }
  assert_int_equal(sent.error, 0);
  Ready ready[1];
  while (poller->wait(ready, 0) == 0) {
    if (hawser::read_socket(connection.server.get(), block.data(), block.size()).would_block) {
      assert_true(hawser::wait_for(connection.server.get(), POLLIN));
    }
  }
  assert_int_equal(ready[0].readiness, WRITABLE);
}

void test_hangup(void **) {
  auto connection = connect_loopback();
  auto poller = make();
  assert_false(bool(poller->add_stream(connection.server.get(), 9, READABLE)));
  assert_int_equal(wait_until(*poller, 9, WRITABLE), WRITABLE);
  hawser::shutdown_writing(connection.client.get());
  assert_int_equal(wait_until(*poller, 9, HANGUP) & ~uint32_t{WRITABLE}, HANGUP | READABLE);
}

void test_reset(void **) {
  auto connection = connect_loopback();
  auto poller = make();
  assert_false(bool(poller->add_stream(connection.server.get(), 9, READABLE)));
  assert_int_equal(wait_until(*poller, 9, WRITABLE), WRITABLE);
  hawser::reset(connection.client);
  assert_int_equal(wait_until(*poller, 9, HANGUP) & ~uint32_t{WRITABLE}, HANGUP | READABLE);
}

void test_what_was_before_add(void **) {
  auto connection = connect_loopback();
  auto poller = make();
  assert_int_equal(hawser::write_socket(connection.client.get(), "x", 1).size, 1);
  hawser::shutdown_writing(connection.client.get());
  assert_true(hawser::wait_for(connection.server.get(), POLLRDHUP));
  assert_false(bool(poller->add_stream(connection.server.get(), 9, READABLE)));
  assert_int_equal(wait_until(*poller, 9, HANGUP), HANGUP | READABLE | WRITABLE);
}

// Collects what is reported, `room` entries at a time, until nothing is; false if a token comes twice.
bool collect(hawser::Poller &poller, size_t room, std::set<uint64_t> &tokens) {
  std::vector<Ready> ready(room);
  for (;;) {
    int count = poller.wait(ready, 0);
    if (count < 0) return false;
    if (count == 0) return true;
    for (int i = 0; i < count; i++) {
      if (!tokens.insert(ready[static_cast<size_t>(i)].token).second) return false;
    }
  }
}

void test_more_than_fit(void **) {
  rlimit limit;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const size_t count = limit.rlim_cur > 800 ? 700 : 100;  // more than one epoll_wait takes, if it may be
  auto poller = make();
  std::vector<Wakeup> wakeups;
  for (size_t i = 0; i < count; i++) {
    auto wakeup = Wakeup::make();
    assert_true(bool(wakeup));
    assert_false(bool(poller->add_stream(wakeup->fd(), i, READABLE)));
    wakeups.push_back(std::move(*wakeup));
  }
  for (size_t room : {size_t{1}, size_t{3}, size_t{256}, hawser::Poller::kMost}) {
    for (const Wakeup &wakeup : wakeups) {
      wakeup.signal();
    }
    std::set<uint64_t> tokens;
    assert_true(collect(*poller, room, tokens));
    assert_int_equal(tokens.size(), count);
  }
}

void test_in_an_outer_loop(void **) {
  auto wakeup = Wakeup::make();
  auto poller = make();
  assert_false(bool(poller->add_level(wakeup->fd(), 1, READABLE)));
  assert_false(hawser::is_readable_now(poller->fd()));
  wakeup->signal();
  assert_true(hawser::is_readable_now(poller->fd()));
  wakeup->clear();
  assert_false(hawser::is_readable_now(poller->fd()));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      DESCRIPTOR_TEST(test_flags),          DESCRIPTOR_TEST(test_stream_is_reported_once),
      DESCRIPTOR_TEST(test_writable_again), DESCRIPTOR_TEST(test_hangup),
      DESCRIPTOR_TEST(test_reset),          DESCRIPTOR_TEST(test_what_was_before_add),
      DESCRIPTOR_TEST(test_more_than_fit),  DESCRIPTOR_TEST(test_in_an_outer_loop),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}

#else

int main() {
  std::printf("no epoll on this system\n");
  return 0;
}

#endif
