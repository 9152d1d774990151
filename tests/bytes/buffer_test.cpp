#include "bytes/buffer.hpp"

#include <cstring>
#include <random>
#include <string>
#include <utility>

#include "support/cmocka.hpp"

using hawser::Budget;
using hawser::Buffer;

// An allocation that is too large is to fail, not to end the test, under the sanitizers.
// NOLINTNEXTLINE: the sanitizer names it
extern "C" const char *__asan_default_options() {
  return "allocator_may_return_null=1";
}
// NOLINTNEXTLINE: the sanitizer names it
extern "C" const char *__tsan_default_options() {
  return "allocator_may_return_null=1";
}

namespace {

std::string content(const Buffer &buffer) {
  return std::string(reinterpret_cast<const char *>(buffer.data()), buffer.size());
}

void begins_empty_and_without_memory(void **) {
  Budget budget(Budget::kUnlimited);
  Buffer buffer(budget);
  assert_true(buffer.empty());
  assert_int_equal(buffer.capacity(), 0);
  assert_int_equal(budget.used(), 0);
  assert_true(buffer.append(nullptr, 0));
  assert_int_equal(budget.used(), 0);
}

void appends_and_consumes(void **) {
  Budget budget(Budget::kUnlimited);
  Buffer buffer(budget);
  assert_true(buffer.append("hello ", 6));
  assert_true(buffer.append("world", 5));
  assert_string_equal(content(buffer).c_str(), "hello world");
  buffer.consume(6);
  assert_string_equal(content(buffer).c_str(), "world");
  assert_true(buffer.append("!", 1));
  assert_string_equal(content(buffer).c_str(), "world!");
  buffer.consume(6);
  assert_true(buffer.empty());
}

void capacity_is_what_fits_behind_the_data(void **) {
  Budget budget(Budget::kUnlimited);
  Buffer buffer(budget);
  assert_true(buffer.reserve_exactly(10));
  assert_int_equal(buffer.capacity(), 10);
  std::memcpy(buffer.data(), "0123456789", 10);
  buffer.commit(10);
  buffer.consume(4);
  assert_int_equal(buffer.capacity(), 6);
  assert_true(buffer.reserve_exactly(10));
  assert_int_equal(buffer.capacity(), 10);
  assert_string_equal(content(buffer).c_str(), "456789");
  assert_int_equal(budget.used(), 10);
}

void the_budget_counts_the_capacity(void **) {
  Budget budget(Budget::kUnlimited);
  {
    Buffer buffer(budget);
    assert_true(buffer.reserve(1000));
    assert_true(buffer.capacity() >= 1000);
    assert_int_equal(budget.used(), buffer.capacity());
    assert_true(buffer.reserve_exactly(5000));
    assert_int_equal(budget.used(), 5000);
    buffer.release();
    assert_int_equal(budget.used(), 0);
    assert_int_equal(buffer.capacity(), 0);
    assert_true(buffer.append("again", 5));
    assert_string_equal(content(buffer).c_str(), "again");
  }
  assert_int_equal(budget.used(), 0);
}

void grows_at_least_twofold(void **) {
  Budget budget(Budget::kUnlimited);
  Buffer buffer(budget);
  int growths = 0;
  size_t capacity = 0;
  for (int i = 0; i < 100000; i++) {
    assert_true(buffer.append("x", 1));
    if (buffer.capacity() == capacity) continue;
    assert_true(buffer.capacity() >= 2 * capacity);
    capacity = buffer.capacity();
    growths++;
  }
  assert_true(growths <= 12);  // 64 * 2^11 > 100000
}

void keeps_its_content_when_the_budget_says_no(void **) {
  Budget budget(100);
  Buffer buffer(budget);
  assert_true(buffer.append("kept", 4));
  assert_false(buffer.append(std::string(200, 'x').data(), 200));
  assert_false(buffer.reserve(97));
  assert_false(buffer.reserve_exactly(101));
  assert_string_equal(content(buffer).c_str(), "kept");
  assert_int_equal(budget.used(), buffer.capacity());
}

void near_the_budget_it_takes_what_it_needs(void **) {
  Budget budget(100);
  Buffer buffer(budget);
  assert_true(buffer.append(std::string(64, 'a').data(), 64));
  assert_true(buffer.append(std::string(36, 'b').data(), 36));  // 128, the double, is too much
  assert_int_equal(budget.used(), 100);
  assert_false(buffer.append("c", 1));
}

void refuses_sizes_whose_sum_overflows(void **) {
  Budget budget(1000);
  Buffer buffer(budget);
  assert_true(buffer.append("kept", 4));
  assert_false(buffer.reserve(SIZE_MAX));
  assert_false(buffer.reserve(SIZE_MAX - 3));
  assert_false(buffer.reserve_exactly(SIZE_MAX));
  assert_string_equal(content(buffer).c_str(), "kept");

  // A quarter of all addresses: where they have 32 bits there can be so much.
  Budget unlimited(Budget::kUnlimited);
  Buffer large(unlimited);
  if (!large.reserve_exactly(SIZE_MAX / 4 + 1)) return;
  large.commit(SIZE_MAX / 4 + 1);
  assert_false(large.reserve(SIZE_MAX - SIZE_MAX / 4));
}

void gives_the_budget_back_when_there_is_no_memory(void **) {
  Budget budget(Budget::kUnlimited);
  Buffer buffer(budget);
  assert_true(buffer.append("kept", 4));
  int64_t used = budget.used();
  assert_false(buffer.reserve(SIZE_MAX / 2 - 4));
  assert_false(buffer.reserve_exactly(SIZE_MAX / 2));
  assert_string_equal(content(buffer).c_str(), "kept");
  assert_int_equal(budget.used(), used);
}

void consumed_memory_is_used_again(void **) {
  Budget budget(Budget::kUnlimited);
  Buffer buffer(budget);
  std::string piece(48, 'p');
  for (int i = 0; i < 10000; i++) {
    assert_true(buffer.append(piece.data(), piece.size()));
    if (i != 0) buffer.consume(piece.size());
  }
  assert_int_equal(buffer.size(), piece.size());
  assert_true(budget.used() <= 512);
}

// NOLINTBEGIN: that a moved-from buffer may be used is what this is about
void moving_leaves_an_empty_buffer(void **) {
  Budget budget(Budget::kUnlimited);
  Budget other_budget(Budget::kUnlimited);
  Buffer first(budget);
  assert_true(first.append("__content", 9));
  first.consume(2);
  Buffer second(std::move(first));
  assert_true(first.empty());
  assert_int_equal(first.capacity(), 0);
  assert_string_equal(content(second).c_str(), "content");

  Buffer third(other_budget);
  assert_true(third.append("replaced", 8));
  third = std::move(second);
  assert_string_equal(content(third).c_str(), "content");
  assert_int_equal(other_budget.used(), 0);
  assert_true(first.append("new", 3));
  assert_string_equal(content(first).c_str(), "new");
  first.release();
  third.release();
  assert_int_equal(budget.used(), 0);
}
// NOLINTEND

void clear_keeps_the_memory(void **) {
  Budget budget(Budget::kUnlimited);
  Buffer buffer(budget);
  assert_true(buffer.append("0123456789", 10));
  size_t capacity = buffer.capacity();
  buffer.consume(3);
  buffer.clear();
  assert_true(buffer.empty());
  assert_int_equal(buffer.capacity(), capacity);
}

void equals_a_string_under_random_operations(void **) {
  constexpr unsigned kSeed = 20240611;
  print_message("seed %u\n", kSeed);
  std::mt19937 random(kSeed);
  constexpr int64_t kLimit = 4096;
  Budget budget(kLimit);
  Buffer buffer(budget);
  std::string model;
  for (int i = 0; i < 20000; i++) {
    std::string piece(random() % 300, static_cast<char>('a' + i % 26));
    if (random() % 2 == 0) {
      bool appended = buffer.append(piece.data(), piece.size());
      if (appended) model += piece;
      assert_true(appended || model.size() + piece.size() > kLimit);
    } else {
      size_t size = random() % (model.size() + 1);
      buffer.consume(size);
      model.erase(0, size);
    }
    assert_int_equal(buffer.size(), model.size());
    assert_true(content(buffer) == model);
    assert_true(budget.used() <= kLimit);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(begins_empty_and_without_memory),
      cmocka_unit_test(appends_and_consumes),
      cmocka_unit_test(capacity_is_what_fits_behind_the_data),
      cmocka_unit_test(the_budget_counts_the_capacity),
      cmocka_unit_test(grows_at_least_twofold),
      cmocka_unit_test(keeps_its_content_when_the_budget_says_no),
      cmocka_unit_test(near_the_budget_it_takes_what_it_needs),
      cmocka_unit_test(refuses_sizes_whose_sum_overflows),
      cmocka_unit_test(gives_the_budget_back_when_there_is_no_memory),
      cmocka_unit_test(consumed_memory_is_used_again),
      cmocka_unit_test(moving_leaves_an_empty_buffer),
      cmocka_unit_test(clear_keeps_the_memory),
      cmocka_unit_test(equals_a_string_under_random_operations),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
