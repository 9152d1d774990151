// Runs the table. An argument picks tests by a pattern ("cve_2018_*"); --page writes docs/reference/history.md: a test
// compares the two.
#include <cstdio>
#include <cstring>

#include "conformance/story.hpp"
#include "history/advisory.hpp"

namespace {

struct Advisory {
  CMUnitTest test;
  const char *numbers;
  const char *happened;
  const char *holds;
};

const Advisory kAdvisories[] = {
#define HAWSER_ADVISORY(test, numbers, happened, holds) {cmocka_unit_test(test), numbers, happened, holds},
#include "history/advisories.def"
#undef HAWSER_ADVISORY
};

constexpr size_t kCount = sizeof kAdvisories / sizeof *kAdvisories;

void print_page() {
  std::printf(
      "# The history of this field\n\n"
      "What went wrong in other WebSocket libraries and in servers and clients that speak WebSocket, and what holds "
      "in\n"
      "hawser instead. Each row is a test of that name in `tests/history`, run in both roles where both apply, and "
      "where\n"
      "a limit would stop the attack once more with that limit at unlimited. The numbers were looked up in the CVE "
      "list\n"
      "and in the advisories of the projects. What happened is told in our words.\n\n"
      "| advisory | what happened | what holds here | test |\n|---|---|---|---|\n");
  for (const Advisory &advisory : kAdvisories)
    std::printf("| %s | %s | %s | `%s` |\n", advisory.numbers, advisory.happened, advisory.holds, advisory.test.name);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc == 2 && std::strcmp(argv[1], "--page") == 0) {
    print_page();
    return 0;
  }
  if (argc == 2) cmocka_set_test_filter(argv[1]);
  conformance::accept_for("");  // what OpenSSL makes when it is first used is nobody's to count
  CMUnitTest tests[kCount];
  for (size_t i = 0; i < kCount; i++)
    tests[i] = kAdvisories[i].test;
  return _cmocka_run_group_tests("history", tests, kCount, nullptr, nullptr);
}
