#include "manager/outbox.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <string>

#include "support/cmocka.hpp"

namespace {

using hawser::Block;
using hawser::Budget;
using hawser::Outbox;

std::string content(const Outbox &outbox, int most) {
  iovec pieces[256];
  int count = outbox.gather(pieces, most);
  std::string text;
  for (int i = 0; i < count; i++)
    text.append(static_cast<const char *>(pieces[i].iov_base), pieces[i].iov_len);
  return text;
}

bool append(Outbox &outbox, const std::string &text) {
  uint8_t *at = outbox.append(text.size());
  if (at != nullptr) std::memcpy(at, text.data(), text.size());
  return at != nullptr;
}

Block *make_block(const std::string &text, Budget &budget) {
  Block *block = Block::make(text.size(), budget);
  std::memcpy(block->extend(text.size()), text.data(), text.size());
  return block;
}

// Against a string, with appended pieces of all sizes, shared blocks from an offset, and what the kernel takes.
void test_like_a_string(void **) {
  std::mt19937 random(815);
  Budget budget(Budget::kUnlimited);
  bool same = true;
  {
    Outbox outbox(budget);
    Outbox second(budget);
    std::string model;
    for (int i = 0; i < 3000 && same; i++) {
      std::string text(random() % 3000 + 1, static_cast<char>('a' + i % 26));
      if (random() % 4 == 0) {
        Block *block = make_block(text, budget);
        size_t offset = random() % text.size();
        same = outbox.share(*block, offset) && second.share(*block, 0);
        block->release();
        model += text.substr(offset);
        second.consume(SIZE_MAX);
      } else {
        same = append(outbox, text);
        model += text;
      }
      size_t sent = random() % 3500;
      same = same && outbox.consume(sent) == std::min(sent, model.size());
      model.erase(0, sent);
      same = same && model.compare(0, 50, content(outbox, 200), 0, 50) == 0 && outbox.empty() == model.empty();
    }
    same = same && content(outbox, 256).compare(0, SIZE_MAX, model.substr(0, content(outbox, 256).size())) == 0;
  }
  assert_true(same);
  assert_int_equal(budget.used(), 0);
}

void test_shared_blocks_are_held_once(void **) {
  Budget budget(Budget::kUnlimited);
  int64_t used = 0;
  bool shared = true;
  {
    Block *block = make_block(std::string(100000, 'b'), budget);
    Outbox boxes[3] = {Outbox(budget), Outbox(budget), Outbox(budget)};
    for (Outbox &box : boxes)
      shared = shared && box.share(*block, 0);
    block->release();
    used = budget.used();
    boxes[0].consume(100000);
  }
  assert_true(shared);
  assert_in_range(used, 100000, 110000);
  assert_int_equal(budget.used(), 0);
}

// What is appended behind a shared block must not be written into it.
void test_shared_blocks_do_not_change(void **) {
  Budget budget(Budget::kUnlimited);
  std::string first;
  std::string second;
  {
    Block *block = Block::make(4096, budget);
    std::memset(block->extend(Outbox::kLeastShared), 'a', Outbox::kLeastShared);
    Outbox one(budget);
    Outbox two(budget);
    if (one.share(*block, 0) && two.share(*block, 0) && append(one, " one")) append(two, " two");
    block->release();
    first = content(one, 10);
    second = content(two, 10);
  }
  const std::string all(Outbox::kLeastShared, 'a');
  assert_string_equal(first.c_str(), (all + " one").c_str());
  assert_string_equal(second.c_str(), (all + " two").c_str());
}

// Many small ones are few pieces, and what it takes to hold large ones is counted.
void test_many_shared_blocks(void **) {
  constexpr int kMany = 10'000;
  Budget budget(Budget::kUnlimited);
  iovec pieces[64];
  int count = 0;
  int64_t small_ones = 0;
  int64_t large_ones = 0;
  bool shared = true;
  {
    Block *small = make_block("small", budget);
    Block *large = make_block(std::string(Outbox::kLeastShared, 'l'), budget);
    Outbox outbox(budget);
    for (int i = 0; i < kMany; i++)
      shared = outbox.share(*small, 0) && shared;
    small_ones = budget.used();
    count = outbox.gather(pieces, 64);
    for (int i = 0; i < kMany; i++)
      shared = outbox.share(*large, 0) && shared;
    large_ones = budget.used() - small_ones;
    small->release();
    large->release();
  }
  assert_true(shared);
  assert_in_range(small_ones, kMany * 5, kMany * 6);
  assert_in_range(count, 1, kMany * 6 / Outbox::kSmallestBlock);
  assert_true(large_ones >= kMany * static_cast<int64_t>(sizeof(void *) + 2 * sizeof(size_t)));
  assert_int_equal(budget.used(), 0);
}

void test_budget(void **) {
  Budget budget(10000);
  bool first = false;
  bool second = false;
  bool third = false;
  {
    Outbox outbox(budget);
    first = append(outbox, std::string(9000, 'x'));
    second = append(outbox, std::string(2000, 'x'));
    outbox.consume(9000);
    third = append(outbox, std::string(2000, 'x'));
  }
  assert_true(first);
  assert_false(second);
  assert_true(third);
  assert_int_equal(budget.used(), 0);
}

void test_gather_stops_at_most(void **) {
  Budget budget(Budget::kUnlimited);
  int count = 0;
  {
    Outbox outbox(budget);
    for (int i = 0; i < 10; i++)
      append(outbox, std::string(5000, 'x'));
    iovec pieces[4];
    count = outbox.gather(pieces, 4);
  }
  assert_int_equal(count, 4);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_like_a_string),
      cmocka_unit_test(test_shared_blocks_are_held_once),
      cmocka_unit_test(test_shared_blocks_do_not_change),
      cmocka_unit_test(test_many_shared_blocks),
      cmocka_unit_test(test_budget),
      cmocka_unit_test(test_gather_stops_at_most),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
