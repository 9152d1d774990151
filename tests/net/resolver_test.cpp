#include "net/resolver.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "net/alarm.hpp"
#include "net/descriptors.hpp"
#include "net/dns_server.hpp"
#include "support/cmocka.hpp"
#include "support/failing_new.hpp"

using hawser::DnsServer;
using hawser::Error;
using hawser::Resolver;

namespace {

constexpr uint64_t kToken = uint64_t{7} << 32;

// A resolver and the server that it asks, in one loop.
struct Loop {
  Loop() {
    auto made = hawser::make_poller("auto");
    if (!made) return;
    poller = std::move(*made);
    server = std::make_unique<DnsServer>(*poller);
    if (!server->open()) return;
    resolver = std::make_unique<Resolver>(*poller, kToken, server->address());
  }

  // Once around, waiting `patience` milliseconds at most; false if nothing is left to wait for, or the wait failed.
  bool turn(int64_t patience = 10'000) {
    int64_t deadline = resolver->deadline();
    int64_t left = deadline < 0 ? patience : std::clamp<int64_t>(deadline - hawser::now_ms(), 0, patience);
    hawser::Ready ready[8];
    int count = poller->wait(ready, static_cast<int>(left));
    if (count < 0 || (count == 0 && deadline < 0)) return false;
    if (deadline >= 0 && hawser::now_ms() >= deadline) resolver->advance();
    // The server first: what it does to a connection is then known to c-ares only from its own calls.
    for (int i = 0; i < count; i++) {
      if (ready[i].token < kToken) server->ready(ready[i].token);
    }
    for (int i = 0; i < count; i++) {
      if (ready[i].token >= kToken) resolver->ready(ready[i].token, ready[i].readiness);
    }
    return true;
  }

  bool next(Resolver::Answer &answer) {
    while (!resolver->take(answer)) {
      if (!turn()) return false;
    }
    return true;
  }

  // The answer to one question: its addresses, sorted, or "failed: " and the words.
  std::string ask(std::string_view host) {
    Resolver::Answer answer;
    if (auto failure = resolver->start(host, 80, 1)) return std::string("refused: ") + failure.words;
    if (!next(answer) || answer.query != 1) return "no answer";
    if (answer.failure) return std::string("failed: ") + answer.failure.words;
    std::set<std::string> texts;
    for (const hawser::Address &address : answer.addresses) {
      texts.insert(address.text());
    }
    std::string all;
    for (const std::string &text : texts) {
      all += all.empty() ? text : " " + text;
    }
    return all;
  }

