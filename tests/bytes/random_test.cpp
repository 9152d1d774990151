#include "bytes/random.hpp"

#include <array>
#include <cstring>
#include <set>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "support/cmocka.hpp"

using hawser::OsRandom;
using hawser::Random;

namespace {

using Bytes = std::vector<uint8_t>;

// A source that counts 1, 2, 3 ... in 4-byte steps, so that a repeated or skipped key shows.
class Counting final : public Random {
 public:
  int refills = 0;
  size_t last_size = 0;
  bool failing = false;

 protected:
  bool refill(std::span<uint8_t> to) override {
    refills++;
    last_size = to.size();
    if (failing) {
      std::memset(to.data(), 0xBA, to.size());  // a source may fail after it has written
      return false;
    }
    for (uint8_t &byte : to)
      byte = next_byte();
    return true;
  }

 private:
  uint8_t next_byte() {
    if (at_ == sizeof(number_)) {
      number_++;
      at_ = 0;
    }
    return reinterpret_cast<uint8_t *>(&number_)[at_++];
  }

  uint32_t number_ = 1;
  size_t at_ = 0;
};

uint32_t number_in(const uint8_t (&key)[4]) {
  uint32_t number;
  std::memcpy(&number, key, sizeof(number));
  return number;
}

void keys_come_from_the_source_each_once(void **) {
  Counting random;
  for (uint32_t i = 1; i <= 1000; i++) {
    uint8_t key[4];
    assert_true(random.mask(key));
    assert_int_equal(number_in(key), i);
  }
}

void one_refill_serves_many_keys(void **) {
  Counting random;
  uint8_t key[4];
  for (int i = 0; i < 256; i++)
    assert_true(random.mask(key));
  assert_int_equal(random.refills, 1);
  assert_int_equal(random.last_size, 1024);
  assert_true(random.mask(key));
  assert_int_equal(random.refills, 2);
}

void nothing_is_asked_for_before_it_is_needed(void **) {
  Counting random;
  assert_true(random.fill({}));
  assert_int_equal(random.refills, 0);
}

void nonces_and_keys_share_the_pool_without_overlap(void **) {
  Counting random;
  uint8_t key[4];
  uint32_t nonce[4];
  assert_true(random.mask(key));
  assert_true(random.fill({reinterpret_cast<uint8_t *>(nonce), sizeof(nonce)}));
  for (uint32_t i = 0; i < 4; i++)
    assert_int_equal(nonce[i], i + 2);
  assert_true(random.mask(key));
  assert_int_equal(number_in(key), 6);
  assert_int_equal(random.refills, 1);
}

void a_request_of_the_size_of_the_pool_uses_it(void **) {
  Counting random;
  std::array<uint32_t, 256> all;
  assert_true(random.fill({reinterpret_cast<uint8_t *>(all.data()), 1024}));
  assert_int_equal(all.front(), 1);
  assert_int_equal(all.back(), 256);
  assert_int_equal(random.refills, 1);
}

void larger_requests_go_straight_to_the_source(void **) {
  Counting random;
  uint8_t key[4];
  assert_true(random.mask(key));
  Bytes large(1025);
  assert_true(random.fill(large));
  assert_int_equal(random.refills, 2);
  assert_int_equal(random.last_size, 1025);
  assert_true(random.mask(key));
  assert_int_equal(number_in(key), 2);  // the pool is as it was
  assert_int_equal(random.refills, 2);
}

// Sizes that leave a rest which is too small: it is given up, never handed out twice.
void uneven_requests_never_repeat_bytes(void **) {
  Counting random;
  std::set<uint32_t> seen;
  for (int i = 0; i < 100; i++) {
    uint32_t numbers[100];
    assert_true(random.fill({reinterpret_cast<uint8_t *>(numbers), sizeof(numbers)}));
    for (uint32_t number : numbers)
      assert_true(seen.insert(number).second);
  }
}

void a_failing_source_is_told_and_leaves_zeros(void **) {
  Counting random;
  uint8_t key[4];
  for (int i = 0; i < 256; i++)
    assert_true(random.mask(key));
  random.failing = true;
  const uint8_t zeros[2000] = {};
  assert_false(random.mask(key));
  assert_memory_equal(key, zeros, sizeof(key));

  Bytes nonce(16, 0xEE);
  assert_false(random.fill(nonce));
  assert_memory_equal(nonce.data(), zeros, nonce.size());

  Bytes large(2000, 0xEE);
  assert_false(random.fill(large));
  assert_memory_equal(large.data(), zeros, large.size());
}

void what_is_said_of_the_next_key_holds(void **) {
  Counting random;
  uint8_t key[4];
  for (int i = 0; i < 1000; i++) {
    assert_true(random.has_mask());
    random.failing = true;
    assert_true(random.mask(key));  // it had one
    random.failing = false;
  }
  while (random.has_mask()) {
    random.failing = true;
    if (random.has_mask()) assert_true(random.mask(key));
  }
  assert_false(random.mask(key));
  random.failing = false;
  assert_true(random.has_mask());
}

void a_source_that_recovers_is_used_again(void **) {
  Counting random;
  random.failing = true;
  uint8_t key[4];
  assert_false(random.mask(key));
  assert_false(random.mask(key));
  random.failing = false;
  assert_true(random.mask(key));
  assert_int_equal(number_in(key), 1);
  assert_int_equal(random.refills, 3);
}

void what_a_failing_source_wrote_is_never_used(void **) {
  Counting random;
  uint8_t key[4];
  for (int i = 0; i < 254; i++)
    assert_true(random.mask(key));
  random.failing = true;
  uint8_t nonce[16];
  assert_false(random.fill(nonce));  // 8 bytes are left in the pool, and then overwritten
  random.failing = false;
  assert_true(random.mask(key));
  assert_int_equal(number_in(key), 257);
}

// A source of which every byte is 0xA5.
class Constant final : public Random {
 protected:
  bool refill(std::span<uint8_t> to) override {
    std::memset(to.data(), 0xA5, to.size());
    return true;
  }
};

void used_bytes_are_wiped_from_the_pool(void **) {
  Constant random;
  uint8_t key[4];
  for (int i = 0; i < 200; i++)
    assert_true(random.mask(key));
  Bytes nonce(16);
  assert_true(random.fill(nonce));
  Bytes memory(sizeof(random));
  std::memcpy(memory.data(), static_cast<const void *>(&random), sizeof(random));
  // What is left of the pool, and no more: 1024 - 200 * 4 - 16. Pointers and counters of the object may hold the byte
  // too.
  size_t left = 0;
  for (uint8_t byte : memory)
    left += byte == 0xA5;
  assert_in_range(left, 208, 208 + sizeof(random) - 1024);
}

// Reads from a pipe until its end.
Bytes read_all(int fd) {
  Bytes all;
  uint8_t piece[512];
  for (ssize_t size = 0; (size = read(fd, piece, sizeof(piece))) > 0;)
    all.insert(all.end(), piece, piece + size);
  return all;
}

// Forks, and lets the child write `size` bytes of the generator to a pipe; the child forks a grandchild that does the
// same. Returns the bytes of both, empty if anything failed.
Bytes bytes_of_descendants(Random &random, size_t size) {
  int ends[2];
  if (pipe(ends) != 0) return {};
  pid_t child = fork();
  if (child == 0) {
    pid_t grandchild = fork();
    Bytes bytes(size);
    bool good =
        grandchild >= 0 && random.fill(bytes) && write(ends[1], bytes.data(), size) == static_cast<ssize_t>(size);
    if (grandchild > 0) waitpid(grandchild, nullptr, 0);
    _exit(good ? 0 : 1);
  }
  close(ends[1]);
  Bytes bytes = read_all(ends[0]);
  close(ends[0]);
  int status = 1;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) return {};
  return bytes;
}

