// What a session makes of the frames that it receives. Closing, sending, time and the opening handshake have files of
// their own.
#include "session/session.hpp"

#include "session/chopping.hpp"
#include "support/cmocka.hpp"

using namespace hawser;
using namespace lab;

namespace {

int as_int(Error error) {
  return static_cast<int>(error);
}

// ---------------------------------------------------------------------------------------------------------------------
// Messages

void messages_of_every_length_class(void **) {
  for (Role role : kRoles) {
    frames::Peer peer(role == Role::SERVER);
    for (size_t size : {0, 1, 125, 126, 127, 65535, 65536}) {
      for (int opcode : {1, 2}) {
        std::string payload(size, 'x');
        std::string bytes = peer.bytes(opcode, payload);
        std::string expected = "M" + std::to_string(opcode) + ":" + payload;
        for (const Chop &chop : {Chop(whole), Chop(bytewise), at(1), at(2), at(5), at(bytes.size() - 1)}) {
          OpenLab lab(role);
          lab.feed(bytes, chop);
          assert_true(lab.told() == expected);
          assert_true(lab.sink.written.empty());
          assert_true(lab->is_open());
        }
      }
    }
  }
}

void messages_at_every_cut(void **) {
  for (Role role : kRoles) {
    frames::Peer peer(role == Role::SERVER);
    std::string bytes = peer.text("one") + peer.bytes(1, "tw", false) + peer.bytes(9, "p") + peer.bytes(0, "", false) +
                        peer.bytes(0, "o") + peer.binary("") + peer.binary(std::string(130, 'z'));
    for (size_t cut = 0; cut <= bytes.size(); cut++) {
      OpenLab lab(role);
      lab.feed(bytes, at(cut));
      assert_string_equal(lab.told().c_str(), ("M1:one M1:two M2: M2:" + std::string(130, 'z')).c_str());
      assert_string_equal(frames::sketch(lab.sink.written).c_str(), "10:p");
    }
  }
}

void each_call_brings_one_event(void **) {
  frames::Peer peer(true);
  std::string bytes = peer.text("a") + peer.text("b");
  OpenLab lab(Role::SERVER);
  Event event;
  size_t used = lab->receive(reinterpret_cast<uint8_t *>(bytes.data()), bytes.size(), event);
  assert_int_equal(used, 7);
  assert_int_equal(event.size, 1);
  assert_ptr_equal(event.data, bytes.data() + 6);  // in place
  assert_int_equal(lab->receive(reinterpret_cast<uint8_t *>(bytes.data()) + used, bytes.size() - used, event), 7);
  assert_memory_equal(event.data, "b", 1);
  assert_int_equal(lab->receive(nullptr, 0, event), 0);
  assert_int_equal(static_cast<int>(event.kind), 0);
}

// ---------------------------------------------------------------------------------------------------------------------
// What breaks the protocol

// Without regard to where a message was divided.
std::vector<Told> joined(const std::vector<Told> &events) {
  std::vector<Told> all;
  for (const Told &event : events) {
    bool begins = event.kind != EventKind::MESSAGE || (event.flags & event_flag::kFirst) != 0 || all.empty();
    if (begins) {
      all.push_back(event);
    } else {
      all.back().data += event.data;
      all.back().flags |= event.flags;
    }
  }
  return all;
}

// Behind a message, in every chopping: the message comes first, what is sent before settle() goes first, then comes a
// Close with the code, and nothing stays.
bool fails_with(Role role, const std::string &bad, int code, Error error, const Config &config = {}) {
  frames::Peer peer(role == Role::SERVER);
  std::string bytes = peer.text("before") + bad;
  std::vector<Chop> chops = {whole, bytewise};
  for (size_t cut = 1; cut < std::min<size_t>(bytes.size(), 40); cut++)
    chops.push_back(at(cut));
  for (const Chop &chop : chops) {
    OpenLab lab(role, config);
    lab.feed(bytes, chop);
    if (sketch(joined(lab.events)) != "M1:before" || !lab.sink.written.empty() || lab->over() || !lab->needs_settling())
      return false;
    lab.feed(peer.text("discarded"));
    if (lab.send("last") != Error::OK) return false;
    lab->settle();
    std::vector<frames::Frame> answer = frames::take_all(lab.sink.written);
    if (answer.size() != 2 || answer[0].payload != "last" || frames::close_code(lab.sink.written) != code) return false;
    if (!lab->over() || lab->abandoned() || lab.send("late") != Error::CLOSED) return false;
    Told close = lab.close();
    if (close.code != 1006 || close.error != error || close.flags != event_flag::kByPeer || close.system != 0)
      return false;
    if (lab->words_of_close().empty() || sketch(joined(lab.events)) != "M1:before" || lab.leak() != 0) return false;
  }
  return true;
}

void broken_headers_fail_with_1002(void **) {
  for (Role role : kRoles) {
    frames::Peer peer(role == Role::SERVER);
    frames::Peer wrong(role != Role::SERVER);
    for (int rsv = 1; rsv < 8; rsv++)
      for (int opcode : {1, 2, 9})
        assert_true(fails_with(role, peer.bytes(opcode, "hello", true, rsv), 1002, Error::PROTOCOL));
    for (int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15})
      assert_true(fails_with(role, peer.bytes(opcode, "hello"), 1002, Error::PROTOCOL));
    for (int opcode : {1, 2, 8, 9, 10})
      assert_true(fails_with(role, wrong.bytes(opcode, ""), 1002, Error::PROTOCOL));
    for (int opcode : {8, 9, 10}) {
      assert_true(fails_with(role, peer.bytes(opcode, "", false), 1002, Error::PROTOCOL));
      assert_true(fails_with(role, peer.bytes(opcode, std::string(126, 'x')), 1002, Error::PROTOCOL));
      assert_true(fails_with(role, peer.header_of(opcode, 4, 2) + "abcd", 1002, Error::PROTOCOL));
      assert_true(fails_with(role, peer.header_of(opcode, 4, 8) + "abcd", 1002, Error::PROTOCOL));
    }
    for (uint64_t size : {0, 125})
      assert_true(fails_with(role, peer.header_of(2, size, 2), 1002, Error::PROTOCOL));
    for (uint64_t size : {uint64_t{0}, uint64_t{65535}, uint64_t{1} << 63, UINT64_MAX})
      assert_true(fails_with(role, peer.header_of(2, size, 8), 1002, Error::PROTOCOL));
  }
}