  std::unique_ptr<hawser::Poller> poller;
  std::unique_ptr<DnsServer> server;
  std::unique_ptr<Resolver> resolver;
};

bool starts_with(const std::string &text, const char *start) {
  return text.rfind(start, 0) == 0;
}

// The text of what needs no server; the addresses in their order.
std::string at_once(std::string_view host) {
  auto poller = hawser::make_poller("auto");
  if (!poller) return "no poller";
  Resolver resolver(**poller, kToken);
  if (resolver.start(host, 443, 5)) return "refused";
  Resolver::Answer answer;
  if (resolver.deadline() != -1 || !resolver.take(answer) || answer.failure || answer.query != 5) return "no answer";
  std::string all;
  for (const hawser::Address &address : answer.addresses) {
    all += address.text() + " ";
  }
  return resolver.take(answer) ? "two answers" : all;
}

void test_literals(void **) {
  assert_string_equal(at_once("192.0.2.1").c_str(), "192.0.2.1:443 ");
  assert_string_equal(at_once("2001:db8::1").c_str(), "[2001:db8::1]:443 ");
  assert_string_equal(at_once("fe80::1%2").c_str(), "[fe80::1%2]:443 ");
}

void test_localhost(void **) {
  for (const char *host : {"localhost", "LocalHost", "localhost.", "app.localhost", "a.b.LOCALHOST."}) {
    assert_string_equal(at_once(host).c_str(), "[::1]:443 127.0.0.1:443 ");
  }
}

void test_not_a_name(void **) {
  using namespace std::string_view_literals;
  Loop loop;
  const std::string label64(64, 'a');
  std::string long_name;
  while (long_name.size() < 254) {
    long_name += "a.";
  }
  const std::string_view hosts[] = {
      ""sv,
      "."sv,
      ".."sv,
      ".example.test"sv,
      "example..test"sv,
      "example.test.."sv,
      "a b.test"sv,
      "a\0b.test"sv,
      "example\n"sv,
      "b\xc3\xbc\x63her.test"sv,
      "a/b"sv,
      "user@example.test"sv,
      "[::1]"sv,
      "::1::"sv,
      "256.0.0.1"sv,
      "1.2.3"sv,
      "1.2.3.4.5"sv,
      "1.2.3.4."sv,
      "127.1"sv,
      "2130706433"sv,
      "example.1"sv,
      "*.test"sv,
      ".localhost"sv,
      "a b.localhost"sv,
      "%00.test"sv,
      "test:80"sv,
  };
  for (std::string_view host : hosts) {
    auto failure = loop.resolver->start(host, 80, 1);
    assert_true(failure.error == Error::RESOLVE);
    assert_string_equal(failure.words, "not a host name");
  }
  for (const std::string &host : {label64 + ".test", long_name + "aa", std::string(1 << 20, 'a')}) {
    assert_true(loop.resolver->start(host, 80, 1).error == Error::RESOLVE);
  }
  Resolver::Answer answer;
  assert_false(loop.resolver->take(answer));
  assert_int_equal(loop.resolver->deadline(), -1);
}

void test_odd_names(void **) {
  Loop loop;
  std::string longest = std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + ".";
  longest += std::string(253 - longest.size() - 5, 'd') + ".test";
  assert_int_equal(longest.size(), 253);
  const std::string both = "127.0.0.1:80 [::1]:80";
  for (const std::string &host : {longest, std::string("under_score.test"), std::string("-a-.test"),
                                  std::string("BOTH.Test"), std::string("3com.test"), std::string("notlocalhost.test"),
                                  std::string("localhost.test"), std::string("xn--bcher-kva.test"), longest + "."}) {
    assert_string_equal(loop.ask(host).c_str(), both.c_str());
  }
}

void test_families(void **) {
  Loop loop;
  assert_string_equal(loop.ask("both.test").c_str(), "127.0.0.1:80 [::1]:80");
  assert_string_equal(loop.ask("both.test.").c_str(), "127.0.0.1:80 [::1]:80");
  assert_string_equal(loop.ask("four.test").c_str(), "127.0.0.1:80");
  assert_string_equal(loop.ask("six.test").c_str(), "[::1]:80");
  assert_string_equal(loop.ask("four.notlocalhost").c_str(), "127.0.0.1:80");
}

void test_many_addresses(void **) {
  Loop loop;
  assert_false(bool(loop.resolver->start("many.test", 8080, 3)));
  Resolver::Answer answer;
  assert_true(loop.next(answer));
  assert_int_equal(answer.addresses.size(), 16);
  assert_int_equal(answer.addresses[15].port, 8080);
}

void test_failures(void **) {
  Loop loop;
  for (const char *host : {"absent.test", "absent.test.", "none.test", "broken.test"}) {
    assert_true(starts_with(loop.ask(host), "failed: "));
  }
  Resolver::Answer answer;
  assert_false(bool(loop.resolver->start("absent.test", 80, 9)));
  assert_true(loop.next(answer));
  assert_true(answer.failure.error == Error::RESOLVE);
  assert_int_equal(answer.failure.system, 0);
  assert_true(answer.failure.words[0] != '\0');
  assert_true(answer.addresses.empty());
  // An answer is overwritten whole.
  assert_false(bool(loop.resolver->start("both.test", 80, 10)));
  assert_true(loop.next(answer));
  assert_false(bool(answer.failure));
  assert_int_equal(answer.query, 10);
}

void test_truncated_then_tcp(void **) {
  Loop loop;
  assert_string_equal(loop.ask("tcp.test").c_str(), "127.0.0.1:80 [::1]:80");
  assert_true(loop.server->streams > 0);
}

volatile sig_atomic_t pipe_signals;

void on_pipe(int) {
  pipe_signals = pipe_signals + 1;
}

void test_tcp_reset(void **) {
  auto before = std::signal(SIGPIPE, on_pipe);
  Loop loop;
  loop.server->reset_streams = true;
  assert_true(starts_with(loop.ask("tcp.test"), "failed: "));
  assert_true(loop.server->streams > 0);
  assert_int_equal(pipe_signals, 0);
  std::signal(SIGPIPE, before);
}

void test_asks_again(void **) {
  Loop loop;
  assert_string_equal(loop.ask("late.test").c_str(), "127.0.0.1:80 [::1]:80");
  assert_true(loop.server->datagrams > 2);
}

void test_descriptors_of_a_query(void **) {
  Loop loop;
  std::set<int> before;
  for (int fd = 0; fd < 1024; fd++) {
    if (fcntl(fd, F_GETFD) >= 0) before.insert(fd);
  }
  assert_false(bool(loop.resolver->start("silent.test", 80, 1)));
  int fresh = 0;
  for (int fd = 0; fd < 1024; fd++) {
    if (fcntl(fd, F_GETFD) < 0 || before.count(fd) != 0) continue;
    fresh++;
    assert_true(hawser::closes_on_exec(fd));
    assert_true(hawser::is_non_blocking(fd));
  }
  assert_true(fresh > 0);
  loop.resolver->cancel(1);
  assert_int_equal(hawser::count_descriptors(), before.size());
}

void test_none_idle(void **) {
  Loop loop;
  int before = hawser::count_descriptors();
  assert_string_equal(loop.ask("both.test").c_str(), "127.0.0.1:80 [::1]:80");
  assert_int_equal(hawser::count_descriptors(), before);
  assert_int_equal(loop.resolver->deadline(), -1);
}

void test_deadline(void **) {
  Loop loop;
  int64_t before = hawser::now_ms();
  assert_int_equal(loop.resolver->deadline(), -1);
  assert_false(bool(loop.resolver->start("silent.test", 80, 1)));
  int64_t deadline = loop.resolver->deadline();
  assert_true(deadline > before);
  assert_int_equal(loop.resolver->deadline(), deadline);
  loop.resolver->advance();  // too early does nothing
  Resolver::Answer answer;
  assert_false(loop.resolver->take(answer));
  assert_true(loop.resolver->deadline() > before);
}

void test_cancel(void **) {
  Loop loop;
  Resolver::Answer answer;
  loop.resolver->cancel(1);  // never started
  assert_false(bool(loop.resolver->start("silent.test", 80, 1)));
  assert_false(bool(loop.resolver->start("both.test", 80, 2)));
  assert_false(bool(loop.resolver->start("silent.test", 80, 3)));
  loop.resolver->cancel(3);
  loop.resolver->cancel(3);
  loop.resolver->cancel(99);
  assert_true(loop.next(answer));
  assert_int_equal(answer.query, 2);
  assert_true(loop.resolver->deadline() >= 0);
  loop.resolver->cancel(1);
  assert_int_equal(loop.resolver->deadline(), -1);
  assert_false(loop.resolver->take(answer));
  // One that is answered, and not taken.
  assert_false(bool(loop.resolver->start("127.0.0.1", 80, 4)));
  assert_false(bool(loop.resolver->start("127.0.0.2", 80, 5)));
  loop.resolver->cancel(4);
  assert_true(loop.resolver->take(answer));
  assert_int_equal(answer.query, 5);
  assert_false(loop.resolver->take(answer));
  // It goes on working.
  assert_string_equal(loop.ask("four.test").c_str(), "127.0.0.1:80");
}

void test_destroyed_under_way(void **) {
  Loop loop;
  assert_false(bool(loop.resolver->start("silent.test", 80, 1)));
  assert_false(bool(loop.resolver->start("tcp.test", 80, 2)));
  assert_false(bool(loop.resolver->start("both.test", 80, 3)));
  assert_false(bool(loop.resolver->start("silent.test", 80, 4)));
  loop.resolver->cancel(4);
  assert_true(loop.turn());
  assert_true(loop.turn());
  loop.resolver.reset();
}

void test_freed_in_a_forked_child(void **) {
  Loop loop;
  assert_false(bool(loop.resolver->start("both.test", 80, 1)));
  pid_t child = fork();
  if (child == 0) {
    loop.resolver.reset();
    _exit(0);
  }
  int status = -1;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  Resolver::Answer answer;
  assert_true(loop.next(answer));  // the parent's descriptors are still in its poller
  assert_false(bool(answer.failure));
  assert_true(loop.server->datagrams == 2);
}

void test_stale_report(void **) {
  Loop loop;
  loop.resolver->ready(kToken + 5, hawser::READABLE);
  assert_false(bool(loop.resolver->start("silent.test", 80, 1)));
  loop.resolver->ready(kToken + 1023, hawser::READABLE | hawser::WRITABLE | hawser::HANGUP);
  loop.resolver->ready(kToken + UINT32_MAX, hawser::READABLE);
  loop.resolver->advance();
  Resolver::Answer answer;
  assert_false(loop.resolver->take(answer));
}

// Starts, cancels and answers in random order. False unless each query that was not cancelled got its one answer.
bool survives(Loop &loop, std::mt19937 &random) {
  const char *const hosts[] = {"both.test",   "four.test", "absent.test", "none.test", "broken.test",
                               "silent.test", "tcp.test",  "127.0.0.1",   "localhost", "many.test"};
  std::map<int64_t, bool> open;  // whether it will be answered at all
  Resolver::Answer answer;
  int64_t query = 0;
  for (int step = 0; step < 2000; step++) {
    unsigned choice = random() % 8;
    if (choice < 3) {
      size_t host = random() % std::size(hosts);
      if (loop.resolver->start(hosts[host], 80, ++query)) return false;
      open[query] = host != 5;
    } else if (choice < 5 && !open.empty()) {
      auto victim = std::next(open.begin(), static_cast<std::ptrdiff_t>(random() % open.size()));
      loop.resolver->cancel(victim->first);
      open.erase(victim);
    } else if (choice == 5 && loop.resolver->deadline() >= 0) {
      if (!loop.turn(0)) return false;
    }
    while (loop.resolver->take(answer)) {
      if (open.erase(answer.query) != 1 || bool(answer.failure) != answer.addresses.empty()) return false;
    }
  }
  for (const auto &[silent, answered] : std::map<int64_t, bool>(open)) {
    if (answered) continue;
    loop.resolver->cancel(silent);
    open.erase(silent);
  }
  while (!open.empty()) {
    if (!loop.next(answer) || open.erase(answer.query) != 1) return false;
  }
  return loop.resolver->deadline() == -1 && !loop.resolver->take(answer);
}

void test_random(void **) {
  const uint32_t seed = 53;
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 5; round++) {
    Loop loop;
    assert_true(survives(loop, random));
  }
}

