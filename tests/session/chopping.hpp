// TCP keeps no boundaries: a session has to do and say the same however its bytes were divided. So each conversation of
// the tests is held once more, on a fresh session, with the peer's bytes in two pieces at every cut, byte by byte, and
// in random pieces, some of them read into windows: the answer to each call, and what can be seen after each step, all
// events and the output must be those that the test has seen.
#pragma once

#include <algorithm>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "session/lab.hpp"
#include "support/cmocka.hpp"

namespace lab {

// A way to chop a conversation: how the bytes of each step are.
struct Chopping {
  std::string name;
  std::function<Chop(size_t step, size_t size)> pieces;
  bool in_windows = false;
};

// The bytes of one step in two pieces.
struct Cut {
  size_t step;
  size_t at;
};

inline std::string describe(const View &view) {
  std::string text = std::to_string(view.events) + " events of " + std::to_string(view.event_bytes) + " bytes, " +
                     std::to_string(view.output) + " bytes of output, deadline " + std::to_string(view.deadline) +
                     ", can_send " + std::to_string(static_cast<int>(view.can_send));
  const std::pair<bool, const char *> states[] = {{view.over, "over"},
                                                  {view.abandoned, "abandoned"},
                                                  {view.opening, "opening"},
                                                  {view.blocked, "blocked"},
                                                  {view.needs_settling, "needs settling"},
                                                  {view.in_part, "in a part"},
                                                  {view.may_close_at_once, "may close at once"},
                                                  {view.awaits_end, "awaits the end"}};
  for (auto [is, state] : states)
    if (is) text += std::string(", ") + state;
  text += ", CLOSE " + std::to_string(view.close.code) + " flags " + std::to_string(view.close.flags) + " error " +
          std::to_string(static_cast<int>(view.close.error)) + " system " + std::to_string(view.close.system) + " \"" +
          view.close.data + "\": " + view.words;
  return text + ", subprotocol \"" + view.subprotocol + "\", head \"" + view.head + '"';
}

// Holds the conversation again. Nothing if it goes as it went; else in words what is different.
inline std::optional<std::string> difference(const Conversation &conversation, const Chopping &chopping) {
  Lab lab(conversation.role, conversation.config, conversation.memory, conversation.began);
  lab.recorded = false;
  for (size_t i = 0; i < conversation.steps.size(); i++) {
    const Step &step = conversation.steps[i];
    Chop chop = step.call ? Chop(whole) : chopping.pieces(i, step.size);
    int64_t answer = lab.repeat(step, chop, chopping.in_windows);
    View view = lab.view();
    if (answer == step.answer && view == step.after) continue;
    std::string name = step.call ? step.name.substr(0, 60) : std::to_string(step.size) + " bytes of the peer";
    std::string where = chopping.name + ": step " + std::to_string(i) + ", " + name + ": ";
    if (answer != step.answer) where += std::to_string(answer) + " instead of " + std::to_string(step.answer) + ", ";
    return where + describe(view) + "\ninstead of\n" + describe(step.after);
  }
  if (lab.story.events() != conversation.events) return chopping.name + ": other events";
  if (lab.sink.taken + lab.sink.written != conversation.output) return chopping.name + ": another output";
  if (lab.leak() != 0) return chopping.name + ": memory stays";
  return {};
}

// How often a conversation may be held again before it is too much work.
inline size_t repetitions_of(const Conversation &conversation) {
  constexpr size_t kWork = 1 << 20;  // bytes
  constexpr size_t kCostOfSession = 100;
  constexpr size_t kCostOfStep = 50;
  size_t cost = kCostOfSession;
  for (const Step &step : conversation.steps)
    cost += kCostOfStep + step.size;
  return kWork / cost;
}

// Every cut, if that is not too much work: then a random sample of all near the ends and of some between them.
inline std::vector<Cut> cuts_of(const Conversation &conversation, std::mt19937 &random) {
  constexpr size_t kNear = 32;
  size_t most = std::max<size_t>(repetitions_of(conversation), 4);
  size_t count = 0;
  for (const Step &step : conversation.steps)
    count += step.size;
  std::vector<Cut> cuts;
  for (size_t i = 0; i < conversation.steps.size(); i++) {
    size_t size = conversation.steps[i].size;
    for (size_t at = 1; at < size; at++) {
      cuts.push_back({i, at});
      if (at > kNear && at + kNear < size) at = std::min(at + random() % (count / most * 2 + 1), size - kNear);
    }
  }
  if (cuts.size() <= most) return cuts;
  std::shuffle(cuts.begin(), cuts.end(), random);
  cuts.resize(most);
  return cuts;
}

inline std::vector<Chopping> choppings_of(const Conversation &conversation, std::mt19937 &random) {
  std::vector<Chopping> all = {{"whole", [](size_t, size_t) { return Chop(whole); }}};
  for (Cut cut : cuts_of(conversation, random)) {
    all.push_back({"cut at " + std::to_string(cut.at) + " in step " + std::to_string(cut.step),
                   [cut](size_t step, size_t) { return step == cut.step ? at(cut.at) : Chop(whole); }});
  }
  all.push_back({"byte by byte", [](size_t, size_t size) { return bytewise_at_ends(size); }});
  bool long_one = repetitions_of(conversation) < 4;
  for (size_t fraction : long_one ? std::vector<size_t>{50} : std::vector<size_t>{5, 50, 1000}) {
    auto pieces = [&random, fraction](size_t, size_t size) {
      return randomly(random, std::max<size_t>(7, size / fraction));
    };
    all.push_back({"random pieces", pieces});
    all.push_back({"random pieces in windows", pieces, true});
  }
  return all;
}

// Everything that makes a conversation another one. The bindings do not compile when a field is missing.
inline size_t hash_of(const Conversation &conversation) {
  const auto &[message, head, parts, pongs, requests, keep_handshake, handshake_timeout, close_timeout, ping_interval,
               ping_timeout, idle_timeout, offer, policy, deflate] = conversation.config;
  const auto &[max_size, max_fragments] = message;
  const auto &[max_head_size, max_headers] = head;
  const auto &[origin, offered_subprotocols, offered_headers, offered_extensions] = offer;
  const auto &[origins, subprotocols, headers] = policy;
  const auto &[mode, level, memory_level, server_bits, client_bits, server_alone, client_alone, min_size] = deflate;
  std::string all;
  for (int64_t number : {static_cast<int64_t>(conversation.role),
                         conversation.memory,
                         conversation.began,
                         max_size,
                         max_fragments,
                         max_head_size,
                         max_headers,
                         int64_t{parts},
                         int64_t{pongs},
                         int64_t{requests},
                         int64_t{keep_handshake},
                         handshake_timeout,
                         close_timeout,
                         ping_interval,
                         ping_timeout,
                         idle_timeout,
                         static_cast<int64_t>(mode),
                         int64_t{level},
                         int64_t{memory_level},
                         int64_t{server_bits},
                         int64_t{client_bits},
                         int64_t{server_alone},
                         int64_t{client_alone},
                         min_size})
    all += std::to_string(number) + ' ';
  for (const std::string &text :
       {origin, offered_subprotocols, offered_headers, offered_extensions, origins, subprotocols, headers})
    all += text + '\n';
  for (const Step &step : conversation.steps) {
    all += std::to_string(step.now) + (step.sink_is_full ? " full " : " ") + (step.random_is_broken ? "broken " : "");
    all += std::to_string(step.bytes.size()) + step.name + step.bytes;
  }
  return std::hash<std::string>()(all);
}

// The first difference that a chopping of the conversation makes. Tests with loops over choppings of their own hold the
// same conversation many times: then the cuts are tried once, and each time that it is the same.
inline std::optional<std::string> first_difference(const Conversation &conversation) {
  static std::set<size_t> known;
  std::mt19937 random(1455);
  std::vector<Chopping> choppings = choppings_of(conversation, random);
  if (!known.insert(hash_of(conversation)).second) choppings.resize(1);
  for (const Chopping &chopping : choppings) {
    if (std::optional<std::string> found = difference(conversation, chopping)) return found;
  }
  return {};
}

// The teardown of a test with labs.
inline int check_choppings(void **) {
  std::optional<std::string> found;
  for (const Conversation &conversation : std::exchange(conversations, {})) {
    if (!found) found = first_difference(conversation);
  }
  if (found) print_error("The session depends on the pieces that its bytes come in. %s\n", found->c_str());
  return found ? -1 : 0;
}

}  // namespace lab

#define lab_unit_test(test) cmocka_unit_test_teardown(test, lab::check_choppings)