void broken_fragmentation_fails_with_1002(void **) {
  for (Role role : kRoles) {
    for (bool parts : {false, true}) {
      Config config;
      config.parts = parts;
      frames::Peer peer(role == Role::SERVER);
      assert_true(fails_with(role, peer.bytes(0, "x"), 1002, Error::PROTOCOL, config));
      assert_true(fails_with(role, peer.bytes(0, "", false), 1002, Error::PROTOCOL, config));
      for (int opcode : {1, 2}) {
        std::string begin = peer.bytes(2, "", false);  // empty, so that parts tell nothing of it
        assert_true(fails_with(role, begin + peer.bytes(opcode, "x"), 1002, Error::PROTOCOL, config));
        assert_true(fails_with(role, begin + peer.bytes(opcode, "", false), 1002, Error::PROTOCOL, config));
      }
      std::string done = peer.bytes(2, "", false) + peer.bytes(0, "", false);
      assert_true(fails_with(role, done + peer.bytes(4, ""), 1002, Error::PROTOCOL, config));
    }
  }
}

void broken_close_payloads_fail(void **) {
  for (Role role : kRoles) {
    frames::Peer peer(role == Role::SERVER);
    assert_true(fails_with(role, peer.bytes(8, "x"), 1002, Error::PROTOCOL));
    for (int code : {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535})
      assert_true(fails_with(role, peer.close(code), 1002, Error::PROTOCOL));
    for (const char *reason : {"\xff", "caf\xc3", "\xed\xa0\x80"})
      assert_true(fails_with(role, peer.close(1000, reason), 1007, Error::UTF8));
  }
}

