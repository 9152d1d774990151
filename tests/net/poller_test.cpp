#include "net/poller.hpp"

#include <cerrno>
#include <csignal>
#include <map>
#include <random>
#include <set>
#include <vector>

#include <sys/time.h>

#include "net/descriptors.hpp"
#include "net/waiting.hpp"
#include "net/wakeup.hpp"
#include "support/backend.hpp"
#include "support/cmocka.hpp"

// What holds for every poller; what an edge-triggered or level-triggered one does of its own is in its own test.

using hawser::connect_loopback;
using hawser::HANGUP;
using hawser::make_poller;
using hawser::READABLE;
using hawser::Ready;
using hawser::wait_until;
using hawser::Wakeup;
using hawser::WRITABLE;

namespace {

std::unique_ptr<hawser::Poller> make() {
  auto made = make_poller(backend_under_test());
  return made ? std::move(*made) : nullptr;
}

void test_names(void **) {
  assert_true(bool(make_poller("auto")));
  assert_true(bool(make_poller("poll")));
#if defined(__linux__)
  assert_true(bool(make_poller("epoll")));
  assert_false(bool(make_poller("kqueue")));
#endif
  for (const char *name : {"", "AUTO", "epoll ", "nonsense"}) {
    auto poller = make_poller(name);
    assert_false(bool(poller));
    assert_true(poller.failure().error == hawser::Error::UNSUPPORTED);
  }
}

void test_best_comes_first(void **) {
#if defined(__linux__)
  assert_true((*make_poller("auto"))->fd() >= 0);
#endif
}

void test_nothing_to_report(void **) {
  auto poller = make();
  Ready ready[1];
  assert_int_equal(poller->wait(ready, 0), 0);
  assert_int_equal(poller->wait(ready, 5), 0);
}

// Who reads what is there and keeps the interest true hears of everything and does not spin.
void test_stream(void **) {
  auto connection = connect_loopback();
  auto poller = make();
  char bytes[10];
  Ready ready[4];
  int fd = connection.server.get();
  assert_false(bool(poller->add_stream(fd, 42, READABLE | WRITABLE)));
  assert_true((wait_until(*poller, 42, WRITABLE) & READABLE) == 0);
  poller->set_stream_interest(fd, READABLE);
  assert_int_equal(poller->wait(ready, 0), 0);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(hawser::write_socket(connection.client.get(), "abc", 3).size, 3);
    assert_true((wait_until(*poller, 42, READABLE) & HANGUP) == 0);
    assert_int_equal(hawser::read_socket(fd, bytes, sizeof bytes).size, 3);
    assert_int_equal(poller->wait(ready, 0), 0);
  }
  poller->set_stream_interest(fd, 0);
  assert_int_equal(hawser::write_socket(connection.client.get(), "abc", 3).size, 3);
  assert_true(hawser::wait_for(fd, POLLIN));
  poller->wait(ready, 0);  // an edge, perhaps
  assert_int_equal(poller->wait(ready, 0), 0);
}

// Room to write comes back.
void test_writable_again(void **) {
  auto connection = connect_loopback();
  auto poller = make();
  std::vector<char> block(1 << 20);
  assert_false(bool(poller->add_stream(connection.client.get(), 1, WRITABLE)));
  assert_int_equal(wait_until(*poller, 1, WRITABLE), WRITABLE);
  hawser::Transfer sent;
  while (!sent.would_block && sent.error == 0)
    sent = hawser::write_socket(connection.client.get(), block.data(), block.size());
  assert_int_equal(sent.error, 0);
  Ready ready[1];
  while (poller->wait(ready, 0) == 0) {
    if (hawser::read_socket(connection.server.get(), block.data(), block.size()).would_block)
      assert_true(hawser::wait_for(connection.server.get(), POLLIN));
  }
  assert_int_equal(ready[0].readiness, WRITABLE);
}

// The end of the peer's side is something to read; a reset is a hang-up.
void test_end(void **) {
  auto connection = connect_loopback();
  auto poller = make();
  char byte;
  assert_false(bool(poller->add_stream(connection.server.get(), 9, READABLE)));
  hawser::shutdown_writing(connection.client.get());
  assert_true(wait_until(*poller, 9, READABLE) != 0);
  assert_true(hawser::read_socket(connection.server.get(), &byte, 1).end);
}

void test_reset(void **) {
  auto connection = connect_loopback();
  auto poller = make();
  assert_false(bool(poller->add_stream(connection.server.get(), 9, READABLE)));
  hawser::reset(connection.client);
  assert_true(wait_until(*poller, 9, HANGUP | READABLE) != 0);
}

