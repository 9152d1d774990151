// permessage-deflate without context takeover: each message by itself (RFC 7692 7.2).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace load {

std::string deflate_message(std::string_view payload);

// The payload, good until the next call; `compressed` is changed. Ends the program if it is not deflated, or if there
// are more than `most` bytes.
std::string_view inflate_message(std::string &compressed, size_t most);

}  // namespace load
