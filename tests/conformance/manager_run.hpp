// A row, run on a manager.
#pragma once

#include <string>

#include "conformance/row.hpp"

namespace conformance {

// Through a socket, alone and glued to a valid message. What went wrong, or "".
std::string run_on_manager(const Row &row, bool handshake, int32_t role);

}  // namespace conformance
