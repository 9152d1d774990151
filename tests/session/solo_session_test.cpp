#include "session/solo_session.hpp"

#include <cstring>
#include <deque>
#include <memory>
#include <random>

#include "session/lab.hpp"
#include "support/cmocka.hpp"

using namespace hawser;
using lab::Told;

namespace {

int as_int(Error error) {
  return static_cast<int>(error);
}

const uint8_t *bytes_of(const std::string &text) {
  return reinterpret_cast<const uint8_t *>(text.data());
}

// A session and what it has told.
struct Side {
  SoloSession session;
  std::vector<Told> events;
  std::string words;  // of CLOSE

  explicit Side(Role role, Config config = {}, SoloLimits limits = {})
      : session(role, std::make_shared<const Config>(std::move(config)), limits) {}

  void take_events() {
    while (const Event *event = session.next_event()) {
      events.emplace_back(*event);
      if (event->kind == EventKind::CLOSE) words = session.event_text();
    }
  }
  // Returns how many bytes were used.
  size_t feed(const std::string &bytes) {
    std::unique_ptr<uint8_t[]> copy(new uint8_t[bytes.size()]);
    std::memcpy(copy.get(), bytes.data(), bytes.size());
    size_t done = 0;
    while (done < bytes.size()) {
      size_t used = session.receive(copy.get() + done, bytes.size() - done);
      size_t before = events.size();
      take_events();
      done += used;
      if (used == 0 && events.size() == before) break;
    }
    return done;
  }
  // Takes up to `most` bytes out of the output.
  std::string output(size_t most = SIZE_MAX) {
    size_t size = std::min(most, session.output_size());
    std::string taken(reinterpret_cast<const char *>(session.output()), size);
    session.output_sent(size);
    return taken;
  }
  std::string told() const { return lab::sketch(events); }
  Error send(const std::string &text, Opcode opcode = Opcode::TEXT) {
    return session.send(opcode, bytes_of(text), text.size());
  }
};

Url url() {
  return {false, "localhost", false, 8080, "/"};
}

// A client and a server, joined in memory.
struct Pair {
  Side client;
  Side server;
  std::string to_client;  // on the way
  std::string to_server;

  explicit Pair(const Config &clients = {}, const Config &servers = {}, const SoloLimits &limits = {})
      : client(Role::CLIENT, clients, limits), server(Role::SERVER, servers, limits) {
    static_cast<void>(client.session.start(url()));
  }