void test_cut_replies(void **) {
  Loop loop;
  for (size_t cut = 0; cut < 60; cut++) {
    loop.server->mangle = [cut](const std::string &reply) {
      return std::vector<std::string>{reply.substr(0, cut), reply};
    };
    std::string answer = loop.ask("both.test");
    assert_true(starts_with(answer, "failed: ") || answer.find(":80") != std::string::npos);
  }
}

void test_garbled_replies(void **) {
  const uint32_t seed = 1035;
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  Loop loop;
  for (int round = 0; round < 500; round++) {
    loop.server->mangle = [&](const std::string &reply) {
      std::string garbled = reply;
      for (unsigned i = 0; i <= random() % 4; i++) {
        // Behind the id, and mostly behind the question, where a reply is believed at first.
        size_t first = random() % 4 == 0 ? 2 : 27;
        garbled[first + random() % (garbled.size() - first)] = static_cast<char>(random());
      }
      return std::vector<std::string>{garbled, reply};
    };
    std::string answer = loop.ask("both.test");
    assert_true(starts_with(answer, "failed: ") || answer.find(":80") != std::string::npos);
  }
  // A name that points at itself (RFC 1035 4.1.4).
  loop.server->mangle = [](const std::string &reply) {
    std::string looped = reply;
    looped[27] = static_cast<char>(0xc0);
    looped[28] = 27;
    return std::vector<std::string>{looped};
  };
  assert_true(starts_with(loop.ask("both.test"), "failed: "));
}

