#include "fault.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace load {

void fail(const std::string &words) {
  std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, words.c_str());
  std::exit(1);
}

void fail_with_errno(const std::string &words) {
  fail(words + ": " + std::strerror(errno));
}

}  // namespace load
