// Advisories about messages and frames on an open connection.
#include <cstring>
#include <string>

#include "conformance/flate.hpp"
#include "history/advisory.hpp"
#include "history/talk.hpp"
#include "support/heap.hpp"

extern "C" {
#include "support/log.h"
}

using conformance::binary;
using conformance::Deflater;
using conformance::kRsv1;
using conformance::text;
using conformance::Wire;
using hawser::HeapMeter;
using history::kRoles;
using history::option;
using history::Settings;
using history::Talk;

namespace {

constexpr int64_t kMebibyte = 1 << 20;
constexpr int64_t kUnlimited = -1;

std::string written(const Wire &wire, const Talk &talk) {
  return wire.written(talk.masks());
}

// The last frame in what a session has written is a Close with this code.
bool says_close(Talk &talk, int code) {
  std::vector<frames::Frame> all = talk.take_frames();
  return !all.empty() && all.back().opcode == frames::kClose &&
         all.back().payload.substr(0, 2) == frames::number(static_cast<uint64_t>(code), 2);
}

// ---------------------------------------------------------------------------------------------------------------------
// Decompression bombs

constexpr size_t kBombSize = 8 * kMebibyte;
// Beside the message: the inflater with its window of 32 KiB, and what zlib writes into.
constexpr int64_t kInflater = 256 * 1024;
constexpr int64_t kBefore = 1000;  // bytes of the message before, where there is one

enum class Shape { WHOLE, FRAGMENTS, TAKING_OVER };
constexpr Shape kShapes[] = {Shape::WHOLE, Shape::FRAGMENTS, Shape::TAKING_OVER};

// Zeros, a thousandth of their size on the wire. The second message of it refers to the first one.
struct Bomb {
  std::string before;
  std::string alone;
  std::string behind;

  Bomb() {
    const std::string zeros(kBombSize, '\0');
    alone = Deflater().piece(zeros, true);
    Deflater taking_over;
    before = taking_over.piece(std::string(kBefore, '\0'), true);
    behind = taking_over.piece(zeros, true);
  }
};

const Bomb &bomb() {
  static const Bomb made;
  return made;
}

std::string bomb_of(Shape shape, const Talk &talk) {
  constexpr size_t kPiece = 1000;
  const Bomb &all = bomb();
  if (shape == Shape::WHOLE) return written(binary(all.alone).rsv(kRsv1), talk);
  if (shape == Shape::TAKING_OVER) {
    return written(binary(all.before).rsv(kRsv1) + binary(all.behind).rsv(kRsv1), talk);
  }
  std::string frames = written(binary(all.alone.substr(0, kPiece)).rsv(kRsv1).more(), talk);
  for (size_t at = kPiece; at < all.alone.size(); at += kPiece) {
    conformance::Piece piece = conformance::continuation(all.alone.substr(at, kPiece));
    frames += written(at + kPiece < all.alone.size() ? piece.more() : piece, talk);
  }
  return frames;
}

// In which way there is an end to it, and what it may take on the heap until then.
struct Bound {
  Settings settings;
  int32_t error;
  const char *words;
  int64_t most;
  size_t piece;  // bytes that are handed over together
};

// A buffer grows by doubling, and for a moment the old one is there, too. RFC 1951: a byte inflates to 1032 at most, so
// that in parts, of which nothing is kept, what there is at one time is bounded by what came at one time.
const Bound kBounds[] = {
    {{option("max_message_size", kMebibyte / 2)}, HWS_ERR_LIMIT, "max_message_size", 3 * kMebibyte / 2, 65536},
    {{option("max_message_size", kUnlimited), option("memory_budget", 2 * kMebibyte)},
     HWS_ERR_NO_MEMORY,
     "memory_budget",
     2 * 2 * kMebibyte,
     65536},
    {{option("max_message_size", kUnlimited), option("parts", 1)}, HWS_OK, "", int64_t{3} * 1032 * 1000, 1000},
};

void check_bomb(const Bound &bound, int32_t role, Shape shape) {
  Settings settings = bound.settings;
  settings.push_back(option("max_fragments", kUnlimited));
  Talk talk = Talk::deflating(role, settings);
  const std::string sent = bomb_of(shape, talk);
  HeapMeter heap;
  talk.feed(sent, bound.piece);
  assert_in_range(heap.most(), 0, bound.most + kInflater);
  assert_int_equal(talk.error, bound.error);
  assert_non_null(std::strstr(talk.words.c_str(), bound.words));
  if (bound.error == HWS_OK) {
    assert_int_equal(talk.bytes, kBombSize + (shape == Shape::TAKING_OVER ? kBefore : 0));
  } else {
    assert_true(talk.closed);
    assert_true(talk.bytes <= kBefore);
  }
  if (bound.error == HWS_ERR_LIMIT) assert_true(says_close(talk, 1009));
}

}  // namespace

