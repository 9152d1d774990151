#include "composer.hpp"

#include <algorithm>
#include <cstdio>

#include "bench/load/deflate.hpp"
#include "bench/load/handshake.hpp"
#include "bench/load/wire.hpp"

namespace soak {

using load::kBinary, load::kContinuation, load::kFin, load::kPing, load::kRsv1, load::kText;

namespace {

constexpr size_t kLargestPing = 125;  // RFC 6455 5.5
constexpr size_t kLargestMessage = 1024 * 1024, kPool = 2 * kLargestMessage;

// Characters of one to four bytes that together have four: so a cut at a multiple of four is never inside of one.
constexpr std::string_view kQuads[] = {"rope", " of ", "the ", "ship", "größ", "éa d",
                                       "ñó",   "船 ",  "縄t",  "⚓.",   "🚢",    "🌊"};

std::string make_bytes() {
  Random random(6455);
  std::string pool(kPool, '\0');
  for (char &byte : pool)
    byte = static_cast<char>(random.next());
  return pool;
}

std::string make_text() {
  Random random(3629);
  std::string pool;
  while (pool.size() < kPool) {
    const std::string_view quad = kQuads[random.between(0, std::size(kQuads) - 1)];
    pool.append(quad).append((4 - quad.size() % 4) % 4, ' ');
  }
  return pool;
}

// What messages are cut from.
const std::string &pool(bool is_text) {
  static const std::string bytes = make_bytes(), text = make_text();
  return is_text ? text : bytes;
}

// Small ones for the most part, and all of the three forms of a length (RFC 6455 5.2).
size_t random_size(Random &random, size_t largest) {
  static constexpr size_t kUpTo[] = {0, 20, 20, 125, 125, 126, 4096, 4096, 4096, 65535, 65536};
  const size_t choice = random.between(0, 63);
  const size_t most = choice == 63 ? kLargestMessage : kUpTo[choice % std::size(kUpTo)];
  return std::min(largest, random.is_one_in(8) ? most : random.between(0, most));
}

load::Options options_for(const Settings::Door &door) {
  load::Options options;
  options.layer = door.layer;
  options.port = door.port;
  return options;
}

}  // namespace

Composer::Composer(const Settings &settings, const Settings::Door &door, size_t number, uint64_t life)
    : random(settings.seed, number, life), settings_(settings), door_(door), number_(number) {}

std::string Composer::request() const {
  return load::make_request(options_for(door_));
}

std::string Composer::random_bytes(size_t size) {
  std::string bytes(size, '\0');
  for (char &byte : bytes)
    byte = static_cast<char>(random.next());
  return bytes;
}

std::string Composer::frame(uint8_t first, std::string_view payload) {
  const uint64_t key = random.next();
  return load::make_frame(first, payload, reinterpret_cast<const uint8_t *>(&key));
}

// Two messages that changed places, or connections, would be noticed.
std::string Composer::label() {
  char text[32];
  std::snprintf(text, sizeof text, "%08zu.%010zu ", number_, sequence_++);
  return text;
}

Message Composer::make_message(size_t largest) {
  const bool is_text = random.is_one_in(2);
  const size_t size = random_size(random, largest);
  const std::string &source = pool(is_text);
  const size_t from = random.between(0, (kPool - size) / 4) * 4;
  Message message{is_text ? kText : kBinary, source.substr(from, is_text ? size / 4 * 4 : size)};
  const std::string begin = label();
  message.payload.replace(0, std::min(begin.size(), message.payload.size()), begin, 0,
                          std::min(begin.size(), message.payload.size()));
  message.payload.resize(size, '.');
  return message;
}

// In one frame or in several, some of them empty, with pings in between (RFC 6455 5.4).
std::string Composer::write_frames(const Message &message, size_t largest_ping) {
  const bool deflated = is_compressed() && !random.is_one_in(4);
  const std::string data = deflated ? load::deflate_message(message.payload) : message.payload;
  uint8_t first = message.opcode | (deflated ? kRsv1 : 0);  // RFC 7692 6
  std::string frames;
  size_t at = 0;
  for (size_t left = random.is_one_in(2) ? 1 : random.between(2, 9); left > 0; left--) {
    const size_t end = left == 1 ? data.size() : random.between(at, data.size());
    frames += frame(first | (left == 1 ? kFin : 0), std::string_view(data).substr(at, end - at));
    if (left > 1 && random.is_one_in(8)) frames += frame(kFin | kPing, random_bytes(random.between(0, largest_ping)));
    first = kContinuation;
    at = end;
  }
  return frames;
}

Step Composer::send_messages(size_t count, size_t largest) {
  Step step{Step::Action::SEND};
  for (size_t i = 0; i < count; i++) {
    step.messages.push_back(make_message(largest));
    step.bytes += write_frames(step.messages.back(), std::min(largest / 16, kLargestPing));
  }
  return step;
}

Step Composer::send_close(uint16_t code) {
  const char payload[] = {static_cast<char>(code >> 8), static_cast<char>(code)};
  return {Step::Action::SEND, frame(kFin | load::kClose, {payload, sizeof payload})};
}

}  // namespace soak
