// Peers that mean harm: each breaks one rule, behind a message whose echo it still awaits, and has to be told so with
// the right code; or it tries to wear the server out.
#include <zlib.h>

#include "bench/load/fault.hpp"
#include "bench/load/wire.hpp"
#include "client_hello.hpp"
#include "kinds.hpp"

namespace soak {

using load::kBinary, load::kClose, load::kContinuation, load::kFin, load::kMasked, load::kPing, load::kRsv1,
    load::kText;

namespace {

using Action = Step::Action;

constexpr uint8_t kRsv2 = 0x20, kRsv3 = 0x10;
constexpr int kProtocolError = 1002, kInvalidPayload = 1007, kTooBig = 1009;                    // RFC 6455 7.4.1
constexpr size_t kMaxMessageSize = 16 << 20, kMaxFragments = 1 << 20, kMaxHeadSize = 16 << 10;  // the server's defaults
constexpr int kMaxHeaders = 100;

// Behind bad bytes comes the server's Close, or the status of its refusal, and then it ends the connection.
void await_verdict(Script &script, Action action, int code) {
  script.steps.push_back({.action = action, .code = code});
  script.steps.push_back({Action::AWAIT_END});
}

void end_with(Composer &composer, Script &script, const std::string &bad, int code) {
  add_good_conduct(composer, script);
  Step step = composer.send_messages(1, 1000);  // in one piece with it, and yet its echo is not lost
  step.bytes += bad;
  script.steps.push_back(step);
  await_verdict(script, Action::AWAIT_CLOSE, code);
}

// Frames --------------------------------------------------------------------------------------------------------------

std::string control_or_data(Composer &composer, uint8_t first) {
  return composer.frame(first, composer.random_bytes(composer.random.between(0, 125)));
}

// RFC 6455 5.1
void not_masked(Composer &composer, Script &script) {
  end_with(composer, script, load::make_frame(kFin | kBinary, composer.random_bytes(60), nullptr), kProtocolError);
}

// RFC 6455 5.2
void reserved_bits(Composer &composer, Script &script) {
  const uint8_t bits = composer.random.is_one_in(2) ? kRsv2 : kRsv3;
  end_with(composer, script, control_or_data(composer, kFin | bits | kBinary), kProtocolError);
}

// RFC 7692 6: of no control frame, whatever was agreed on.
void compressed_ping(Composer &composer, Script &script) {
  end_with(composer, script, control_or_data(composer, kFin | kRsv1 | kPing), kProtocolError);
}

// RFC 6455 5.2
void reserved_opcode(Composer &composer, Script &script) {
  static constexpr uint8_t kReserved[] = {3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF};
  const uint8_t opcode = kReserved[composer.random.between(0, std::size(kReserved) - 1)];
  end_with(composer, script, control_or_data(composer, kFin | opcode), kProtocolError);
}

// A header and nothing behind it: 64 bits of length.
std::string announce(Composer &composer, uint64_t length) {
  std::string header = {static_cast<char>(kFin | kBinary), static_cast<char>(kMasked | 127)};
  for (int shift = 56; shift >= 0; shift -= 8)
    header += static_cast<char>(length >> shift);
  return header + composer.random_bytes(4);
}

// RFC 6455 5.2: the most significant bit is 0.
void negative_length(Composer &composer, Script &script) {
  end_with(composer, script, announce(composer, composer.random.next() | uint64_t{1} << 63), kProtocolError);
}

void giant_length(Composer &composer, Script &script) {
  const uint64_t length = kMaxMessageSize + 1 + (uint64_t{1} << composer.random.between(0, 62));
  end_with(composer, script, announce(composer, length & ~(uint64_t{1} << 63)), kTooBig);
}

// RFC 6455 5.2: the minimal number of bytes encodes the length.
void padded_length(Composer &composer, Script &script) {
  end_with(composer, script, announce(composer, composer.random.between(0, 65535)), kProtocolError);
}

// RFC 6455 5.5
void long_ping(Composer &composer, Script &script) {
  const std::string payload = composer.random_bytes(composer.random.between(126, 70'000));
  end_with(composer, script, composer.frame(kFin | kPing, payload), kProtocolError);
}

void fragmented_ping(Composer &composer, Script &script) {
  end_with(composer, script, control_or_data(composer, kPing), kProtocolError);
}

// RFC 6455 5.4
void continuation_of_nothing(Composer &composer, Script &script) {
  end_with(composer, script, control_or_data(composer, kFin | kContinuation), kProtocolError);
}

void message_in_message(Composer &composer, Script &script) {
  const std::string begun = control_or_data(composer, kBinary);
  end_with(composer, script, begun + control_or_data(composer, kFin | kBinary), kProtocolError);
}

// RFC 6455 8.1: an overlong form, a surrogate, a character that was cut, a byte that is none.
void not_utf8(Composer &composer, Script &script) {
  static constexpr std::string_view kBad[] = {"\xC0\xAF", "\xED\xA0\x80", "\xF0\x9F\x9A", "\xFF"};
  std::string text(composer.random.between(0, 100), 'x');
  text += kBad[composer.random.between(0, std::size(kBad) - 1)];
  end_with(composer, script, composer.frame(kFin | kText, text), kInvalidPayload);
}

// RFC 6455 7.4
void wrong_close_code(Composer &composer, Script &script) {
  static constexpr uint16_t kWrong[] = {0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535};
  const uint16_t code = kWrong[composer.random.between(0, std::size(kWrong) - 1)];
  end_with(composer, script, composer.send_close(code).bytes, kProtocolError);
}

// RFC 6455 5.5.1: the body begins with two bytes.
void close_of_one_byte(Composer &composer, Script &script) {
  end_with(composer, script, composer.frame(kFin | kClose, "\x03"), kProtocolError);
}

// Compression; where there is none RSV1 says so (RFC 6455 5.2) --------------------------------------------------------

std::string make_bomb() {
  z_stream stream = {};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    load::fail("no memory to deflate");
  }
  std::string input(4 * kMaxMessageSize, '\0');
  std::string output(deflateBound(&stream, input.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef *>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef *>(output.data());
  stream.avail_out = static_cast<uInt>(output.size());
  deflate(&stream, Z_SYNC_FLUSH);
  output.resize(stream.total_out - 4);  // RFC 7692 7.2.1
  deflateEnd(&stream);
  return output;
}

void bomb(Composer &composer, Script &script) {
  static const std::string bomb = make_bomb();
  end_with(composer, script, composer.frame(kFin | kRsv1 | kBinary, bomb),
           composer.is_compressed() ? kTooBig : kProtocolError);
}

// RFC 1951 3.2.3: the block of the reserved kind.
void not_deflated(Composer &composer, Script &script) {
  end_with(composer, script, composer.frame(kFin | kRsv1 | kBinary, "\x07" + composer.random_bytes(60)),
           composer.is_compressed() ? kInvalidPayload : kProtocolError);
}

// Floods --------------------------------------------------------------------------------------------------------------

constexpr size_t kFloodUnit = 64;     // frames
constexpr size_t kFloodBytes = 4096;  // or as many bytes

std::string frames(Composer &composer, uint8_t first, size_t largest) {
  std::string many;
  for (size_t i = 0; i < kFloodUnit; i++)
    many += composer.frame(first, composer.random_bytes(composer.random.between(0, largest)));
  return many;
}

// Of no bytes, in very many fragments: it is a message. Now and then there are more of them than may be.
void empty_fragments(Composer &composer, Script &script) {
  const bool is_too_much = composer.random.is_one_in(16);
  const size_t units = is_too_much ? kMaxFragments / kFloodUnit : composer.random.between(10, 500);
  add_good_conduct(composer, script);
  script.steps.push_back({Action::SEND, composer.frame(kBinary, "")});
  script.steps.push_back({Action::SEND, frames(composer, kContinuation, 0), units});
  if (is_too_much) return await_verdict(script, Action::AWAIT_CLOSE, kTooBig);
  script.steps.push_back(
      {.action = Action::SEND, .bytes = composer.frame(kFin | kContinuation, ""), .messages = {{kBinary, ""}}});
  script.steps.push_back({Action::AWAIT_ECHOES});
  add_farewell(composer, script);
}

// It reads the pongs: so it may go on.
void pings(Composer &composer, Script &script) {
  add_good_conduct(composer, script);
  script.steps.push_back({Action::SEND, frames(composer, kFin | kPing, 125), composer.random.between(10, 300)});
  add_farewell(composer, script);
}

// Until the server takes no more, or ends it; if it does neither, for longest_pause.
void flood_unread(Composer &composer, Script &script, const std::string &unit) {
  add_good_conduct(composer, script);
  script.steps.push_back({Action::TOLERATE});
  script.steps.push_back({Action::STOP_READING});
  script.steps.push_back(
      {.action = Action::SEND, .bytes = unit, .times = 1 << 20, .patience = composer.longest_pause()});
  script.steps.push_back({Action::RESET});
}

void unread_pongs(Composer &composer, Script &script) {
  flood_unread(composer, script, frames(composer, kFin | kPing, 125));
}

void unread_echoes(Composer &composer, Script &script) {
  const std::string payload(size_t{1} << composer.random.between(6, 18), 'x');
  std::string unit;
  while (unit.size() < kFloodBytes)
    unit += composer.frame(kFin | kBinary, payload);
  flood_unread(composer, script, unit);
}

// Requests ------------------------------------------------------------------------------------------------------------

void ask(Script &script, const std::string &request, int status) {
  script.steps.push_back({Action::SEND, request});
  await_verdict(script, Action::AWAIT_REFUSAL, status);
  script.opens = false;
}

std::string request_with(const Composer &composer, const std::string &fields) {
  std::string request = composer.request();
  return request.insert(request.size() - 2, fields);
}

std::string request_without(const Composer &composer, std::string_view name) {
  std::string request = composer.request();
  const size_t begin = request.find(name);
  return request.erase(begin, request.find("\r\n", begin) + 2 - begin);
}

// RFC 6585 5, for both. No more than is read of it: what is left would reset the connection.
void large_head(Composer &, Script &script) {
  const std::string begin = "GET / HTTP/1.1\r\nX: ";
  ask(script, begin + std::string(kMaxHeadSize - begin.size(), 'x'), 431);
}

void many_headers(Composer &composer, Script &script) {
  std::string fields;
  for (int i = 0; i <= kMaxHeaders; i++)
    fields += "X: y\r\n";
  ask(script, request_with(composer, fields), 431);
}

// RFC 6455 10.2 and 4.2.2
void foreign_origin(Composer &composer, Script &script) {
  ask(script, request_with(composer, "Origin: https://elsewhere.example\r\n"), 403);
}

// RFC 6455 4.2.1
void without_key(Composer &composer, Script &script) {
  ask(script, request_without(composer, "Sec-WebSocket-Key"), 400);
}

// RFC 6455 4.4
void wrong_version(Composer &composer, Script &script) {
  ask(script, request_without(composer, "Sec-WebSocket-Version"), 426);
}

// Garbage -------------------------------------------------------------------------------------------------------------

// Nobody knows what it may mean, or whether it is all.
void say_anything(Composer &composer, Script &script, const std::string &bytes) {
  script.steps.push_back({Action::TOLERATE});
  script.steps.push_back({Action::SEND, bytes});
  script.steps.push_back({.action = Action::AWAIT_END, .patience = composer.longest_pause() / 4});
  script.steps.push_back({Action::RESET});
}

void garbage(Composer &composer, Script &script) {
  script.opens = false;
  script.without_tls = composer.random.is_one_in(2);
  say_anything(composer, script, composer.random_bytes(composer.random.between(1, 20'000)));
}

void garbage_behind_opening(Composer &composer, Script &script) {
  add_good_conduct(composer, script);
  say_anything(composer, script, composer.random_bytes(composer.random.between(1, 20'000)));
}

// TLS where there is none, and none where there is TLS.
void wrong_layer(Composer &composer, Script &script) {
  script.opens = false;
  script.without_tls = true;
  say_anything(composer, script, composer.is_secure() ? composer.request() : make_client_hello());
}

constexpr Kind kHostile[] = {
    {"frame that is not masked", not_masked},
    {"RSV2 or RSV3", reserved_bits},
    {"RSV1 on a ping", compressed_ping},
    {"reserved opcode", reserved_opcode},
    {"length of 2^63 or more", negative_length},
    {"length beyond the limit", giant_length},
    {"length in too many bytes", padded_length},
    {"ping of over 125 bytes", long_ping},
    {"fragmented ping", fragmented_ping},
    {"continuation of nothing", continuation_of_nothing},
    {"message in a message", message_in_message},
    {"text that is not UTF-8", not_utf8},
    {"wrong close code", wrong_close_code},
    {"Close of one byte", close_of_one_byte},
    {"bomb", bomb},
    {"bad deflate", not_deflated},
    {"flood of empty fragments", empty_fragments},
    {"flood of pings", pings},
    {"unread pongs", unread_pongs},
    {"unread echoes", unread_echoes},
    {"head too large", large_head},
    {"too many headers", many_headers},
    {"foreign Origin", foreign_origin},
    {"request without a key", without_key},
    {"request without a version", wrong_version},
    {"garbage", garbage},
    {"garbage behind the opening", garbage_behind_opening},
    {"wrong layer", wrong_layer},
};

}  // namespace

Kinds hostile_kinds() {
  return {kHostile, std::size(kHostile)};
}

}  // namespace soak