void cve_2018_1000518_decompression_bomb(void **) {
  for (const Bound &bound : kBounds) {
    for (int32_t role : kRoles) {
      for (Shape shape : kShapes)
        check_bomb(bound, role, shape);
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Lengths

namespace {

// A header that announces a length, and some of the payload behind it.
struct Announced {
  uint64_t length;
  int code;            // with the default limit
  int code_unlimited;  // 0: it waits for the rest
};

// RFC 6455 5.2: the most significant bit of the 64 is 0. The largest length that it allows is the largest size, too.
constexpr uint64_t kTopBit = uint64_t{1} << 63;
constexpr Announced kAnnounced[] = {
    {uint64_t{1} << 31, 1009, 0}, {uint64_t{1} << 32, 1009, 0}, {kTopBit - 1, 1009, 0},
    {kTopBit, 1002, 1002},        {UINT64_MAX, 1002, 1002},
};

void check_length(Talk talk, const Wire &before, const Announced &announced, conformance::Piece frame, int code) {
  constexpr int64_t kFew = 64 * 1024;
  const std::string payload(10'000, 'x');
  frame.frame.payload = payload;
  talk.say(before);
  const std::string sent = written(frame.announcing(announced.length), talk);
  HeapMeter heap;
  talk.feed(sent);
  assert_in_range(heap.most(), 0, kFew);
  assert_int_equal(talk.closed, code != 0);
  assert_int_equal(talk.messages, 0);
  if (code != 0) assert_true(says_close(talk, code));
  talk.end();
  assert_true(talk.closed);
}

// On a manager, which reads large payloads directly to where they go: it waits, and has nothing for what did not come.
void check_waiting(int32_t role, const Settings &settings, const Announced &announced) {
  constexpr int64_t kFew = 64 * 1024;
  struct log log;
  struct raw_peer peer;
  int port = 0;
  log_open(&log, history::make_options(settings).get());
  if (role == HWS_SERVER) log_listen(&log, nullptr, &port);
  hws_id id = role == HWS_SERVER ? log_join(&log, port, &peer, nullptr) : log_dial(&log, nullptr, &peer);
  assert_true(id > 0);
  const Wire frame = binary(std::string(10'000, 'x')).announcing(announced.length);
  const std::string sent = frame.written(role == HWS_SERVER);
  HeapMeter heap;
  assert_int_equal(raw_write(&peer, sent.data(), sent.size()), 0);
  log_settle(&log);
  assert_in_range(hws_manager_stat(log.manager, "memory"), 0, kFew);
  assert_in_range(heap.most(), 0, kFew);
  assert_int_equal(log_count(&log, HWS_EVENT_CLOSE, id), 0);
  raw_peer_close(&peer);
  assert_non_null(log_wait(&log, HWS_EVENT_CLOSE, id));
  log_close(&log);
}

}  // namespace

void cve_2020_27813_lengths(void **) {
  const Settings unlimited = {option("max_message_size", kUnlimited), option("memory_budget", kUnlimited),
                              option("max_fragments", kUnlimited)};
  const Wire nothing = conformance::bytes("");
  const Wire begun = binary("x").more();
  for (int32_t role : kRoles) {
    for (const Announced &announced : kAnnounced) {
      check_length(Talk::open(role), nothing, announced, binary(""), announced.code);
      check_length(Talk::open(role, unlimited), nothing, announced, binary(""), announced.code_unlimited);
      check_length(Talk::deflating(role, unlimited), nothing, announced, binary(""), announced.code_unlimited);
      // With the byte before it 2^63 - 1 more are too many for a size.
      int sum = announced.length == kTopBit - 1 ? 1009 : announced.code_unlimited;
      check_length(Talk::open(role), begun, announced, conformance::continuation(""), announced.code);
      check_length(Talk::open(role, unlimited), begun, announced, conformance::continuation(""), sum);
      // RFC 6455 5.5: a control frame has 125 bytes at most.
      check_length(Talk::open(role, unlimited), nothing, announced, conformance::ping(""), 1002);
      if (announced.code_unlimited == 0) check_waiting(role, unlimited, announced);
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Very many very small frames

namespace {

constexpr int kMany = 1'000'000;
constexpr int kDefaultFragments = 1 << 20;

// A message in `count` frames, each with this payload.
std::string crumbs(const Talk &talk, int count, const std::string &payload) {
  const std::string middle = written(conformance::continuation(payload).more(), talk);
  std::string all = written(binary(payload).more(), talk);
  all.reserve(middle.size() * static_cast<size_t>(count));
  for (int i = 2; i < count; i++)
    all += middle;
  return all + written(conformance::continuation(payload), talk);
}

void check_crumbs(int32_t role, const Settings &settings, const std::string &payload) {
  constexpr int64_t kFew = 256 * 1024;  // the piece that is handed over, and what there is once
  Talk talk = Talk::open(role, settings);
  const std::string sent = crumbs(talk, kMany, payload);
  HeapMeter heap;
  assert_true(talk.feed(sent));
  // Buffers are doubled: the work on each byte is bounded, and so is their number.
  assert_in_range(heap.allocations(), 0, 300);
  assert_in_range(heap.most(), 0, 4 * kMany * static_cast<int64_t>(payload.size()) + kFew);
  assert_false(talk.closed);
  assert_int_equal(talk.bytes, kMany * payload.size());
}

}  // namespace

void cve_2026_48779_tiny_fragments(void **) {
  const Settings unlimited = {option("max_fragments", kUnlimited), option("max_message_size", kUnlimited),
                              option("memory_budget", kUnlimited)};
  for (int32_t role : kRoles) {
    for (const std::string payload : {"", "x"}) {
      check_crumbs(role, unlimited, payload);
      Talk talk = Talk::open(role);
      talk.feed(crumbs(talk, kDefaultFragments + 1, payload));
      assert_int_equal(talk.error, HWS_ERR_LIMIT);
      assert_true(says_close(talk, 1009));
    }
  }
}

namespace {

constexpr int64_t kMostPongs = 64 * 1024;  // hawser.h, of hws_session_receive

}  // namespace

void cve_2026_11586_unread_pings(void **) {
  constexpr int64_t kFew = 512 * 1024;
  const Settings unlimited = {option("max_send_queue", kUnlimited), option("memory_budget", kUnlimited),
                              option("write_stall_timeout", kUnlimited)};
  for (int32_t role : kRoles) {
    for (const Settings &settings : {Settings(), unlimited}) {
      Talk talk = Talk::open(role, settings);
      const std::string ping = written(conformance::ping(std::string(100, 'p')), talk);
      std::string sent;
      for (int i = 0; i < 1000; i++)
        sent += ping;
      HeapMeter heap;
      bool takes = true;
      int64_t offered = 0;
      for (; offered < kMany && takes; offered += 1000)
        takes = talk.feed(sent);
      assert_false(takes);  // it is read no further
      assert_in_range(hws_session_output_size(*talk), kMostPongs / 2, kMostPongs + 200);
      assert_in_range(heap.most(), 0, kFew);
      // It goes on as soon as they are read: each of what was taken is answered, and in one go.
      for (const frames::Frame &pong : talk.take_frames())
        assert_int_equal(pong.opcode, frames::kPong);
      assert_true(talk.feed(ping));
      assert_int_equal(talk.take_frames().size(), 1);
      assert_false(talk.closed);
    }
  }
}

void cve_2025_5399_ping_while_the_queue_is_full(void **) {
  const std::string kilobyte(1000, 'q');
  for (int32_t role : kRoles) {
    Talk talk = Talk::open(role, {option("max_send_queue", 10'000)});
    int accepted = 0;
    while (hws_session_send(*talk, HWS_BINARY, kilobyte.data(), kilobyte.size()) == HWS_OK)
      accepted++;
    assert_in_range(accepted, 9, 10);
    assert_int_equal(hws_session_ping(*talk, "p", 1), HWS_ERR_WOULD_BLOCK);
    // A pong and what comes with it is not refused, does not wait, and does not end the connection.
    assert_true(talk.say(conformance::ping("a") + conformance::ping("b") + text("c")));
    assert_string_equal(talk.last.c_str(), "c");
    std::vector<frames::Frame> all = talk.take_frames();
    assert_int_equal(all.size(), accepted + 2);
    assert_string_equal(all[all.size() - 2].payload.c_str(), "a");
    assert_string_equal(all.back().payload.c_str(), "b");
    assert_int_equal(hws_session_send(*talk, HWS_BINARY, "x", 1), HWS_OK);
    assert_false(talk.closed);
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// What is in the frames of ours

void cve_2026_45736_uninitialised_bytes(void **) {
  const std::string reason(123, 'r');
  for (int32_t role : kRoles) {
    for (size_t size = 0; size <= reason.size(); size++) {
      Talk talk = Talk::open(role);
      std::string payload = reason.substr(0, size);
      assert_int_equal(hws_session_ping(*talk, payload.data(), payload.size()), HWS_OK);
      assert_true(talk.say(conformance::ping(payload)));
      assert_int_equal(hws_session_close(*talk, 1000, payload.c_str()), HWS_OK);
      std::vector<frames::Frame> all = talk.take_frames();
      assert_int_equal(all.size(), 3);
      for (int i = 0; i < 2; i++) {
        assert_int_equal(all[i].opcode, i == 0 ? frames::kPing : frames::kPong);
        assert_true(all[i].payload == payload);
      }
      assert_int_equal(all[2].opcode, frames::kClose);
      assert_true(all[2].payload == frames::number(1000, 2) + payload);
      for (const frames::Frame &frame : all)
        assert_int_equal(frame.rsv, 0);
    }
    // The answer to a Close is its code, or nothing (RFC 6455 5.5.1).
    Talk talk = Talk::open(role);
    talk.say(conformance::frame(frames::kClose, ""));
    std::vector<frames::Frame> all = talk.take_frames();
    assert_int_equal(all.size(), 1);
    assert_true(all[0].payload.empty());
  }
}
