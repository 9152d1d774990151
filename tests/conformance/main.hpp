// The program of a runner: each row is a test of its own, by its name.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "conformance/row.hpp"
#include "support/cmocka.hpp"

namespace conformance {

using Run = std::string (*)(const Row &row, bool handshake, int32_t role);

struct Case {
  const Row *row;
  bool handshake;
  Run run;
};

// cmocka leaves a test that fails by longjmp: what it says has to outlive it.
inline std::string trouble;

inline void test_row(void **state) {
  auto *test = static_cast<const Case *>(*state);
  for (int32_t role : {HWS_SERVER, HWS_CLIENT}) {
    if (!test->row->tests(role)) continue;
    trouble = test->run(*test->row, test->handshake, role);
    if (trouble.empty()) continue;
    print_error("%s (RFC 6455 %s), as a %s: %s\n", test->row->name.c_str(), test->row->section,
                role == HWS_SERVER ? "server" : "client", trouble.c_str());
    fail();
  }
}

// Arguments: subjects, all without; --list prints the names of the rows.
inline int run_rows(int argc, char **argv, Run run) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  bool list = arguments == std::vector<std::string>{"--list"};
  std::vector<Case> cases;
  for (const Subject &subject : subjects()) {
    bool wanted = arguments.empty() || list;
    for (const std::string &argument : arguments)
      wanted |= argument == subject.name;
    for (const Row &row : subject.rows) {
      if (list) std::printf("%s\n", row.name.c_str());
      if (wanted) cases.push_back({&row, subject.handshake, run});
    }
  }
  if (list) return 0;
  if (cases.empty()) return 2;
  std::vector<CMUnitTest> tests;
  for (Case &test : cases)
    tests.push_back({test.row->name.c_str(), test_row, nullptr, nullptr, &test});
  return _cmocka_run_group_tests("conformance", tests.data(), tests.size(), nullptr, nullptr);
}

}  // namespace conformance
