// How the load ends when anything is wrong.
#pragma once

#include <string>

namespace load {

// One line on stderr, and exit code 1.
[[noreturn]] void fail(const std::string &words);
// The same, with what errno means.
[[noreturn]] void fail_with_errno(const std::string &words);

}  // namespace load