void a_child_never_repeats_bytes_of_its_parent(void **) {
  OsRandom random;
  uint8_t key[4];
  assert_true(random.mask(key));
  Bytes of_descendants = bytes_of_descendants(random, 512);
  assert_int_equal(of_descendants.size(), 1024);
  Bytes of_parent(512);
  assert_true(random.fill(of_parent));

  // 16 bytes are equal by chance once in 2^128.
  std::set<Bytes> seen;
  for (const Bytes *bytes : {&of_descendants, &of_parent}) {
    for (auto at = bytes->begin(); at != bytes->end(); at += 16)
      assert_true(seen.insert(Bytes(at, at + 16)).second);
  }
}

// The parent goes on with its pool: only children start anew.
void a_fork_leaves_the_pool_of_the_parent(void **) {
  Counting random;
  uint8_t key[4];
  assert_true(random.mask(key));
  Bytes of_descendants = bytes_of_descendants(random, 4);
  assert_int_equal(of_descendants.size(), 8);
  // 257 is the first number after the pool that the parent had filled.
  for (size_t i = 0; i < 8; i += 4) {
    std::memcpy(key, &of_descendants[i], sizeof(key));
    assert_int_equal(number_in(key), 257);
  }
  assert_true(random.mask(key));
  assert_int_equal(number_in(key), 2);
  assert_int_equal(random.refills, 1);
}