  void step(size_t most) {
    to_server += client.output(most);
    to_server.erase(0, server.feed(to_server.substr(0, most)));
    to_client += server.output(most);
    to_client.erase(0, client.feed(to_client.substr(0, most)));
  }
  bool idle() const {
    return to_client.empty() && to_server.empty() && client.session.output_size() == 0 &&
           server.session.output_size() == 0;
  }
  void settle(std::mt19937 &random, size_t most) {
    for (int quiet = 0; quiet < 2; quiet = idle() ? quiet + 1 : 0)
      step(1 + random() % most);
  }
};

// A message that is sent whole or in parts; what the peer should tell of it.
Told send_random(Side &side, std::mt19937 &random) {
  Told told;
  told.kind = EventKind::MESSAGE;
  told.opcode = 1 + static_cast<int>(random() % 2);
  told.flags = event_flag::kFirst | event_flag::kFinal;
  told.data.resize(random() % (random() % 20 == 0 ? 100'000 : 200));
  for (char &c : told.data)
    c = static_cast<char>(told.opcode == 1 ? ' ' + random() % 95 : random());
  Opcode opcode = static_cast<Opcode>(told.opcode);
  size_t cut = random() % (told.data.size() + 1);
  if (random() % 3 != 0) {
    static_cast<void>(side.send(told.data, opcode));
  } else {
    static_cast<void>(side.session.send_part(opcode, bytes_of(told.data), cut, false));
    static_cast<void>(side.session.send_part(opcode, bytes_of(told.data) + cut, told.data.size() - cut, true));
  }
  return told;
}

void two_sessions_talk(void **) {
  constexpr unsigned kSeed = 30;
  print_message("seed %u\n", kSeed);
  std::mt19937 random(kSeed);
  for (size_t most : {20, 1000, 200'000}) {
    Pair pair;
    pair.settle(random, most);
    assert_string_equal(pair.client.told().c_str(), "OPEN");
    assert_string_equal(pair.server.told().c_str(), "OPEN");
    std::vector<Told> to_server = pair.server.events;
    std::vector<Told> to_client = pair.client.events;
    for (int i = 0; i < (most < 100 ? 40 : 300); i++) {
      if (random() % 2 == 0) to_server.push_back(send_random(pair.client, random));
      if (random() % 2 == 0) to_client.push_back(send_random(pair.server, random));
      if (random() % 5 == 0) pair.server.session.ping(bytes_of("?"), 1);
      pair.step(1 + random() % most);
    }
    pair.settle(random, most);
    assert_true(pair.server.events == to_server);
    assert_true(pair.client.events == to_client);

    Side &closer = random() % 2 == 0 ? pair.client : pair.server;
    Side &other = &closer == &pair.client ? pair.server : pair.client;
    assert_int_equal(as_int(closer.session.close(1000, "done")), as_int(Error::OK));
    pair.settle(random, most);
    assert_true(pair.server.session.should_close_transport());
    assert_false(pair.client.session.should_close_transport());
    pair.client.session.receive_end();
    for (Side *side : {&pair.client, &pair.server}) {
      assert_true(side->session.should_close_transport());
      const Told &close = side->events.back();
      assert_int_equal(static_cast<int>(close.kind), static_cast<int>(EventKind::CLOSE));
      assert_int_equal(close.code, 1000);
      assert_int_equal(as_int(close.error), as_int(Error::OK));
      assert_true((close.flags & event_flag::kClean) != 0);
      assert_false(side->words.empty());
      assert_null(side->session.next_event());  // once
      assert_int_equal(as_int(side->send("late")), as_int(Error::CLOSED));
    }
    assert_string_equal(other.events.back().data.c_str(), "done");
    assert_true((other.events.back().flags & event_flag::kByPeer) != 0);
  }
}

void received_bytes_wait_for_events(void **) {
  Side server(Role::SERVER, {}, {-1, -1, 2});
  server.session.assume_open();
  frames::Peer peer(true);
  std::string bytes = peer.text("a") + peer.text("b") + peer.text("c");
  uint8_t *data = reinterpret_cast<uint8_t *>(bytes.data());
  assert_int_equal(server.session.receive(data, bytes.size()), 14);  // the batch is full
  assert_int_equal(server.session.receive(data + 14, 7), 0);
  assert_memory_equal(server.session.next_event()->data, "a", 1);
  assert_int_equal(server.session.receive(data + 14, 7), 0);
  assert_memory_equal(server.session.next_event()->data, "b", 1);
  assert_string_equal(server.session.event_text(), "");
  assert_int_equal(server.session.receive(data + 14, 7), 7);
  assert_memory_equal(server.session.next_event()->data, "c", 1);
  assert_null(server.session.next_event());
}

// The Close that answers is written when the last event was taken, and sends made before go first.
void the_answer_waits_for_the_events(void **) {
  Side server(Role::SERVER);
  server.session.assume_open();
  frames::Peer peer(true);
  std::string bytes = peer.text("a") + peer.bytes(3, "");
  assert_int_equal(server.session.receive(reinterpret_cast<uint8_t *>(bytes.data()), bytes.size()), bytes.size());
  assert_non_null(server.session.next_event());
  assert_int_equal(server.session.output_size(), 0);
  assert_false(server.session.should_close_transport());
  assert_int_equal(as_int(server.send("answer")), as_int(Error::OK));
  const Event *close = server.session.next_event();
  assert_int_equal(close->code, 1006);
  assert_int_equal(close->error, as_int(Error::PROTOCOL));
  std::string words = server.session.event_text();
  assert_false(words.empty());
  std::string output = server.output();
  assert_int_equal(frames::take_all(output)[0].opcode, 1);
  assert_int_equal(frames::close_code(output), 1002);
  assert_true(server.session.should_close_transport());
  assert_null(server.session.next_event());
  assert_string_equal(server.session.event_text(), words.c_str());  // CLOSE is still the one that was taken last
}

void drain_follows_would_block(void **) {
  Side server(Role::SERVER, {}, {-1, 100, 256});
  server.session.assume_open();
  std::string text(150, 'x');
  assert_int_equal(as_int(server.send(text)), as_int(Error::OK));  // whatever its size
  assert_int_equal(as_int(server.send("x")), as_int(Error::WOULD_BLOCK));
  assert_int_equal(as_int(server.session.send_part(Opcode::TEXT, bytes_of("x"), 1, true)), as_int(Error::WOULD_BLOCK));
  assert_int_equal(as_int(server.session.ping(bytes_of("x"), 1)), as_int(Error::WOULD_BLOCK));
  size_t size = server.session.output_size();
  assert_int_equal(size, 154);
  server.output(size - 26);
  server.take_events();
  assert_true(server.events.empty());
  server.output(1);  // a quarter is left
  server.take_events();
  assert_string_equal(server.told().c_str(), "DRAIN");
  assert_int_equal(as_int(server.send("x")), as_int(Error::OK));
  server.output();
  server.take_events();
  assert_string_equal(server.told().c_str(), "DRAIN");  // exactly one
  // Pongs and Closes are never refused.
  server.send(text);
  server.feed(frames::Peer(true).bytes(9, "p"));
  assert_int_equal(as_int(server.session.close(1000, "")), as_int(Error::OK));
  std::vector<frames::Frame> sent = frames::take_all(server.output());
  assert_int_equal(sent.size(), 3);
  assert_int_equal(as_int(server.send("x")), as_int(Error::CLOSED));
}

void output_is_taken_in_pieces(void **) {
  std::mt19937 random(31);
  Side server(Role::SERVER);
  server.session.assume_open();
  std::string expected;
  std::string got;
  for (int i = 0; i < 500; i++) {
    std::string text(random() % 300, static_cast<char>('a' + i % 26));
    server.send(text);
    expected += frames::write({1, text, true, 0, false, {}});
    got += server.output(random() % 320);
    assert_int_equal(server.session.output_size(), expected.size() - got.size());
  }
  got += server.output();
  assert_true(got == expected);
  assert_int_equal(server.session.output_size(), 0);
  server.session.output_sent(100);  // more than there is
  assert_int_equal(server.session.output_size(), 0);
}

// A peer whose pongs have left is read, though others of its bytes wait.
void pongs_hold_nothing_back_once_they_have_left(void **) {
  Side server(Role::SERVER);
  server.session.assume_open();
  frames::Peer peer(true);
  const std::string ping = peer.bytes(9, std::string(125, 'p'));
  while (server.feed(ping) == ping.size()) {
  }
  size_t pongs = server.session.output_size();
  assert_int_equal(as_int(server.send("behind them")), as_int(Error::OK));
  server.output(pongs - 1);
  assert_int_equal(server.feed(ping), 0);
  server.output(1);
  assert_int_equal(server.feed(ping), ping.size());
}

// A text between the parts of another one is wrong, not one too many.
void a_full_queue_does_not_hide_a_part(void **) {
  Side server(Role::SERVER, {}, {-1, 10, 256});
  server.session.assume_open();
  assert_int_equal(as_int(server.session.send_part(Opcode::TEXT, bytes_of("0123456789"), 10, false)),
                   as_int(Error::OK));
  assert_int_equal(as_int(server.send("x")), as_int(Error::STATE));
  assert_int_equal(as_int(server.session.send_part(Opcode::TEXT, bytes_of("x"), 1, true)), as_int(Error::WOULD_BLOCK));
}

Config asking() {
  Config config;
  config.requests = true;
  return config;
}

const std::string kRequest =
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

// OPEN comes before the messages that were glued to the request.
void an_accepted_request_opens(void **) {
  Side server(Role::SERVER, asking());
  std::string early = frames::Peer(true).text("early");
  assert_int_equal(server.feed(kRequest + early), kRequest.size());
  assert_string_equal(server.told().c_str(), "REQUEST");
  assert_int_equal(as_int(server.session.accept("", "")), as_int(Error::OK));
  uint8_t byte = 0x81;
  assert_int_equal(server.session.receive(&byte, 1), 0);  // OPEN waits to be taken
  assert_int_equal(server.feed(early), early.size());
  assert_string_equal(server.told().c_str(), "REQUEST OPEN M1:early");
  assert_int_equal(as_int(server.session.accept("", "")), as_int(Error::STATE));
  server.take_events();
  assert_int_equal(server.events.size(), 3);
}

void a_request_may_be_responded_to(void **) {
  Side server(Role::SERVER, asking());
  server.feed(kRequest);
  assert_int_equal(as_int(server.session.respond(404, "", bytes_of("no"), 2)), as_int(Error::OK));
  server.take_events();
  assert_string_equal(server.told().c_str(), "REQUEST CLOSE");
  assert_int_equal(as_int(server.events[1].error), as_int(Error::ABORTED));
  assert_true(server.output().starts_with("HTTP/1.1 404 Not Found\r\n"));
  assert_true(server.session.should_close_transport());
}

void a_refused_client_hears_the_status(void **) {
  Side client(Role::CLIENT);
  client.session.start(url());
  client.feed("HTTP/1.1 403 Not You\r\n\r\n");
  assert_string_equal(client.told().c_str(), "CLOSE");
  assert_int_equal(as_int(client.events[0].error), as_int(Error::HTTP));
  assert_int_equal(client.events[0].system, 403);
  assert_true(client.words.find("403 Not You") != std::string::npos);
}

void the_end_of_the_transport_closes(void **) {
  Side server(Role::SERVER);
  server.session.assume_open();
  server.session.receive_end();
  server.take_events();
  assert_string_equal(server.told().c_str(), "CLOSE");
  assert_int_equal(as_int(server.events[0].error), as_int(Error::END));
  assert_true(server.session.should_close_transport());
}

void time_goes_forward_only(void **) {
  Side server(Role::SERVER);
  server.session.assume_open();
  assert_int_equal(server.session.deadline(), 30'000);
  server.session.advance_to(30'000);
  assert_true(server.output().size() > 0);  // a ping
  assert_int_equal(server.session.deadline(), 50'000);
  server.session.advance_to(10);
  assert_int_equal(server.session.deadline(), 50'000);
  server.feed("\x81");
  assert_int_equal(server.session.deadline(), 60'000);
  server.session.advance_to(60'000);
  server.output();
  server.session.advance_to(80'000);
  server.take_events();
  assert_string_equal(server.told().c_str(), "CLOSE");
  assert_int_equal(as_int(server.events[0].error), as_int(Error::TIMEOUT));
  assert_int_equal(server.session.deadline(), -1);
}

// RFC 6455 7.1.1: the server ends the transport, and the client waits for it, but not for ever.
void a_client_waits_for_the_end(void **) {
  for (bool ends : {true, false}) {
    Side client(Role::CLIENT);
    client.session.assume_open();
    client.session.close(1000, "");
    client.output();
    assert_int_equal(client.session.deadline(), 5'000);
    client.session.advance_to(3'000);
    client.feed(frames::Peer(false).bytes(8, "\x03\xe8"));
    assert_string_equal(client.told().c_str(), "CLOSE");
    assert_true((client.events[0].flags & event_flag::kClean) != 0);
    assert_false(client.session.should_close_transport());
    assert_int_equal(client.session.deadline(), 8'000);
    client.session.advance_to(7'999);
    assert_false(client.session.should_close_transport());
    if (ends) {
      client.session.receive_end();
    } else {
      client.session.advance_to(8'000);
    }
    assert_true(client.session.should_close_transport());
    client.take_events();
    assert_int_equal(client.events.size(), 1);
  }
}

SoloLimits stalling(int64_t timeout) {
  SoloLimits limits;
  limits.write_stall_timeout = timeout;
  return limits;
}

// The clock of write_stall_timeout runs from when there was output, or from when some of it left last.
void a_peer_that_does_not_read_is_given_up(void **) {
  Config config;
  config.ping_interval = -1;
  Side server(Role::SERVER, config, stalling(1'000));
  server.session.assume_open();
  server.session.advance_to(5'000);
  assert_int_equal(server.session.deadline(), -1);
  server.send("0123456789");
  assert_int_equal(server.session.deadline(), 6'000);
  server.session.advance_to(5'999);
  server.send("more");  // is no progress
  assert_int_equal(server.session.deadline(), 6'000);
  server.session.output_sent(0);
  assert_int_equal(server.session.deadline(), 6'000);
  server.output(1);
  assert_int_equal(server.session.deadline(), 6'999);
  server.output();
  assert_int_equal(server.session.deadline(), -1);
  server.session.advance_to(8'000);
  server.send("unread");
  server.session.advance_to(8'999);
  server.take_events();
  assert_string_equal(server.told().c_str(), "");
  assert_int_equal(server.session.output_size(), 8);
  server.session.advance_to(9'000);
  server.take_events();
  assert_string_equal(server.told().c_str(), "CLOSE");
  assert_int_equal(as_int(server.events[0].error), as_int(Error::TIMEOUT));
  assert_true(server.words.find("write_stall_timeout") != std::string::npos);
  assert_int_equal(server.session.output_size(), 0);  // the transport goes at once
  assert_true(server.session.should_close_transport());
  assert_int_equal(server.session.deadline(), -1);
}

// Neither the Close that nobody takes keeps the transport for ever.
void a_close_that_does_not_leave_is_given_up(void **) {
  Side server(Role::SERVER, {}, stalling(1'000));
  server.session.assume_open();
  server.feed(frames::Peer(true).bytes(8, ""));
  server.take_events();
  assert_string_equal(server.told().c_str(), "CLOSE");
  assert_int_equal(server.session.output_size(), 2);
  assert_int_equal(server.session.deadline(), 1'000);
  server.session.advance_to(1'000);
  assert_int_equal(server.session.output_size(), 0);
}

void silence_is_not_held_against_a_peer_that_is_not_read(void **) {
  Side server(Role::SERVER);
  server.session.assume_open();
  server.session.set_reading(false);
  assert_int_equal(server.session.deadline(), -1);
  server.session.advance_to(100'000);
  assert_int_equal(server.session.output_size(), 0);
  server.session.set_reading(true);
  assert_int_equal(server.session.deadline(), 130'000);
}

// The request lies in the bytes that were received, which may go when the events were taken.
void the_handshake_is_forgotten_in_time(void **) {
  Side server(Role::SERVER);
  std::string bytes = kRequest + frames::Peer(true).text("early");
  assert_null(server.session.handshake());
  server.session.receive(reinterpret_cast<uint8_t *>(bytes.data()), bytes.size());
  assert_int_equal(static_cast<int>(server.session.next_event()->kind), static_cast<int>(EventKind::OPEN));
  assert_string_equal(server.session.handshake()->headers().find("HOST"), "a");
  assert_non_null(server.session.next_event());
  assert_string_equal(server.session.handshake()->headers().find("HOST"), "a");
  assert_null(server.session.next_event());
  assert_null(server.session.handshake());

  Side hasty(Role::SERVER);  // asks for no further event before it goes on
  bytes = kRequest;
  hasty.session.receive(reinterpret_cast<uint8_t *>(bytes.data()), bytes.size());
  assert_non_null(hasty.session.next_event());
  assert_non_null(hasty.session.handshake());
  uint8_t byte = 0x81;
  assert_int_equal(hasty.session.receive(&byte, 1), 1);
  assert_null(hasty.session.handshake());

  Side refusing(Role::SERVER);
  bytes = "GET /there HTTP/1.1\r\nHost: a\r\n\r\n";
  refusing.session.receive(reinterpret_cast<uint8_t *>(bytes.data()), bytes.size());
  assert_int_equal(static_cast<int>(refusing.session.next_event()->kind), static_cast<int>(EventKind::CLOSE));
  assert_true(refusing.session.handshake()->target() == "/there");
  assert_null(refusing.session.next_event());
  assert_null(refusing.session.handshake());
}

void the_handshake_is_kept_where_it_is_wanted(void **) {
  Side asked(Role::SERVER, asking());
  asked.feed(kRequest);
  asked.take_events();
  assert_non_null(asked.session.handshake());  // until the answer
  asked.session.accept("", "");
  assert_int_equal(static_cast<int>(asked.session.next_event()->kind), static_cast<int>(EventKind::OPEN));
  assert_true(asked.session.handshake()->target() == "/");
  assert_null(asked.session.next_event());
  assert_null(asked.session.handshake());

  Config keeping;
  keeping.keep_handshake = true;
  Side keeper(Role::SERVER, keeping);
  keeper.feed(kRequest);
  keeper.session.receive_end();
  keeper.take_events();
  assert_string_equal(keeper.told().c_str(), "OPEN CLOSE");
  assert_string_equal(keeper.session.handshake()->headers().find("Host"), "a");

  Side refused(Role::CLIENT);
  refused.session.start(url());
  refused.feed("HTTP/1.1 403 Not You\r\n\r\n");
  assert_string_equal(refused.told().c_str(), "CLOSE");
  assert_null(refused.session.next_event());
  assert_true(refused.session.handshake()->status() == "403 Not You");
  assert_true(std::string(refused.session.event_text()).find("403 Not You") != std::string::npos);
}

void a_budget_bounds_the_output(void **) {
  Side server(Role::SERVER, {}, {1000, -1, 256});
  server.session.assume_open();
  assert_int_equal(as_int(server.send(std::string(2000, 'x'))), as_int(Error::NO_MEMORY));
  assert_int_equal(as_int(server.send(std::string(900, 'x'))), as_int(Error::OK));
  assert_int_equal(as_int(server.send(std::string(900, 'x'))), as_int(Error::NO_MEMORY));
  server.output();
  assert_int_equal(as_int(server.send(std::string(900, 'x'))), as_int(Error::OK));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(two_sessions_talk),
      cmocka_unit_test(received_bytes_wait_for_events),
      cmocka_unit_test(the_answer_waits_for_the_events),
      cmocka_unit_test(drain_follows_would_block),
      cmocka_unit_test(pongs_hold_nothing_back_once_they_have_left),
      cmocka_unit_test(a_full_queue_does_not_hide_a_part),
      cmocka_unit_test(output_is_taken_in_pieces),
      cmocka_unit_test(an_accepted_request_opens),
      cmocka_unit_test(a_request_may_be_responded_to),
      cmocka_unit_test(a_refused_client_hears_the_status),
      cmocka_unit_test(the_end_of_the_transport_closes),
      cmocka_unit_test(time_goes_forward_only),
      cmocka_unit_test(a_client_waits_for_the_end),
      cmocka_unit_test(a_peer_that_does_not_read_is_given_up),
      cmocka_unit_test(a_close_that_does_not_leave_is_given_up),
      cmocka_unit_test(silence_is_not_held_against_a_peer_that_is_not_read),
      cmocka_unit_test(the_handshake_is_forgotten_in_time),
      cmocka_unit_test(the_handshake_is_kept_where_it_is_wanted),
      cmocka_unit_test(a_budget_bounds_the_output),
  };
  return cmocka_run_group_tests_name("session/solo_session", tests, nullptr, nullptr);
}
