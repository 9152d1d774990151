// Frames written and read by the letter of RFC 6455 5.2, sharing nothing with lib/: the oracle of the tests.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace frames {

constexpr int kContinuation = 0;
constexpr int kText = 1;
constexpr int kBinary = 2;
constexpr int kClose = 8;
constexpr int kPing = 9;
constexpr int kPong = 10;

using Key = std::array<uint8_t, 4>;

struct Frame {
  int opcode = kText;
  std::string payload;
  bool final = true;
  int rsv = 0;  // 4: RSV1, 2: RSV2, 1: RSV3
  bool masked = false;
  Key key = {};
};

inline std::string number(uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; i--)
    text += static_cast<char>(value >> (8 * i));
  return text;
}

inline std::string xored(std::string text, const Key &key) {
  for (size_t i = 0; i < text.size(); i++)
    text[i] = static_cast<char>(static_cast<uint8_t>(text[i]) ^ key[i % 4]);
  return text;
}

// A header that announces `size`, in `length_bytes` (0, 2 or 8) behind the second byte; -1: as few as there have to be.
inline std::string header(const Frame &frame, uint64_t size, int length_bytes = -1) {
  if (length_bytes < 0) length_bytes = size <= 125 ? 0 : size <= 65535 ? 2 : 8;
  int length = length_bytes == 0 ? static_cast<int>(size) : length_bytes == 2 ? 126 : 127;
  std::string text = number(static_cast<uint64_t>((frame.final ? 128 : 0) + 16 * frame.rsv + frame.opcode), 1);
  text += number(static_cast<uint64_t>((frame.masked ? 128 : 0) + length), 1);
  text += number(size, length_bytes);
  if (frame.masked) text.append(frame.key.begin(), frame.key.end());
  return text;
}

inline std::string write(const Frame &frame, int length_bytes = -1) {
  std::string payload = frame.masked ? xored(frame.payload, frame.key) : frame.payload;
  return header(frame, frame.payload.size(), length_bytes) + payload;
}

// What a peer of a session in the given role sends: a server's peer masks.
class Peer {
 public:
  explicit Peer(bool of_server) : masks_(of_server) {}

  Frame frame(int opcode, std::string payload, bool final = true, int rsv = 0) {
    Frame frame{opcode, std::move(payload), final, rsv, masks_, {}};
    for (uint8_t &octet : frame.key)
      octet = static_cast<uint8_t>(masks_ ? next_key_ += 37 : 0);
    return frame;
  }
  std::string bytes(int opcode, std::string payload, bool final = true, int rsv = 0) {
    return write(frame(opcode, std::move(payload), final, rsv));
  }
  std::string text(std::string payload) { return bytes(kText, std::move(payload)); }
  std::string binary(std::string payload) { return bytes(kBinary, std::move(payload)); }
  std::string close(int code, const std::string &reason = "") {
    return bytes(kClose, number(static_cast<uint64_t>(code), 2) + reason);
  }
  std::string header_of(int opcode, uint64_t size, int length_bytes = -1, bool final = true) {
    return header(frame(opcode, "", final), size, length_bytes);
  }

 private:
  bool masks_;
  unsigned next_key_ = 1;
};

// Takes the next frame off `bytes`; false if it is not whole.
inline bool take(std::string &bytes, Frame &frame) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  if (bytes.size() < 2) return false;
  frame.final = (byte(0) & 0x80) != 0;
  frame.rsv = byte(0) >> 4 & 7;
  frame.opcode = byte(0) & 15;
  frame.masked = (byte(1) & 0x80) != 0;
  uint64_t size = byte(1) & 0x7F;
  size_t length_bytes = size == 126 ? 2 : size == 127 ? 8 : 0;
  size_t at = 2 + length_bytes + (frame.masked ? 4 : 0);
  if (bytes.size() < at) return false;
  if (length_bytes != 0) size = 0;
  for (size_t i = 0; i < length_bytes; i++)
    size = size << 8 | byte(2 + i);
  if (bytes.size() - at < size) return false;
  frame.payload = bytes.substr(at, size);
  for (size_t i = 0; frame.masked && i < 4; i++)
    frame.key[i] = byte(at - 4 + i);
  if (frame.masked) frame.payload = xored(frame.payload, frame.key);
  bytes.erase(0, at + size);
  return true;
}

// All frames in `bytes`; one with the opcode -1 stands for a rest that is no whole frame.
inline std::vector<Frame> take_all(std::string bytes) {
  std::vector<Frame> all;
  Frame frame;
  while (take(bytes, frame))
    all.push_back(frame);
  if (!bytes.empty()) all.push_back({-1, bytes, true, 0, false, {}});
  return all;
}

// "1:hello 9:xy 8:": opcode and payload of each frame, for comparison at a glance. "+" marks one that is not final.
inline std::string sketch(const std::string &bytes) {
  std::string text;
  for (const Frame &frame : take_all(bytes)) {
    if (!text.empty()) text += ' ';
    text += std::to_string(frame.opcode) + (frame.final ? ":" : "+:") + frame.payload;
    if (frame.rsv != 0) text += "!rsv";
  }
  return text;
}

// The code in the Close frame at the end of `bytes`: 0 for an empty Close, -1 if the last frame is none.
inline int close_code(const std::string &bytes) {
  std::vector<Frame> all = take_all(bytes);
  if (all.empty() || all.back().opcode != kClose) return -1;
  const std::string &payload = all.back().payload;
  if (payload.size() < 2) return payload.empty() ? 0 : -1;
  return static_cast<uint8_t>(payload[0]) << 8 | static_cast<uint8_t>(payload[1]);
}

}  // namespace frames
