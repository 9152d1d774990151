// Opcodes (RFC 6455 5.2 and 11.8).
#pragma once

#include <cstdint>

namespace hawser {

enum class Opcode : uint8_t {
  CONTINUATION = 0x0,
  TEXT = 0x1,
  BINARY = 0x2,
  CLOSE = 0x8,
  PING = 0x9,
  PONG = 0xA,
};

// Of the opcodes 8 to F, which have the high bit set (RFC 6455 5.5).
constexpr bool is_control(Opcode opcode) {
  return (static_cast<uint8_t>(opcode) & 0x8) != 0;
}

// What an application may send as a message.
constexpr bool begins_message(Opcode opcode) {
  return opcode == Opcode::TEXT || opcode == Opcode::BINARY;
}

// An application may mark a message that is not to be compressed. The mark never travels.
inline constexpr uint8_t kUncompressedMark = 0x80;

constexpr bool is_marked_uncompressed(Opcode opcode) {
  return (static_cast<uint8_t>(opcode) & kUncompressedMark) != 0;
}
constexpr Opcode without_mark(Opcode opcode) {
  return static_cast<Opcode>(static_cast<uint8_t>(opcode) & ~kUncompressedMark);
}

// 3 to 7 and B to F are reserved.
constexpr bool is_known(Opcode opcode) {
  return (0x0707 >> static_cast<uint8_t>(opcode) & 1) != 0;
}

}  // namespace hawser
