#include "bytes/big_endian.hpp"

#include <cstring>
#include <random>

#include <arpa/inet.h>

#include "support/cmocka.hpp"

using hawser::load_be16;
using hawser::load_be64;
using hawser::store_be16;
using hawser::store_be64;

namespace {

void loads_and_stores_16_bits_like_htons(void **) {
  for (unsigned value = 0; value <= 0xFFFF; value++) {
    uint16_t expected = htons(static_cast<uint16_t>(value));
    uint8_t stored[2];
    store_be16(stored, static_cast<uint16_t>(value));
    assert_memory_equal(stored, &expected, 2);
    assert_int_equal(load_be16(stored), value);
  }
}

void loads_and_stores_64_bits_in_network_order(void **) {
  const uint8_t bytes[8] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF};
  assert_true(load_be64(bytes) == 0x0123456789ABCDEFu);
  uint8_t stored[8];
  store_be64(stored, 0x0123456789ABCDEFu);
  assert_memory_equal(stored, bytes, 8);
}

void loads_and_stores_64_bits_like_two_htonl(void **) {
  constexpr unsigned kSeed = 65536;
  print_message("seed %u\n", kSeed);
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 10000; i++) {
    uint64_t value = random() >> (random() % 64);
    uint32_t expected[2] = {htonl(static_cast<uint32_t>(value >> 32)), htonl(static_cast<uint32_t>(value))};
    uint8_t stored[9];
    store_be64(stored + 1, value);  // any alignment
    assert_memory_equal(stored + 1, expected, 8);
    assert_true(load_be64(stored + 1) == value);
  }
}

void touches_no_neighbour(void **) {
  uint8_t bytes[10];
  std::memset(bytes, 0xEE, sizeof(bytes));
  store_be64(bytes + 1, 0);
  assert_int_equal(bytes[0], 0xEE);
  assert_int_equal(bytes[9], 0xEE);
  std::memset(bytes, 0xEE, sizeof(bytes));
  store_be16(bytes + 1, 0);
  assert_int_equal(bytes[0], 0xEE);
  assert_int_equal(bytes[3], 0xEE);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(loads_and_stores_16_bits_like_htons),
      cmocka_unit_test(loads_and_stores_64_bits_in_network_order),
      cmocka_unit_test(loads_and_stores_64_bits_like_two_htonl),
      cmocka_unit_test(touches_no_neighbour),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
