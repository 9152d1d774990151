#include "framing/frame_parser.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "support/cmocka.hpp"
#include "support/frames.hpp"

using namespace hawser;

namespace {

constexpr size_t kSizes[] = {0, 1, 2, 125, 126, 127, 65535, 65536, 70000};

// What a parser made of a byte stream: the frames, and how many bytes it had taken when it failed.
struct Outcome {
  std::vector<frames::Frame> frames;
  std::vector<bool> ended;
  size_t taken = 0;
  bool failed = false;
  bool consistent = true;  // first and last stood where they belong
};

void add_piece(Outcome &outcome, const FramePiece &piece) {
  bool inside = !outcome.ended.empty() && !outcome.ended.back();
  if (piece.first == inside) outcome.consistent = false;
  if (piece.first) {
    const FrameHeader &header = piece.header;
    outcome.frames.push_back(
        {static_cast<int>(header.opcode), "", header.final, header.reserved >> 4, header.masked, {}});
    outcome.ended.push_back(false);
  }
  if (outcome.frames.empty()) return;
  outcome.frames.back().payload.append(reinterpret_cast<const char *>(piece.payload), piece.size);
  outcome.ended.back() = piece.last;
}

// Each piece of `bytes` lies in memory of its own, that ends with it.
Outcome parse(const std::string &bytes, bool masked, const std::function<size_t(size_t)> &chop) {
  FrameParser parser;
  Outcome outcome;
  const FrameRules rules{masked, 0};
  for (size_t begin = 0; begin < bytes.size();) {
    size_t size = std::min(chop(bytes.size() - begin), bytes.size() - begin);
    std::unique_ptr<uint8_t[]> copy(new uint8_t[size]);
    std::memcpy(copy.get(), bytes.data() + begin, size);
    for (size_t done = 0; done < size;) {
      FramePiece piece;
      size_t used = 0;
      const char *words = nullptr;
      FrameParser::Status status = parser.next(copy.get() + done, size - done, rules, used, piece, words);
      done += used;
      outcome.taken += used;
      if (status == FrameParser::Status::PIECE) add_piece(outcome, piece);
      if (status == FrameParser::Status::NEED_MORE && done != size) outcome.consistent = false;
      if (status != FrameParser::Status::FAILED) continue;
      outcome.failed = true;
      outcome.consistent = outcome.consistent && words != nullptr;
      return outcome;
    }
    begin += size;
  }
  return outcome;
}

bool same(const Outcome &outcome, const std::vector<frames::Frame> &expected) {
  if (outcome.failed || !outcome.consistent || outcome.frames.size() != expected.size()) return false;
  for (size_t i = 0; i < expected.size(); i++) {
    const frames::Frame &a = outcome.frames[i];
    const frames::Frame &b = expected[i];
    bool equal = a.opcode == b.opcode && a.payload == b.payload && a.final == b.final && a.masked == b.masked;
    if (!equal || !outcome.ended[i]) return false;
  }
  return true;
}

std::string random_text(std::mt19937 &random, size_t size) {
  std::string text(size, '\0');
  for (char &c : text)
    c = static_cast<char>(random());
  return text;
}

void every_frame_at_every_cut(void **) {
  std::mt19937 random(1);
  for (bool masked : {false, true}) {
    frames::Peer peer(masked);
    for (int opcode : {0, 1, 2, 8, 9, 10}) {
      for (size_t size : {0, 1, 2, 3, 5, 125, 126, 127, 300}) {
        if (opcode >= 8 && size > 125) continue;
        std::vector<frames::Frame> sent = {peer.frame(opcode, random_text(random, size), opcode >= 8 || size % 2 == 0)};
        std::string bytes = frames::write(sent[0]);
        assert_true(same(parse(bytes, masked, [](size_t) { return 1; }), sent));
        for (size_t cut = 1; cut <= bytes.size(); cut++) {
          bool first = true;
          Outcome outcome = parse(bytes, masked, [&](size_t left) { return std::exchange(first, false) ? cut : left; });
          if (!same(outcome, sent)) fail_msg("opcode %d, size %zu, cut %zu", opcode, size, cut);
        }
      }
    }
  }
}

void large_frames(void **) {
  std::mt19937 random(2);
  for (bool masked : {false, true}) {
    frames::Peer peer(masked);
    for (size_t size : kSizes) {
      std::vector<frames::Frame> sent = {peer.frame(2, random_text(random, size)), peer.frame(9, "after")};
      std::string bytes = frames::write(sent[0]) + frames::write(sent[1]);
      for (size_t step : {size_t{1}, size_t{1000}, size_t{65536}, bytes.size()})
        assert_true(same(parse(bytes, masked, [&](size_t) { return step; }), sent));
    }
  }
}

void streams_in_random_pieces(void **) {
  constexpr unsigned kSeed = 3;
  print_message("seed %u\n", kSeed);
  std::mt19937 random(kSeed);
  for (int round = 0; round < 200; round++) {
    bool masked = round % 2 == 0;
    frames::Peer peer(masked);
    std::vector<frames::Frame> sent;
    std::string bytes;
    for (int i = 0; i < 20; i++) {
      int opcode = std::array{0, 1, 2, 8, 9, 10}[random() % 6];
      size_t size = random() % (opcode >= 8 ? 126 : 400);
      sent.push_back(peer.frame(opcode, random_text(random, size), opcode >= 8 || random() % 2 == 0));
      bytes += frames::write(sent.back());
    }
    size_t most = 1 + random() % 200;
    assert_true(same(parse(bytes, masked, [&](size_t) { return 1 + random() % most; }), sent));
  }
}

// Behind a good frame, whole and byte by byte; it fails, and not later than with the last byte of its header.
bool fails_after_one(const std::string &bad, bool masked) {
  frames::Peer peer(masked);
  std::vector<frames::Frame> good = {peer.frame(1, "good")};
  std::string bytes = frames::write(good[0]) + bad + std::string(20, 'x');
  Outcome at_once = parse(bytes, masked, [](size_t left) { return left; });
  Outcome slowly = parse(bytes, masked, [](size_t) { return 1; });
  size_t latest = frames::write(good[0]).size() + bad.size();
  for (Outcome *outcome : {&at_once, &slowly}) {
    if (!outcome->failed || outcome->taken > latest) return false;
    outcome->failed = false;
    if (!same(*outcome, good)) return false;
  }
  return true;
}

void what_breaks_the_rules_fails_in_its_header(void **) {
  for (bool masked : {false, true}) {
    frames::Peer peer(masked);
    for (int rsv = 1; rsv < 8; rsv++)
      assert_true(fails_after_one(frames::header(peer.frame(1, "", true, rsv), 5), masked));
    for (int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15})
      assert_true(fails_after_one(peer.header_of(opcode, 5), masked));
    for (int opcode : {8, 9, 10}) {
      assert_true(fails_after_one(peer.header_of(opcode, 5, -1, false), masked));
      assert_true(fails_after_one(peer.header_of(opcode, 126), masked));
      assert_true(fails_after_one(peer.header_of(opcode, 5, 2), masked));
      assert_true(fails_after_one(peer.header_of(opcode, 70000), masked));
    }
    for (uint64_t size : {uint64_t{0}, uint64_t{125}})
      assert_true(fails_after_one(peer.header_of(2, size, 2), masked));
    for (uint64_t size : {uint64_t{0}, uint64_t{125}, uint64_t{126}, uint64_t{65535}, uint64_t{1} << 63, UINT64_MAX})
      assert_true(fails_after_one(peer.header_of(2, size, 8), masked));
    frames::Peer wrong(!masked);
    assert_true(fails_after_one(wrong.text("hello"), masked));
  }
}

