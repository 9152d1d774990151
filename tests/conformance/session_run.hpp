// A row, run on an hws_session.
#pragma once

#include <string>

#include "conformance/row.hpp"

namespace conformance {

// Whole, byte by byte, in two pieces, and glued to a valid message. What went wrong, or "".
std::string run_on_session(const Row &row, Opening opening, int32_t role);

}  // namespace conformance