void test_wrong_id_is_not_believed(void **) {
  Loop loop;
  loop.server->mangle = [](const std::string &reply) {
    std::string forged = reply;
    forged[0] = static_cast<char>(forged[0] ^ 1);
    forged.back() = 66;
    return std::vector<std::string>{forged, reply};
  };
  assert_string_equal(loop.ask("four.test").c_str(), "127.0.0.1:80");
}

void test_bad_server(void **) {
  auto poller = hawser::make_poller("auto");
  assert_true(bool(poller));
  Resolver resolver(**poller, kToken, "not a server");
  for (int i = 0; i < 2; i++) {
    assert_true(resolver.start("both.test", 80, 1).error == Error::RESOLVE);
    assert_int_equal(resolver.deadline(), -1);
  }
}

// Starts queries with fewer allocations than they need, then with more and more; how many were refused, -1 if one was
// refused for another reason, or left something behind.
int refused_for_memory(Loop &loop, const char *host) {
  Resolver::Answer answer;
  for (int refused = 0;; refused++) {
    hawser::allocations_left = refused;
    auto failure = loop.resolver->start(host, 80, 1);
    hawser::allocations_left = -1;
    if (!failure) return refused;
    if (failure.error != Error::NO_MEMORY || loop.resolver->take(answer)) return -1;
  }
}