// A header that is wrong in its first two bytes is refused when they are there.
void two_bytes_are_enough_to_refuse(void **) {
  FrameParser parser;
  uint8_t start[] = {0x83, 0xFF};
  FramePiece piece;
  size_t used = 0;
  const char *words = nullptr;
  auto status = parser.next(start, 1, {true, 0}, used, piece, words);
  assert_int_equal(static_cast<int>(status), static_cast<int>(FrameParser::Status::NEED_MORE));
  status = parser.next(start + 1, 1, {true, 0}, used, piece, words);
  assert_int_equal(static_cast<int>(status), static_cast<int>(FrameParser::Status::FAILED));
  assert_non_null(words);
}

void a_header_is_told_before_its_payload(void **) {
  frames::Peer peer(true);
  std::string bytes = peer.header_of(2, INT64_MAX);
  Outcome outcome = parse(bytes, true, [](size_t left) { return left; });
  assert_int_equal(outcome.frames.size(), 1);
  assert_false(outcome.ended[0]);
}

void payloads_may_be_read_elsewhere(void **) {
  frames::Peer peer(true);
  std::string payload = "0123456789abcdefghij";
  std::string bytes = peer.binary(payload);
  for (size_t there = 0; there < payload.size(); there++) {
    FrameParser parser;
    FramePiece piece;
    size_t used = 0;
    const char *words = nullptr;
    std::string copy = bytes;
    uint8_t *data = reinterpret_cast<uint8_t *>(copy.data());
    parser.next(data, 6 + there, {true, 0}, used, piece, words);
    assert_int_equal(used, 6 + there);
    assert_int_equal(parser.remaining(), payload.size() - there);
    parser.take_payload(data + used, 1, piece);
    assert_int_equal(piece.last, there == payload.size() - 1);
    assert_false(piece.first);
    size_t left = static_cast<size_t>(parser.remaining());
    if (left != 0) parser.take_payload(data + used + 1, left, piece);
    assert_true(piece.last);
    assert_int_equal(parser.remaining(), 0);
    assert_string_equal(copy.substr(6).c_str(), payload.c_str());
  }
}

