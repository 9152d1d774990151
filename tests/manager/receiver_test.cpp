#include "manager/receiver.hpp"

#include <string>
#include <vector>

#include "bench.hpp"
#include "support/cmocka.hpp"
#include "support/raw_peer.h"

namespace {

using hawser::Connection;
using hawser::Receiver;

std::string frame(const std::string &payload, int first = RAW_FIN | RAW_BINARY) {
  std::string bytes(payload.size() + 14, '\0');
  bytes.resize(raw_make_frame(reinterpret_cast<uint8_t *>(bytes.data()), 1, first, payload.data(), payload.size()));
  return bytes;
}

struct Station : Bench {
  explicit Station(size_t max_events = 16, size_t arena = 65536, int64_t max_batch_bytes = -1,
                   int64_t memory = hawser::Budget::kUnlimited)
      : Bench(memory, 65536, max_events),
        receiver(arena, max_batch_bytes, batch, surroundings, settling, attention, stats) {}

  bool write(int index, const std::string &bytes) {
    return ::send(ends[index], bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  // What a poll does with one connection. Returns the payloads of the batch.
  std::vector<std::string> turn(int index) {
    batch.clear();
    receiver.begin();
    note();
    Connection &connection = connections[index];
    if (receiver.has_room() && connection.may_read()) {
      if (connection.stash() != nullptr) {
        receiver.parse_stash(connection);
      } else if (connection.transport.readable()) {
        receiver.read(connection);
      }
    }
    std::vector<std::string> payloads;
    for (int32_t i = 0; i < batch.size(); i++) {
      const hawser::Event &event = *batch.at(i);
      payloads.emplace_back(static_cast<const char *>(event.data), static_cast<size_t>(event.size));
    }
    return payloads;
  }

  Receiver receiver;
};

void test_in_place(void **) {
  Station station;
  assert_true(station.open(0));
  assert_true(station.write(0, frame("one") + frame("two")));
  auto payloads = station.turn(0);
  assert_int_equal(payloads.size(), 2);
  assert_string_equal(payloads[1].c_str(), "two");
  const char *first = static_cast<const char *>(station.batch.at(0)->data);
  const char *second = static_cast<const char *>(station.batch.at(1)->data);
  assert_int_equal(second - first, 3 + 6);  // side by side, as they came
  assert_int_equal(station.budget.used(), 0);
  assert_int_equal(station.stats.messages_received, 2);
}

// A text that is not UTF-8, among others: those before it are delivered, and nothing else is.
void test_wrong_text(void **) {
  Station station;
  assert_true(station.open(0));
  station.connections[0].session->note_routine();
  std::string bytes;
  for (const char *text : {"one", "zw\xc3\xb6lf", "wrong\xff", "never"})
    bytes += frame(text, RAW_FIN | RAW_TEXT);
  assert_true(station.write(0, bytes));
  auto payloads = station.turn(0);
  assert_int_equal(payloads.size(), 2);
  assert_string_equal(payloads[1].c_str(), "zw\xc3\xb6lf");
  assert_int_equal(station.stats.messages_received, 2);
  assert_ptr_equal(station.settling.pop(), &station.connections[0]);  // a Close is due
  assert_int_equal(station.turn(0).size(), 0);
}

// More frames than events: the others are carried over, and nothing else is read before them.
void test_carry(void **) {
  Station station(4);
  assert_true(station.open(0));
  std::string bytes;
  for (int i = 0; i < 10; i++)
    bytes += frame(std::to_string(i));
  assert_true(station.write(0, bytes));
  int next = 0;
  for (size_t expected : {4, 4, 2}) {
    auto payloads = station.turn(0);
    assert_int_equal(payloads.size(), expected);
    for (const std::string &payload : payloads)
      assert_string_equal(payload.c_str(), std::to_string(next++).c_str());
    assert_int_equal(station.receiver.carries(), expected == 4);
    if (expected == 4) assert_false(station.receiver.has_room());
  }
}

// Carried bytes at the end of the arena that make no event must not take the room to read.
void test_carried_part_at_the_end_of_the_arena(void **) {
  Station station(8, 65536);
  assert_true(station.open(0));
  std::string bytes;
  for (int i = 0; i < 8; i++)
    bytes += frame(std::string(8000, 'x'));
  std::string last = frame(std::string(1000, 'y'));
  assert_true(station.write(0, bytes + last.substr(0, 100)));
  size_t messages = station.turn(0).size();
  assert_int_equal(messages, 8);
  assert_true(station.receiver.carries());
  assert_int_equal(station.turn(0).size(), 0);
  assert_true(station.receiver.has_room());
  assert_true(station.write(0, last.substr(100)));
  auto payloads = station.turn(0);
  assert_int_equal(payloads.size(), 1);
  assert_int_equal(payloads[0].size(), 1000);
}

// What is carried when its connection is paused is put aside, and comes after resume in order.
void test_stash(void **) {
  Station station(2);
  assert_true(station.open(0));
  assert_true(station.write(0, frame("a") + frame("b") + frame("c") + frame("d") + frame("e")));
  assert_int_equal(station.turn(0).size(), 2);
  station.connections[0].paused = true;
  assert_int_equal(station.turn(0).size(), 0);
  assert_non_null(station.connections[0].stash());
  assert_ptr_equal(station.attention.pop(), &station.connections[0]);  // somebody has to look when it may go on
  assert_true(station.write(0, frame("f")));
  assert_int_equal(station.turn(0).size(), 0);
  station.connections[0].paused = false;
  std::string all;
  for (int i = 0; i < 10; i++) {
    for (const std::string &payload : station.turn(0))
      all += payload;
  }
  assert_string_equal(all.c_str(), "cdef");
  station.batch.clear();
  assert_int_equal(station.budget.used(), 0);
}

// The bytes behind a REQUEST are not told before the OPEN that is due.
void test_open_goes_first(void **) {
  Station station(1);
  assert_true(station.open(0));
  assert_true(station.write(0, frame("a") + frame("b")));
  assert_int_equal(station.turn(0).size(), 1);
  station.connections[0].open_due = true;
  station.batch.clear();
  station.receiver.begin();
  assert_int_equal(station.batch.size(), 0);
  station.connections[0].open_due = false;
  assert_int_equal(station.turn(0).size(), 1);
}

void test_forget(void **) {
  Station station(1);
  assert_true(station.open(0));
  assert_true(station.write(0, frame("a") + frame("b")));
  assert_int_equal(station.turn(0).size(), 1);
  assert_true(station.receiver.carries());
  station.receiver.forget(station.connections[0]);
  assert_false(station.receiver.carries());
  assert_int_equal(station.turn(0).size(), 0);
}

// A message over the arena's size is collected, whatever the pieces.
void test_large_message(void **) {
  Station station;
  assert_true(station.open(0));
  std::string payload;
  for (int i = 0; payload.size() < 700000; i++)
    payload += std::to_string(i);
  std::string bytes = frame(payload) + frame("behind");
  std::vector<std::string> all;
  size_t begun = 0;
  for (int i = 0; i < 100000 && all.size() < 2; i++) {
    ssize_t sent = begun < bytes.size() ? ::send(station.ends[0], bytes.data() + begun, bytes.size() - begun, 0) : 0;
    if (sent > 0) begun += static_cast<size_t>(sent);
    for (std::string &each : station.turn(0))
      all.push_back(std::move(each));
  }
  assert_int_equal(all.size(), 2);
  assert_true(all[0] == payload);
  assert_string_equal(all[1].c_str(), "behind");
}

void test_batch_bytes(void **) {
  Station station(16, 65536, 1000);
  assert_true(station.open(0));
  assert_true(station.write(0, frame(std::string(100, 'x')).substr(0, 20)));
  assert_int_equal(station.turn(0).size(), 0);
  assert_true(station.receiver.has_room());
  assert_true(station.write(0, frame(std::string(100, 'x')).substr(20)));
  assert_int_equal(station.turn(0).size(), 1);
  assert_int_equal(station.batch.kept_bytes(), 100);
  assert_true(station.receiver.has_room());
}

// A batch that was full for want of memory has room again when somebody gives some back: what is carried comes first.
void test_carried_while_memory_is_short(void **) {
  Station station(16, 65536, -1, 1 << 20);
  assert_true(station.open(0));
  assert_true(station.open(1));
  hawser::Buffer hog(station.budget);
  assert_true(hog.reserve_exactly(static_cast<size_t>(station.budget.comfortable())));
  assert_true(
      station.write(0, frame("a", RAW_BINARY) + frame("b", RAW_FIN) + frame("c")));  // one is assembled, and kept
  assert_int_equal(station.turn(0).size(), 1);
  assert_true(station.receiver.carries(station.connections[0]));
  hog.release();
  assert_false(station.receiver.has_room());
  assert_true(station.write(1, frame("d")));
  auto payloads = station.turn(1);
  assert_int_equal(payloads.size(), 2);
  assert_string_equal(payloads[0].c_str(), "c");
  assert_string_equal(payloads[1].c_str(), "d");
}

void test_end_and_error(void **) {
  Station station;
  assert_true(station.open(0));
  assert_true(station.write(0, frame("last")));
  ::shutdown(station.ends[0], SHUT_WR);
  assert_int_equal(station.turn(0).size(), 1);
  assert_int_equal(station.turn(0).size(), 0);
  assert_true(station.connections[0].transport.ended());
  assert_ptr_equal(station.settling.pop(), &station.connections[0]);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_in_place),      cmocka_unit_test(test_wrong_text),
      cmocka_unit_test(test_carry),         cmocka_unit_test(test_carried_part_at_the_end_of_the_arena),
      cmocka_unit_test(test_stash),         cmocka_unit_test(test_open_goes_first),
      cmocka_unit_test(test_forget),        cmocka_unit_test(test_large_message),
      cmocka_unit_test(test_batch_bytes),   cmocka_unit_test(test_carried_while_memory_is_short),
      cmocka_unit_test(test_end_and_error),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
