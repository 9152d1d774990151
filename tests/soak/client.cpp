// The chaos client: well-behaved, slow, broken and hostile peers in equal parts. It shares nothing with the library:
// its sockets, frames and heads are the load generator's (bench/load).
#include <csignal>

#include "crowd.hpp"
#include "settings.hpp"

int main(int argc, char **argv) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to sockets as to files
  const soak::Settings settings = soak::parse_settings(argc, argv);
  soak::Crowd(settings).run();
  return 0;
}
