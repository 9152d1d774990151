// Frames (RFC 6455 5.2), written for the load alone: it shares nothing with the library that it measures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace load {

constexpr uint8_t kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10;
constexpr uint8_t kFin = 0x80, kRsv1 = 0x40, kRsv2And3 = 0x30, kMasked = 0x80;
constexpr size_t kLargestHeader = 14;

// Bytes of a header of which `size` have come: 2 until those tell more.
size_t header_size(const uint8_t *header, size_t size);
uint64_t payload_size(const uint8_t *header);

// `position`: of data[0] in its payload.
void mask(uint8_t *data, size_t size, const uint8_t *key, size_t position);

// `first`: FIN, RSV bits and opcode. `key`: 4 bytes, or nullptr: not masked.
std::string make_frame(uint8_t first, std::string_view payload, const uint8_t *key);

}  // namespace load
