// Manager's poll: what it waits for, and that it neither spins nor returns early.
#include <cstdlib>
#include <cstring>

#include <dlfcn.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "desk.hpp"
#include "support/cmocka.hpp"

namespace {
int waits = 0;  // epoll_wait and poll calls of this program
int blind = 0;  // those that had to wait, because nothing was ready

int real_poll(pollfd *entries, nfds_t count, int timeout) {
  static auto real = reinterpret_cast<int (*)(pollfd *, nfds_t, int)>(dlsym(RTLD_NEXT, "poll"));
  return real(entries, count, timeout);
}
}  // namespace

// These take the place of the C library's, and count.
extern "C" int epoll_wait(int fd, epoll_event *events, int most, int timeout) {
  static auto real = reinterpret_cast<int (*)(int, epoll_event *, int, int)>(dlsym(RTLD_NEXT, "epoll_wait"));
  waits++;
  pollfd now = {fd, POLLIN, 0};
  if (timeout != 0 && real_poll(&now, 1, 0) == 0) blind++;
  return real(fd, events, most, timeout);
}
extern "C" int poll(pollfd *entries, nfds_t count, int timeout) {
  waits++;
  if (timeout != 0 && real_poll(entries, count, 0) == 0) blind++;
  return real_poll(entries, count, timeout);
}

