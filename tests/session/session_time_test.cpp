// The deadlines of a session, with a clock that the test sets.
#include "session/chopping.hpp"
#include "support/cmocka.hpp"

using namespace hawser;
using namespace lab;

namespace {

int as_int(Error error) {
  return static_cast<int>(error);
}

bool timed_out(const Lab &lab, bool by_peer) {
  Told close = lab.close();
  uint32_t flags = by_peer ? event_flag::kByPeer : 0;
  return lab.session->over() && lab.session->abandoned() && close.error == Error::TIMEOUT && close.code == 1006 &&
         close.flags == flags && close.system == 0 && !lab.session->words_of_close().empty() &&
         lab.session->deadline() == -1;
}

Config quiet() {
  Config config;
  config.ping_interval = -1;
  return config;
}

void the_handshake_has_its_time(void **) {
  for (Role role : kRoles) {
    Lab lab(role, {}, -1, 500);
    assert_int_equal(lab->deadline(), 10'500);
    lab.surroundings.now = 9000;
    lab.feed("G", whole);  // bytes do not prolong it
    assert_int_equal(lab->deadline(), 10'500);
    lab.advance_to(10'499);
    assert_true(lab->is_opening());
    lab.advance_to(10'500);
    assert_true(timed_out(lab, true));
    assert_true(lab.sink.written.empty());
  }
  Config config;
  config.handshake_timeout = -1;
  Lab patient(Role::SERVER, config);
  assert_int_equal(patient->deadline(), -1);
  patient.advance_to(INT64_MAX / 2);
  assert_true(patient->is_opening());
}

void silence_is_asked_about(void **) {
  for (Role role : kRoles) {
    OpenLab lab(role, {}, -1, 1000);
    assert_int_equal(lab->deadline(), 31'000);
    lab.advance_to(30'999);
    assert_true(lab.sink.written.empty());
    lab.surroundings.now = 20'000;
    lab.feed(lab.peer.text("x"));
    assert_int_equal(lab->deadline(), 50'000);
    lab.advance_to(50'000);
    std::vector<frames::Frame> sent = frames::take_all(lab.sink.written);
    assert_int_equal(sent.size(), 1);
    assert_int_equal(sent[0].opcode, frames::kPing);
    assert_int_equal(sent[0].payload.size(), 4);
    // The clock runs from when the ping has left.
    assert_int_equal(lab->deadline(), -1);
    lab.advance_to(90'000);
    assert_true(lab->is_open());
    assert_true(lab->output_flushed());
    assert_int_equal(lab->deadline(), 110'000);
    assert_false(lab->output_flushed());
    lab.advance_to(109'999);
    assert_true(lab->is_open());
    lab.advance_to(110'000);
    assert_true(timed_out(lab, true));
    assert_int_equal(frames::take_all(lab.sink.written).size(), 1);
  }
}

// On a stream that is never quite empty, too.
void the_ping_clock_runs_from_when_the_ping_has_left(void **) {
  for (Role role : kRoles) {
    OpenLab lab(role);
    assert_int_equal(as_int(lab.send("before it")), as_int(Error::OK));
    lab.advance_to(30'000);
    auto until_ping = static_cast<size_t>(lab.sink.pending());
    assert_int_equal(as_int(lab.send("behind it")), as_int(Error::OK));
    lab.surroundings.now = 40'000;
    assert_false(lab.leave(until_ping - 1));
    assert_int_equal(lab->deadline(), -1);
    lab.surroundings.now = 50'000;
    assert_true(lab.leave(3));
    assert_int_equal(lab->deadline(), 70'000);
    lab.surroundings.now = 60'000;
    assert_false(lab.leave(3));
    lab.flush();
    assert_int_equal(lab->deadline(), 70'000);
    lab.advance_to(70'000);
    assert_true(timed_out(lab, true));
  }
}

// Any byte answers, not only the pong; and not even a whole frame.
void any_byte_answers(void **) {
  for (Role role : kRoles) {
    for (int what = 0; what < 3; what++) {
      Config config;
      config.pongs = true;
      OpenLab lab(role, config);
      lab.advance_to(30'000);
      lab.flush();
      assert_int_equal(lab->deadline(), 50'000);
      lab.surroundings.now = 40'000;
      std::string payload = frames::take_all(lab.sink.written)[0].payload;
      if (what == 0) lab.feed(lab.peer.bytes(10, payload));
      if (what == 1) lab.feed("\x81");
      if (what == 2) lab.feed(lab.peer.bytes(1, "part", false));
      assert_true(lab.events.empty());  // the pong of a keep-alive ping never shows
      assert_int_equal(lab->deadline(), 70'000);
      lab.advance_to(50'000);
      assert_true(lab->is_open());
      lab.advance_to(70'000);
      assert_int_equal(frames::take_all(lab.sink.written).size(), 2);
      assert_true(frames::take_all(lab.sink.written)[1].payload != payload);
    }
  }
}

void a_late_keep_alive_pong_does_not_show_either(void **) {
  Config config;
  config.pongs = true;
  OpenLab lab(Role::SERVER, config);
  lab.ping("app");
  lab.advance_to(30'000);
  lab.flush();
  lab.feed(lab.peer.text("x"));
  std::string payload = frames::take_all(lab.sink.written)[1].payload;
  lab.feed(lab.peer.bytes(10, payload) + lab.peer.bytes(10, "app"));
  assert_string_equal(lab.told().c_str(), "M1:x PONG:app");
}

void bytes_in_a_window_answer_too(void **) {
  OpenLab lab(Role::SERVER);
  std::string bytes = lab.peer.binary(std::string(100'000, 'x'));
  lab.feed(bytes.substr(0, 20'000));
  lab.advance_to(30'000);
  lab.flush();
  lab.surroundings.now = 45'000;
  lab.feed(bytes.substr(20'000, 10), whole, true);
  assert_int_equal(lab.windows, 10);
  assert_int_equal(lab->deadline(), 75'000);
}

void no_bytes_are_no_answer(void **) {
  OpenLab lab(Role::SERVER);
  lab.surroundings.now = 100;
  Event event;
  lab->receive(nullptr, 0, event);
  assert_int_equal(lab->deadline(), 30'000);
}

void the_clock_stands_still_while_nothing_is_read(void **) {
  for (Role role : kRoles) {
    OpenLab lab(role);
    lab->set_reading(false);
    assert_int_equal(lab->deadline(), -1);
    lab.advance_to(100'000);
    assert_true(lab.sink.written.empty());
    lab->set_reading(true);
    assert_int_equal(lab->deadline(), 130'000);
    lab.advance_to(110'000);
    lab->set_reading(true);  // no news
    assert_int_equal(lab->deadline(), 130'000);
    lab.advance_to(130'000);
    lab.flush();
    assert_int_equal(lab->deadline(), 150'000);
    lab->set_reading(false);
    lab.advance_to(200'000);
    assert_true(lab->is_open());
    lab->set_reading(true);
    assert_int_equal(lab->deadline(), 220'000);
    lab.advance_to(220'000);
    assert_true(timed_out(lab, true));
  }
}

void pings_need_randomness_and_memory(void **) {
  OpenLab random(Role::SERVER);
  random.random.break_down();
  random.advance_to(30'000);
  assert_true(random->abandoned());
  assert_int_equal(as_int(random.close().error), as_int(Error::RANDOM));

  OpenLab memory(Role::SERVER);
  memory.sink.full = true;
  memory.advance_to(30'000);
  assert_true(memory->abandoned());
  assert_int_equal(as_int(memory.close().error), as_int(Error::NO_MEMORY));
}

void intervals_can_be_turned_off(void **) {
  OpenLab lab(Role::SERVER, quiet());
  assert_int_equal(lab->deadline(), -1);
  lab.advance_to(INT64_MAX / 2);
  assert_true(lab->is_open() && lab.sink.written.empty());

  Config config;
  config.ping_timeout = -1;
  OpenLab asking(Role::SERVER, config);
  asking.advance_to(30'000);
  asking.flush();
  assert_int_equal(asking->deadline(), -1);
}

void idleness_is_a_lack_of_messages(void **) {
  for (Role role : kRoles) {
    Config config = quiet();
    config.idle_timeout = 1000;
    OpenLab lab(role, config, -1, 10);
    assert_int_equal(lab->deadline(), 1010);
    lab.surroundings.now = 500;
    lab.feed(lab.peer.bytes(9, "no message") + lab.peer.bytes(10, "neither"));
    lab.ping("nor this");
    lab.feed(lab.peer.bytes(1, "nor half of one", false));
    assert_int_equal(lab->deadline(), 1010);
    lab.feed(lab.peer.bytes(0, "but a whole one"));
    assert_int_equal(lab->deadline(), 1500);
    lab.surroundings.now = 1400;
    lab.send("and one of ours");
    assert_int_equal(lab->deadline(), 2400);
    lab.surroundings.now = 1500;
    lab.send("\xff");
    lab.sink.full = true;
    lab.send("refused ones do not count");
    lab.sink.full = false;
    assert_int_equal(lab->deadline(), 2400);
    lab.surroundings.now = 2000;
    lab->note_sent();
    assert_int_equal(lab->deadline(), 3000);
    lab->set_reading(false);  // our own silence counts
    lab.sink.take();
    lab.advance_to(2999);
    assert_true(lab.sink.written.empty());
    lab.advance_to(3000);
    assert_int_equal(frames::close_code(lab.sink.written), 1001);
    assert_false(lab->over());
    lab.feed(lab.peer.close(1001));
    assert_true(lab->over() && !lab->abandoned());
    Told close = lab.close();
    assert_int_equal(as_int(close.error), as_int(Error::TIMEOUT));
    assert_int_equal(close.code, 1001);
    assert_int_equal(close.flags, event_flag::kClean);
    assert_true(lab->words_of_close().find("idle_timeout") != std::string::npos);
  }
}

void the_earlier_deadline_comes_first(void **) {
  Config config;
  config.idle_timeout = 40'000;
  OpenLab lab(Role::SERVER, config);
  assert_int_equal(lab->deadline(), 30'000);
  lab.advance_to(30'000);
  assert_int_equal(lab->deadline(), 40'000);  // the ping has not left
  lab.flush();
  assert_int_equal(lab->deadline(), 40'000);
  lab.advance_to(40'000);
  assert_int_equal(frames::close_code(lab.sink.written), 1001);
}

void the_peer_has_time_to_close(void **) {
  for (Role role : kRoles) {
    OpenLab lab(role);
    lab.surroundings.now = 100;
    lab->close(1000, "");
    assert_int_equal(lab->deadline(), -1);  // it has not left
    lab.advance_to(50'000);
    assert_false(lab->over());
    assert_true(lab->output_flushed());
    assert_int_equal(lab->deadline(), 55'000);
    lab.surroundings.now = 54'000;
    lab.feed(lab.peer.text("does not prolong it"));
    assert_int_equal(lab->deadline(), 55'000);
    lab.advance_to(54'999);
    assert_false(lab->over());
    lab.advance_to(55'000);
    assert_true(timed_out(lab, true));
  }
}

// A Close behind a keep-alive ping that has not left: one flush is of both.
void a_close_behind_a_ping(void **) {
  OpenLab lab(Role::SERVER);
  lab.advance_to(30'000);
  lab->close(1000, "");
  lab.surroundings.now = 31'000;
  assert_true(lab->output_flushed());
  assert_int_equal(lab->deadline(), 36'000);

  OpenLab flushed(Role::SERVER);
  flushed.advance_to(30'000);
  flushed.flush();
  flushed->close(1000, "");
  assert_int_equal(flushed->deadline(), -1);
}

// Both Closes are there: how long the transport may take to end.
void the_transport_has_time_to_end(void **) {
  for (Role role : kRoles) {
    OpenLab theirs(role);
    theirs.feed(theirs.peer.close(1000));
    assert_int_equal(theirs->deadline(), -1);  // it waits for the application
    theirs.advance_to(100'000);
    assert_true(theirs->needs_settling() && theirs.sink.written.empty());
    theirs->settle();
    assert_int_equal(theirs->deadline(), -1);
    theirs.surroundings.now = 101'000;
    theirs.flush();
    assert_int_equal(theirs->deadline(), 106'000);
    theirs.advance_to(106'000);
    assert_true(theirs->abandoned());
    assert_int_equal(as_int(theirs.close().error), as_int(Error::OK));
    assert_int_equal(theirs.close().flags, event_flag::kClean | event_flag::kByPeer);

    OpenLab ours(role);
    ours->close(1000, "");
    ours.flush();
    ours.surroundings.now = 3000;
    ours.feed(ours.peer.close(1000));
    assert_int_equal(ours->deadline(), 8000);
    ours.advance_to(8000);
    assert_true(ours->abandoned());
    assert_int_equal(as_int(ours.close().error), as_int(Error::OK));
  }
}

// Idleness does not hide why it really ended.
void no_deadline_passes_while_events_wait(void **) {
  Config config;
  config.idle_timeout = 1000;
  OpenLab lab(Role::SERVER, config);
  lab.feed(lab.peer.bytes(3, ""));
  assert_int_equal(lab->deadline(), -1);
  lab.advance_to(60'000);
  lab->settle();
  assert_int_equal(frames::close_code(lab.sink.written), 1002);
  assert_int_equal(as_int(lab.close().error), as_int(Error::PROTOCOL));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      lab_unit_test(the_handshake_has_its_time),
      lab_unit_test(silence_is_asked_about),
      lab_unit_test(any_byte_answers),
      lab_unit_test(the_ping_clock_runs_from_when_the_ping_has_left),
      lab_unit_test(a_late_keep_alive_pong_does_not_show_either),
      lab_unit_test(bytes_in_a_window_answer_too),
      lab_unit_test(no_bytes_are_no_answer),
      lab_unit_test(the_clock_stands_still_while_nothing_is_read),
      lab_unit_test(pings_need_randomness_and_memory),
      lab_unit_test(intervals_can_be_turned_off),
      lab_unit_test(idleness_is_a_lack_of_messages),
      lab_unit_test(the_earlier_deadline_comes_first),
      lab_unit_test(the_peer_has_time_to_close),
      lab_unit_test(a_close_behind_a_ping),
      lab_unit_test(the_transport_has_time_to_end),
      lab_unit_test(no_deadline_passes_while_events_wait),
  };
  return cmocka_run_group_tests_name("session/session_time", tests, nullptr, nullptr);
}
