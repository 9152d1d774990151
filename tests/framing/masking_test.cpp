#include "framing/masking.hpp"

#include <cstring>
#include <random>
#include <vector>

#include "support/cmocka.hpp"

using hawser::apply_mask;
using hawser::copy_masked;
using hawser::MaskingKey;
using hawser::masking_detail::Implementation;
using hawser::masking_detail::implementations;

namespace {

using Bytes = std::vector<uint8_t>;

constexpr size_t kMargin = 64;  // watched bytes on both sides of what is masked
constexpr MaskingKey kKey = {{0x37, 0xFA, 0x21, 0x3D}};

Bytes random_bytes(std::mt19937 &random, size_t size) {
  Bytes bytes(size);
  for (uint8_t &byte : bytes)
    byte = static_cast<uint8_t>(random());
  return bytes;
}

// RFC 6455 5.3 to the letter.
void mask_naively(uint8_t *data, size_t size, MaskingKey key) {
  for (size_t i = 0; i < size; i++)
    data[i] ^= key.octets[i % 4];
}

uint32_t native(MaskingKey key) {
  uint32_t word;
  std::memcpy(&word, key.octets, sizeof(word));
  return word;
}

// Masks `size` bytes in the middle of random ones, in place and as a copy; true if just those changed, as they should.
bool masks_right(const Implementation &implementation, size_t offset, size_t size, std::mt19937 &random) {
  Bytes original = random_bytes(random, offset + size + 2 * kMargin);
  MaskingKey key;
  for (uint8_t &octet : key.octets)
    octet = static_cast<uint8_t>(random());
  Bytes expected = original;
  mask_naively(expected.data() + kMargin + offset, size, key);

  Bytes in_place = original;
  uint8_t *data = in_place.data() + kMargin + offset;
  implementation.mask(data, data, size, native(key));

  Bytes copy = original;
  Bytes source(original.begin() + static_cast<ptrdiff_t>(kMargin + offset), original.end() - kMargin);
  std::memset(copy.data() + kMargin + offset, 0xEE, size);
  implementation.mask(copy.data() + kMargin + offset, source.data(), size, native(key));
  return in_place == expected && copy == expected;
}

// RFC 6455 5.7: a single-frame masked text message, "Hello".
void masks_the_example_of_the_rfc(void **) {
  uint8_t data[] = {0x7F, 0x9F, 0x4D, 0x51, 0x58};
  apply_mask(data, sizeof(data), kKey);
  assert_memory_equal(data, "Hello", 5);

  uint8_t masked[5];
  copy_masked(masked, data, sizeof(data), kKey);
  assert_memory_equal(masked, "\x7F\x9F\x4D\x51\x58", 5);
  assert_memory_equal(data, "Hello", 5);
}

void this_machine_runs_an_implementation(void **) {
  assert_false(implementations().empty());
  for (const Implementation &implementation : implementations()) {
    print_message("%s\n", implementation.name);
  }
}

void every_implementation_masks_every_size_at_every_offset(void **) {
  constexpr unsigned kSeed = 6455;
  print_message("seed %u\n", kSeed);
  std::mt19937 random(kSeed);
  for (const Implementation &implementation : implementations()) {
    for (size_t size = 0; size <= 300; size++) {
      for (size_t offset = 0; offset < 32; offset++) {
        if (!masks_right(implementation, offset, size, random)) {
          fail_msg("%s, size %zu, offset %zu", implementation.name, size, offset);
        }
      }
    }
  }
}

void every_implementation_masks_large_payloads(void **) {
  constexpr unsigned kSeed = 7692;
  print_message("seed %u\n", kSeed);
  std::mt19937 random(kSeed);
  for (const Implementation &implementation : implementations()) {
    for (int i = 0; i < 40; i++) {
      size_t offset = random() % 64;
      size_t size = random() % 70000;
      if (!masks_right(implementation, offset, size, random)) {
        fail_msg("%s, size %zu, offset %zu", implementation.name, size, offset);
      }
    }
  }
}

// True if and only if what was written is ASCII: one byte above 127 is seen wherever it stands.
void every_implementation_tells_ascii(void **) {
  constexpr unsigned kSeed = 3629;
  print_message("seed %u\n", kSeed);
  std::mt19937 random(kSeed);
  for (const Implementation &implementation : implementations()) {
    for (size_t size = 0; size <= 600; size++) {
      Bytes text = random_bytes(random, size);
      for (uint8_t &byte : text)
        byte &= 0x7F;
      for (size_t high = 0; high <= size; high++) {  // the last time: none
        if (size > 80 && high < size && random() % 16 != 0) continue;
        Bytes expected = text;
        if (high < size) expected[high] |= 0x80;
        Bytes data = expected;
        mask_naively(data.data(), size, kKey);
        bool ascii = implementation.mask_text(data.data(), data.data(), size, native(kKey));
        if (data != expected || ascii != (high == size)) {
          fail_msg("%s, size %zu, byte %zu", implementation.name, size, high);
        }
      }
    }
  }
}

void no_payload_needs_no_memory(void **) {
  apply_mask(nullptr, 0, kKey);
  copy_masked(nullptr, nullptr, 0, kKey);
  for (const Implementation &implementation : implementations()) {
    implementation.mask(nullptr, nullptr, 0, native(kKey));
  }
}

void rotated_keys_continue_a_payload_at_every_cut(void **) {
  constexpr unsigned kSeed = 1;
  print_message("seed %u\n", kSeed);
  std::mt19937 random(kSeed);
  Bytes original = random_bytes(random, 150);
  Bytes expected = original;
  mask_naively(expected.data(), expected.size(), kKey);
  for (size_t cut = 0; cut <= original.size(); cut++) {
    Bytes data = original;
    apply_mask(data.data(), cut, kKey);
    apply_mask(data.data() + cut, data.size() - cut, kKey.rotated(cut));
    assert_true(data == expected);
  }
}

void rotated_keys_continue_a_payload_byte_by_byte(void **) {
  Bytes data(100, 0);
  for (size_t i = 0; i < data.size(); i++)
    apply_mask(&data[i], 1, kKey.rotated(i));
  for (size_t i = 0; i < data.size(); i++)
    assert_int_equal(data[i], kKey.octets[i % 4]);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(masks_the_example_of_the_rfc),
      cmocka_unit_test(this_machine_runs_an_implementation),
      cmocka_unit_test(every_implementation_masks_every_size_at_every_offset),
      cmocka_unit_test(every_implementation_masks_large_payloads),
      cmocka_unit_test(every_implementation_tells_ascii),
      cmocka_unit_test(no_payload_needs_no_memory),
      cmocka_unit_test(rotated_keys_continue_a_payload_at_every_cut),
      cmocka_unit_test(rotated_keys_continue_a_payload_byte_by_byte),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
