// The backend of the manager that this run of the tests is about: tests/CMakeLists.txt runs them once for each.
#pragma once

#include <cstdlib>
#include <string_view>

inline const char *backend_under_test() {
  const char *name = std::getenv("HAWSER_TEST_BACKEND");
  return name != nullptr ? name : "auto";
}

// It has a descriptor for outer loops.
inline bool has_outer_loops() {
  return std::string_view(backend_under_test()) != "poll";
}
