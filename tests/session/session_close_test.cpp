// How a session ends: the closing handshake in every order (RFC 6455 7), the end of the transport, and what CLOSE says.
#include <cerrno>

#include "session/chopping.hpp"
#include "support/cmocka.hpp"

using namespace hawser;
using namespace lab;

namespace {

constexpr uint32_t kClean = event_flag::kClean;
constexpr uint32_t kByPeer = event_flag::kByPeer;

int as_int(Error error) {
  return static_cast<int>(error);
}

// True if CLOSE says just this, and something in words.
bool says(const Lab &lab, int code, uint32_t flags, Error error = Error::OK, const std::string &reason = "",
          int system = 0) {
  Told close = lab.close();
  bool right = close.kind == EventKind::CLOSE && close.code == code && close.flags == flags && close.error == error &&
               close.data == reason && close.system == system && !lab.session->words_of_close().empty();
  if (!right) {
    print_error("CLOSE code %d flags %u error %d reason \"%s\" system %d words \"%s\"\n", close.code, close.flags,
                as_int(close.error), close.data.c_str(), close.system, lab.session->words_of_close().c_str());
  }
  return right;
}

std::string close_frame(const Lab &lab) {
  std::vector<frames::Frame> all = frames::take_all(lab.sink.written);
  return all.empty() || all.back().opcode != frames::kClose ? "none" : all.back().payload;
}

void our_close_first(void **) {
  for (Role role : kRoles) {
    for (const Chop &chop : {Chop(whole), Chop(bytewise)}) {
      OpenLab lab(role);
      lab.send("last words");
      assert_int_equal(as_int(lab->close(3001, "go")), as_int(Error::OK));
      assert_string_equal(frames::sketch(lab.sink.written).c_str(), "1:last words 8:\x0b\xb9go");
      assert_false(lab->over());
      lab.sink.take();
      // Messages still come, pings get no answer any more (RFC 6455 5.5.1).
      lab.feed(lab.peer.text("a") + lab.peer.bytes(9, "p") + lab.peer.bytes(1, "b", false) + lab.peer.bytes(0, "c"),
               chop);
      assert_string_equal(lab.told().c_str(), "M1:a M1:bc");
      assert_true(lab.sink.written.empty());
      lab.feed(lab.peer.close(3001, "gone") + lab.peer.text("discarded"), chop);
      assert_true(lab->over() && !lab->abandoned());
      assert_int_equal(lab.events.size(), 2);
      assert_true(lab.sink.written.empty());
      assert_true(says(lab, 3001, kClean, Error::OK, "gone"));
      assert_int_equal(lab->may_close_at_once(), role == Role::SERVER);
      assert_int_equal(lab->awaits_end(), role == Role::CLIENT);
      lab->settle();
      assert_true(lab.sink.written.empty());
      assert_int_equal(lab.leak(), 0);
    }
  }
}

void their_close_first(void **) {
  for (Role role : kRoles) {
    for (const Chop &chop : {Chop(whole), Chop(bytewise)}) {
      OpenLab lab(role);
      lab.feed(lab.peer.text("a") + lab.peer.close(4000, "caf\xc3\xa9") + lab.peer.text("discarded"), chop);
      assert_string_equal(lab.told().c_str(), "M1:a");
      assert_true(lab->needs_settling() && !lab->over() && lab.sink.written.empty());
      assert_int_equal(as_int(lab.send("answer to a")), as_int(Error::OK));
      lab->settle();
      assert_string_equal(frames::sketch(lab.sink.written).c_str(), "1:answer to a 8:\x0f\xa0");
      assert_true(lab->over() && !lab->abandoned());
      assert_true(says(lab, 4000, kClean | kByPeer, Error::OK, "caf\xc3\xa9"));
      assert_true(lab->words_of_close().find("caf\xc3\xa9") != std::string::npos);
      assert_int_equal(lab->may_close_at_once(), role == Role::SERVER);
    }
  }
}

// A log or a terminal shows the words: no line of the peer's own, no escape sequence.
void words_obey_nobody(void **) {
  OpenLab lab(Role::CLIENT);
  lab.feed(lab.peer.close(4000,
                          "gone\r\n\x1b[2Jaccepted \xc2\x9b"
                          "31m"));
  lab->settle();
  assert_string_equal(lab->words_of_close().c_str(),
                      "closed by the peer with 4000: gone\\x0D\\x0A\\x1B[2Jaccepted \\x9B31m");
}

void codes_are_echoed(void **) {
  for (int code : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999}) {
    OpenLab lab(Role::SERVER);
    lab.feed(lab.peer.close(code));
    lab->settle();
    assert_int_equal(frames::close_code(lab.sink.written), code);
    assert_true(says(lab, code, kClean | kByPeer));
  }
}