namespace {

using hawser::EventKind;
using hawser::Opcode;
using hawser::Options;

// Nothing to do: one wait for the whole time.
void test_idle(void **) {
  Desk desk;
  raw_peer *peer;
  int64_t id = desk.join(peer);
  assert_true(id > 0);
  for (int i = 0; i < 5; i++)
    desk.poll(1);
  waits = 0;
  int64_t begin = raw_now_ms();
  assert_int_equal(desk.poll(50), 0);
  assert_true(raw_now_ms() - begin >= 50);
  assert_in_range(waits, 1, 3);
}

// The same in every state in which something is left that cannot be done now.
void check_quiet(Desk &desk) {
  for (int i = 0; i < 20; i++)
    desk.poll(1);
  waits = 0;
  desk.poll(60);
  assert_in_range(waits, 1, 4);
}

void test_no_spinning_while_paused(void **) {
  Desk desk;
  raw_peer *peer;
  int64_t id = desk.join(peer);
  desk.manager->pause(id);
  raw_write_frame(peer, RAW_FIN | RAW_TEXT, "unread", 6);
  check_quiet(desk);
  raw_peer_end(peer);
  check_quiet(desk);
}

void test_no_spinning_with_a_full_queue(void **) {
  Desk desk;
  raw_peer *peer;
  int64_t id = desk.join(peer);
  std::string chunk(1000000, 'c');
  while (*desk.manager->queued(id) < 8000000) {
    desk.manager->send(id, Opcode::BINARY, reinterpret_cast<const uint8_t *>(chunk.data()), chunk.size());
    desk.poll();
  }
  check_quiet(desk);
  desk.manager->close(id, 1000, "");
  check_quiet(desk);
}

void test_no_spinning_with_unread_pongs(void **) {
  Desk desk;
  raw_peer *peer;
  int64_t id = desk.join(peer);
  assert_true(id > 0);
  std::string pings;
  uint8_t frame[32];
  size_t size = raw_make_frame(frame, 1, RAW_FIN | RAW_PING, "ping", 4);
  while (pings.size() < 60000)
    pings.append(reinterpret_cast<char *>(frame), size);
  int stuck = 0;
  while (stuck < 50) {
    ssize_t sent = ::send(peer->fd, pings.data(), pings.size() / size * size, MSG_NOSIGNAL);
    stuck = sent > 0 ? 0 : stuck + 1;
    desk.poll(1);
    if (sent > 0 && static_cast<size_t>(sent) % size != 0) {
      // The rest of a frame that was cut.
      std::string rest = pings.substr(static_cast<size_t>(sent) % size, size - static_cast<size_t>(sent) % size);
      int64_t until = raw_now_ms() + 500;
      while (!rest.empty() && raw_now_ms() < until) {
        ssize_t more = ::send(peer->fd, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (more > 0) rest.erase(0, static_cast<size_t>(more));
        desk.poll(1);
      }
      if (!rest.empty()) break;
    }
  }
  check_quiet(desk);
}

void test_no_spinning_beyond_max_handshakes(void **) {
  Options options;
  options.change().set_number("max_handshakes", 1);
  Desk desk(&options);
  desk.connect();
  desk.connect();
  check_quiet(desk);
}

void test_no_spinning_with_an_alarm_that_rang(void **) {
  Options options;
  options.change().set_number("ping_interval", 20);
  Desk desk(&options);
  raw_peer *peer;
  assert_true(desk.join(peer) > 0);
  assert_int_equal(static_cast<bool>(desk.manager->outer_fd()), has_outer_loops());
  for (int i = 0; i < 3; i++) {
    waits = 0;
    desk.poll(100);
    assert_in_range(waits, 1, 12);
  }
}

// A deadline that passed while the application was busy is due at once, also in a poll that would wait for ever.
void test_deadline_during_the_application(void **) {
  int port = 0;
  int silent = raw_listen(&port);
  assert_true(silent >= 0);
  Options options;
  options.change().set_number("handshake_timeout", 50);
  Desk desk;
  std::string url = "ws://127.0.0.1:" + std::to_string(port) + "/";
  assert_true(static_cast<bool>(desk.manager->connect(url, &options)));
  for (int i = 0; i < 5; i++)
    desk.poll();
  int64_t busy_until = raw_now_ms() + 100;
  while (raw_now_ms() < busy_until)
    usleep(1000);
  blind = 0;
  while (desk.count(EventKind::CLOSE) == 0)
    desk.poll(-1);
  assert_int_equal(blind, 0);
  close(silent);
}

void test_wake(void **) {
  Desk desk;
  desk.manager->wake();
  assert_int_equal(desk.poll(-1), 0);
  desk.manager->wake();
  desk.manager->wake();
  assert_int_equal(desk.poll(-1), 0);
  int64_t begin = raw_now_ms();
  assert_int_equal(desk.poll(20), 0);
  assert_true(raw_now_ms() - begin >= 20);
}

// A peer's answer that lies in the kernel counts, however late the poll.
void test_late_poll(void **) {
  Options options;
  options.change().set_number("ping_interval", 10);
  options.change().set_number("ping_timeout", 10);
  Desk desk(&options);
  raw_peer *peer = desk.connect();
  assert_int_equal(raw_ask(peer, "/", nullptr), 101);
  raw_frame frame;
  for (int i = 0; i < 3; i++) {
    assert_int_equal(raw_read_frame(peer, &frame), 1);
    assert_int_equal(frame.first, RAW_FIN | RAW_PING);
    uint8_t payload[4];
    assert_int_equal(frame.size, sizeof payload);
    memcpy(payload, frame.payload, sizeof payload);
    assert_int_equal(raw_write_frame(peer, RAW_FIN | RAW_PONG, payload, sizeof payload), 0);
    int64_t until = raw_now_ms() + 30;  // the application is busy for longer than ping_timeout
    while (raw_now_ms() < until) {
    }
    desk.poll();
    assert_int_equal(desk.count(EventKind::CLOSE), 0);
  }
}

// Fairness: one that floods does not keep another from being read.
void test_fairness(void **) {
  Desk desk;
  raw_peer *loud;
  raw_peer *quiet;
  assert_true(desk.join(loud) > 0);
  int64_t id = desk.join(quiet);
  std::string flood(4000000, '\0');
  flood.resize(raw_make_frame(reinterpret_cast<uint8_t *>(flood.data()), 1, RAW_FIN | RAW_BINARY, flood.data(), 1000));
  std::string many;
  while (many.size() < 3000000)
    many += flood;
  size_t begun = 0;
  bool asked = false;
  int polls = 0;
  while (polls < 1000) {
    ssize_t sent = ::send(loud->fd, many.data() + begun, many.size() - begun, MSG_NOSIGNAL);
    if (sent > 0) begun = (begun + static_cast<size_t>(sent)) % many.size();
    if (!asked) raw_write_frame(quiet, RAW_FIN | RAW_TEXT, "me too", 6);
    asked = true;
    desk.poll(1);
    polls++;
    const Seen *text = nullptr;
    for (const Seen &entry : desk.seen) {
      if (entry.event.kind == EventKind::MESSAGE && entry.event.connection == id) text = &entry;
    }
    if (text != nullptr) break;
  }
  assert_in_range(polls, 1, 20);
}

// What was read before a write failed is delivered, however many batches that takes.
void test_messages_before_a_write_error(void **) {
  Options options;
  options.change().set_number("max_events", 1);
  Desk desk(&options);
  raw_peer *peer;
  int64_t id = desk.join(peer);
  assert_true(id > 0);
  uint8_t frames[60];
  size_t size = 0;
  for (const char *word : {"one", "two", "three"})
    size += raw_make_frame(frames + size, 1, RAW_FIN | RAW_TEXT, word, strlen(word));
  assert_int_equal(raw_write(peer, frames, size), 0);
  assert_true(desk.wait(EventKind::MESSAGE, 1));
  raw_peer_reset(peer);
  std::string large(20000, 'l');
  const uint8_t *data = reinterpret_cast<const uint8_t *>(large.data());
  assert_int_equal(desk.manager->send(id, Opcode::BINARY, data, large.size()), hawser::Error::OK);
  assert_true(desk.wait(EventKind::CLOSE));
  assert_int_equal(desk.count(EventKind::MESSAGE), 3);
}

// The 101 cannot be sent any more: OPEN still comes before the messages that stood behind the request.
void test_open_before_messages_of_a_broken_connection(void **) {
  Options options;
  options.change().set_number("requests", 1);
  Desk desk(&options);
  raw_peer *peer = desk.connect();
  assert_int_equal(raw_write_request(peer, "/", nullptr), 0);
  assert_int_equal(raw_write_frame(peer, RAW_FIN | RAW_TEXT, "early", 5), 0);
  assert_true(desk.wait(EventKind::REQUEST));
  int64_t id = desk.seen.back().event.connection;
  for (int i = 0; i < 10; i++)
    desk.poll(1);
  raw_peer_reset(peer);
  assert_int_equal(desk.manager->accept(id, "", ""), hawser::Error::OK);
  assert_true(desk.wait(EventKind::CLOSE));
  assert_int_equal(desk.seen.size(), 4);
  assert_int_equal(desk.seen[1].event.kind, EventKind::OPEN);
  assert_string_equal(desk.seen[2].data.c_str(), "early");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_idle),
      cmocka_unit_test(test_no_spinning_while_paused),
      cmocka_unit_test(test_no_spinning_with_a_full_queue),
      cmocka_unit_test(test_no_spinning_with_unread_pongs),
      cmocka_unit_test(test_no_spinning_beyond_max_handshakes),
      cmocka_unit_test(test_no_spinning_with_an_alarm_that_rang),
      cmocka_unit_test(test_deadline_during_the_application),
      cmocka_unit_test(test_wake),
      cmocka_unit_test(test_late_poll),
      cmocka_unit_test(test_fairness),
      cmocka_unit_test(test_messages_before_a_write_error),
      cmocka_unit_test(test_open_before_messages_of_a_broken_connection),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
