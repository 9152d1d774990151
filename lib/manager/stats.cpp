#include "manager/stats.hpp"

#include <iterator>

namespace hawser {

namespace {

struct StatRow {
  const char *name;
  const char *text;
  int64_t Stats::*field;
};

#define HAWSER_STAT(name, text) {#name, text, &Stats::name},
const StatRow kStats[] = {
#include "manager/stats.def"
};
#undef HAWSER_STAT

const StatRow *row(int32_t index) {
  return index >= 0 && index < stat_count() ? &kStats[index] : nullptr;
}

}  // namespace

int32_t stat_count() {
  return static_cast<int32_t>(std::size(kStats));
}

const char *stat_name(int32_t index) {
  return row(index) != nullptr ? row(index)->name : nullptr;
}

const char *stat_text(int32_t index) {
  return row(index) != nullptr ? row(index)->text : nullptr;
}

const int64_t *Stats::find(std::string_view name) const {
  for (const StatRow &stat : kStats) {
    if (stat.name == name) return &(this->*stat.field);
  }
  return nullptr;
}

}  // namespace hawser
