// The kinds of load.
#pragma once

#include "options.hpp"

namespace load {

// Messages go to and fro on all connections; as a client, or as a server.
void run_echo(const Options &options);
// Connections are opened and closed.
void run_open(const Options &options);
// Connections are held, until the runner has seen enough.
void run_idle(const Options &options);
// One connection sends, all receive.
void run_broadcast(const Options &options);

}  // namespace load