// Forks, takes keys in the child, and returns the refills that the child counted, -1 if anything failed.
int refills_of_child(Counting &random, int keys) {
  pid_t child = fork();
  if (child == 0) {
    uint8_t key[4];
    for (int i = 0; i < keys; i++) {
      if (!random.mask(key)) _exit(255);
    }
    _exit(random.refills);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

void a_child_has_a_pool_again(void **) {
  Counting random;
  uint8_t key[4];
  assert_true(random.mask(key));
  assert_int_equal(refills_of_child(random, 0), 1);
  assert_int_equal(refills_of_child(random, 1), 2);
  assert_int_equal(refills_of_child(random, 256), 2);
  assert_int_equal(refills_of_child(random, 257), 3);
}

void os_keys_are_distinct(void **) {
  OsRandom random;
  std::set<uint32_t> keys;
  for (int i = 0; i < 4096; i++) {
    uint8_t key[4];
    assert_true(random.mask(key));
    keys.insert(number_in(key));
  }
  // 2^24 pairs / 2^33: 0.002 collisions are expected; 9 or more never come.
  assert_true(keys.size() > 4096 - 9);
}

void os_bits_are_balanced(void **) {
  OsRandom random;
  Bytes bytes(8192);  // larger than the pool, and than what one getentropy gives
  assert_true(random.fill(bytes));
  int ones[8] = {};
  for (uint8_t byte : bytes) {
    for (int bit = 0; bit < 8; bit++)
      ones[bit] += byte >> bit & 1;
  }
  // Each of the 8 bits is set 4096 times, give or take 45 (one sigma); 10 sigma never come.
  for (int count : ones)
    assert_in_range(count, 4096 - 450, 4096 + 450);
}

void os_generators_do_not_repeat_each_other(void **) {
  OsRandom first;
  OsRandom second;
  uint8_t a[16];
  uint8_t b[16];
  assert_true(first.fill(a));
  assert_true(second.fill(b));
  assert_memory_not_equal(a, b, sizeof(a));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(keys_come_from_the_source_each_once),
      cmocka_unit_test(one_refill_serves_many_keys),
      cmocka_unit_test(nothing_is_asked_for_before_it_is_needed),
      cmocka_unit_test(nonces_and_keys_share_the_pool_without_overlap),
      cmocka_unit_test(a_request_of_the_size_of_the_pool_uses_it),
      cmocka_unit_test(larger_requests_go_straight_to_the_source),
      cmocka_unit_test(uneven_requests_never_repeat_bytes),
      cmocka_unit_test(a_failing_source_is_told_and_leaves_zeros),
      cmocka_unit_test(what_is_said_of_the_next_key_holds),
      cmocka_unit_test(a_source_that_recovers_is_used_again),
      cmocka_unit_test(what_a_failing_source_wrote_is_never_used),
      cmocka_unit_test(used_bytes_are_wiped_from_the_pool),
      cmocka_unit_test(a_child_never_repeats_bytes_of_its_parent),
      cmocka_unit_test(a_fork_leaves_the_pool_of_the_parent),
      cmocka_unit_test(a_child_has_a_pool_again),
      cmocka_unit_test(os_keys_are_distinct),
      cmocka_unit_test(os_bits_are_balanced),
      cmocka_unit_test(os_generators_do_not_repeat_each_other),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