void empty_closes(void **) {
  for (Role role : kRoles) {
    OpenLab theirs(role);
    theirs.feed(theirs.peer.bytes(8, ""));
    theirs->settle();
    assert_string_equal(close_frame(theirs).c_str(), "");
    assert_true(says(theirs, 1005, kClean | kByPeer));

    OpenLab ours(role);
    assert_int_equal(as_int(ours->close(0, "")), as_int(Error::OK));
    assert_string_equal(close_frame(ours).c_str(), "");
    ours.feed(ours.peer.bytes(8, ""));
    assert_true(says(ours, 1005, kClean));
  }
}

void crossing_closes(void **) {
  for (Role role : kRoles) {
    OpenLab lab(role);
    lab->close(1000, "mine");
    lab.feed(lab.peer.close(1001, "yours"));
    assert_true(lab->over());
    assert_true(says(lab, 1001, kClean, Error::OK, "yours"));
    assert_int_equal(frames::take_all(lab.sink.written).size(), 1);
  }
}

// The application closes when the peer's Close is here already: that is the answer.
void a_close_answers_a_close(void **) {
  for (Role role : kRoles) {
    OpenLab lab(role);
    lab.feed(lab.peer.close(1001));
    assert_int_equal(as_int(lab->close(3000, "late")), as_int(Error::OK));
    assert_int_equal(frames::close_code(lab.sink.written), 1001);
    assert_true(lab->over());
    assert_true(says(lab, 1001, kClean | kByPeer));
    assert_int_equal(as_int(lab->close(3000, "later")), as_int(Error::CLOSED));
  }
}

void closes_between_fragments(void **) {
  for (Role role : kRoles) {
    OpenLab lab(role);
    lab.send_part("un", false);
    lab.feed(lab.peer.bytes(1, "un", false) + lab.peer.close(1000));
    lab.send_part("finished", true);
    lab->settle();
    assert_string_equal(frames::sketch(lab.sink.written).c_str(), "1+:un 0:finished 8:\x03\xe8");
    assert_true(lab.events.empty());
    assert_true(says(lab, 1000, kClean | kByPeer));
    assert_int_equal(lab.leak(), 0);

    OpenLab ours(role);
    ours.send_part("un", false);
    ours->close(1000, "");
    assert_int_equal(as_int(ours.send_part("", true)), as_int(Error::CLOSED));
    ours.feed(ours.peer.bytes(1, "a", false) + ours.peer.close(1000));
    assert_true(says(ours, 1000, kClean));
  }
}

void longest_reasons(void **) {
  for (Role role : kRoles) {
    std::string reason(123, 'r');
    OpenLab lab(role);
    lab.feed(lab.peer.close(1000, reason), bytewise);
    lab->settle();
    assert_true(says(lab, 1000, kClean | kByPeer, Error::OK, reason));
    OpenLab ours(role);
    assert_int_equal(as_int(ours->close(1000, reason)), as_int(Error::OK));
    assert_int_equal(close_frame(ours).size(), 125);
  }
}

