// The choppings themselves: which there are, and that they find what depends on them.
#include "session/chopping.hpp"

using namespace hawser;
using namespace lab;

namespace {

// One that has all that can be different: calls with answers, events, output, time, an end.
Conversation sample() {
  OpenLab lab(Role::SERVER);
  lab.feed(lab.peer.text("hello") + lab.peer.bytes(9, "ping"));
  lab.send("answer");
  lab.advance_to(1000);
  lab.feed(lab.peer.close(1000, "bye"));
  lab->settle();
  return lab.conversation();
}

Chopping in_one_piece() {
  return {"whole", [](size_t, size_t) { return Chop(whole); }, false};
}

void all_cuts_are_tried(void **) {
  Conversation conversation = sample();
  std::mt19937 random(1);
  std::vector<Cut> cuts = cuts_of(conversation, random);
  size_t expected = 0;
  for (size_t i = 0; i < conversation.steps.size(); i++) {
    for (size_t at = 1; at < conversation.steps[i].size; at++, expected++)
      assert_true(cuts[expected].step == i && cuts[expected].at == at);
  }
  assert_int_equal(expected, (11 + 10 - 1) + (6 + 5 - 1));
  assert_int_equal(cuts.size(), expected);
  assert_int_equal(choppings_of(conversation, random).size(), expected + 8);
}

// Of a long one: some everywhere.
void long_conversations_are_sampled(void **) {
  OpenLab lab(Role::SERVER);
  lab.feed(lab.peer.binary(std::string(20'000, 'x')));
  std::mt19937 random(1);
  std::vector<Cut> cuts = cuts_of(lab.conversation(), random);
  auto count = [&](size_t begin, size_t end) {
    return std::count_if(cuts.begin(), cuts.end(), [=](Cut cut) { return cut.at >= begin && cut.at < end; });
  };
  assert_in_range(cuts.size(), 20, 1000);
  assert_true(count(1, 33) > 0 && count(33, 19'000) > 0 && count(19'960, 20'008) > 0);
  assert_int_equal(count(1, 20'008), cuts.size());
}

// Bytes that follow each other with nothing between them are the same bytes in pieces.
void pieces_of_a_test_are_joined(void **) {
  OpenLab lab(Role::SERVER);
  lab.feed("\x82\x81", bytewise);
  lab.feed("zzzz");
  lab.feed("x");
  lab.surroundings.now = 5;
  lab.feed(lab.peer.text("later"));
  Conversation conversation = lab.conversation();
  assert_int_equal(conversation.steps.size(), 3);  // assume_open is the first
  assert_int_equal(conversation.steps[1].size, 7);
  assert_int_equal(conversation.steps[1].after.events, 1);
  assert_int_equal(conversation.steps[2].now, 5);
}

void every_difference_is_found(void **) {
  assert_false(difference(sample(), in_one_piece()).has_value());
  std::vector<std::function<void(Conversation &)>> changes = {
      [](Conversation &other) { other.events[0].data[0] = 'j'; },
      [](Conversation &other) { other.events.pop_back(); },
      [](Conversation &other) { other.output[3] = 'x'; },
      [](Conversation &other) { other.steps[2].answer = -1; },
      [](Conversation &other) { other.steps[1].after.output--; },
      [](Conversation &other) { other.steps[1].after.events--; },
      [](Conversation &other) { other.steps[3].after.deadline++; },
      [](Conversation &other) { other.steps.back().after.close.data = "good bye"; },
      [](Conversation &other) { other.steps.back().after.words += '.'; },
      [](Conversation &other) { other.steps.back().after.over = false; },
      [](Conversation &other) { other.config.parts = true, other.steps[1].bytes[0] = '\x01'; },
  };
  for (const auto &change : changes) {
    Conversation other = sample();
    change(other);
    assert_true(difference(other, in_one_piece()).has_value());
  }
}

// What does depend on the pieces: a ping that does not come whole is copied, and there is no memory for that.
void a_dependence_is_found(void **) {
  Lab lab(Role::SERVER, {}, 9);
  lab.recorded = true;
  lab->assume_open();
  lab.feed(lab.peer.bytes(9, "0123456789"));
  Conversation conversation = lab.conversation();
  lab.recorded = false;
  assert_false(difference(conversation, in_one_piece()).has_value());
  std::optional<std::string> found = first_difference(conversation);
  assert_true(found.has_value());
  assert_true(found->find("cut at") == 0);
}

// Where a message is cut into parts makes no difference, what is in it does.
void parts_are_joined(void **) {
  Config config;
  config.parts = true;
  OpenLab lab(Role::SERVER, config);
  lab.feed(lab.peer.bytes(1, "abc", false) + lab.peer.bytes(9, "") + lab.peer.bytes(0, "d") + lab.peer.text("cut\xff"));
  Conversation conversation = lab.conversation();
  assert_string_equal(sketch(conversation.events).c_str(), "M1:abcd");
  assert_false(first_difference(conversation).has_value());
  conversation.events[0].data = "abce";
  assert_true(difference(conversation, in_one_piece()).has_value());
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      lab_unit_test(all_cuts_are_tried),          lab_unit_test(long_conversations_are_sampled),
      lab_unit_test(pieces_of_a_test_are_joined), lab_unit_test(every_difference_is_found),
      lab_unit_test(a_dependence_is_found),       lab_unit_test(parts_are_joined),
  };
  return cmocka_run_group_tests_name("session/chopping", tests, nullptr, nullptr);
}
