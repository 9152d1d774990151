// What a broadcast makes once and shares; tests/capi/broadcast_test.c has the rest of it.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <zlib.h>

#include "desk.hpp"
#include "support/cmocka.hpp"

namespace {

using hawser::Error;
using hawser::EventKind;
using hawser::kUncompressedMark;
using hawser::Opcode;
using hawser::Options;

constexpr size_t kLarge = 8'000'000;  // more than the kernel takes

const uint8_t *bytes(const std::string &text) {
  return reinterpret_cast<const uint8_t *>(text.data());
}

// What deflate cannot make smaller.
std::string noise(size_t size) {
  std::minstd_rand draw(1);
  std::string text(size, '\0');
  for (char &byte : text)
    byte = static_cast<char>(draw() >> 8);
  return text;
}

Options with_deflate(const char *mode, const char *name = "max_fragments", int64_t value = 1000) {
  Options options;
  options.change().set_text("deflate", mode);
  options.change().set_number(name, value);
  return options;
}

// A peer whose handshake has these lines; its id, or 0.
int64_t join(Desk &desk, raw_peer *&peer, const std::string &extension) {
  std::string header = extension.empty() ? "" : "Sec-WebSocket-Extensions: permessage-deflate" + extension + "\r\n";
  peer = desk.connect();
  size_t before = desk.count(EventKind::OPEN);
  if (raw_ask(peer, "/", header.c_str()) != 101 || !desk.wait(EventKind::OPEN, before + 1)) return 0;
  return desk.last(EventKind::OPEN)->event.connection;
}

int32_t broadcast(Desk &desk, const std::string &text, uint8_t mark = 0, int64_t except = 0) {
  Opcode opcode = static_cast<Opcode>(static_cast<uint8_t>(Opcode::BINARY) | mark);
  auto accepted = desk.manager->broadcast(desk.listener, except, opcode, bytes(text), text.size());
  return accepted ? *accepted : static_cast<int32_t>(accepted.failure().error);
}

// RFC 7692 7.2.2, by zlib itself: the payload of a frame on its own; "?" if it is no such thing.
std::string inflated(std::string payload, int bits) {
  payload.append("\0\0\xff\xff", 4);
  std::string text(1 << 20, '\0');
  z_stream stream = {};
  if (inflateInit2(&stream, -bits) != Z_OK) return "?";
  stream.next_in = reinterpret_cast<Bytef *>(payload.data());
  stream.avail_in = static_cast<uInt>(payload.size());
  stream.next_out = reinterpret_cast<Bytef *>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  int result = inflate(&stream, Z_SYNC_FLUSH);
  text.resize(text.size() - stream.avail_out);
  inflateEnd(&stream);
  return result == Z_OK || result == Z_BUF_ERROR ? text : "?";
}

// The next frame of a peer: its payload, with `first` as it begins; "?" if none comes.
std::string next_payload(raw_peer *peer, int &first) {
  raw_frame frame;
  first = 0;
  if (raw_read_frame(peer, &frame) != 1) return "?";
  first = frame.first;
  return {reinterpret_cast<const char *>(frame.payload), frame.size};
}

constexpr int kPlain = RAW_FIN | RAW_BINARY;
constexpr int kCompressed = RAW_FIN | 0x40 | RAW_BINARY;  // RFC 7692 6: RSV1

// However many read slowly, the message is there once.
void test_shared(void **) {
  Desk desk;
  raw_peer *peers[10];
  for (raw_peer *&peer : peers)
    assert_true(desk.join(peer) > 0);
  std::string text = noise(kLarge);
  assert_int_equal(broadcast(desk, text), 10);
  assert_in_range(*desk.manager->stat("memory"), 0, kLarge + 1000);
  desk.manager->flush();
  assert_in_range(*desk.manager->stat("memory"), kLarge, kLarge + kLarge / 2);
  // Who has read it, and who has gone, does not take it from the others.
  raw_peer_reset(peers[0]);
  assert_true(desk.wait(EventKind::CLOSE));
  for (size_t i = 1; i < 10; i++) {
    assert_in_range(*desk.manager->stat("memory"), kLarge, kLarge + kLarge / 2);
    assert_true(raw_expect_frame(peers[i], kPlain, text.data(), text.size()));
  }
  desk.poll();
  assert_int_equal(*desk.manager->stat("memory"), 0);
}

// The manager goes, and nothing of it was sent.
void test_never_sent(void **) {
  Desk desk;
  raw_peer *peer;
  assert_true(desk.join(peer) > 0);
  assert_int_equal(broadcast(desk, noise(100'000)), 1);
  assert_int_equal(broadcast(desk, noise(kLarge)), 1);
}

// One frame for each size of the window, and a plain one.
void test_one_for_each_window(void **) {
  Options options = with_deflate("shared");
  Desk desk(&options);
  struct {
    const char *extension;
    int bits;  // 0: without compression
    raw_peer *peer;
  } cases[] = {{"", 0, nullptr},
               {"", 0, nullptr},
               {"; server_max_window_bits=15", 15, nullptr},
               {"; server_max_window_bits=15", 15, nullptr},
               {"; server_max_window_bits=15; client_no_context_takeover", 15, nullptr},
               {"; server_max_window_bits=9", 9, nullptr},
               {"; server_max_window_bits=9", 9, nullptr},
               {"; server_max_window_bits=12", 12, nullptr}};
  for (auto &entry : cases)
    assert_true(join(desk, entry.peer, entry.extension) > 0);
  // What repeats at a distance of 10,000 bytes is seen by the large window only.
  std::string text = noise(10'000);
  text += text;
  assert_int_equal(broadcast(desk, text), 8);
  std::string of_15;
  std::string of_9;
  for (auto &entry : cases) {
    int first = 0;
    std::string payload = next_payload(entry.peer, first);
    assert_int_equal(first, entry.bits == 0 ? kPlain : kCompressed);
    assert_true((entry.bits == 0 ? payload : inflated(payload, entry.bits)) == text);
    if (entry.bits == 15) of_15 = of_15.empty() ? payload : of_15;
    if (entry.bits == 9) of_9 = of_9.empty() ? payload : of_9;
    if (entry.bits == 15) assert_true(payload == of_15);
    if (entry.bits == 9) assert_true(payload == of_9);
  }
  assert_true(of_15.size() < text.size() * 3 / 4);
  assert_true(of_9.size() > text.size() * 3 / 4);

  // Of each there is one, as long as somebody has not read it.
  std::string large = noise(kLarge);
  assert_int_equal(broadcast(desk, large), 8);
  desk.manager->flush();
  int64_t memory = *desk.manager->stat("memory");
  assert_in_range(memory, 4 * int64_t{kLarge}, 5 * int64_t{kLarge});
  for (auto &entry : cases)
    raw_peer_reset(entry.peer);
  assert_true(desk.wait(EventKind::CLOSE, 8));
  desk.poll();
  assert_true(*desk.manager->stat("memory") < 1'000'000);  // but for the compressor that all share
}

// With context takeover nobody can use another one's frame, and the second message refers to the first.
void test_takeover(void **) {
  Options options = with_deflate("dedicated");
  Desk desk(&options);
  raw_peer *first_peer;
  raw_peer *second_peer;
  raw_peer *alone;
  assert_true(join(desk, first_peer, ";server_max_window_bits=15") > 0);
  assert_true(join(desk, alone, ";server_no_context_takeover") > 0);
  std::string text = noise(1000);
  assert_int_equal(broadcast(desk, text), 2);
  assert_true(join(desk, second_peer, ";server_max_window_bits=15") > 0);
  assert_int_equal(broadcast(desk, text), 3);
  int first = 0;
  for (raw_peer *peer : {first_peer, alone, second_peer}) {
    assert_true(inflated(next_payload(peer, first), 15) == text);  // its first one
    assert_int_equal(first, kCompressed);
  }
  assert_true(next_payload(first_peer, first).size() < 100);
  assert_true(inflated(next_payload(alone, first), 15) == text);
}

// Marked not to be compressed, or too short for it: plain for all.
void test_uncompressed(void **) {
  Options options = with_deflate("shared", "deflate_min_size", 100);
  Desk desk(&options);
  raw_peer *peer;
  assert_true(join(desk, peer, ";client_max_window_bits") > 0);
  std::string text(100, 'x');
  assert_int_equal(broadcast(desk, text, kUncompressedMark), 1);
  assert_true(raw_expect_frame(peer, kPlain, text.data(), text.size()));
  assert_int_equal(broadcast(desk, text.substr(1)), 1);
  assert_true(raw_expect_frame(peer, kPlain, text.data(), text.size() - 1));
  assert_int_equal(broadcast(desk, text), 1);
  int first = 0;
  assert_true(inflated(next_payload(peer, first), 15) == text);
  assert_int_equal(first, kCompressed);
}

// No memory for the message: nobody gets it, and nobody is harmed.
void test_no_memory_for_any(void **) {
  Options options;
  options.change().set_number("memory_budget", 100'000);
  Desk desk(&options);
  raw_peer *peer;
  assert_true(desk.join(peer) > 0);
  assert_int_equal(broadcast(desk, noise(200'000)), static_cast<int32_t>(Error::NO_MEMORY));
  assert_int_equal(*desk.manager->stat("memory"), 0);
  assert_int_equal(broadcast(desk, "still here"), 1);
  assert_true(raw_expect_frame(peer, kPlain, "still here", 10));
}

// No memory for the frame that only some can use: they are closed, because nothing is dropped silently.
void test_no_memory_for_some(void **) {
  Options options = with_deflate("shared", "memory_budget", 1'000'000);
  Desk desk(&options);
  raw_peer *plain;
  raw_peer *compressing;
  int64_t plain_id = join(desk, plain, "");
  int64_t id = join(desk, compressing, ";server_max_window_bits=15");
  assert_true(plain_id > 0 && id > 0);
  std::string text = noise(600'000);
  assert_int_equal(broadcast(desk, text), 1);
  assert_true(raw_expect_frame(plain, kPlain, text.data(), text.size()));
  assert_true(desk.wait(EventKind::CLOSE));
  assert_int_equal(desk.last(EventKind::CLOSE)->event.connection, id);
  assert_int_equal(desk.last(EventKind::CLOSE)->event.error, static_cast<int32_t>(Error::NO_MEMORY));
  assert_int_equal(desk.count(EventKind::CLOSE), 1);
  assert_int_equal(broadcast(desk, "still here"), 1);
  assert_true(raw_expect_frame(plain, kPlain, "still here", 10));
}

// The same for who has to keep it until the end of a message of its own.
void test_no_memory_in_part(void **) {
  Options options;
  options.change().set_number("memory_budget", 500'000);
  Desk desk(&options);
  raw_peer *plain;
  raw_peer *in_part;
  assert_true(desk.join(plain) > 0);
  int64_t id = desk.join(in_part);
  assert_true(desk.manager->send_part(id, Opcode::TEXT, bytes("a"), 1, false) == Error::OK);
  std::string text = noise(300'000);
  assert_int_equal(broadcast(desk, text), 1);
  assert_true(raw_expect_frame(plain, kPlain, text.data(), text.size()));
  assert_true(desk.wait(EventKind::CLOSE));
  assert_int_equal(desk.last(EventKind::CLOSE)->event.connection, id);
  assert_int_equal(desk.last(EventKind::CLOSE)->event.error, static_cast<int32_t>(Error::NO_MEMORY));
  assert_int_equal(desk.count(EventKind::CLOSE), 1);
  desk.poll();
  assert_int_equal(*desk.manager->stat("memory"), 0);
}

// It follows the connection's own message.
void test_in_part(void **) {
  Options options = with_deflate("shared", "deflate_min_size", 1);
  Desk desk(&options);
  raw_peer *peer;
  int64_t id = join(desk, peer, ";server_max_window_bits=15");
  Opcode plain = static_cast<Opcode>(static_cast<uint8_t>(Opcode::TEXT) | kUncompressedMark);
  assert_true(desk.manager->send_part(id, plain, bytes("own "), 4, false) == Error::OK);
  assert_int_equal(broadcast(desk, "to all", kUncompressedMark), 1);
  assert_int_equal(broadcast(desk, "to all others", 0, id), 0);
  assert_true(desk.manager->send_part(id, plain, bytes("text"), 4, true) == Error::OK);
  assert_true(raw_expect_frame(peer, RAW_TEXT, "own ", 4));
  assert_true(raw_expect_frame(peer, RAW_FIN | RAW_CONTINUATION, "text", 4));
  assert_true(raw_expect_frame(peer, kPlain, "to all", 6));
  assert_int_equal(broadcast(desk, "and again"), 1);
  int first = 0;
  assert_string_equal(inflated(next_payload(peer, first), 15).c_str(), "and again");
  assert_int_equal(first, kCompressed);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_shared),
      cmocka_unit_test(test_never_sent),
      cmocka_unit_test(test_one_for_each_window),
      cmocka_unit_test(test_takeover),
      cmocka_unit_test(test_uncompressed),
      cmocka_unit_test(test_no_memory_for_any),
      cmocka_unit_test(test_no_memory_for_some),
      cmocka_unit_test(test_no_memory_in_part),
      cmocka_unit_test(test_in_part),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