// What take_whole takes, or refuses to, of `bytes`, unmasked.
struct Whole {
  size_t used = 0;
  int opcode = 0;
  std::string payload;
  bool untouched = true;
};

Whole take_whole(const std::string &bytes, bool masked, uint64_t max_size = UINT64_MAX) {
  std::unique_ptr<uint8_t[]> copy(new uint8_t[bytes.size()]);
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  WholeMessage message;
  Whole whole;
  whole.used = masked ? FrameParser::take_whole<true>(copy.get(), bytes.size(), max_size, message)
                      : FrameParser::take_whole<false>(copy.get(), bytes.size(), max_size, message);
  whole.opcode = static_cast<int>(message.opcode);
  if (whole.used != 0 && masked) message.unmask();
  if (whole.used != 0) whole.payload.assign(reinterpret_cast<const char *>(message.payload), message.size);
  whole.untouched = std::memcmp(copy.get(), bytes.data(), bytes.size()) == 0;
  return whole;
}

bool is_left_to_next(const std::string &bytes, bool masked, uint64_t max_size = UINT64_MAX) {
  Whole whole = take_whole(bytes, masked, max_size);
  return whole.used == 0 && whole.untouched;
}

void whole_messages_are_taken_at_once(void **) {
  std::mt19937 random(4);
  for (bool masked : {false, true}) {
    frames::Peer peer(masked);
    for (size_t size : {0, 1, 125, 126, 127, 1000, 65535}) {
      for (int opcode : {1, 2}) {
        std::string payload = random_text(random, size);
        std::string bytes = peer.bytes(opcode, payload);
        Whole whole = take_whole(bytes + "next", masked);
        assert_int_equal(whole.used, bytes.size());
        assert_int_equal(whole.opcode, opcode);
        assert_true(whole.payload == payload);
        assert_int_equal(take_whole(bytes, masked, size).used, bytes.size());
        if (size > 0) assert_true(is_left_to_next(bytes, masked, size - 1));
      }
    }
  }
}

void all_else_is_left_to_next(void **) {
  for (bool masked : {false, true}) {
    frames::Peer peer(masked);
    frames::Peer wrong(!masked);
    std::string bytes = peer.binary(std::string(130, 'x'));
    for (size_t cut = 0; cut < bytes.size(); cut++)
      assert_true(is_left_to_next(bytes.substr(0, cut), masked));
    for (int opcode : {0, 3, 7, 8, 9, 10, 11, 15})
      assert_true(is_left_to_next(peer.bytes(opcode, "hello"), masked));
    for (int rsv = 1; rsv < 8; rsv++)
      assert_true(is_left_to_next(peer.bytes(1, "hello", true, rsv), masked));
    assert_true(is_left_to_next(peer.bytes(1, "hello", false), masked));
    assert_true(is_left_to_next(peer.bytes(1, std::string(65536, 'x')), masked));
    assert_true(is_left_to_next(peer.header_of(1, 125, 2) + std::string(125, 'x'), masked));
    assert_true(is_left_to_next(peer.header_of(1, 5, 8) + std::string(300, 'x'), masked));
    for (size_t size : {0, 5, 126, 127, 300})
      assert_true(is_left_to_next(wrong.bytes(1, std::string(size, 'x')) + std::string(300, 'x'), masked));
  }
}

void between_frames_is_known(void **) {
  for (std::string begin : {"\x82", "\x82\x05",
                            "\x82\x05"
                            "ab"}) {
    FrameParser parser;
    assert_true(parser.between_frames());
    FramePiece piece;
    size_t used = 0;
    const char *words = nullptr;
    parser.next(reinterpret_cast<uint8_t *>(begin.data()), begin.size(), {false, 0}, used, piece, words);
    assert_false(parser.between_frames());
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_frame_at_every_cut),       cmocka_unit_test(large_frames),
      cmocka_unit_test(streams_in_random_pieces),       cmocka_unit_test(what_breaks_the_rules_fails_in_its_header),
      cmocka_unit_test(two_bytes_are_enough_to_refuse), cmocka_unit_test(a_header_is_told_before_its_payload),
      cmocka_unit_test(payloads_may_be_read_elsewhere), cmocka_unit_test(whole_messages_are_taken_at_once),
      cmocka_unit_test(all_else_is_left_to_next),       cmocka_unit_test(between_frames_is_known),
  };
  return cmocka_run_group_tests_name("framing/frame_parser", tests, nullptr, nullptr);
}