// After our own Close there is no second one, whatever the peer does.
void failures_after_our_close(void **) {
  for (Role role : kRoles) {
    frames::Peer peer(role == Role::SERVER);
    for (auto [bad, error] : {std::pair(peer.bytes(3, ""), Error::PROTOCOL),
                              {peer.text("\xff"), Error::UTF8},
                              {peer.close(1005), Error::PROTOCOL},
                              {peer.bytes(8, "x"), Error::PROTOCOL},
                              {peer.header_of(2, 17 << 20), Error::LIMIT}}) {
      OpenLab lab(role);
      lab->close(1000, "");
      lab.sink.take();
      lab.feed(peer.text("still") + bad + peer.text("discarded"));
      assert_string_equal(lab.told().c_str(), "M1:still");
      lab->settle();
      assert_true(lab->over() && lab.sink.written.empty());
      assert_true(says(lab, 1006, kByPeer, error));
      assert_false(lab->may_close_at_once() || lab->awaits_end());
      assert_int_equal(lab.leak(), 0);
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// The end of the transport

void an_end_while_open(void **) {
  for (Role role : kRoles) {
    for (std::string rest : {std::string(), std::string("\x82"), std::string("\x82\xFE\x01")}) {
      OpenLab lab(role);
      lab.feed(lab.peer.text("a") + (role == Role::SERVER ? rest : rest.substr(0, 1)));
      lab->receive_end();
      assert_false(lab->over());
      assert_int_equal(as_int(lab.send("still accepted")), as_int(Error::OK));
      lab.sink.take();
      lab->settle();
      assert_true(lab->over() && lab.sink.written.empty());
      assert_true(says(lab, 1006, kByPeer, Error::END));
    }
    OpenLab inside(role);
    inside.feed(inside.peer.bytes(1, std::string(1000, 'x'), false));
    inside->receive_end();
    assert_int_equal(inside.budget.used(), 0);
    inside->settle();
    assert_true(says(inside, 1006, kByPeer, Error::END));
  }
}

void an_end_after_our_close(void **) {
  for (Role role : kRoles) {
    OpenLab lab(role);
    lab->close(1000, "");
    lab->receive_end();
    assert_true(lab->over());
    assert_true(says(lab, 1006, kByPeer, Error::END));
  }
}

// The peer may have ended only its own direction: our Close is written nevertheless.
void an_end_after_their_close(void **) {
  for (Role role : kRoles) {
    OpenLab lab(role);
    lab.feed(lab.peer.close(1000));
    lab->receive_end();
    lab->settle();
    assert_int_equal(frames::close_code(lab.sink.written), 1000);
    assert_true(says(lab, 1000, kClean | kByPeer));
    lab->receive_end();
    assert_true(says(lab, 1000, kClean | kByPeer));
  }
}

void an_end_after_a_failure(void **) {
  OpenLab lab(Role::SERVER);
  lab.feed(lab.peer.bytes(3, ""));
  lab->receive_end();
  lab->settle();
  assert_int_equal(frames::close_code(lab.sink.written), 1002);
  assert_true(says(lab, 1006, kByPeer, Error::PROTOCOL));
}

void an_end_before_open(void **) {
  for (Role role : kRoles) {
    Lab lab(role);
    lab->receive_end();
    assert_true(lab->over() && lab->abandoned());
    assert_true(says(lab, 1006, kByPeer, Error::END));
  }
}

void the_first_reason_stays(void **) {
  for (Role role : kRoles) {
    OpenLab lab(role);
    lab->abandon({Error::IO, ECONNRESET, "reading failed"}, true);
    lab->abandon({Error::ABORTED, 0, "too late"}, false);
    assert_true(lab->over() && lab->abandoned());
    assert_true(says(lab, 1006, kByPeer, Error::IO, "", ECONNRESET));
    assert_true(lab->words_of_close().find(std::strerror(ECONNRESET)) != std::string::npos);
    assert_int_equal(lab->deadline(), -1);

    OpenLab failed(role);
    failed.feed(failed.peer.bytes(3, ""));
    failed->abandon({Error::IO, EPIPE, "writing failed"}, true);
    assert_true(says(failed, 1006, kByPeer, Error::PROTOCOL));
    failed->settle();
    assert_true(failed.sink.written.empty());

    OpenLab done(role);
    done->close(1000, "");
    done.feed(done.peer.close(1000));
    done->abandon({Error::IO, EPIPE, "writing failed"}, true);
    assert_true(says(done, 1000, kClean));

    OpenLab ours(role);
    ours->abandon({Error::ABORTED, 0, "the application aborted it"}, false);
    assert_true(says(ours, 1006, 0, Error::ABORTED));
    ours.feed(ours.peer.text("x"));
    assert_true(ours.events.empty() && ours.unread.empty());
  }
}

void a_close_before_open_gives_up(void **) {
  for (Role role : kRoles) {
    Lab lab(role);
    assert_int_equal(as_int(lab->close(1004, "")), as_int(Error::CLOSE_CODE));
    assert_true(lab->is_opening());
    assert_int_equal(as_int(lab->close(1000, "")), as_int(Error::OK));
    assert_true(lab->over() && lab->abandoned() && lab.sink.written.empty());
    assert_true(says(lab, 1006, 0, Error::ABORTED));
  }
}

void settling_twice_writes_one_close(void **) {
  OpenLab lab(Role::CLIENT);
  lab->settle();
  assert_true(lab.sink.written.empty() && lab->is_open());
  lab.feed(lab.peer.close(1000));
  lab->settle();
  lab->settle();
  assert_int_equal(frames::take_all(lab.sink.written).size(), 1);
  assert_int_equal(as_int(lab.send("x")), as_int(Error::CLOSED));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      lab_unit_test(our_close_first),
      lab_unit_test(their_close_first),
      lab_unit_test(words_obey_nobody),
      lab_unit_test(codes_are_echoed),
      lab_unit_test(empty_closes),
      lab_unit_test(crossing_closes),
      lab_unit_test(a_close_answers_a_close),
      lab_unit_test(closes_between_fragments),
      lab_unit_test(longest_reasons),
      lab_unit_test(failures_after_our_close),
      lab_unit_test(an_end_while_open),
      lab_unit_test(an_end_after_our_close),
      lab_unit_test(an_end_after_their_close),
      lab_unit_test(an_end_after_a_failure),
      lab_unit_test(an_end_before_open),
      lab_unit_test(the_first_reason_stays),
      lab_unit_test(a_close_before_open_gives_up),
      lab_unit_test(settling_twice_writes_one_close),
  };
  return cmocka_run_group_tests_name("session/session_close", tests, nullptr, nullptr);
}
