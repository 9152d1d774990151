// The frame parser with the message assembler behind it, on bytes of a peer of either role in any pieces, against a
// reader of RFC 6455 5 that has all of the bytes before it.
#include <optional>
#include <vector>

#include "bytes/big_endian.hpp"
#include "framing/frame_parser.hpp"
#include "framing/message_assembler.hpp"
#include "fuzz/fuzz.hpp"
#include "fuzz/reference.hpp"
#include "support/frames.hpp"

using namespace hawser;

namespace {

constexpr MessageLimits kLimits{1024, 8};  // well under the inputs that scripts/fuzz lets libFuzzer make

// What a receiver has of the bytes.
struct Outcome {
  std::vector<frames::Frame> units;  // messages and control frames
  bool failed = false;
  bool operator==(const Outcome &other) const {
    auto same = [](const frames::Frame &a, const frames::Frame &b) {
      return a.opcode == b.opcode && a.payload == b.payload;
    };
    return failed == other.failed &&
           std::equal(units.begin(), units.end(), other.units.begin(), other.units.end(), same);
  }
};

// The rules for one frame by itself that its first bytes tell (RFC 6455 5.2, 5.5); `bytes` may be the beginning of one.
bool breaks_rules(std::string_view bytes, bool masked) {
  if (bytes.size() < 2) return false;
  int first = static_cast<uint8_t>(bytes[0]);
  int second = static_cast<uint8_t>(bytes[1]);
  int opcode = first & 15;
  bool control = opcode >= 8;
  if ((first & 0x70) != 0 || (opcode > 2 && opcode < 8) || opcode > 10) return true;
  if ((second >= 128) != masked) return true;
  if (control && (first < 128 || (second & 127) > 125)) return true;
  if (bytes.size() < frame_header_size(static_cast<uint8_t>(second))) return false;
  const uint8_t *length = fuzz::octets(bytes) + 2;
  if ((second & 127) == 126) return load_be16(length) < 126;
  if ((second & 127) == 127) return load_be64(length) < 65536 || load_be64(length) > INT64_MAX;
  return false;
}

// The frames one by one: messages put together, with the limits and UTF-8 checked at the end of each.
class Reader {
 public:
  Reader(std::string bytes, bool masked) : bytes_(std::move(bytes)), masked_(masked) {}

  Outcome read() {
    frames::Frame frame;
    while (!outcome_.failed) {
      if (breaks_rules(bytes_, masked_)) return fail();
      std::string rest = bytes_;
      if (!frames::take(bytes_, frame)) return read_cut_off(rest);
      take(frame);
    }
    return outcome_;
  }

 private:
  Outcome &fail() {
    outcome_.failed = true;
    return outcome_;
  }

  void take(const frames::Frame &frame) {
    if (frame.opcode >= 8) {
      outcome_.units.push_back(frame);
      return;
    }
    if (!begin(frame.opcode, frame.payload.size())) return;
    message_->payload += frame.payload;
    check_text(frame.final);
    if (!frame.final || outcome_.failed) return;
    outcome_.units.push_back(*message_);
    message_.reset();
  }

  // RFC 6455 5.4.
  bool begin(int opcode, uint64_t size) {
    bool continues = opcode == frames::kContinuation;
    if (continues != message_.has_value()) return fail(), false;
    if (!continues) {
      message_ = frames::Frame{opcode, "", true, 0, false, {}};
      fragments_ = 0;
    }
    bool fits = size <= 1024 && message_->payload.size() + size <= 1024 && ++fragments_ <= 8;
    if (!fits) fail();
    return fits;
  }

  // RFC 6455 8.1: at the first byte that is wrong.
  void check_text(bool final) {
    if (message_->opcode != frames::kText) return;
    fuzz::Utf8 utf8 = fuzz::decode_utf8(message_->payload);
    if (utf8.failed() || (final && !utf8.complete)) fail();
  }

  // A frame of which the end has not come: its header may be judged already, and its text.
  Outcome read_cut_off(const std::string &rest) {
    if (rest.size() < 2) return outcome_;
    size_t header = frame_header_size(static_cast<uint8_t>(rest[1]));
    if (rest.size() < header || (rest[0] & 8) != 0) return outcome_;
    frames::Frame frame;
    frame.opcode = rest[0] & 15;
    int length = rest[1] & 127;
    const uint8_t *extended = fuzz::octets(rest) + 2;
    uint64_t size = length == 126 ? load_be16(extended) : length == 127 ? load_be64(extended) : uint64_t(length);
    if (!begin(frame.opcode, size)) return outcome_;
    std::string payload = rest.substr(header);
    if (masked_) {
      for (size_t i = 0; i < 4; i++)
        frame.key[i] = static_cast<uint8_t>(rest[header - 4 + i]);
      payload = frames::xored(payload, frame.key);
    }
    message_->payload += payload;
    check_text(false);
    return outcome_;
  }

  std::string bytes_;
  const bool masked_;
  std::optional<frames::Frame> message_;
  int fragments_ = 0;
  Outcome outcome_;
};

// The same through the parser.
class Receiver {
 public:
  explicit Receiver(bool masked) : rules_{masked, 0} {}

