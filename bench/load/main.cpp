// The load generator: drives servers, or as a server clients, and checks every byte that comes back. See
// bench/README.md.
#include "loads.hpp"
#include "options.hpp"

int main(int argc, char **argv) {
  const load::Options options = load::parse_options(argc, argv);
  switch (options.kind) {
    case load::Kind::ECHO:
    case load::Kind::SERVE:
      load::run_echo(options);
      break;
    case load::Kind::OPEN:
      load::run_open(options);
      break;
    case load::Kind::IDLE:
      load::run_idle(options);
      break;
    case load::Kind::BROADCAST:
      load::run_broadcast(options);
      break;
  }
  return 0;
}
