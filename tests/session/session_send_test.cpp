// What a session makes of what the application says.
#include "session/chopping.hpp"
#include "support/cmocka.hpp"

using namespace hawser;
using namespace lab;

namespace {

int as_int(Error error) {
  return static_cast<int>(error);
}

void messages_are_framed(void **) {
  for (Role role : kRoles) {
    for (size_t size : {0, 1, 125, 126, 127, 16383, 16384, 65535, 65536, 100'000}) {
      for (Opcode opcode : {Opcode::TEXT, Opcode::BINARY}) {
        OpenLab lab(role);
        std::string payload(size, opcode == Opcode::TEXT ? 'x' : '\xff');
        assert_int_equal(as_int(lab.send(payload, opcode)), as_int(Error::OK));
        std::vector<frames::Frame> sent = frames::take_all(lab.sink.written);
        assert_int_equal(sent.size(), 1);
        assert_int_equal(sent[0].opcode, static_cast<int>(opcode));
        assert_true(sent[0].final && sent[0].rsv == 0 && sent[0].payload == payload);
        assert_int_equal(sent[0].masked, role == Role::CLIENT);
        assert_true(frames::write(sent[0]) == lab.sink.written);  // as short a header as there has to be
        assert_int_equal(lab.sink.borrowed, role == Role::SERVER && size >= Sink::kBorrowed);
      }
    }
  }
}

// RFC 6455 5.3: the keys are the random bytes, four by four, none of them used twice.
void every_frame_of_a_client_has_a_fresh_key(void **) {
  OpenLab lab(Role::CLIENT);
  for (int i = 0; i < 300; i++) {
    lab.send("message");
    lab.send_part("part", i % 2 == 1);
    if (i % 2 == 0) continue;
    lab.ping("ping");
    lab.feed(lab.peer.bytes(9, "x"));
  }
  lab->close(1000, "");
  std::vector<frames::Frame> sent = frames::take_all(lab.sink.written);
  assert_in_range(sent.size(), 700, 2000);
  for (size_t i = 0; i < sent.size(); i++) {
    assert_true(sent[i].masked);
    assert_memory_equal(sent[i].key.data(), lab.random.drawn.data() + 4 * i, 4);
  }
}

std::string put_text(const Session &session, const std::string &text) {
  const uint8_t *bytes = reinterpret_cast<const uint8_t *>(text.data());
  bool masked = session.role() == Role::CLIENT;
  size_t size = text.size();
  std::string put(masked ? Session::short_frame_size<true>(size) : Session::short_frame_size<false>(size), '\0');
  uint8_t *to = reinterpret_cast<uint8_t *>(put.data());
  if (masked) {
    session.put_message<true>(to, Opcode::TEXT, bytes, size);
  } else {
    session.put_message<false>(to, Opcode::TEXT, bytes, size);
  }
  return put;
}

// What a driver puts by itself is what send writes.
void a_message_is_put_as_it_is_sent(void **) {
  for (Role role : kRoles) {
    OpenLab lab(role);
    lab.recorded = false;  // its random bytes are drawn by others, too
    for (size_t size : {0, 1, 125, 126, 127, 1000, 16383}) {
      std::string text(size, 'x');
      for (size_t i = 0; i < size; i++)
        text[i] = static_cast<char>('a' + i % 26);
      assert_true(lab->sends_plainly() && lab->can_mask());
      std::string put = put_text(*lab.operator->(), text);
      assert_int_equal(as_int(lab.send(text)), as_int(Error::OK));
      std::vector<frames::Frame> both = frames::take_all(put + lab.sink.take());
      assert_int_equal(both.size(), 2);
      for (const frames::Frame &frame : both) {
        assert_int_equal(frame.opcode, frames::kText);
        assert_true(frame.final && frame.rsv == 0 && frame.masked == (role == Role::CLIENT));
        assert_true(frame.payload == text);
      }
      if (role == Role::CLIENT) assert_true(both[0].key != both[1].key);
    }
    lab.random.break_down();
    assert_false(lab->can_mask());
  }
}

void without_randomness_nothing_is_sent(void **) {
  for (int what = 0; what < 4; what++) {
    OpenLab lab(Role::CLIENT);
    lab.random.break_down();
    Error error = what == 0   ? lab.send("x")
                  : what == 1 ? lab.send_part("x", false)
                  : what == 2 ? lab.ping("x")
                              : Error::RANDOM;
    if (what == 3) lab.feed(lab.peer.bytes(9, "x"));
    assert_int_equal(as_int(error), as_int(Error::RANDOM));
    assert_true(lab.sink.written.empty());
    assert_true(lab->over() && lab->abandoned());
    assert_int_equal(as_int(lab.close().error), as_int(Error::RANDOM));
    assert_int_equal(lab.close().flags, 0);
    assert_false(lab->words_of_close().empty());
    lab.random.recover();
    assert_int_equal(as_int(lab.send("x")), as_int(Error::CLOSED));
  }
  // Likewise where a Close is to be written.
  OpenLab closing(Role::CLIENT);
  closing.random.break_down();
  assert_int_equal(as_int(closing->close(1000, "")), as_int(Error::OK));
  assert_true(closing->abandoned());
  assert_int_equal(as_int(closing.close().error), as_int(Error::RANDOM));

  OpenLab answering(Role::CLIENT);
  answering.feed(answering.peer.close(1000));
  answering.random.break_down();
  answering->settle();
  assert_true(answering->abandoned() && answering.sink.written.empty());
  assert_int_equal(as_int(answering.close().error), as_int(Error::RANDOM));
  assert_int_equal(answering.close().flags & event_flag::kClean, 0);  // our Close was not sent

  OpenLab server(Role::SERVER);  // masks nothing
  server.random.break_down();
  assert_int_equal(as_int(server.send("x")), as_int(Error::OK));
}

void parts_are_fragments(void **) {
  for (Role role : kRoles) {
    OpenLab lab(role);
    assert_false(lab->in_part());
    for (auto [text, final] : {std::pair("a", false), {"", false}, {"b", true}})
      assert_int_equal(as_int(lab.send_part(text, final)), as_int(Error::OK));
    assert_false(lab->in_part());
    assert_int_equal(as_int(lab.send_part("\xff", false, Opcode::BINARY)), as_int(Error::OK));
    assert_true(lab->in_part());
    assert_int_equal(as_int(lab.ping("p")), as_int(Error::OK));
    assert_int_equal(as_int(lab.send_part("", true, Opcode::BINARY)), as_int(Error::OK));
    assert_int_equal(as_int(lab.send_part("one", true)), as_int(Error::OK));
    assert_string_equal(frames::sketch(lab.sink.written).c_str(), "1+:a 0+: 0:b 2+:\xff 9:p 0: 1:one");
  }
}

void parts_may_be_cut_inside_characters(void **) {
  const std::string text = "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
  for (Role role : kRoles) {
    for (size_t i = 0; i <= text.size(); i++) {
      for (size_t j = i; j <= text.size(); j++) {
        OpenLab lab(role);
        assert_int_equal(as_int(lab.send_part(text.substr(0, i), false)), as_int(Error::OK));
        assert_int_equal(as_int(lab.send_part(text.substr(i, j - i), false)), as_int(Error::OK));
        assert_int_equal(as_int(lab.send_part(text.substr(j), true)), as_int(Error::OK));
        OpenLab reader(role == Role::CLIENT ? Role::SERVER : Role::CLIENT);
        reader.feed(lab.sink.written);
        assert_true(reader.told() == "M1:" + text);
      }
    }
  }
}

// A refused part leaves the message where it was.
void a_refused_part_may_be_mended(void **) {
  OpenLab lab(Role::SERVER);
  lab.send_part("a\xe2\x82", false);
  std::string written = lab.sink.written;
  assert_int_equal(as_int(lab.send_part("", true)), as_int(Error::UTF8));
  assert_int_equal(as_int(lab.send_part("x", false)), as_int(Error::UTF8));
  assert_int_equal(as_int(lab.send_part("\xac", true, Opcode::BINARY)), as_int(Error::OPCODE));
  assert_true(lab.sink.written == written);
  assert_int_equal(as_int(lab.send_part("\xac", true)), as_int(Error::OK));
}

void refusals_write_nothing(void **) {
  for (Role role : kRoles) {
    OpenLab lab(role);
    for (int opcode : {0, 3, 7, 8, 9, 10, 15, 255}) {
      assert_int_equal(as_int(lab.send("x", static_cast<Opcode>(opcode))), as_int(Error::OPCODE));
      assert_int_equal(as_int(lab.send_part("x", true, static_cast<Opcode>(opcode))), as_int(Error::OPCODE));
      assert_int_equal(as_int(lab.send(std::string(20'000, 'x'), static_cast<Opcode>(opcode))), as_int(Error::OPCODE));
    }
    for (const char *text : {"\xff", "a\xc3", "\xed\xa0\x80"}) {
      assert_int_equal(as_int(lab.send(text)), as_int(Error::UTF8));
      assert_int_equal(as_int(lab.send_part(text, true)), as_int(Error::UTF8));
    }
    assert_int_equal(as_int(lab.send(std::string(20'000, 'x') + "\xff")), as_int(Error::UTF8));
    assert_int_equal(as_int(lab.ping(std::string(126, 'x'))), as_int(Error::TOO_LARGE));
    for (int code : {-1, 1, 999, 1004, 1005, 1006, 1015, 2000, 5000, 65536 + 1000})
      assert_int_equal(as_int(lab->close(code, "")), as_int(Error::CLOSE_CODE));
    assert_int_equal(as_int(lab->close(0, "x")), as_int(Error::CLOSE_CODE));
    assert_int_equal(as_int(lab->close(1000, std::string(124, 'x'))), as_int(Error::TOO_LARGE));
    assert_int_equal(as_int(lab->close(1000, "\xff")), as_int(Error::UTF8));
    assert_int_equal(as_int(lab->accept("", "")), as_int(Error::STATE));
    assert_int_equal(as_int(lab.respond(404, "")), as_int(Error::STATE));
    assert_true(lab.sink.written.empty());
    assert_true(lab->is_open());

    lab.send_part("a", false);
    lab.sink.take();
    assert_int_equal(as_int(lab.send("x")), as_int(Error::STATE));
    assert_int_equal(as_int(lab.send("x", Opcode::BINARY)), as_int(Error::STATE));
    assert_int_equal(as_int(lab.send_part("x", true, Opcode::BINARY)), as_int(Error::OPCODE));
    assert_int_equal(as_int(lab.send_part("x", true, Opcode::CONTINUATION)), as_int(Error::OPCODE));
    assert_true(lab.sink.written.empty());
  }
}

void nothing_is_sent_before_open_nor_after_close(void **) {
  for (Role role : kRoles) {
    Lab early(role);
    assert_int_equal(as_int(early.send("x")), as_int(Error::STATE));
    assert_int_equal(as_int(early.send_part("x", true)), as_int(Error::STATE));
    assert_int_equal(as_int(early.ping("x")), as_int(Error::STATE));
    assert_int_equal(as_int(early->can_send()), as_int(Error::STATE));
    assert_true(early.sink.written.empty());

    OpenLab late(role);
    assert_int_equal(as_int(late->can_send()), as_int(Error::OK));
    late->close(1000, "");
    late.sink.take();
    assert_int_equal(as_int(late.send("x")), as_int(Error::CLOSED));
    assert_int_equal(as_int(late.send_part("x", true)), as_int(Error::CLOSED));
    assert_int_equal(as_int(late.ping("x")), as_int(Error::CLOSED));
    assert_int_equal(as_int(late->close(1000, "")), as_int(Error::CLOSED));
    assert_int_equal(as_int(late->can_send()), as_int(Error::CLOSED));
    assert_true(late.sink.written.empty());
  }
}

void a_sink_without_memory_takes_nothing(void **) {
  for (Role role : kRoles) {
    for (size_t size : {5, 20'000}) {
      OpenLab lab(role);
      std::string text(size, 'x');
      lab.sink.full = true;
      assert_int_equal(as_int(lab.send(text)), as_int(Error::NO_MEMORY));
      assert_int_equal(as_int(lab.send_part(text, false)), as_int(Error::NO_MEMORY));
      assert_false(lab->in_part());
      assert_int_equal(as_int(lab.ping("x")), as_int(Error::NO_MEMORY));
      assert_true(lab->is_open());
      lab.sink.full = false;
      assert_int_equal(as_int(lab.send(text)), as_int(Error::OK));
      assert_true(frames::sketch(lab.sink.written) == "1:" + text);
    }
    // A Close or a pong that cannot be written ends the connection.
    OpenLab closing(role);
    closing.sink.full = true;
    closing->close(1000, "");
    assert_true(closing->abandoned());
    assert_int_equal(as_int(closing.close().error), as_int(Error::NO_MEMORY));

    OpenLab answering(role);
    answering.feed(answering.peer.close(1000));
    answering.sink.full = true;
    answering->settle();
    assert_true(answering->over() && answering->abandoned());
    assert_int_equal(as_int(answering.close().error), as_int(Error::NO_MEMORY));
    assert_int_equal(answering.close().flags & event_flag::kClean, 0);

    OpenLab pinged(role);
    pinged.sink.full = true;
    pinged.feed(pinged.peer.bytes(9, "x"));
    pinged->settle();
    assert_true(pinged->abandoned());
    assert_int_equal(as_int(pinged.close().error), as_int(Error::NO_MEMORY));
  }
}

void shared_frames_have_the_same_header(void **) {
  for (size_t size : {0, 125, 126, 65535, 65536}) {
    uint8_t header[kMaxFrameHeader];
    size_t written = Session::write_shared_header(header, Opcode::BINARY, false, size);
    std::string expected = frames::header({2, "", true, 0, false, {}}, size);
    assert_int_equal(written, expected.size());
    assert_memory_equal(header, expected.data(), written);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      lab_unit_test(messages_are_framed),
      lab_unit_test(every_frame_of_a_client_has_a_fresh_key),
      lab_unit_test(a_message_is_put_as_it_is_sent),
      lab_unit_test(without_randomness_nothing_is_sent),
      lab_unit_test(parts_are_fragments),
      lab_unit_test(parts_may_be_cut_inside_characters),
      lab_unit_test(a_refused_part_may_be_mended),
      lab_unit_test(refusals_write_nothing),
      lab_unit_test(nothing_is_sent_before_open_nor_after_close),
      lab_unit_test(a_sink_without_memory_takes_nothing),
      lab_unit_test(shared_frames_have_the_same_header),
  };
  return cmocka_run_group_tests_name("session/session_send", tests, nullptr, nullptr);
}
