// A row, run on a manager.
#pragma once

#include <string>

#include "conformance/row.hpp"

namespace conformance {

// Through a socket, alone and glued to a valid message; with HAWSER_TEST_TLS over TLS. What went wrong, or "".
std::string run_on_manager(const Row &row, Opening opening, int32_t role);

}  // namespace conformance
