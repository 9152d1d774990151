#include "report.hpp"

#include <cstdio>

namespace soak {

namespace {

void print_key(const std::string &key) {
  std::printf("\"%s\"", key.c_str());
}

void print_key(int key) {
  std::printf("\"%d\"", key);
}

template <typename Key>
void print_counts(const char *name, const std::map<Key, size_t> &counts) {
  const char *between = "";
  std::printf(", \"%s\": {", name);
  for (const auto &[key, count] : counts) {
    std::printf("%s", between);
    print_key(key);
    std::printf(": %zu", count);
    between = ", ";
  }
  std::printf("}");
}

}  // namespace

void Report::print() const {
  std::printf("{\"connects\": %zu, \"opened\": %zu, \"messages\": %zu, \"bytes\": %zu, \"pings\": %zu, ", connects,
              opened, messages, bytes, pings);
  std::printf("\"restarted\": %zu, \"late\": %zu", restarted, late);
  print_counts("kinds", kinds);
  print_counts("opened_by", opened_by);
  print_counts("closes", closes);
  print_counts("refusals", refusals);
  std::printf("}\n");
}

}  // namespace soak