void test_no_memory(void **) {
  Loop loop;
  for (const char *host : {"127.0.0.1", "localhost", "both.test", "a-name-that-is-too-long-for-a-short-string.test"}) {
    assert_true(refused_for_memory(loop, host) > 0);
    loop.resolver->cancel(1);
  }
  assert_string_equal(loop.ask("both.test").c_str(), "127.0.0.1:80 [::1]:80");
}

// A line of /etc/hosts that only the file can answer: its address and name.
bool find_hosts_entry(std::string &address, std::string &name) {
  std::ifstream file("/etc/hosts");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    if (!(words >> address >> name) || name.find("localhost") != std::string::npos) continue;
    if (hawser::parse_address(address, 80) && name.find_first_not_of("0123456789.") != std::string::npos) return true;
  }
  return false;
}

void test_hosts_file(void **) {
  std::string address;
  std::string name;
  if (!find_hosts_entry(address, name)) {
    std::printf("no name in /etc/hosts to look up\n");
    skip();
  }
  Loop loop;
  std::string expected = hawser::parse_address(address, 80)->text();
  assert_true(loop.ask(name).find(expected) != std::string::npos);
  assert_int_equal(loop.server->datagrams, 0);
}

// One of several threads, each with a loop of its own: c-ares is set up once for all.
void ask_often(bool *ok) {
  Loop loop;
  *ok = true;
  for (int i = 0; i < 50; i++) {
    *ok = *ok && loop.ask("both.test") == "127.0.0.1:80 [::1]:80";
  }
}

void test_threads(void **) {
  bool ok[4] = {};
  std::vector<std::thread> threads;
  for (bool &each : ok) {
    threads.emplace_back(ask_often, &each);
  }
  for (std::thread &thread : threads) {
    thread.join();
  }
  for (bool each : ok) {
    assert_true(each);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      DESCRIPTOR_TEST(test_threads),
      DESCRIPTOR_TEST(test_literals),
      DESCRIPTOR_TEST(test_localhost),
      DESCRIPTOR_TEST(test_not_a_name),
      DESCRIPTOR_TEST(test_odd_names),
      DESCRIPTOR_TEST(test_families),
      DESCRIPTOR_TEST(test_many_addresses),
      DESCRIPTOR_TEST(test_failures),
      DESCRIPTOR_TEST(test_truncated_then_tcp),
      DESCRIPTOR_TEST(test_tcp_reset),
      DESCRIPTOR_TEST(test_asks_again),
      DESCRIPTOR_TEST(test_descriptors_of_a_query),
      DESCRIPTOR_TEST(test_none_idle),
      DESCRIPTOR_TEST(test_deadline),
      DESCRIPTOR_TEST(test_cancel),
      DESCRIPTOR_TEST(test_destroyed_under_way),
      DESCRIPTOR_TEST(test_freed_in_a_forked_child),
      DESCRIPTOR_TEST(test_stale_report),
      DESCRIPTOR_TEST(test_random),
      DESCRIPTOR_TEST(test_cut_replies),
      DESCRIPTOR_TEST(test_garbled_replies),
      DESCRIPTOR_TEST(test_wrong_id_is_not_believed),
      DESCRIPTOR_TEST(test_bad_server),
      DESCRIPTOR_TEST(test_no_memory),
      DESCRIPTOR_TEST(test_hosts_file),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