  // False once the peer has broken a rule.
  bool receive(uint8_t *data, size_t size) {
    for (size_t at = 0; at < size && !outcome_.failed;) {
      FramePiece piece;
      const char *words = nullptr;
      size_t used = 0;
      FrameParser::Status status = parser_.next(data + at, size - at, rules_, used, piece, words);
      calls_++;
      HOLDS(used <= size - at && (used != 0 || status == FrameParser::Status::FAILED));
      at += used;
      HOLDS((status == FrameParser::Status::FAILED) == (words != nullptr));
      if (status == FrameParser::Status::NEED_MORE) HOLDS(at == size);
      if (status == FrameParser::Status::FAILED) outcome_.failed = true;
      if (status == FrameParser::Status::PIECE) take(piece);
    }
    return !outcome_.failed;
  }

  const Outcome &outcome() const { return outcome_; }
  size_t calls() const { return calls_; }
  const Budget &budget() const { return budget_; }

 private:
  void take(const FramePiece &piece) {
    HOLDS(piece.header.masked == rules_.masked && piece.header.reserved == 0);
    HOLDS(piece.size <= piece.header.payload_size);
    HOLDS(piece.last == parser_.between_frames());
    HOLDS(piece.last || parser_.remaining() != 0);
    if (is_control(piece.header.opcode)) return take_control(piece);
    Failure failure = piece.first ? begin(piece.header) : Failure();
    if (!failure) failure = message_->add(piece.payload, piece.size);
    bool final = piece.last && piece.header.final;
    if (!failure && final) failure = message_->finish();
    if (failure) outcome_.failed = true;
    if (failure || !final) return;
    Buffer &payload = message_->payload();
    std::string text(reinterpret_cast<const char *>(payload.data()), payload.size());
    outcome_.units.push_back({static_cast<int>(message_->opcode()), text, true, 0, false, {}});
    message_.reset();
  }

  Failure begin(const FrameHeader &header) {
    if (!continues_rightly(header, message_.has_value())) return wrong_continuation(header);
    if (!message_) message_.emplace(header.opcode, true, budget_);
    return message_->begin_frame(header, kLimits);
  }

  void take_control(const FramePiece &piece) {
    control_.append(reinterpret_cast<const char *>(piece.payload), piece.size);
    HOLDS(control_.size() <= 125);
    if (!piece.last) return;
    outcome_.units.push_back({static_cast<int>(piece.header.opcode), std::exchange(control_, {}), true, 0, false, {}});
  }

  const FrameRules rules_;
  Budget budget_{2 * 1024};  // enough for doubling, and for nothing that is only announced
  FrameParser parser_;
  std::optional<MessageAssembler> message_;
  std::string control_;
  Outcome outcome_;
  size_t calls_ = 0;
};

void check_pieces(std::string_view bytes, const Outcome &expected, bool masked, uint32_t salt) {
  fuzz::Pieces pieces(bytes, salt);
  Receiver receiver(masked);
  size_t count = 0;
  for (size_t at = 0; at < bytes.size(); count++) {
    size_t size = salt == 0 ? bytes.size() : salt == 1 ? 1 : pieces.next(bytes.size() - at);
    fuzz::Copy piece(bytes.substr(at, size));
    at += size;
    if (!receiver.receive(piece.data(), piece.size())) break;
  }
  HOLDS(receiver.outcome() == expected);
  HOLDS(receiver.calls() <= bytes.size() / 2 + count + 2);  // a frame has two bytes
}

// The short way for whole messages takes what the long one would have taken, and what it leaves is as it was.
template <bool masked>
void check_whole(std::string_view bytes) {
  fuzz::Copy copy(bytes);
  WholeMessage message;
  size_t used = FrameParser::take_whole<masked>(copy.data(), copy.size(), 1024, message);
  std::string rest(bytes);
  frames::Frame frame;
  bool whole = frames::take(rest, frame);
  if (used == 0) {
    HOLDS(bytes.empty() || std::memcmp(copy.data(), bytes.data(), bytes.size()) == 0);
    return;
  }
  HOLDS(whole && !breaks_rules(bytes, masked) && used == bytes.size() - rest.size());
  bool ascii = masked && message.unmask_text();
  HOLDS(frame.final && (frame.opcode == frames::kText || frame.opcode == frames::kBinary));
  HOLDS(frame.opcode == static_cast<int>(message.opcode));
  HOLDS(fuzz::text_of(message.payload, message.size) == frame.payload && message.size <= 1024);
  if (ascii) HOLDS(std::none_of(frame.payload.begin(), frame.payload.end(), [](char c) { return (c & 128) != 0; }));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view bytes = fuzz::text_of(data, size);
  bool masked = size >= 2 && data[1] >= 128;  // the role that does not refuse the first frame
  Outcome expected = Reader(std::string(bytes), masked).read();
  for (uint32_t salt : {0, 1, 2, 3})
    check_pieces(bytes, expected, masked, salt);
  masked ? check_whole<true>(bytes) : check_whole<false>(bytes);
  return 0;
}
