// The kinds of peers that there are.
#pragma once

#include <cstddef>

#include "composer.hpp"
#include "script.hpp"

namespace soak {

enum class Group { GOOD, SLOW, BROKEN, HOSTILE };
constexpr size_t kGroups = 4;
constexpr const char *kGroupNames[kGroups] = {"good", "slow", "broken", "hostile"};

// They keep to the RFC, and lose nothing.
constexpr bool is_honest(Group group) {
  return group == Group::GOOD || group == Group::SLOW;
}

size_t kind_count(Group group);
const char *kind_name(Group group, size_t kind);
// The whole life; of an honest one its beginning, which rounds follow.
Script make_script(Group group, size_t kind, Composer &composer);
// Messages, their echoes, and rest.
void add_round(Group group, Composer &composer, Script &script);
// The closing handshake (RFC 6455 7.1.2).
void add_farewell(Composer &composer, Script &script);

// One table for each group.
struct Kind {
  const char *name;
  void (*write)(Composer &composer, Script &script);
};
struct Kinds {
  const Kind *first;
  size_t count;
};
Kinds honest_kinds(Group group);
Kinds broken_kinds();
Kinds hostile_kinds();

// What most of them begin with: the opening handshake.
void add_opening(Composer &composer, Script &script);
// And then a message, its echo, and rest.
void add_good_conduct(Composer &composer, Script &script);

}  // namespace soak
