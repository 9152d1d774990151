#include "kinds.hpp"

#include <algorithm>
#include <iterator>

namespace soak {

namespace {

constexpr size_t kLargestMessage = 1024 * 1024, kLargestSlowMessage = 60;
constexpr size_t kMostMessages = 4;

// So that the heads are through before the server's handshake_timeout; then byte by byte.
constexpr size_t kSlowHeadPiece = 16;
// Milliseconds after each byte, if longest_pause is no less, and now and then: it still reads the server's ping in time
// to answer it.
constexpr int64_t kPause = 500, kRest = 5000;

void open_slowly(Composer &composer, Script &script, bool writes, bool reads) {
  const int64_t longest = composer.longest_pause();
  const Pace pace = {kSlowHeadPiece, std::min(kPause, longest), std::min(kRest, longest)};
  add_opening(composer, script);
  if (writes) script.writing = pace;
  if (reads) script.reading = pace;
}

constexpr Kind kGood[] = {{"well-behaved", add_opening}};
constexpr Kind kSlow[] = {
    {"slow writer", [](Composer &composer, Script &script) { open_slowly(composer, script, true, false); }},
    {"slow reader", [](Composer &composer, Script &script) { open_slowly(composer, script, false, true); }},
    {"slow in all", [](Composer &composer, Script &script) { open_slowly(composer, script, true, true); }},
};

Kinds kinds_of(Group group) {
  return group == Group::BROKEN ? broken_kinds() : group == Group::HOSTILE ? hostile_kinds() : honest_kinds(group);
}

}  // namespace

Kinds honest_kinds(Group group) {
  return group == Group::GOOD ? Kinds{kGood, std::size(kGood)} : Kinds{kSlow, std::size(kSlow)};
}

size_t kind_count(Group group) {
  return kinds_of(group).count;
}

const char *kind_name(Group group, size_t kind) {
  return kinds_of(group).first[kind].name;
}

Script make_script(Group group, size_t kind, Composer &composer) {
  Script script{kind_name(group, kind)};
  kinds_of(group).first[kind].write(composer, script);
  return script;
}

void add_opening(Composer &composer, Script &script) {
  script.steps.push_back({Step::Action::SEND, composer.request()});
  script.steps.push_back({Step::Action::AWAIT_OPEN});
}

void add_good_conduct(Composer &composer, Script &script) {
  add_opening(composer, script);
  add_round(Group::BROKEN, composer, script);
}

void add_round(Group group, Composer &composer, Script &script) {
  const size_t count = group == Group::GOOD ? composer.random.between(1, kMostMessages) : 1;
  const size_t largest = group == Group::SLOW ? kLargestSlowMessage : kLargestMessage;
  script.writing.piece = std::min<size_t>(script.writing.piece, 1);
  script.reading.piece = std::min<size_t>(script.reading.piece, 1);
  script.steps.push_back(composer.send_messages(count, largest));
  script.steps.push_back({Step::Action::AWAIT_ECHOES});
  script.steps.push_back({.action = Step::Action::PAUSE, .patience = composer.pause()});
}

void add_farewell(Composer &composer, Script &script) {
  script.steps.push_back(composer.send_close(1000));
  script.steps.push_back({.action = Step::Action::AWAIT_CLOSE, .code = 1000});  // RFC 6455 5.5.1: it is echoed
  script.steps.push_back({Step::Action::AWAIT_END});
}

}  // namespace soak
