#include "manager/mailbox.hpp"

#include <thread>
#include <vector>

#include "support/cmocka.hpp"
#include "support/failing_new.hpp"

namespace {

using hawser::Budget;
using hawser::Buffer;
using hawser::Letter;
using hawser::Mailbox;
using hawser::Opcode;

bool post(Mailbox &mailbox, Budget &budget, int64_t id, int32_t code) {
  std::lock_guard lock(mailbox.mutex());
  return mailbox.post({Letter::Kind::SEND, Opcode::TEXT, id, code, budget});
}

void test_only_the_first_letter_wakes(void **) {
  Budget budget(Budget::kUnlimited);
  Mailbox mailbox;
  assert_true(mailbox.empty());
  assert_true(post(mailbox, budget, 1, 0));
  assert_false(mailbox.empty());
  assert_false(post(mailbox, budget, 2, 0));
  auto letters = mailbox.take();
  assert_true(mailbox.empty());
  assert_int_equal(letters.size(), 2);
  assert_int_equal(letters[0].id, 1);
  assert_int_equal(letters[1].id, 2);
  assert_true(post(mailbox, budget, 3, 0));
  assert_int_equal(mailbox.take().size(), 1);
  assert_int_equal(mailbox.take().size(), 0);
}

void test_taking_needs_no_memory(void **) {
  Budget budget(Budget::kUnlimited);
  Mailbox mailbox;
  for (int32_t i = 0; i < 100; i++)
    post(mailbox, budget, 1, i);
  hawser::allocations_left = 0;
  auto letters = mailbox.take();
  hawser::allocations_left = -1;
  assert_int_equal(letters.size(), 100);
  assert_int_equal(letters[99].code, 99);
}

// Eight threads: all letters arrive, each thread's in order, and whenever letters were there somebody was told to wake.
void test_order_of_each_thread(void **) {
  constexpr int kThreads = 8;
  constexpr int kLetters = 5000;
  Budget budget(Budget::kUnlimited);
  Mailbox mailbox;
  std::atomic<int> wakes{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; t++) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kLetters; i++)
        wakes += post(mailbox, budget, t, i);
    });
  }
  int next[kThreads] = {};
  int total = 0;
  int takes = 0;
  bool ordered = true;
  while (total < kThreads * kLetters) {
    auto letters = mailbox.take();
    takes += !letters.empty();
    for (Letter &letter : letters) {
      ordered = ordered && letter.code == next[letter.id]++;
      total++;
    }
  }
  for (std::thread &thread : threads)
    thread.join();
  assert_true(ordered);
  assert_int_equal(wakes.load(), takes);
  assert_true(mailbox.empty());
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_only_the_first_letter_wakes),
      cmocka_unit_test(test_taking_needs_no_memory),
      cmocka_unit_test(test_order_of_each_thread),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
