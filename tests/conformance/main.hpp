// The program of a runner: each row is a test of its own, by its name.
#pragma once

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "conformance/row.hpp"
#include "support/cmocka.hpp"

namespace conformance {

using Run = std::string (*)(const Row &row, Opening opening, int32_t role);

struct Case {
  std::string name;
  Row row;
  Opening opening;
  Run run;
};

// cmocka leaves a test that fails by longjmp: what it says has to outlive it.
inline std::string trouble;

inline void test_row(void **state) {
  auto *test = static_cast<const Case *>(*state);
  for (int32_t role : {HWS_SERVER, HWS_CLIENT}) {
    if (!test->row.tests(role)) continue;
    trouble = test->run(test->row, test->opening, role);
    if (trouble.empty()) continue;
    print_error("%s (RFC %d %s), as a %s: %s\n", test->name.c_str(), test->row.rfc, test->row.section,
                role == HWS_SERVER ? "server" : "client", trouble.c_str());
    fail();
  }
}

// With deflate: what is known of an open connection without extensions, once more with permessage-deflate.
inline std::vector<Opening> openings_of(const Subject &subject, bool deflate) {
  if (!deflate) return {subject.opening};
  if (subject.opening != Opening::PLAIN) return {};
  return {Opening::DEFLATE, Opening::COMPRESSING};
}

inline void add_case(std::vector<Case> &cases, const Row &row, Opening opening, Run run) {
  bool compressing = opening == Opening::COMPRESSING;
  if (compressing && !row.sent.can_be_compressed()) return;
  cases.push_back({row.name + (compressing ? " compressed" : ""), row.on(opening), opening, run});
}

// Arguments: --deflate, and subjects, all without; --list prints the names of the rows.
inline int run_rows(int argc, char **argv, Run run) {
  std::vector<std::string> wanted(argv + 1, argv + argc);
  bool list = std::erase(wanted, "--list") != 0;
  bool deflate = std::erase(wanted, "--deflate") != 0;
  std::vector<Case> cases;
  for (const Subject &subject : subjects()) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), subject.name) == wanted.end()) continue;
    for (const Row &row : subject.rows) {
      if (list) std::printf("%s\n", row.name.c_str());
      for (Opening opening : openings_of(subject, deflate))
        add_case(cases, row, opening, run);
    }
  }
  if (list) return 0;
  if (cases.empty()) return 2;
  std::vector<CMUnitTest> tests;
  for (Case &test : cases)
    tests.push_back({test.name.c_str(), test_row, nullptr, nullptr, &test});
  return _cmocka_run_group_tests("conformance", tests.data(), tests.size(), nullptr, nullptr);
}

}  // namespace conformance
