// The counters of a manager (stats.def).
#pragma once

#include <cstdint>
#include <string_view>

namespace hawser {

struct Stats {
#define HAWSER_STAT(name, text) int64_t name = 0;
#include "manager/stats.def"
#undef HAWSER_STAT

  // nullptr for an unknown name.
  const int64_t *find(std::string_view name) const;
};

int32_t stat_count();
// nullptr out of range.
const char *stat_name(int32_t index);
const char *stat_text(int32_t index);

}  // namespace hawser
