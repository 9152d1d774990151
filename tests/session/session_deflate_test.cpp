// A session with which permessage-deflate was agreed on (RFC 7692).
#include "deflate/reference.hpp"
#include "handshake/accept_key.hpp"
#include "session/chopping.hpp"
#include "support/cmocka.hpp"

using namespace hawser;
using namespace lab;
using namespace reference;

namespace {

const std::string kOffer = "permessage-deflate; client_max_window_bits";
const std::string kAlone = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

int as_int(Error error) {
  return static_cast<int>(error);
}

std::string view(const char *text) {
  return text != nullptr ? text : "(null)";
}

Config with(DeflateMode mode, bool parts = false) {
  DeflateOptions options;
  options.mode = mode;
  options.min_size = 0;
  Config config;
  config.parts = parts;
  config.set_deflate(options);
  return config;
}
const Config kDedicated = with(DeflateMode::DEDICATED);
const Config kShared = with(DeflateMode::SHARED);

Config limited(Config config, int64_t max_size) {
  config.message.max_size = max_size;
  return config;
}

// "\r\nSec-WebSocket-Extensions: x" of a head; "" if it has none.
std::string extensions_of(const std::string &head) {
  const std::string name = "\r\nSec-WebSocket-Extensions: ";
  size_t begin = head.find(name);
  if (begin == std::string::npos) return "";
  begin += name.size();
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

std::string field(const std::string &extensions) {
  return extensions.empty() ? "" : "Sec-WebSocket-Extensions: " + extensions + "\r\n";
}

// A session that has done its handshake, with what the peer offers or answers to it.
struct DeflateLab : Lab {
  std::string head;  // of the session

  explicit DeflateLab(Role as, const Config &with = kDedicated, const std::string &extensions = kOffer,
                      int64_t memory = Budget::kUnlimited)
      : Lab(as, with, memory) {
    if (role == Role::SERVER) {
      feed(
          "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
          field(extensions) + "\r\n");
      head = sink.take();
    } else {
      session->start({false, "a", false, 80, "/"});
      head = sink.take();
      std::string key = head.substr(head.find("Sec-WebSocket-Key: ") + 19, 24);
      feed("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
           accept_key(key) + "\r\n" + field(extensions == kOffer ? "permessage-deflate" : extensions) + "\r\n");
    }
    session->forget_handshake();
    if (told() == "OPEN") events.clear();
  }

  // A compressed frame of the peer.
  std::string squeezed(const std::string &payload, int opcode = 1, bool final = true) {
    return peer.bytes(opcode, payload, final, 4);
  }
};

// The frames of a message of the session, which are compressed: the text; "broken".
std::string read(Inflater &inflater, const std::vector<frames::Frame> &sent) {
  std::string all;
  for (size_t i = 0; i < sent.size(); i++) {
    bool rightly =
        sent[i].final == (i + 1 == sent.size()) && sent[i].rsv == (i == 0 ? 4 : 0) && (sent[i].opcode == 0) == (i != 0);
    if (!rightly) return "broken";
    all += sent[i].payload;
  }
  return inflater.message(all).value_or("broken");
}
std::string read(Inflater &inflater, const std::string &written) {
  return read(inflater, frames::take_all(written));
}
std::string read(const std::string &written) {
  Inflater inflater;
  return read(inflater, written);
}

// ---------------------------------------------------------------------------------------------------------------------
// What was agreed on

void a_server_agrees(void **) {
  DeflateLab lab(Role::SERVER, kDedicated, "mux, permessage-deflate; server_max_window_bits=10");
  assert_string_equal(extensions_of(lab.head).c_str(), "permessage-deflate; server_max_window_bits=10");
  assert_string_equal(view(lab->extensions()).c_str(), "permessage-deflate; server_max_window_bits=10");
  DeflateLab shared(Role::SERVER, kShared);
  assert_string_equal(extensions_of(shared.head).c_str(), kAlone.c_str());
  assert_string_equal(view(shared->extensions()).c_str(), kAlone.c_str());
}

void a_server_declines(void **) {
  for (const Config &config : {Config(), kDedicated, kShared}) {
    bool off = config.deflate.mode == DeflateMode::OFF;
    for (const std::string &offer : {off ? kOffer : std::string(), std::string("mux"),
                                     std::string("permessage-deflate; server_max_window_bits=7")}) {
      DeflateLab lab(Role::SERVER, config, offer);
      assert_true(lab->is_open());
      assert_string_equal(extensions_of(lab.head).c_str(), "");
      assert_null(lab->extensions());
      lab.send(prose(1000));
      assert_string_equal(frames::sketch(lab.sink.written).c_str(), ("1:" + prose(1000)).c_str());
    }
  }
}

// What the application is asked about is agreed on with its answer.
void a_server_agrees_when_it_accepts(void **) {
  Config config = kDedicated;
  config.requests = true;
  DeflateLab lab(Role::SERVER, config);
  assert_string_equal(lab.told().c_str(), "REQUEST");
  assert_int_equal(as_int(lab->accept("", "X-Mine: 1\r\n")), as_int(Error::OK));
  assert_string_equal(extensions_of(lab.sink.take()).c_str(), "permessage-deflate");
  assert_string_equal(view(lab->extensions()).c_str(), "permessage-deflate");
  lab.feed(lab.squeezed(kHello));
  assert_string_equal(lab.told().c_str(), "REQUEST M1:Hello");
}

void a_client_offers_and_checks(void **) {
  DeflateLab lab(Role::CLIENT, kDedicated, "permessage-deflate; client_max_window_bits=10");
  assert_string_equal(extensions_of(lab.head).c_str(), kOffer.c_str());
  assert_string_equal(view(lab->extensions()).c_str(), "permessage-deflate; client_max_window_bits=10");
  DeflateLab declined(Role::CLIENT, kDedicated, "");
  assert_true(declined->is_open());
  assert_null(declined->extensions());
  // 7.1: what does not keep to the offer fails the connection.
  for (const char *answer : {"permessage-deflate; client_no_context_takeover", "mux", "permessage-deflate, mux",
                             "permessage-deflate; server_no_context_takeover; server_max_window_bits=16"}) {
    DeflateLab wrong(Role::CLIENT, kShared, answer);
    assert_true(wrong->abandoned());
    assert_int_equal(as_int(wrong.close().error), as_int(Error::HANDSHAKE));
    assert_null(wrong->extensions());
  }
  DeflateLab off(Role::CLIENT, Config(), "permessage-deflate");
  assert_true(off->abandoned());
  assert_string_equal(extensions_of(off.head).c_str(), "");
}

// The window of what is sent is the one agreed on.
void windows_are_those_agreed_on(void **) {
  std::string block = noise(100);
  std::string far = block + noise(200, 2) + block;
  DeflateLab server(Role::SERVER, kDedicated, "permessage-deflate; server_max_window_bits=8");
  server.send(far, Opcode::BINARY);
  Inflater small(8);
  assert_true(read(small, server.sink.written) == far);
  DeflateLab client(Role::CLIENT, kDedicated, "permessage-deflate; client_max_window_bits=8");
  client.send(far, Opcode::BINARY);
  Inflater another(8);
  assert_true(read(another, client.sink.written) == far);
  DeflateLab large(Role::SERVER);
  large.send(far, Opcode::BINARY);
  assert_true(read(large.sink.take()) == far);
  assert_false(Inflater(8).message(Deflater(15).message(far)).has_value());
}

// ---------------------------------------------------------------------------------------------------------------------
// Receiving

// RFC 7692 7.2.3, byte by byte as it stands there.
void the_examples_of_the_rfc(void **) {
  DeflateLab lab(Role::CLIENT);
  lab.feed(std::string("\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00", 9));
  lab.feed(std::string("\xc1\x05\xf2\x00\x11\x00\x00", 7));
  assert_string_equal(lab.told().c_str(), "M1:Hello M1:Hello");
  DeflateLab fragments(Role::CLIENT);
  fragments.feed(std::string("\x41\x03\xf2\x48\xcd", 5));
  assert_string_equal(fragments.told().c_str(), "");
  fragments.feed(std::string("\x80\x04\xc9\xc9\x07\x00", 6));
  fragments.feed(std::string("\xc1\x0b\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 13));
  fragments.feed("\xc1\x08" + kHelloLast + "\xc1\x0d" + kHelloInTwoBlocks);
  assert_string_equal(fragments.told().c_str(), "M1:Hello M1:Hello M1:Hello M1:Hello");
}

void events_say_that_it_came_compressed(void **) {
  for (Role role : kRoles) {
    DeflateLab lab(role);
    lab.feed(lab.squeezed(deflated("text")) + lab.squeezed(deflated("\xff"), 2) + lab.peer.text("plain"));
    assert_string_equal(lab.told().c_str(), "M1:text M2:\xff M1:plain");
    uint32_t whole = event_flag::kFirst | event_flag::kFinal;
    assert_int_equal(lab.events[0].flags, whole | event_flag::kCompressed);
    assert_int_equal(lab.events[1].flags, whole | event_flag::kCompressed);
    assert_int_equal(lab.events[2].flags, whole);
  }
}

// 6.1: frames of one message, with control frames between them; only the first has the bit.
void fragments_may_be_cut_anywhere(void **) {
  for (Role role : kRoles) {
    for (bool parts : {false, true}) {
      std::string text = prose(200);
      std::string message = deflated(text);
      DeflateLab lab(role, with(DeflateMode::DEDICATED, parts));
      for (size_t i = 0; i < message.size(); i++) {
        lab.feed(lab.peer.bytes(i == 0 ? 1 : 0, message.substr(i, 1), false, i == 0 ? 4 : 0));
        lab.feed(lab.peer.bytes(9, "p" + std::to_string(i)) + lab.peer.bytes(10, ""));
        if (i % 7 == 0) lab.feed(lab.peer.bytes(0, "", false));
      }
      lab.feed(lab.peer.bytes(0, "", true) + lab.peer.text("next"));
      std::vector<Told> told = lab.story.events();
      assert_string_equal(sketch({told.end() - 2, told.end()}).c_str(), ("M1:" + text + " M1:next").c_str());
      std::vector<frames::Frame> pongs = frames::take_all(lab.sink.written);
      assert_int_equal(pongs.size(), message.size());
      assert_true(pongs.back().opcode == 10 && pongs.back().rsv == 0);
    }
  }
}

// Messages that are not compressed are no part of the context.
void plain_messages_stand_between(void **) {
  for (Role role : kRoles) {
    DeflateLab lab(role);
    lab.feed(lab.squeezed(kHello) + lab.peer.text("plain") + lab.squeezed(kHelloAgain));
    lab.feed(lab.peer.bytes(1, "pl", false) + lab.peer.bytes(9, "") + lab.peer.bytes(0, "ain") +
             lab.squeezed(kHelloAgain.substr(0, 2), 1, false) + lab.peer.bytes(0, kHelloAgain.substr(2)));
    assert_string_equal(lab.told().c_str(), "M1:Hello M1:plain M1:Hello M1:plain M1:Hello");
  }
}

void empty_messages(void **) {
  for (Role role : kRoles) {
    for (bool parts : {false, true}) {
      DeflateLab lab(role, with(DeflateMode::DEDICATED, parts));
      lab.feed(lab.squeezed(kEmpty) + lab.squeezed("", 2, false) + lab.peer.bytes(0, kEmpty));
      lab.feed(lab.squeezed(kEmpty + kTail, 1, false) + lab.peer.bytes(0, "", false) + lab.peer.bytes(0, kEmpty));
      assert_string_equal(lab.told().c_str(), "M1: M2: M1:");
    }
  }
}

// 7.1.1: without context takeover each message is inflated on its own.
void takeover_is_as_agreed(void **) {
  for (Role role : kRoles) {
    for (const Config &config : {kDedicated, kShared}) {
      bool takeover = config.deflate.mode == DeflateMode::DEDICATED;
      DeflateLab lab(role, config, takeover ? kOffer : kAlone);
      lab.feed(lab.squeezed(kHello) + lab.squeezed(kHello));
      assert_string_equal(lab.told().c_str(), "M1:Hello M1:Hello");
      lab.feed(lab.squeezed(kHelloAgain));
      assert_int_equal(lab->needs_settling(), !takeover);
      lab.send(prose(300));
      size_t first = lab.sink.take().size();
      lab.send(prose(300));
      assert_int_equal(lab.sink.written.size() < first / 2, takeover);
    }
  }
}

// With `parts` what was inflated is told as it comes.
void parts_come_as_they_are_inflated(void **) {
  for (Role role : kRoles) {
    DeflateLab lab(role, with(DeflateMode::DEDICATED, true));
    Deflater deflater;
    std::string first = deflater.add("one ");
    std::string second = deflater.add("two");
    lab.feed(lab.squeezed(first, 1, false));
    assert_string_equal(lab.told().c_str(), "M1f:one ");
    assert_int_equal(lab.events[0].flags, event_flag::kFirst | event_flag::kCompressed);
    lab.feed(lab.peer.bytes(0, second, false));
    assert_string_equal(lab.told().c_str(), "M1f:one  M1m:two");
    lab.feed(lab.peer.bytes(0, kEmpty));
    assert_string_equal(lab.told().c_str(), "M1f:one  M1m:two M1l:");
    assert_int_equal(lab.events[2].flags, event_flag::kFinal | event_flag::kCompressed);
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// What is wrong

// Behind a message: it comes first, what is sent before settle() goes first, then comes a Close with the code.
bool fails_with(DeflateLab &lab, const std::string &bad, int code, Error error) {
  lab.feed(lab.squeezed(deflated("before")) + bad);
  bool waits = lab->needs_settling() && lab.sink.written.empty();
  lab.feed(lab.peer.text("discarded"));
  bool sent = lab.send("last") == Error::OK;
  lab->settle();
  std::vector<frames::Frame> answer = frames::take_all(lab.sink.written);
  bool answered = answer.size() == 2 && answer[1].rsv == 0 && frames::close_code(lab.sink.written) == code;
  answered = answered && (lab->extensions() != nullptr ? inflated(answer[0].payload) : answer[0].payload) == "last";
  Told close = lab.close();
  bool told = close.error == error && close.code == 1006 && close.flags == event_flag::kByPeer;
  std::vector<Told> events = lab.story.events();
  bool first = events.size() >= 2 && events[1].data == "before";
  bool right = waits && sent && answered && told && first && !lab->words_of_close().empty();
  if (!right)
    print_error("%s, error %d, \"%s\"\n", lab.told().c_str(), as_int(close.error), lab->words_of_close().c_str());
  return right && lab.leak() == 0;
}
bool fails_with(Role role, const std::string &bad, int code, Error error, const Config &config = kDedicated) {
  DeflateLab lab(role, config, config.deflate.mode == DeflateMode::SHARED ? kAlone : kOffer);
  return fails_with(lab, bad, code, error);
}

// 6: RSV1 stands on the first frame of a message, and nowhere else.
void reserved_bits_stand_where_they_may(void **) {
  for (Role role : kRoles) {
    frames::Peer peer(role == Role::SERVER);
    std::vector<std::string> wrong = {
        peer.bytes(1, kHello.substr(0, 3), false, 4) + peer.bytes(0, kHello.substr(3), true, 4),
        peer.bytes(1, "Hel", false) + peer.bytes(0, "lo", true, 4),
        peer.bytes(1, "Hel", false) + peer.bytes(0, kHello, false, 4),
        peer.bytes(0, kHello, true, 4),
        peer.bytes(1, kHello, false, 4) + peer.bytes(1, kHello, true, 4),
        peer.bytes(1, kHello, false, 4) + peer.text("x"),
    };
    for (int opcode : {8, 9, 10})
      wrong.push_back(peer.bytes(opcode, "", true, 4));
    for (int opcode : {1, 2, 9})
      for (int rsv : {1, 2, 5, 6})
        wrong.push_back(peer.bytes(opcode, kHello, true, rsv));
    for (const std::string &bad : wrong)
      assert_true(fails_with(role, bad, 1002, Error::PROTOCOL));
  }
}

void without_an_agreement_the_bit_is_reserved(void **) {
  for (Role role : kRoles) {
    DeflateLab lab(role, kDedicated, "");
    lab.feed(lab.squeezed(kHello));
    lab->settle();
    assert_int_equal(frames::close_code(lab.sink.written), 1002);
    assert_int_equal(as_int(lab.close().error), as_int(Error::PROTOCOL));
  }
}

void what_cannot_be_inflated_fails_with_1007(void **) {
  for (Role role : kRoles) {
    for (const Config &config : {kDedicated, kShared, with(DeflateMode::DEDICATED, true)}) {
      frames::Peer peer(role == Role::SERVER);
      for (const std::string &bad :
           {std::string("\xff"), std::string(), kHello.substr(0, 6), kHello + "\x06", noise(300)})
        assert_true(fails_with(role, peer.bytes(2, bad, true, 4), 1007, Error::DEFLATE, config));
      // At the first wrong piece.
      assert_true(fails_with(role, peer.bytes(2, kHello + kTail, false, 4) + peer.bytes(0, "\x06", false), 1007,
                             Error::DEFLATE, config));
    }
  }
}

void text_that_is_not_utf8_fails_with_1007(void **) {
  for (Role role : kRoles) {
    for (bool parts : {false, true}) {
      Config config = with(DeflateMode::DEDICATED, parts);
      frames::Peer peer(role == Role::SERVER);
      for (const char *text : {"\xff", "a\xc3", "\xed\xa0\x80", "abc\xe2\x82", "\xc3\x28"})
        assert_true(fails_with(role, peer.bytes(1, deflated(text), true, 4), 1007, Error::UTF8, config));
      // At the first wrong byte, whatever is to follow.
      Deflater deflater;
      std::string first = deflater.add("good ");
      std::string wrong = deflater.add("\xe2\x28");
      assert_true(
          fails_with(role, peer.bytes(1, first, false, 4) + peer.bytes(0, wrong, false), 1007, Error::UTF8, config));
    }
    // Not that which is binary, nor what was not inflated.
    DeflateLab lab(role);
    lab.feed(lab.squeezed(deflated("\xff"), 2));
    assert_string_equal(lab.told().c_str(), "M2:\xff");
  }
}

void characters_may_be_cut_anywhere(void **) {
  const std::string text = "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80";
  for (Role role : kRoles) {
    for (bool parts : {false, true}) {
      DeflateLab lab(role, with(DeflateMode::DEDICATED, parts));
      Deflater deflater;
      for (size_t i = 0; i < text.size(); i++)
        lab.feed(lab.peer.bytes(i == 0 ? 1 : 0, deflater.add(text.substr(i, 1)), false, i == 0 ? 4 : 0));
      lab.feed(lab.peer.bytes(0, kEmpty));
      assert_true(lab->is_open());
      assert_string_equal(lab.story.events().back().data.c_str(), text.c_str());
    }
  }
}

// Of two faults in one piece the first one counts: that of bytes which came before what cannot be inflated, or before
// what is too much.
void the_first_fault_counts(void **) {
  for (Role role : kRoles) {
    for (bool parts : {false, true}) {
      Config config = with(DeflateMode::DEDICATED, parts);
      frames::Peer peer(role == Role::SERVER);
      std::string wrong = Deflater().add("good \xff and more");
      assert_true(fails_with(role, peer.bytes(1, wrong + "\x06", true, 4), 1007, Error::UTF8, config));
      assert_true(fails_with(role, peer.bytes(1, wrong, true, 4), 1007, Error::UTF8, limited(config, 8)));
      std::string large = Deflater().message("good, too large \xff");
      assert_true(fails_with(role, peer.bytes(1, large, true, 4), 1009, Error::LIMIT, limited(config, 10)));
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Limits

void the_limit_counts_inflated_bytes(void **) {
  std::string text = prose(1000);
  for (Role role : kRoles) {
    for (DeflateMode mode : {DeflateMode::SHARED, DeflateMode::DEDICATED}) {
      for (bool parts : {false, true}) {
        Config config = limited(with(mode, parts), 1000);
        const std::string &extensions = mode == DeflateMode::SHARED ? kAlone : kOffer;
        DeflateLab fits(role, config, extensions);
        std::string message = deflated(text);
        fits.feed(fits.squeezed(message));
        fits.feed(fits.squeezed(message.substr(0, 50), 1, false) + fits.peer.bytes(0, message.substr(50)));
        assert_true(fits->is_open());
        assert_int_equal(fits.story.size(), 2000);
        std::string more = deflated(text + ".");
        assert_true(fails_with(role, fits.squeezed(more), 1009, Error::LIMIT, config));
        std::string pieces = fits.squeezed(more.substr(0, 9), 1, false) + fits.peer.bytes(0, more.substr(9));
        assert_true(fails_with(role, pieces, 1009, Error::LIMIT, config));
      }
    }
  }
}

// Not those on the wire: what does not get smaller may be as large as it has to be.
void compressed_bytes_do_not_count(void **) {
  for (Role role : kRoles) {
    DeflateLab lab(role, limited(kDedicated, 100));
    std::string blocks;
    for (int i = 0; i < 300; i++)
      blocks += kEmpty + kTail;
    lab.feed(lab.squeezed(blocks + deflated(prose(100))));
    lab.feed(lab.squeezed(blocks, 1, false) + lab.peer.bytes(0, blocks + deflated(prose(100))));
    assert_int_equal(lab.story.size(), 200);
    assert_true(lab->is_open());
    // A message that is not compressed is as large as its frames say.
    lab.feed(lab.peer.header_of(2, 101));
    lab->settle();
    assert_int_equal(frames::close_code(lab.sink.written), 1009);
  }
}

// A bomb costs no more than the limit, whatever comes before it.
void bombs_cost_no_more_than_the_limit(void **) {
  constexpr int64_t kLimit = 100'000;
  std::string bomb = deflated(std::string(20 << 20, 'x'));
  for (Role role : kRoles) {
    for (DeflateMode mode : {DeflateMode::SHARED, DeflateMode::DEDICATED}) {
      for (bool parts : {false, true}) {
        for (bool in_fragments : {false, true}) {
          DeflateLab lab(role, limited(with(mode, parts), kLimit), mode == DeflateMode::SHARED ? kAlone : kOffer);
          lab.recorded = false;
          lab.feed(lab.squeezed(kHello));
          int64_t before = lab.budget.used();
          int64_t most = 0;
          size_t piece = in_fragments ? 50 : bomb.size();
          for (size_t at = 0; at < bomb.size() && lab->is_open(); at += piece) {
            lab.feed(lab.peer.bytes(at == 0 ? 2 : 0, bomb.substr(at, piece), !in_fragments, at == 0 ? 4 : 0));
            most = std::max(most, lab.budget.used());
            lab.sink.kept.clear();
          }
          assert_true(lab->needs_settling());
          assert_true(most - before <= kLimit + 1);
          lab->settle();
          assert_int_equal(frames::close_code(lab.sink.written), 1009);
          assert_int_equal(lab.leak(), 0);
        }
      }
    }
  }
}

void fragments_up_to_the_limit(void **) {
  for (Role role : kRoles) {
    Config config = kDedicated;
    config.message.max_fragments = 3;
    DeflateLab lab(role, config);
    lab.feed(lab.squeezed("", 1, false) + lab.peer.bytes(0, kHello, false) + lab.peer.bytes(0, ""));
    assert_string_equal(lab.told().c_str(), "M1:Hello");
    std::string four = lab.squeezed("", 1, false) + lab.peer.bytes(0, "", false) + lab.peer.bytes(0, "", false) +
                       lab.peer.bytes(0, kHello);
    assert_true(fails_with(role, four, 1009, Error::LIMIT, config));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Sending

void messages_are_compressed(void **) {
  for (Role role : kRoles) {
    for (const Config &config : {kDedicated, kShared}) {
      bool takeover = config.deflate.mode == DeflateMode::DEDICATED;
      DeflateLab lab(role, config, takeover ? kOffer : kAlone);
      Inflater inflater;
      for (size_t size : {0, 1, 5, 125, 17'000}) {
        for (Opcode opcode : {Opcode::TEXT, Opcode::BINARY}) {
          std::string text = prose(size);
          assert_int_equal(as_int(lab.send(text, opcode)), as_int(Error::OK));
          std::vector<frames::Frame> sent = frames::take_all(lab.sink.take());
          assert_int_equal(sent.size(), 1);
          assert_int_equal(sent[0].opcode, static_cast<int>(opcode));
          assert_int_equal(sent[0].masked, role == Role::CLIENT);
          assert_true(sent[0].payload.size() < size / 2 + 20);
          assert_true(read(inflater, sent) == text);
          if (!takeover) assert_true(inflated(sent[0].payload) == text);
        }
      }
      // What is wrong is refused before it is compressed, and the context knows nothing of it.
      assert_int_equal(as_int(lab.send("\xff")), as_int(Error::UTF8));
      assert_int_equal(as_int(lab.send("x", Opcode::PING)), as_int(Error::OPCODE));
      lab.send("right");
      assert_true(read(inflater, lab.sink.take()) == "right");
    }
  }
}

constexpr Opcode kMarkedText = static_cast<Opcode>(static_cast<uint8_t>(Opcode::TEXT) | kUncompressedMark);

void marked_messages_are_not(void **) {
  for (Role role : kRoles) {
    DeflateLab lab(role);
    Inflater inflater;
    lab.send("one");
    assert_true(read(inflater, lab.sink.take()) == "one");
    assert_int_equal(as_int(lab.send(prose(500), kMarkedText)), as_int(Error::OK));
    assert_string_equal(frames::sketch(lab.sink.take()).c_str(), ("1:" + prose(500)).c_str());
    // The mark is of no importance to what may be said.
    assert_int_equal(as_int(lab.send("\xff", kMarkedText)), as_int(Error::UTF8));
    lab.send("one");
    assert_true(read(inflater, lab.sink.take()) == "one");
    // Nor where nothing is compressed.
    OpenLab plain(role);
    assert_int_equal(as_int(plain.send("plain", kMarkedText)), as_int(Error::OK));
    assert_int_equal(as_int(plain.send_part("pl", false, kMarkedText)), as_int(Error::OK));
    assert_int_equal(as_int(plain.send_part("ain", true, kMarkedText)), as_int(Error::OK));
    assert_string_equal(frames::sketch(plain.sink.written).c_str(), "1:plain 1+:pl 0:ain");
  }
}

void small_messages_are_not(void **) {
  for (Role role : kRoles) {
    Config config = kDedicated;
    config.deflate.min_size = 64;
    DeflateLab lab(role, config);
    for (size_t size : {0, 1, 63}) {
      lab.send(prose(size));
      assert_string_equal(frames::sketch(lab.sink.take()).c_str(), ("1:" + prose(size)).c_str());
    }
    lab.send(prose(64));
    assert_true(read(lab.sink.take()) == prose(64));
  }
}

// Whether a message is compressed is decided with its first part.
void parts_are_compressed(void **) {
  for (Role role : kRoles) {
    Config config = kDedicated;
    config.deflate.min_size = 64;
    DeflateLab lab(role, config);
    Inflater inflater;
    for (int round = 0; round < 3; round++) {
      for (const char *part : {"a", "", "bc", "\xe2\x82", "\xac"})
        assert_int_equal(as_int(lab.send_part(part, false)), as_int(Error::OK));
      assert_int_equal(as_int(lab.send_part("\xff", true)), as_int(Error::UTF8));
      assert_int_equal(as_int(lab.send_part("x", true, Opcode::BINARY)), as_int(Error::OPCODE));
      assert_int_equal(as_int(lab.send("whole")), as_int(Error::STATE));
      // A mark that comes later is too late.
      assert_int_equal(as_int(lab.send_part(round == 0 ? "" : "end", true, round == 2 ? kMarkedText : Opcode::TEXT)),
                       as_int(Error::OK));
      std::vector<frames::Frame> sent = frames::take_all(lab.sink.take());
      assert_int_equal(sent.size(), 6);
      assert_true(read(inflater, sent) == std::string("abc\xe2\x82\xac") + (round == 0 ? "" : "end"));
    }
    lab.send_part("pl", false, kMarkedText);
    lab.send_part("ai", false);
    lab.send_part("n", true);
    assert_string_equal(frames::sketch(lab.sink.take()).c_str(), "1+:pl 0+:ai 0:n");
    lab.send(prose(100));
    assert_true(read(inflater, lab.sink.take()) == prose(100));
  }
}

void control_frames_are_never_compressed(void **) {
  for (Role role : kRoles) {
    DeflateLab lab(role);
    lab.send_part("one", false);
    lab.ping("ping");
    lab.feed(lab.peer.bytes(9, "pong"));
    lab.send_part("two", true);
    lab->close(1000, "bye");
    std::vector<frames::Frame> sent = frames::take_all(lab.sink.written);
    assert_int_equal(sent.size(), 5);
    assert_true(sent[1].opcode == 9 && sent[1].rsv == 0 && sent[1].payload == "ping");
    assert_true(sent[2].opcode == 10 && sent[2].rsv == 0 && sent[2].payload == "pong");
    assert_true(sent[4].opcode == 8 && sent[4].rsv == 0 &&
                sent[4].payload ==
                    "\x03\xe8"
                    "bye");
    Inflater inflater;
    assert_true(read(inflater, {sent[0], sent[3]}) == "onetwo");
  }
}

// Every frame of a client is masked with a fresh key, compressed or not.
void clients_mask_what_they_compressed(void **) {
  DeflateLab lab(Role::CLIENT, kShared, kAlone);
  for (int i = 0; i < 3; i++)
    lab.send("Hello");
  std::vector<frames::Frame> sent = frames::take_all(lab.sink.written);
  assert_int_equal(sent.size(), 3);
  for (const frames::Frame &frame : sent)
    assert_true(frame.masked && frame.payload == kHello);
  assert_true(sent[0].key != sent[1].key && sent[1].key != sent[2].key);
}

// A message to many: who compresses alone gets the shared frame.
void shared_frames_are_for_those_who_compress_alone(void **) {
  DeflateLab shared(Role::SERVER, kShared);
  DeflateLab dedicated(Role::SERVER, kDedicated);
  OpenLab plain(Role::SERVER);
  assert_true(shared->terms_for(Opcode::TEXT, 10) != nullptr &&
              shared->terms_for(Opcode::TEXT, 10)->compresses_alone());
  assert_false(dedicated->terms_for(Opcode::TEXT, 10)->compresses_alone());
  assert_null(plain->terms_for(Opcode::TEXT, 10));
  assert_null(shared->terms_for(kMarkedText, 10));
  uint8_t header[kMaxFrameHeader];
  for (bool compressed : {false, true}) {
    size_t size = Session::write_shared_header(header, Opcode::TEXT, compressed, kHello.size());
    DeflateLab client(Role::CLIENT, kShared, kAlone);
    client.feed(std::string(reinterpret_cast<char *>(header), size) + (compressed ? kHello : "7 bytes"));
    assert_string_equal(client.told().c_str(), compressed ? "M1:Hello" : "M1:7 bytes");
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Memory

// Without context takeover nothing is held between messages but what all share.
void a_shared_session_holds_nothing(void **) {
  for (Role role : kRoles) {
    DeflateLab lab(role, kShared, kAlone);
    int64_t none = lab.budget.used();
    lab.send(prose(1000));
    lab.feed(lab.squeezed(deflated(prose(1000))));
    lab.sink.kept.clear();
    int64_t pool = lab.budget.used();
    assert_true(pool > none);
    for (int i = 0; i < 5; i++) {
      lab.send(prose(1000));
      lab.feed(lab.squeezed(deflated(prose(1000))));
      lab.sink.kept.clear();
      assert_int_equal(lab.budget.used(), pool);
    }
    lab.surroundings.codecs = {};
    assert_int_equal(lab.budget.used(), none);
  }
}

// Where a context is lost the connection is; else it goes on.
void without_memory_nothing_is_compressed(void **) {
  for (Role role : kRoles) {
    for (const Config &config : {kDedicated, kShared}) {
      bool takeover = config.deflate.mode == DeflateMode::DEDICATED;
      DeflateLab lab(role, config, takeover ? kOffer : kAlone, 100'000);
      assert_int_equal(as_int(lab.send(prose(1000))), as_int(Error::NO_MEMORY));
      assert_int_equal(lab->abandoned(), takeover);
      assert_true(lab.sink.written.empty());
      if (!takeover) {
        assert_int_equal(as_int(lab.send("plain", kMarkedText)), as_int(Error::OK));
        assert_int_equal(as_int(lab.send_part(prose(1000), false)), as_int(Error::NO_MEMORY));
      }
      assert_int_equal(as_int(lab.close().error), as_int(Error::NO_MEMORY));
      assert_int_equal(lab.leak(), 0);
    }
  }
}

void what_finds_no_room_is_not_forgotten(void **) {
  for (Role role : kRoles) {
    for (const Config &config : {kDedicated, kShared}) {
      bool takeover = config.deflate.mode == DeflateMode::DEDICATED;
      DeflateLab lab(role, config, takeover ? kOffer : kAlone);
      lab.send("first");
      lab.sink.take();
      lab.sink.full = true;
      assert_int_equal(as_int(lab.send("lost")), as_int(Error::NO_MEMORY));
      assert_int_equal(lab->abandoned(), takeover);
      lab.sink.full = false;
      if (takeover) continue;
      lab.send("second");
      assert_true(read(lab.sink.take()) == "second");
    }
  }
}

void a_budget_that_is_used_up_fails_with_1013(void **) {
  for (Role role : kRoles) {
    for (const Config &config : {kDedicated, kShared}) {
      int refused = 0;
      for (int64_t memory = 300; memory < 150'000; memory += 2500) {
        DeflateLab lab(role, config, config.deflate.mode == DeflateMode::SHARED ? kAlone : kOffer, memory);
        if (!lab->is_open()) continue;
        lab.feed(lab.squeezed(deflated(prose(50'000)), 2));
        bool failed = lab->needs_settling();
        assert_int_equal(lab.told() == "M2:" + prose(50'000), !failed);
        lab->settle();
        if (failed) assert_int_equal(frames::close_code(lab.sink.written), 1013);
        if (failed) assert_int_equal(as_int(lab.close().error), as_int(Error::NO_MEMORY));
        if (failed) refused++;
        assert_int_equal(lab.leak(), 0);
      }
      assert_in_range(refused, 5, 55);
    }
  }
}

void nothing_stays_of_what_was_broken_off(void **) {
  for (Role role : kRoles) {
    for (const Config &config : {kDedicated, kShared}) {
      DeflateLab lab(role, config, config.deflate.mode == DeflateMode::SHARED ? kAlone : kOffer);
      lab.send_part("half", false);
      lab.feed(lab.squeezed(deflated(prose(500)).substr(0, 100), 1, false));
      lab->abandon({Error::IO, 0, "gone"}, true);
      assert_int_equal(lab.leak(), 0);
    }
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      lab_unit_test(a_server_agrees),
      lab_unit_test(a_server_declines),
      lab_unit_test(a_server_agrees_when_it_accepts),
      lab_unit_test(a_client_offers_and_checks),
      lab_unit_test(windows_are_those_agreed_on),
      lab_unit_test(the_examples_of_the_rfc),
      lab_unit_test(events_say_that_it_came_compressed),
      lab_unit_test(fragments_may_be_cut_anywhere),
      lab_unit_test(plain_messages_stand_between),
      lab_unit_test(empty_messages),
      lab_unit_test(takeover_is_as_agreed),
      lab_unit_test(parts_come_as_they_are_inflated),
      lab_unit_test(reserved_bits_stand_where_they_may),
      lab_unit_test(without_an_agreement_the_bit_is_reserved),
      lab_unit_test(what_cannot_be_inflated_fails_with_1007),
      lab_unit_test(text_that_is_not_utf8_fails_with_1007),
      lab_unit_test(characters_may_be_cut_anywhere),
      lab_unit_test(the_first_fault_counts),
      lab_unit_test(the_limit_counts_inflated_bytes),
      lab_unit_test(compressed_bytes_do_not_count),
      lab_unit_test(bombs_cost_no_more_than_the_limit),
      lab_unit_test(fragments_up_to_the_limit),
      lab_unit_test(messages_are_compressed),
      lab_unit_test(marked_messages_are_not),
      lab_unit_test(small_messages_are_not),
      lab_unit_test(parts_are_compressed),
      lab_unit_test(control_frames_are_never_compressed),
      lab_unit_test(clients_mask_what_they_compressed),
      lab_unit_test(shared_frames_are_for_those_who_compress_alone),
      lab_unit_test(a_shared_session_holds_nothing),
      lab_unit_test(without_memory_nothing_is_compressed),
      lab_unit_test(what_finds_no_room_is_not_forgotten),
      lab_unit_test(a_budget_that_is_used_up_fails_with_1013),
      lab_unit_test(nothing_stays_of_what_was_broken_off),
  };
  return cmocka_run_group_tests_name("session/session_deflate", tests, nullptr, nullptr);
}
