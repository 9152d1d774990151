// The header of a frame (RFC 6455 5.2).
#pragma once

#include <cstddef>
#include <cstdint>

#include "framing/masking.hpp"
#include "framing/opcode.hpp"

namespace hawser {

inline constexpr size_t kMaxFrameHeader = 14;
inline constexpr size_t kMaxControlPayload = 125;
inline constexpr uint8_t kReservedBits = 0x70;   // RSV1, RSV2, RSV3 in the first byte
inline constexpr uint8_t kCompressedBit = 0x40;  // RSV1 of a message's first frame (RFC 7692 6)

struct FrameHeader {
  uint64_t payload_size = 0;
  MaskingKey key = {};
  Opcode opcode = Opcode::CONTINUATION;
  uint8_t reserved = 0;  // RSV bits, where they stand in the first byte
  bool final = false;
  bool masked = false;
};

// What a receiver demands of every frame.
struct FrameRules {
  bool masked = false;           // a server's peer masks, a client's does not (RFC 6455 5.1)
  uint8_t allowed_reserved = 0;  // RSV bits that an extension has given a meaning
};

// The size of a header (2 to 14), told by its second byte.
constexpr size_t frame_header_size(uint8_t second) {
  uint8_t length = second & 0x7F;
  size_t extended = length == 126 ? 2 : length == 127 ? 8 : 0;
  return 2 + extended + ((second & 0x80) != 0 ? 4 : 0);
}

// Reads a header of which all frame_header_size bytes are there.
FrameHeader read_frame_header(const uint8_t *from);

// What is wrong with the first two bytes of a header, and then with its length, in words; nullptr if nothing is.
const char *check_frame_start(const uint8_t *from, const FrameRules &rules);
const char *check_frame_length(const uint8_t *from);

// Writes a header; `first` is FIN, RSV and opcode. key may be null: not masked. Returns its size.
size_t write_frame_header(uint8_t *to, uint8_t first, uint64_t payload_size, const MaskingKey *key);

constexpr uint8_t frame_first_byte(bool final, Opcode opcode) {
  return static_cast<uint8_t>((final ? 0x80 : 0) | static_cast<uint8_t>(opcode));
}

}  // namespace hawser