void text_that_is_not_utf8_fails_with_1007(void **) {
  for (Role role : kRoles) {
    frames::Peer peer(role == Role::SERVER);
    for (std::string text : {"\xff", "ab\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "cut\xe2\x82"}) {
      assert_true(fails_with(role, peer.text(text), 1007, Error::UTF8));
      assert_true(fails_with(role, peer.bytes(1, text, false) + peer.bytes(0, ""), 1007, Error::UTF8));
      assert_true(fails_with(role, peer.bytes(1, "", false) + peer.bytes(0, text), 1007, Error::UTF8));
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// UTF-8

struct Wrong {
  std::string text;
  size_t at;  // the first byte that nothing can make right
};

const Wrong kWrong[] = {
    {"\x80zz", 0},           {"ab\xffzz", 2},       {"\xc0\xafz", 0},     {"\xc3(zz", 1},
    {"\xe0\x80\x80z", 1},    {"\xe2\x82(zz", 2},    {"\xed\xa0\x80z", 1}, {"\xf0\x80\x80\x80z", 1},
    {"\xf4\x90\x80\x80", 1}, {"\xf0\x9f\x98(z", 3}, {"\xf5zzzz", 0},      {"caf\xc3\xa9\xc3\xc3z", 6},
};

// How many of the bytes it takes until the session has failed.
size_t bytes_until_failure(OpenLab &lab, const std::string &bytes) {
  for (size_t i = 0; i < bytes.size(); i++) {
    if (lab->needs_settling()) return i;
    lab.feed(bytes.substr(i, 1));
  }
  return lab->needs_settling() ? bytes.size() : SIZE_MAX;
}

void text_fails_at_its_first_wrong_byte(void **) {
  for (Role role : kRoles) {
    size_t head = role == Role::SERVER ? 6 : 2;
    for (bool parts : {false, true}) {
      Config config;
      config.parts = parts;
      for (const Wrong &wrong : kWrong) {
        OpenLab single(role, config);
        assert_int_equal(bytes_until_failure(single, single.peer.text(wrong.text)), head + wrong.at + 1);
        // Each byte a fragment.
        OpenLab fragments(role, config);
        std::string bytes = fragments.peer.bytes(1, wrong.text.substr(0, 1), false);
        for (size_t i = 1; i < wrong.text.size(); i++)
          bytes += fragments.peer.bytes(0, wrong.text.substr(i, 1), i == wrong.text.size() - 1);
        assert_int_equal(bytes_until_failure(fragments, bytes), (head + 1) * (wrong.at + 1));
      }
    }
  }
}

void characters_may_be_cut_anywhere(void **) {
  const std::string text = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z\xf4\x8f\xbf\xbf";
  for (Role role : kRoles) {
    for (size_t i = 0; i <= text.size(); i++) {
      for (size_t j = i; j <= text.size(); j++) {
        frames::Peer peer(role == Role::SERVER);
        std::string bytes = peer.bytes(1, text.substr(0, i), false) + peer.bytes(9, "\xff") +
                            peer.bytes(0, text.substr(i, j - i), false) + peer.bytes(0, text.substr(j));
        for (const Chop &chop : {Chop(whole), Chop(bytewise)}) {
          OpenLab lab(role);
          lab.feed(bytes, chop);
          assert_true(lab.told() == "M1:" + text);
        }
      }
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Parts

Config in_parts() {
  Config config;
  config.parts = true;
  return config;
}

void parts_come_as_they_arrive(void **) {
  for (Role role : kRoles) {
    OpenLab lab(role, in_parts());
    lab.feed(lab.peer.text("whole"));
    std::string frame = lab.peer.bytes(1, "abcdef", false);
    lab.feed(frame.substr(0, frame.size() - 4));
    lab.feed(frame.substr(frame.size() - 4, 3));
    lab.feed(frame.substr(frame.size() - 1));
    assert_string_equal(lab.told().c_str(), "M1:whole M1f:ab M1m:cde M1m:f");
    lab.feed(lab.peer.bytes(9, "now"));
    lab.feed(lab.peer.bytes(0, "gh", false) + lab.peer.bytes(0, ""));
    assert_string_equal(lab.told().c_str(), "M1:whole M1f:ab M1m:cde M1m:f M1m:gh M1l:");
    assert_string_equal(frames::sketch(lab.sink.written).c_str(), "10:now");
    assert_int_equal(lab.sink.kept.size(), 0);
    assert_int_equal(lab.budget.used(), 0);
  }
}

void empty_parts_are_told_only_at_the_end(void **) {
  OpenLab lab(Role::SERVER, in_parts());
  lab.feed(lab.peer.bytes(2, "", false) + lab.peer.bytes(0, "", false) + lab.peer.bytes(0, ""));
  lab.feed(lab.peer.bytes(2, "", false) + lab.peer.bytes(0, "x", false) + lab.peer.bytes(0, "y"));
  lab.feed(lab.peer.binary("") + lab.peer.bytes(2, "z", false) + lab.peer.bytes(0, ""));
  assert_string_equal(lab.told().c_str(), "M2: M2f:x M2l:y M2: M2f:z M2l:");
}

void a_frame_in_pieces_is_parts(void **) {
  OpenLab lab(Role::SERVER, in_parts());
  lab.feed(lab.peer.binary("abc"), bytewise);
  assert_string_equal(lab.told().c_str(), "M2f:a M2m:b M2l:c");
}

// ---------------------------------------------------------------------------------------------------------------------
// Limits

void messages_up_to_the_limit(void **) {
  Config config;
  config.message.max_size = 1000;
  for (Role role : kRoles) {
    frames::Peer peer(role == Role::SERVER);
    for (const Chop &chop : {Chop(whole), Chop(bytewise)}) {
      OpenLab lab(role, config);
      lab.feed(peer.binary(std::string(1000, 'a')), chop);
      lab.feed(peer.bytes(2, std::string(999, 'b'), false) + peer.bytes(0, "c"), chop);
      assert_int_equal(lab.events.size(), 2);
      assert_int_equal(lab.events[1].data.size(), 1000);
    }
    assert_true(fails_with(role, peer.binary(std::string(1001, 'a')), 1009, Error::LIMIT, config));
    assert_true(fails_with(role, peer.header_of(2, 1001), 1009, Error::LIMIT, config));
    std::string begin = peer.bytes(2, std::string(1000, 'a'), false);
    assert_true(fails_with(role, begin + peer.header_of(0, 1), 1009, Error::LIMIT, config));
    config.parts = true;
    assert_true(fails_with(role, peer.header_of(2, 1001), 1009, Error::LIMIT, config));
    config.parts = false;
  }
}

void announcements_cost_nothing(void **) {
  for (Role role : kRoles) {
    frames::Peer peer(role == Role::SERVER);
    for (int64_t max : {int64_t{16} << 20, int64_t{-1}}) {
      for (uint64_t size : {uint64_t{16} << 20, uint64_t{INT64_MAX}}) {
        Config config;
        config.message.max_size = max;
        OpenLab lab(role, config);
        lab.feed(peer.header_of(2, size), bytewise);
        assert_int_equal(lab.budget.used(), 0);
        assert_int_equal(lab->window().size, 0);
        lab.feed("abcdefgh", whole, true);
        assert_true(lab.budget.used() <= 64);
        assert_int_equal(lab->needs_settling(), max != -1 && size == INT64_MAX);
        assert_int_equal(lab.leak(), 0);
      }
    }
  }
  // 2^63 - 1 bytes were announced: not one more fits.
  Config config;
  config.message.max_size = -1;
  OpenLab lab(Role::SERVER, config);
  lab.feed(lab.peer.bytes(2, "x", false) + lab.peer.header_of(0, INT64_MAX));
  lab->settle();
  assert_int_equal(frames::close_code(lab.sink.written), 1009);
}

void fragments_up_to_the_limit(void **) {
  for (Role role : kRoles) {
    frames::Peer peer(role == Role::SERVER);
    Config config;
    config.message.max_fragments = 3;
    OpenLab lab(role, config);
    lab.feed(peer.bytes(1, "a", false) + peer.bytes(0, "", false) + peer.bytes(0, "c"));
    assert_string_equal(lab.told().c_str(), "M1:ac");
    std::string three = peer.bytes(1, "", false) + peer.bytes(0, "", false) + peer.bytes(0, "", false);
    assert_true(fails_with(role, three + peer.bytes(0, ""), 1009, Error::LIMIT, config));
  }
}

void fragments_cost_no_more_than_their_bytes(void **) {
  OpenLab lab(Role::SERVER);
  lab.feed(lab.peer.bytes(2, "x", false));
  std::string empty;
  for (int i = 0; i < 1000; i++)
    empty += lab.peer.bytes(0, "", false);
  int64_t before = lab.budget.used();
  for (int i = 0; i < 20; i++)
    lab.feed(empty);
  assert_int_equal(lab.budget.used(), before);
  lab.feed(lab.peer.bytes(0, "y"));
  assert_string_equal(lab.told().c_str(), "M2:xy");
}

void a_budget_that_is_used_up_fails_with_1013(void **) {
  for (Role role : kRoles) {
    for (bool in_windows : {false, true}) {
      std::mt19937 random(1);
      OpenLab lab(role, {}, 100'000);
      lab.feed(lab.peer.text("first"));
      lab.feed(lab.peer.binary(std::string(200'000, 'x')), randomly(random, 5000), in_windows);
      assert_string_equal(lab.told().c_str(), "M1:first");
      lab->settle();
      assert_int_equal(frames::close_code(lab.sink.written), 1013);
      assert_int_equal(as_int(lab.close().error), as_int(Error::NO_MEMORY));
      assert_int_equal(lab.close().flags, 0);  // not the peer's fault
      assert_int_equal(lab.budget.used(), 0);
      assert_false(lab->words_of_close().empty());
    }
  }
  // A control frame in pieces needs a little memory too.
  OpenLab lab(Role::SERVER, {}, 9);
  lab.feed(lab.peer.bytes(9, "0123456789"), bytewise);
  lab->settle();
  assert_int_equal(frames::close_code(lab.sink.written), 1013);
  assert_int_equal(lab.leak(), 0);
}

void nothing_stays_of_a_message_that_was_broken_off(void **) {
  for (Role role : kRoles) {
    OpenLab lab(role);
    lab.feed(lab.peer.bytes(1, std::string(50'000, 'x'), false));
    assert_true(lab.budget.used() >= 50'000);
    lab.feed(lab.peer.bytes(1, "x"));
    assert_int_equal(lab.budget.used(), 0);  // at once, not only when it is over
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Pings and pongs

void pings_are_answered_at_once(void **) {
  for (Role role : kRoles) {
    for (size_t size : {0, 1, 4, 124, 125}) {
      std::string payload(size, '\xee');
      for (const Chop &chop : {Chop(whole), Chop(bytewise), at(3), at(7)}) {
        OpenLab lab(role);
        lab.feed(lab.peer.bytes(9, payload), chop);
        std::vector<frames::Frame> answer = frames::take_all(lab.sink.written);
        assert_int_equal(answer.size(), 1);
        assert_int_equal(answer[0].opcode, frames::kPong);
        assert_true(answer[0].payload == payload);
        assert_int_equal(answer[0].masked, role == Role::CLIENT);
        assert_true(lab.events.empty());
        assert_int_equal(lab.budget.used(), 0);
      }
    }
  }
}

void who_reads_no_pongs_is_read_no_further(void **) {
  for (Role role : kRoles) {
    OpenLab lab(role);
    std::string pings;
    for (int i = 0; i < 100; i++)
      pings += lab.peer.bytes(9, std::string(125, 'p'));
    for (int i = 0; i < 20; i++)
      lab.feed(pings);
    assert_true(lab->blocked());
    assert_true(lab.unread.size() > pings.size() * 10);
    assert_in_range(lab.sink.written.size(), 50'000, 70'000);
    size_t written = lab.sink.written.size();
    lab.feed(lab.peer.text("waits"));
    assert_int_equal(lab.sink.written.size(), written);
    assert_true(lab.events.empty());
    std::string message = lab.peer.text("nor is this");
    Event event;
    assert_int_equal(lab->receive(reinterpret_cast<uint8_t *>(message.data()), message.size(), event), 0);
    assert_int_equal(static_cast<int>(event.kind), 0);
    while (lab->blocked()) {
      lab.flush();
      lab.feed("");
    }
    assert_string_equal(lab.told().c_str(), "M1:waits");
    assert_int_equal(frames::take_all(lab.sink.written).size(), 2000);
  }
}

// Whether other output waits behind them or not.
void pongs_that_have_left_hold_nothing_back(void **) {
  for (Role role : kRoles) {
    OpenLab lab(role);
    while (!lab->blocked())
      lab.feed(lab.peer.bytes(9, std::string(125, 'p')));
    auto pongs = static_cast<size_t>(lab.sink.pending());
    assert_int_equal(as_int(lab.send("behind them")), as_int(Error::OK));
    assert_false(lab.leave(1));
    assert_false(lab.leave(pongs - 2));
    assert_true(lab->blocked());
    assert_true(lab.leave(1));
    assert_false(lab->blocked());
    assert_true(lab.sink.pending() > 0);
    assert_false(lab.leave(1));
    lab.feed(lab.peer.text("is read"));
    assert_string_equal(lab.told().c_str(), "M1:is read");
  }
}

Config with_pongs() {
  Config config;
  config.pongs = true;
  return config;
}

void pongs_to_the_applications_pings_are_told(void **) {
  for (Role role : kRoles) {
    for (const Chop &chop : {Chop(whole), Chop(bytewise)}) {
      OpenLab lab(role, with_pongs());
      lab.feed(lab.peer.bytes(10, "unasked"), chop);
      assert_true(lab.events.empty());
      assert_int_equal(as_int(lab.ping("one")), as_int(Error::OK));
      assert_int_equal(as_int(lab.ping("")), as_int(Error::OK));
      lab.feed(lab.peer.bytes(10, "one") + lab.peer.bytes(10, ""), chop);
      lab.feed(lab.peer.bytes(10, "one"), chop);
      assert_string_equal(lab.told().c_str(), "PONG:one PONG:");
      assert_string_equal(frames::sketch(lab.sink.written).c_str(), "9:one 9:");
    }
    OpenLab silent(role);
    silent.ping("one");
    silent.feed(silent.peer.bytes(10, "one"));
    assert_true(silent.events.empty());
  }
}

// The pong of a ping with four zero bytes, which is what no keep-alive ping has sent.
void zeros_are_a_payload_like_others(void **) {
  OpenLab lab(Role::SERVER, with_pongs());
  std::string zeros(4, '\0');
  lab.ping(zeros);
  lab.feed(lab.peer.bytes(10, zeros));
  assert_int_equal(lab.events.size(), 1);
}

// ---------------------------------------------------------------------------------------------------------------------
// The same bytes, however they come

std::string random_utf8(std::mt19937 &random, size_t size) {
  static const char *const kCharacters[] = {"a", "z", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", " "};
  std::string text;
  while (text.size() < size)
    text += kCharacters[random() % 6];
  return text;
}

// Messages, whole and in fragments, with control frames between them; and perhaps an end, good or bad.
std::string random_stream(std::mt19937 &random, frames::Peer &peer) {
  std::string bytes;
  for (int messages = 1 + static_cast<int>(random() % 6); messages > 0; messages--) {
    int opcode = 1 + static_cast<int>(random() % 2);
    size_t size = random() % (random() % 4 == 0 ? 200'000 : 300);
    std::string payload = random_utf8(random, size);
    int more = static_cast<int>(random() % 4);
    for (; more > 0; more--) {
      size_t part = random() % (payload.size() + 1);
      bytes += peer.bytes(opcode, payload.substr(0, part), false);
      payload.erase(0, part);
      opcode = 0;
      if (random() % 3 == 0) bytes += peer.bytes(9 + static_cast<int>(random() % 2), std::string(random() % 126, 'c'));
    }
    bytes += peer.bytes(opcode, payload);
  }
  switch (random() % 6) {
    case 0:
      return bytes + peer.close(1000 + static_cast<int>(random() % 4), "bye") + peer.text("discarded");
    case 1:
      return bytes + peer.bytes(8, "");
    case 2:
      return bytes + peer.bytes(5, "reserved");
    case 3:
      return bytes + peer.bytes(1, random_utf8(random, 30'000) + "\xff" + random_utf8(random, 500));
    default:
      return bytes;
  }
}

// What they bring is told whole; that other pieces make no difference is checked when the test is over.
void choppings_make_no_difference(void **) {
  constexpr unsigned kSeed = 20;
  print_message("seed %u\n", kSeed);
  std::mt19937 random(kSeed);
  for (int round = 0; round < 60; round++) {
    OpenLab lab(kRoles[round % 2], with_pongs());
    for (int i = 0; i < 3; i++)
      lab.ping("app");
    lab.feed(random_stream(random, lab.peer));
    lab->settle();
    assert_true(!lab.events.empty());
    assert_true(lab.told() == sketch(lab.story.events()));
    assert_int_equal(lab.leak(), 0);
  }
}

void parts_join_to_the_same_messages(void **) {
  constexpr unsigned kSeed = 21;
  print_message("seed %u\n", kSeed);
  std::mt19937 random(kSeed);
  for (int round = 0; round < 40; round++) {
    Role role = kRoles[round % 2];
    frames::Peer peer(role == Role::SERVER);
    std::string bytes;
    for (int i = 0; i < 3; i++)
      bytes += peer.bytes(1, random_utf8(random, random() % 30'000), false) + peer.bytes(9, "x") +
               peer.bytes(0, "", random() % 2 == 0 ? false : true) + peer.bytes(random() % 2 == 0 ? 9 : 10, "");
    OpenLab messages(role);
    messages.feed(bytes);
    OpenLab parts(role, in_parts());
    parts.feed(bytes, randomly(random, 1000), true);
    std::vector<Told> told = joined(parts.events);
    while (!told.empty() && (told.back().flags & event_flag::kFinal) == 0)
      told.pop_back();  // one that was not finished
    assert_true(told == messages.events);
    assert_true(parts.sink.written == messages.sink.written && parts.close() == messages.close());
  }
}

void large_messages_go_through_windows(void **) {
  for (Role role : kRoles) {
    for (int opcode : {1, 2}) {
      std::mt19937 random(5);
      OpenLab lab(role);
      std::string payload = random_utf8(random, 3 << 20);
      std::string bytes = lab.peer.bytes(opcode, payload.substr(0, 1'000'001), false) + lab.peer.bytes(9, "between") +
                          lab.peer.bytes(0, payload.substr(1'000'001)) + lab.peer.text("behind");
      lab.feed(bytes, randomly(random, 100'000), true);
      assert_int_equal(lab.events.size(), 2);
      assert_true(lab.events[0].data == payload);
      assert_string_equal(lab.events[1].data.c_str(), "behind");
      assert_true(lab.windows > 2 << 20);
      assert_string_equal(frames::sketch(lab.sink.written).c_str(), "10:between");
    }
  }
}

void there_is_no_window_for_other_bytes(void **) {
  OpenLab lab(Role::SERVER);
  assert_int_equal(lab->window().size, 0);
  std::string large = lab.peer.bytes(2, std::string(20'000, 'x'), false);
  lab.feed(large);
  assert_int_equal(lab->window().size, 0);  // between frames
  lab.feed(lab.peer.bytes(9, std::string(100, 'p')).substr(0, 10));
  assert_int_equal(lab->window().size, 0);  // in a control frame
  Lab closed(Role::SERVER);
  assert_int_equal(closed->window().size, 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      lab_unit_test(messages_of_every_length_class),
      lab_unit_test(messages_at_every_cut),
      lab_unit_test(each_call_brings_one_event),
      lab_unit_test(broken_headers_fail_with_1002),
      lab_unit_test(broken_fragmentation_fails_with_1002),
      lab_unit_test(broken_close_payloads_fail),
      lab_unit_test(text_that_is_not_utf8_fails_with_1007),
      lab_unit_test(text_fails_at_its_first_wrong_byte),
      lab_unit_test(characters_may_be_cut_anywhere),
      lab_unit_test(parts_come_as_they_arrive),
      lab_unit_test(empty_parts_are_told_only_at_the_end),
      lab_unit_test(a_frame_in_pieces_is_parts),
      lab_unit_test(messages_up_to_the_limit),
      lab_unit_test(announcements_cost_nothing),
      lab_unit_test(fragments_up_to_the_limit),
      lab_unit_test(fragments_cost_no_more_than_their_bytes),
      lab_unit_test(a_budget_that_is_used_up_fails_with_1013),
      lab_unit_test(nothing_stays_of_a_message_that_was_broken_off),
      lab_unit_test(pings_are_answered_at_once),
      lab_unit_test(who_reads_no_pongs_is_read_no_further),
      lab_unit_test(pongs_that_have_left_hold_nothing_back),
      lab_unit_test(pongs_to_the_applications_pings_are_told),
      lab_unit_test(zeros_are_a_payload_like_others),
      lab_unit_test(choppings_make_no_difference),
      lab_unit_test(parts_join_to_the_same_messages),
      lab_unit_test(large_messages_go_through_windows),
      lab_unit_test(there_is_no_window_for_other_bytes),
  };
  return cmocka_run_group_tests_name("session/session", tests, nullptr, nullptr);
}
