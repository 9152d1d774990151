#include "manager/intrusive_queue.hpp"

#include <algorithm>
#include <cstdio>
#include <deque>
#include <random>

#include "support/cmocka.hpp"

namespace {

struct Element {
  std::atomic<int64_t> id{0};
  hawser::QueueLink link;
  hawser::QueueLink other_link;
};

// Elements of a table, by number.
struct Elements {
  explicit Elements(int count) {
    for (int i = 0; i < count; i++)
      table.claim();
  }
  Element &operator[](size_t index) { return *table.at(static_cast<uint32_t>(index)); }

  hawser::IdTable<Element> table{100, 0, false};
};

using Queue = hawser::IntrusiveQueue<Element, &Element::link>;
using OtherQueue = hawser::IntrusiveQueue<Element, &Element::other_link>;

void test_like_a_deque_without_duplicates(void **) {
  constexpr unsigned kSeed = 4711;
  std::mt19937 random(kSeed);
  Elements elements(20);
  bool joined = false;
  Queue queue(elements.table, joined);
  std::deque<Element *> model;
  for (int i = 0; i < 100000; i++) {
    if (random() % 2 == 0) {
      Element *element = &elements[random() % 20];
      queue.push(*element);
      if (std::find(model.begin(), model.end(), element) == model.end()) model.push_back(element);
    } else {
      Element *expected = model.empty() ? nullptr : model.front();
      if (expected != nullptr) model.pop_front();
      Element *popped = queue.pop();
      if (popped != expected) std::printf("seed %u, step %d\n", kSeed, i);
      assert_ptr_equal(popped, expected);
    }
    assert_int_equal(queue.empty(), model.empty());
  }
}

void test_take(void **) {
  Elements elements(3);
  bool joined = false;
  Queue queue(elements.table, joined);
  for (size_t i = 0; i < 3; i++)
    queue.push(elements[i]);
  Queue turns = queue.take();
  assert_true(queue.empty());
  assert_ptr_equal(turns.pop(), &elements[0]);
  queue.push(elements[0]);  // done: may wait for the next turn
  queue.push(elements[1]);  // still to come: its turn is this one
  assert_ptr_equal(turns.pop(), &elements[1]);
  assert_ptr_equal(turns.pop(), &elements[2]);
  assert_null(turns.pop());
  assert_ptr_equal(queue.pop(), &elements[0]);
  assert_null(queue.pop());
}

// A slot that becomes free keeps its place, and so does whoever takes it next.
void test_free_slots(void **) {
  Elements elements(3);
  bool joined = false;
  Queue queue(elements.table, joined);
  for (size_t i = 0; i < 3; i++)
    queue.push(elements[i]);
  elements.table.release(elements[1]);
  elements.table.release(elements[2]);
  assert_ptr_equal(elements.table.claim(), &elements[2]);
  queue.push(elements[2]);
  assert_ptr_equal(queue.pop(), &elements[0]);
  assert_ptr_equal(queue.pop(), &elements[1]);
  assert_ptr_equal(queue.pop(), &elements[2]);
  assert_null(queue.pop());
}

void test_two_links(void **) {
  Elements elements(1);
  Element &element = elements[0];
  bool joined = false;
  Queue queue(elements.table, joined);
  OtherQueue other(elements.table, joined);
  queue.push(element);
  assert_true(joined);
  other.push(element);
  assert_ptr_equal(queue.pop(), &element);
  assert_true(queue.empty());
  assert_false(other.empty());
  assert_ptr_equal(other.pop(), &element);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_like_a_deque_without_duplicates),
      cmocka_unit_test(test_take),
      cmocka_unit_test(test_free_slots),
      cmocka_unit_test(test_two_links),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
