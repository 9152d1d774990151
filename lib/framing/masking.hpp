// Masking of payloads (RFC 6455 5.3): octet i of the payload is XORed with octet i mod 4 of the key. The implementation
// (AVX2, SSE2, NEON or portable) is chosen once, when the library is loaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser {

// A masking key as four bytes of memory in wire order, whatever the endianness of the machine.
struct MaskingKey {
  uint8_t octets[4];

  // The key for a payload of which `offset` bytes are done already.
  MaskingKey rotated(size_t offset) const {
    return {{octets[offset & 3], octets[(offset + 1) & 3], octets[(offset + 2) & 3], octets[(offset + 3) & 3]}};
  }
};

// Masks or unmasks in place. `data` may have any alignment.
void apply_mask(uint8_t *data, size_t size, MaskingKey key);
// The same. True if the outcome is known to be ASCII, which it finds out on the way; false: it is not.
bool apply_mask_to_text(uint8_t *data, size_t size, MaskingKey key);
// Writes the masked bytes of `from` to `to`; they must not overlap.
void copy_masked(uint8_t *to, const uint8_t *from, size_t size, MaskingKey key);

// For the tests: what apply_mask and copy_masked are chosen from.
namespace masking_detail {

// Masks `size` bytes of `from` into `to`, which are the same or do not overlap; `key` is MaskingKey as a native
// integer.
using Mask = bool(uint8_t *to, const uint8_t *from, size_t size, uint32_t key);

struct Implementation {
  const char *name;
  Mask *mask;       // what it returns means nothing
  Mask *mask_text;  // true if and only if what it wrote is ASCII
};

// Those that this machine can run, the best one first.
std::span<const Implementation> implementations();

}  // namespace masking_detail

}  // namespace hawser