void test_refused_connect(void **) {
  auto listener = hawser::listen_tcp(*hawser::parse_address("127.0.0.1", 0), {});
  assert_true(bool(listener));
  auto address = hawser::local_address(listener->get());
  listener->close();
  auto client = hawser::connect_tcp(address);
  assert_true(bool(client));
  auto poller = make();
  assert_false(bool(poller->add_stream(client->get(), 3, WRITABLE)));
  assert_int_equal(wait_until(*poller, 3, WRITABLE | HANGUP), WRITABLE | READABLE | HANGUP);
  assert_int_equal(hawser::take_socket_error(client->get()), ECONNREFUSED);
}

void test_level(void **) {
  auto wakeup = Wakeup::make();
  auto poller = make();
  Ready ready[2];
  assert_false(bool(poller->add_level(wakeup->fd(), 5, READABLE)));
  assert_int_equal(poller->wait(ready, 0), 0);
  wakeup->signal();
  for (int i = 0; i < 3; i++) {
    assert_int_equal(poller->wait(ready, 0), 1);
    assert_int_equal(ready[0].token, 5);
    assert_int_equal(ready[0].readiness, READABLE);
  }
  poller->set_interest(wakeup->fd(), 5, 0);
  assert_int_equal(poller->wait(ready, 0), 0);
  poller->set_interest(wakeup->fd(), 6, READABLE | WRITABLE);
  assert_int_equal(poller->wait(ready, 0), 1);
  assert_int_equal(ready[0].token, 6);
  assert_int_equal(ready[0].readiness, READABLE | WRITABLE);
  poller->set_interest(wakeup->fd(), 6, WRITABLE);
  assert_int_equal(poller->wait(ready, 0), 1);
  assert_int_equal(ready[0].readiness, WRITABLE);
}

void test_silenced_error(void **) {
  auto connection = connect_loopback();
  auto poller = make();
  Ready ready[2];
  hawser::reset(connection.client);
  assert_true(hawser::wait_for(connection.server.get(), POLLRDHUP));
  assert_false(bool(poller->add_level(connection.server.get(), 5, READABLE)));
  assert_int_equal(poller->wait(ready, 0), 1);
  poller->set_interest(connection.server.get(), 5, 0);
  poller->wait(ready, 0);  // perhaps once more
  assert_int_equal(poller->wait(ready, 0), 0);
}

void test_error_makes_readable(void **) {
  auto connection = connect_loopback();
  auto poller = make();
  Ready ready[2];
  hawser::reset(connection.client);
  assert_true(hawser::wait_for(connection.server.get(), POLLRDHUP));
  assert_false(bool(poller->add_level(connection.server.get(), 5, WRITABLE)));
  assert_int_equal(poller->wait(ready, 0), 1);
  assert_int_equal(ready[0].readiness, READABLE | WRITABLE | HANGUP);
}

