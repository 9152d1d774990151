// Network byte order (RFC 6455 5.2: multibyte length quantities).
#pragma once

#include <cstdint>

namespace hawser {

inline uint16_t load_be16(const uint8_t *from) {
  return static_cast<uint16_t>(from[0] << 8 | from[1]);
}

inline uint64_t load_be64(const uint8_t *from) {
  uint64_t value = 0;
  for (int i = 0; i < 8; i++)
    value = value << 8 | from[i];
  return value;
}

inline void store_be16(uint8_t *to, uint16_t value) {
  to[0] = static_cast<uint8_t>(value >> 8);
  to[1] = static_cast<uint8_t>(value);
}

inline void store_be64(uint8_t *to, uint64_t value) {
  for (int i = 0; i < 8; i++)
    to[i] = static_cast<uint8_t>(value >> (56 - 8 * i));
}

}  // namespace hawser
