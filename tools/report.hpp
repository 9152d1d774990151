// What the program tells its user: exit statuses, and lines on standard error.
#pragma once

#include <string>
#include <string_view>

#include <hawser.h>

namespace hawser::tools {

enum ExitStatus : int {
  SUCCESS = 0,
  USAGE = 1,     // a wrong call, or input that cannot be sent
  REFUSED = 2,   // the server answered the handshake with another HTTP status than 101
  NETWORK = 3,   // resolve, connect, listen, read, write, a deadline, or the system underneath
  PROTOCOL = 4,  // the peer broke the protocol or exceeded a limit
};

// What an error says that ended a connection.
ExitStatus exit_status_of(hws_result error);
// And what one says of the call that was to begin it: there it is files, not a peer, that are no good for TLS.
ExitStatus exit_status_of_call(hws_id error);

// The text with every control character (C0, DEL and the C1 that are two bytes of UTF-8) replaced by '?': what a peer
// says must not drive the terminal.
std::string printable(std::string_view text);

// One line on standard error: "hawser: words".
void complain(std::string_view words);

// Complains and returns the status, for "return fail(...)".
ExitStatus fail(ExitStatus status, std::string_view words);

}  // namespace hawser::tools