void test_listener(void **) {
  auto listener = hawser::listen_tcp(*hawser::parse_address("127.0.0.1", 0), {});
  assert_true(bool(listener));
  auto poller = make();
  Ready ready[2];
  hawser::Address peer;
  assert_false(bool(poller->add_level(listener->get(), 1, READABLE)));
  auto one = hawser::connect_tcp(hawser::local_address(listener->get()));
  auto two = hawser::connect_tcp(hawser::local_address(listener->get()));
  for (int i = 0; i < 2; i++) {
    assert_int_equal(poller->wait(ready, 10'000), 1);
    assert_true(bool(hawser::accept_tcp(listener->get(), peer)));
  }
  assert_int_equal(poller->wait(ready, 0), 0);
}

void test_tokens_come_back_whole(void **) {
  auto wakeup = Wakeup::make();
  wakeup->signal();
  auto poller = make();
  std::mt19937_64 random(64);
  Ready ready[2];
  assert_false(bool(poller->add_level(wakeup->fd(), UINT64_MAX, READABLE)));
  assert_int_equal(poller->wait(ready, 0), 1);
  assert_true(ready[0].token == UINT64_MAX);
  for (int i = 0; i < 1000; i++) {
    uint64_t token = random();
    poller->set_interest(wakeup->fd(), token, READABLE);
    assert_int_equal(poller->wait(ready, 0), 1);
    assert_true(ready[0].token == token);
  }
}

void test_remove(void **) {
  auto wakeup = Wakeup::make();
  wakeup->signal();
  auto poller = make();
  Ready ready[2];
  assert_false(bool(poller->add_level(wakeup->fd(), 1, READABLE)));
  poller->remove(wakeup->fd());
  assert_int_equal(poller->wait(ready, 0), 0);
  poller->remove(wakeup->fd());  // once more does nothing
  assert_false(bool(poller->add_level(wakeup->fd(), 2, READABLE)));
  assert_int_equal(poller->wait(ready, 0), 1);
  assert_int_equal(ready[0].token, 2);
}

void test_add_fails(void **) {
  auto wakeup = Wakeup::make();
  auto poller = make();
  assert_false(bool(poller->add_level(wakeup->fd(), 1, READABLE)));
  auto again = poller->add_level(wakeup->fd(), 1, READABLE);
  assert_true(again.error == hawser::Error::SYSTEM);
  assert_int_equal(again.system, EEXIST);
  auto bad = poller->add_stream(-1, 1, READABLE);
  assert_true(bad.error == hawser::Error::SYSTEM);
  assert_int_equal(bad.system, EBADF);
}

// More that is ready than there is room for: everything is reported in its turn.
void test_little_room(void **) {
  constexpr size_t kCount = 40;
  auto poller = make();
  std::vector<Wakeup> wakeups;
  for (size_t i = 0; i < kCount; i++) {
    wakeups.push_back(std::move(*Wakeup::make()));
    assert_false(bool(poller->add_level(wakeups.back().fd(), i, READABLE)));
    wakeups.back().signal();
  }
  for (size_t room : {size_t{1}, size_t{3}, size_t{100}}) {
    std::vector<Ready> ready(room);
    std::set<uint64_t> tokens;
    for (size_t i = 0; i < 2 * kCount && tokens.size() < kCount; i++) {
      int count = poller->wait(ready, 0);
      assert_in_range(count, 1, std::min(room, kCount));
      for (int j = 0; j < count; j++)
        tokens.insert(ready[static_cast<size_t>(j)].token);
    }
    assert_int_equal(tokens.size(), kCount);
  }
}

// Descriptors that come, go and change, against a model.
void test_random_changes(void **) {
  constexpr size_t kCount = 30;
  std::mt19937 random(2);
  auto poller = make();
  std::vector<Wakeup> wakeups;  // each is readable and writable
  for (size_t i = 0; i < kCount; i++) {
    wakeups.push_back(std::move(*Wakeup::make()));
    wakeups.back().signal();
  }
  std::map<size_t, std::pair<uint64_t, uint32_t>> model;  // index: token and interest
  Ready ready[kCount + 1];
  constexpr uint32_t kInterests[] = {0, READABLE, WRITABLE, READABLE | WRITABLE};
  for (int step = 0; step < 2000; step++) {
    size_t index = random() % kCount;
    int fd = wakeups[index].fd();
    uint64_t token = random();
    uint32_t interest = kInterests[random() % 4];
    if (!model.contains(index)) {
      assert_false(bool(poller->add_level(fd, token, interest)));
      model[index] = {token, interest};
    } else if (random() % 2 == 0) {
      poller->set_interest(fd, token, interest);
      model[index] = {token, interest};
    } else {
      poller->remove(fd);
      model.erase(index);
    }
    std::multiset<std::pair<uint64_t, uint32_t>> expected;
    std::multiset<std::pair<uint64_t, uint32_t>> got;
    for (const auto &[i, entry] : model) {
      if (entry.second != 0) expected.insert(entry);
    }
    int count = poller->wait(ready, 0);
    for (int i = 0; i < count; i++)
      got.emplace(uint64_t{ready[i].token}, uint32_t{ready[i].readiness});
    assert_true(got == expected);
  }
}

void on_alarm(int) {}

void test_interrupted(void **) {
  struct sigaction action = {};
  struct sigaction before;
  action.sa_handler = on_alarm;
  sigaction(SIGALRM, &action, &before);
  auto poller = make();
  Ready ready[1];
  itimerval often = {{0, 5'000}, {0, 5'000}};  // again and again: the first may come before the wait
  setitimer(ITIMER_REAL, &often, nullptr);
  int result = poller->wait(ready, -1);
  itimerval never = {};
  setitimer(ITIMER_REAL, &never, nullptr);
  sigaction(SIGALRM, &before, nullptr);
  assert_int_equal(result, -EINTR);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      DESCRIPTOR_TEST(test_names),
      DESCRIPTOR_TEST(test_best_comes_first),
      DESCRIPTOR_TEST(test_nothing_to_report),
      DESCRIPTOR_TEST(test_stream),
      DESCRIPTOR_TEST(test_writable_again),
      DESCRIPTOR_TEST(test_end),
      DESCRIPTOR_TEST(test_reset),
      DESCRIPTOR_TEST(test_refused_connect),
      DESCRIPTOR_TEST(test_level),
      DESCRIPTOR_TEST(test_silenced_error),
      DESCRIPTOR_TEST(test_error_makes_readable),
      DESCRIPTOR_TEST(test_listener),
      DESCRIPTOR_TEST(test_tokens_come_back_whole),
      DESCRIPTOR_TEST(test_remove),
      DESCRIPTOR_TEST(test_add_fails),
      DESCRIPTOR_TEST(test_little_room),
      DESCRIPTOR_TEST(test_random_changes),
      DESCRIPTOR_TEST(test_interrupted),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
