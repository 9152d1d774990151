#include "wire.hpp"

#include <cstring>

namespace load {

namespace {

size_t extended_size(uint8_t length) {
  return length == 127 ? 8 : length == 126 ? 2 : 0;
}

}  // namespace

size_t header_size(const uint8_t *header, size_t size) {
  if (size < 2) return 2;
  return 2 + extended_size(header[1] & 0x7F) + ((header[1] & kMasked) != 0 ? 4 : 0);
}

uint64_t payload_size(const uint8_t *header) {
  const uint8_t length = header[1] & 0x7F;
  if (length < 126) return length;
  uint64_t size = 0;
  for (size_t i = 0; i < extended_size(length); i++)
    size = size << 8 | header[2 + i];
  return size;
}

void mask(uint8_t *data, size_t size, const uint8_t *key, size_t position) {
  uint8_t repeated[8];
  for (size_t i = 0; i < 8; i++)
    repeated[i] = key[(position + i) % 4];
  uint64_t wide;
  std::memcpy(&wide, repeated, 8);
  size_t at = 0;
  for (; at + 8 <= size; at += 8) {
    uint64_t word;
    std::memcpy(&word, data + at, 8);
    word ^= wide;
    std::memcpy(data + at, &word, 8);
  }
  for (; at < size; at++)
    data[at] ^= repeated[at % 8];
}

std::string make_frame(uint8_t first, std::string_view payload, const uint8_t *key) {
  const size_t size = payload.size();
  const uint8_t length = size < 126 ? static_cast<uint8_t>(size) : size < 65536 ? 126 : 127;
  std::string frame = {static_cast<char>(first), static_cast<char>(length | (key != nullptr ? kMasked : 0))};
  for (size_t i = extended_size(length); i-- > 0;)
    frame += static_cast<char>(size >> (8 * i));
  if (key != nullptr) frame.append(reinterpret_cast<const char *>(key), 4);
  const size_t begin = frame.size();
  frame += payload;
  if (key != nullptr) mask(reinterpret_cast<uint8_t *>(frame.data()) + begin, size, key, 0);
  return frame;
}

}  // namespace load
