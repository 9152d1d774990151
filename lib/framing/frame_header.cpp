#include "framing/frame_header.hpp"

#include <cstring>

#include "bytes/big_endian.hpp"

namespace hawser {

FrameHeader read_frame_header(const uint8_t *from) {
  FrameHeader header;
  header.final = (from[0] & 0x80) != 0;
  header.reserved = from[0] & kReservedBits;
  header.opcode = static_cast<Opcode>(from[0] & 0x0F);
  header.masked = (from[1] & 0x80) != 0;
  uint8_t length = from[1] & 0x7F;
  const uint8_t *next = from + 2;
  if (length < 126) {
    header.payload_size = length;
  } else if (length == 126) {
    header.payload_size = load_be16(next);
    next += 2;
  } else {
    header.payload_size = load_be64(next);
    next += 8;
  }
  if (header.masked) std::memcpy(header.key.octets, next, 4);
  return header;
}

const char *check_frame_start(const uint8_t *from, const FrameRules &rules) {
  Opcode opcode = static_cast<Opcode>(from[0] & 0x0F);
  if ((from[0] & kReservedBits & ~rules.allowed_reserved) != 0) {
    return "a frame with a reserved bit set (RFC 6455 5.2)";
  }
  if (!is_known(opcode)) return "a frame with a reserved opcode (RFC 6455 5.2)";
  bool masked = (from[1] & 0x80) != 0;
  if (masked != rules.masked) {
    return masked ? "a masked frame from a server (RFC 6455 5.1)" : "an unmasked frame from a client (RFC 6455 5.1)";
  }
  if (!is_control(opcode)) return nullptr;
  if ((from[0] & 0x80) == 0) return "a fragmented control frame (RFC 6455 5.5)";
  if ((from[1] & 0x7F) > kMaxControlPayload) return "a control frame of over 125 bytes (RFC 6455 5.5)";
  if ((from[0] & kReservedBits) != 0) return "a control frame with a reserved bit set (RFC 6455 5.2)";
  return nullptr;
}

const char *check_frame_length(const uint8_t *from) {
  uint8_t length = from[1] & 0x7F;
  // RFC 6455 5.2: the minimal number of bytes must be used; the most significant bit of 64 must be 0.
  if (length == 126 && load_be16(from + 2) < 126) return "a length that is not minimal (RFC 6455 5.2)";
  if (length != 127) return nullptr;
  uint64_t size = load_be64(from + 2);
  if (size < 0x10000) return "a length that is not minimal (RFC 6455 5.2)";
  if (size >> 63 != 0) return "a length with its top bit set (RFC 6455 5.2)";
  return nullptr;
}

size_t write_frame_header(uint8_t *to, uint8_t first, uint64_t payload_size, const MaskingKey *key) {
  uint8_t mask_bit = key != nullptr ? 0x80 : 0;
  size_t size = 2;
  to[0] = first;
  if (payload_size < 126) {
    to[1] = static_cast<uint8_t>(mask_bit | payload_size);
  } else if (payload_size < 0x10000) {
    to[1] = mask_bit | 126;
    store_be16(to + 2, static_cast<uint16_t>(payload_size));
    size = 4;
  } else {
    to[1] = mask_bit | 127;
    store_be64(to + 2, payload_size);
    size = 10;
  }
  if (key == nullptr) return size;
  std::memcpy(to + size, key->octets, 4);
  return size + 4;
}

}  // namespace hawser
