// What is done when memory is short: the one that holds the most is closed, whatever it holds it for, and nobody else.
#include "desk.hpp"
#include "manager/manager.hpp"
#include "support/cmocka.hpp"
#include "support/heap.hpp"

namespace {

using hawser::Error;
using hawser::EventKind;

constexpr int64_t kBudget = 1'000'000;
constexpr size_t kLine = kBudget - kBudget / 16;

hawser::Options with_budget(const char *name = nullptr, int64_t value = 0) {
  hawser::Options options;
  options.change().set_number("memory_budget", kBudget);
  options.change().set_number("close_timeout", 50);
  if (name != nullptr) options.change().set_number(name, value);
  return options;
}

int64_t stat(Desk &desk, const char *name) {
  return *desk.manager->stat(name);
}

// Polls until the counter has this value.
bool reaches(Desk &desk, const char *name, int64_t value) {
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  while (stat(desk, name) != value) {
    if (raw_now_ms() > until || desk.poll(1) < 0) return false;
  }
  return true;
}

// Begins a message of which so many bytes come, and waits until they have.
bool begin_message(Desk &desk, raw_peer *peer, size_t size) {
  std::vector<uint8_t> payload(size);
  int64_t before = stat(desk, "bytes_received");
  raw_write_frame(peer, RAW_BINARY, payload.data(), size);  // may fail: it is cut off
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  while (stat(desk, "bytes_received") - before < static_cast<int64_t>(size)) {
    if (desk.count(EventKind::CLOSE) != 0 || raw_now_ms() > until) return false;
    desk.poll(1);
  }
  return true;
}

bool echoes(Desk &desk, raw_peer *peer, int64_t id) {
  size_t before = desk.count(EventKind::MESSAGE);
  if (raw_write_frame(peer, RAW_FIN | RAW_BINARY, "hello", 5) != 0) return false;
  if (!desk.wait(EventKind::MESSAGE, before + 1)) return false;
  if (desk.manager->send(id, hawser::Opcode::BINARY, reinterpret_cast<const uint8_t *>("hello"), 5) != Error::OK)
    return false;
  return raw_expect_frame(peer, RAW_FIN | RAW_BINARY, "hello", 5);
}

// The words, the counters and the wire of one that was closed; the memory is there for others at once.
void test_the_greediest_of_three(void **) {
  hawser::Options options = with_budget();
  Desk desk(&options);
  raw_peer *peers[3] = {};
  int64_t ids[3] = {};
  for (int i = 0; i < 3; i++)
    ids[i] = desk.join(peers[i]);
  assert_true(begin_message(desk, peers[0], 100'000));
  assert_true(begin_message(desk, peers[1], 500'000));
  assert_int_equal(stat(desk, "connections_shed"), 0);
  assert_int_equal(stat(desk, "memory"), stat(desk, "memory_received"));
  // Neither the first nor the last to ask is the one that pays.
  begin_message(desk, peers[2], 450'000);
  assert_true(desk.wait(EventKind::CLOSE));
  const hawser::Event &close = desk.last(EventKind::CLOSE)->event;
  assert_int_equal(close.connection, ids[1]);
  assert_int_equal(close.error, static_cast<int32_t>(Error::NO_MEMORY));
  assert_int_equal(close.flags & hawser::event_flag::kByPeer, 0);
  assert_int_equal(stat(desk, "connections_shed"), 1);
  raw_frame frame;
  assert_int_equal(raw_read_frame(peers[1], &frame), 1);
  assert_int_equal(frame.first, RAW_FIN | RAW_CLOSE);
  assert_int_equal(frame.payload[0] << 8 | frame.payload[1], 1013);
  std::string reason(reinterpret_cast<const char *>(frame.payload + 2), frame.size - 2);
  assert_true(reason.find("memory_budget") != std::string::npos);
  assert_true(stat(desk, "memory") < static_cast<int64_t>(kLine));
  // The others lose nothing: their messages end as if nothing had been.
  assert_int_equal(raw_write_frame(peers[0], RAW_FIN | RAW_CONTINUATION, "x", 1), 0);
  assert_true(desk.wait(EventKind::MESSAGE));
  assert_int_equal(desk.last(EventKind::MESSAGE)->event.size, 100'001);
  assert_true(echoes(desk, peers[0], ids[0]));
}

// What it holds comes back only when it has gone: it is told so, it counts once, and nobody else pays meanwhile.
void test_a_kept_head(void **) {
  hawser::Options options = with_budget("keep_handshake", 1);
  options.change().set_number("max_head_size", 200'000);
  Desk desk(&options);
  raw_peer *greediest = desk.connect();
  std::string request =
      "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Large: " +
      std::string(150'000, 'x') + "\r\n\r\n";
  char head[4096];
  assert_int_equal(raw_write_text(greediest, request.c_str()), 0);
  assert_true(raw_read_head(greediest, head, sizeof head) > 0);
  assert_true(stat(desk, "memory_handshakes") > 150'000);
  std::vector<raw_peer *> others(6);
  for (raw_peer *&other : others) {
    desk.join(other);
    assert_true(begin_message(desk, other, 60'000));
  }
  std::vector<uint8_t> more(2'000);
  for (size_t i = 0; i < 200 && stat(desk, "connections_shed") == 0; i++) {
    assert_int_equal(raw_write_frame(others[i % others.size()], RAW_CONTINUATION, more.data(), more.size()), 0);
    desk.poll();
  }
  raw_frame frame;
  assert_int_equal(raw_read_frame(greediest, &frame), 1);
  assert_int_equal(frame.first, RAW_FIN | RAW_CLOSE);
  assert_int_equal(frame.payload[0] << 8 | frame.payload[1], 1013);
  assert_true(desk.wait(EventKind::CLOSE));
  for (raw_peer *other : others)
    assert_int_equal(raw_write_frame(other, RAW_FIN | RAW_CONTINUATION, "", 0), 0);
  assert_true(desk.wait(EventKind::MESSAGE, others.size()));
  assert_int_equal(stat(desk, "connections_shed"), 1);
  assert_int_equal(desk.count(EventKind::CLOSE), 1);
}

// Until its Close is written the application may go on sending to one that was shed. What its peer then does not read
// keeps nobody out for long: it is cut off, and counts once.
void test_one_that_was_shed_and_does_not_read(void **) {
  hawser::Options options = with_budget();
  Desk desk(&options);
  raw_peer *greedy = nullptr;
  raw_peer *filler = nullptr;
  raw_peer *other = nullptr;
  int64_t id = desk.join(greedy);
  desk.join(filler);
  desk.join(other);
  assert_true(begin_message(desk, greedy, 500'000));
  assert_true(begin_message(desk, filler, 300'000));
  // In the batch that sheds it there is an event: so the Close waits.
  std::vector<uint8_t> chunk(10'000);
  for (int i = 0; i < 20 && stat(desk, "connections_shed") == 0; i++) {
    assert_int_equal(raw_write_frame(filler, RAW_CONTINUATION, chunk.data(), chunk.size()), 0);
    assert_int_equal(raw_write_frame(other, RAW_FIN | RAW_TEXT, "x", 1), 0);
    desk.poll();
  }
  assert_int_equal(stat(desk, "connections_shed"), 1);
  assert_int_equal(desk.count(EventKind::CLOSE), 0);
  Error error = Error::OK;
  while (error == Error::OK)
    error = desk.manager->send(id, hawser::Opcode::BINARY, chunk.data(), chunk.size());
  assert_int_equal(static_cast<int>(error), static_cast<int>(Error::NO_MEMORY));
  // In pieces, none of which asks for more at once than is left.
  for (int i = 0; i < 20 && desk.count(EventKind::CLOSE) == 0; i++) {
    raw_write_frame(other, i == 0 ? RAW_BINARY : RAW_CONTINUATION, chunk.data(), chunk.size());
    desk.poll();
  }
  assert_true(desk.wait(EventKind::CLOSE));
  assert_int_equal(desk.last(EventKind::CLOSE)->event.connection, id);
  assert_int_equal(desk.last(EventKind::CLOSE)->event.error, static_cast<int32_t>(Error::NO_MEMORY));
  assert_int_equal(stat(desk, "connections_shed"), 1);
  assert_true(stat(desk, "memory") <= static_cast<int64_t>(kLine));
}

void test_words(void **) {
  hawser::Options options = with_budget();
  Desk desk(&options);
  raw_peer *peer = nullptr;
  desk.join(peer);
  begin_message(desk, peer, 2'000'000);
  while (desk.count(EventKind::CLOSE) == 0) {
    int count = desk.poll(1);
    for (int i = 0; i < count; i++) {
      if (desk.manager->batch().at(i)->kind != EventKind::CLOSE) continue;
      std::string words = desk.manager->event_text(i);
      assert_true(words.find("memory_budget, of which this connection held the most: ") != std::string::npos);
    }
  }
  assert_int_equal(stat(desk, "memory"), 0);
}

// A peer that does not read: its queue is what it holds. The application's sends alone close nobody: they are refused.
void test_a_queue(void **) {
  hawser::Options options = with_budget();
  Desk desk(&options);
  raw_peer *silent = nullptr;
  raw_peer *sender = nullptr;
  int64_t id = desk.join(silent);
  int64_t other = desk.join(sender);
  std::vector<uint8_t> chunk(20'000);
  Error error = Error::OK;
  for (int i = 0; i < 10'000 && error == Error::OK; i++)
    error = desk.manager->send(id, hawser::Opcode::BINARY, chunk.data(), chunk.size());
  assert_int_equal(static_cast<int>(error), static_cast<int>(Error::NO_MEMORY));
  assert_true(stat(desk, "memory") <= static_cast<int64_t>(kLine));
  assert_int_equal(stat(desk, "memory"), stat(desk, "memory_queued"));
  desk.poll(0);
  assert_int_equal(stat(desk, "connections_shed"), 0);
  assert_true(stat(desk, "bytes_queued") > 0);
  // With what another one is about to say there is too little.
  begin_message(desk, sender, 200'000);
  assert_true(desk.wait(EventKind::CLOSE));
  assert_int_equal(desk.last(EventKind::CLOSE)->event.connection, id);
  assert_int_equal(stat(desk, "connections_shed"), 1);
  assert_int_equal(stat(desk, "memory_queued"), 0);
  assert_int_equal(raw_write_frame(sender, RAW_FIN | RAW_CONTINUATION, "x", 1), 0);
  assert_true(desk.wait(EventKind::MESSAGE));
  assert_true(echoes(desk, sender, other));
}

// Bytes that wait for the application count as much as a message does.
void test_a_stash(void **) {
  hawser::Options options = with_budget("requests", 1);
  Desk desk(&options);
  raw_peer *peer = desk.connect();
  assert_int_equal(raw_write_request(peer, "/", nullptr), 0);
  assert_true(desk.wait(EventKind::REQUEST));
  int64_t id = desk.last(EventKind::REQUEST)->event.connection;
  std::vector<uint8_t> bytes(50'000);
  raw_write_frame(peer, RAW_FIN | RAW_BINARY, bytes.data(), bytes.size());
  desk.poll(0);
  // A session that waits reads no more than it had read: the rest stays in the kernel.
  assert_true(stat(desk, "memory") < static_cast<int64_t>(kLine));
  assert_true(desk.manager->accept(id, "", "") == Error::OK);
  assert_true(desk.wait(EventKind::MESSAGE));
  assert_int_equal(stat(desk, "connections_shed"), 0);
}

// Measured from outside: many small messages to peers that read nothing.
void test_broadcasts(void **) {
  constexpr int kPeers = 5;
  hawser::Options options = with_budget();
  Desk desk(&options);
  raw_peer *peer = nullptr;
  for (int i = 0; i < kPeers; i++)
    desk.join(peer);
  hawser::HeapMeter meter;
  const uint8_t small[50] = {};
  auto broadcast = [&] {
    return desk.manager->broadcast(desk.listener, 0, hawser::Opcode::BINARY, small, sizeof small);
  };
  for (int i = 0; i < 20'000'000 && broadcast(); i++) {
    if (i % 1'000 == 0) desk.manager->flush();
  }
  assert_int_equal(static_cast<int>(broadcast().failure().error), static_cast<int>(Error::NO_MEMORY));
  assert_true(stat(desk, "bytes_queued") > kBudget / 2);
  meter.look();
  assert_in_range(meter.held(), kBudget / 2, kBudget * 11 / 10);
}

// A newcomer is told by HTTP that there is no room, and whoever is there is left in peace.
void test_newcomers(void **) {
  hawser::Options options = with_budget();
  Desk desk(&options);
  raw_peer *first = nullptr;
  int64_t id = desk.join(first);
  assert_true(begin_message(desk, first, kLine - 10'000));
  raw_peer *newcomer = desk.connect();
  assert_int_equal(raw_ask(newcomer, "/", nullptr), 503);
  raw_peer_close(newcomer);
  assert_true(reaches(desk, "refused_memory", 1));
  assert_int_equal(stat(desk, "handshakes_failed"), 1);
  auto dialled = desk.manager->connect("ws://127.0.0.1:1/", nullptr);
  assert_false(static_cast<bool>(dialled));
  assert_int_equal(static_cast<int>(dialled.failure().error), static_cast<int>(Error::NO_MEMORY));
  assert_int_equal(raw_write_frame(first, RAW_FIN | RAW_CONTINUATION, "x", 1), 0);
  assert_true(desk.wait(EventKind::MESSAGE));
  assert_int_equal(stat(desk, "connections_shed"), 0);
  desk.poll(0);  // what was delivered is given back
  assert_int_equal(stat(desk, "memory"), 0);
  raw_peer *second = nullptr;
  assert_true(desk.join(second) > 0);
  assert_true(echoes(desk, first, id));
}

// Many at once: as many are closed as it takes, the largest first, and the small ones all live.
void test_many(void **) {
  constexpr size_t kLarge = 20;
  constexpr size_t kSmall = 20;
  hawser::Options options = with_budget();
  Desk desk(&options);
  std::vector<raw_peer *> small(kSmall);
  std::vector<int64_t> ids(kSmall);
  for (size_t i = 0; i < kSmall; i++) {
    ids[i] = desk.join(small[i]);
    assert_true(begin_message(desk, small[i], 1000));
  }
  for (size_t i = 0; i < kLarge; i++) {
    raw_peer *peer = nullptr;
    assert_true(desk.join(peer) > 0);
    std::vector<uint8_t> payload(200'000);
    raw_write_frame(peer, RAW_BINARY, payload.data(), payload.size());
    desk.poll(0);
    assert_true(stat(desk, "memory") <= kBudget);
  }
  // What came last may be on its way still.
  constexpr int64_t kLeast = static_cast<int64_t>(kLarge) - 5;
  for (int64_t until = raw_now_ms() + RAW_PATIENCE_MS; stat(desk, "connections_shed") < kLeast && raw_now_ms() < until;)
    desk.poll(1);
  assert_true(stat(desk, "connections_shed") >= kLeast);
  for (size_t i = 0; i < kSmall; i++) {
    size_t before = desk.count(EventKind::MESSAGE);
    assert_int_equal(raw_write_frame(small[i], RAW_FIN | RAW_CONTINUATION, "x", 1), 0);
    assert_true(desk.wait(EventKind::MESSAGE, before + 1));
    assert_int_equal(desk.last(EventKind::MESSAGE)->event.connection, ids[i]);
    assert_int_equal(desk.last(EventKind::MESSAGE)->event.size, 1001);
  }
}

// The peer has said Close and reads nothing: what is queued for it counts still.
void test_one_that_is_over(void **) {
  hawser::Options options = with_budget("close_timeout", 60'000);
  Desk desk(&options);
  raw_peer *leaving = nullptr;
  raw_peer *sender = nullptr;
  int64_t id = desk.join(leaving);
  desk.join(sender);
  std::vector<uint8_t> chunk(20'000);
  while (desk.manager->send(id, hawser::Opcode::BINARY, chunk.data(), chunk.size()) == Error::OK)
    continue;
  assert_int_equal(raw_write_close(leaving, 1000, ""), 0);
  desk.poll(0);
  desk.poll(0);
  begin_message(desk, sender, 200'000);
  assert_true(desk.wait(EventKind::CLOSE));
  assert_int_equal(desk.last(EventKind::CLOSE)->event.connection, id);
  assert_int_equal(raw_write_frame(sender, RAW_FIN | RAW_CONTINUATION, "x", 1), 0);
  assert_true(desk.wait(EventKind::MESSAGE));
}

// What those hold that are closed already comes back by itself: nobody else is closed for it.
void test_heads(void **) {
  constexpr size_t kInnocents = 5;
  hawser::Options options = with_budget();
  Desk desk(&options);
  raw_peer *innocents[kInnocents] = {};
  for (raw_peer *&peer : innocents) {
    assert_true(desk.join(peer) > 0);
    assert_true(begin_message(desk, peer, 1000));
  }
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(15'000, 'x');
  for (int i = 0; i < 70; i++) {
    assert_int_equal(raw_write(desk.connect(), head.data(), head.size()), 0);
    desk.poll(0);
    assert_true(stat(desk, "memory") <= kBudget);
  }
  assert_true(stat(desk, "connections_shed") > 0);
  assert_int_equal(desk.count(EventKind::CLOSE), 0);
  for (raw_peer *peer : innocents)
    assert_int_equal(raw_write_frame(peer, RAW_FIN | RAW_CONTINUATION, "x", 1), 0);
  assert_true(desk.wait(EventKind::MESSAGE, kInnocents));
}

// What was delivered fills the memory beside one that holds nearly all of it: the poll ends before it is too much.
void test_delivered(void **) {
  constexpr size_t kInnocents = 10;
  hawser::Options options = with_budget();
  Desk desk(&options);
  raw_peer *greedy = nullptr;
  raw_peer *innocents[kInnocents] = {};
  desk.join(greedy);
  for (raw_peer *&peer : innocents)
    assert_true(desk.join(peer) > 0);
  assert_true(begin_message(desk, greedy, 900'000));
  std::vector<uint8_t> payload(15'000);
  std::vector<uint8_t> frames(2 * (payload.size() + 14));
  size_t size = raw_make_frame(frames.data(), 1, RAW_BINARY, payload.data(), payload.size());
  size += raw_make_frame(frames.data() + size, 1, RAW_FIN | RAW_CONTINUATION, payload.data(), payload.size());
  for (raw_peer *peer : innocents)
    assert_int_equal(raw_write_some(peer, frames.data(), size), static_cast<int>(size));
  assert_true(desk.wait(EventKind::MESSAGE, kInnocents));
  assert_int_equal(desk.count(EventKind::CLOSE), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_the_greediest_of_three),
      cmocka_unit_test(test_a_kept_head),
      cmocka_unit_test(test_one_that_was_shed_and_does_not_read),
      cmocka_unit_test(test_words),
      cmocka_unit_test(test_a_queue),
      cmocka_unit_test(test_a_stash),
      cmocka_unit_test(test_broadcasts),
      cmocka_unit_test(test_newcomers),
      cmocka_unit_test(test_many),
      cmocka_unit_test(test_one_that_is_over),
      cmocka_unit_test(test_heads),
      cmocka_unit_test(test_delivered),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
