// The opening handshake (RFC 6455 4), from both sides.
#pragma once

#include <string>
#include <string_view>

#include "options.hpp"

namespace load {

// What a client sends: the same for all of its connections.
std::string make_request(const Options &options);
// Ends the program unless it is the right answer to that.
void check_answer(const Options &options, std::string_view head);

// Ends the program unless a client may ask so.
void check_request(const Options &options, std::string_view head);
std::string make_answer(const Options &options, std::string_view request);

}  // namespace load
