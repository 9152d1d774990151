#include "settings.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>

namespace soak {

namespace {

void add_options(CLI::App &app, Settings &settings, uint16_t &ws, uint16_t &wss, uint16_t &deflate) {
  app.add_option("--ws", ws, "The server's ports on 127.0.0.1; a layer without one is not tried");
  app.add_option("--wss", wss);
  app.add_option("--deflate", deflate);
  app.add_option("--connections", settings.connections)->required();
  app.add_option("--seed", settings.seed)->required();
  auto *seconds = app.add_option("--seconds", settings.seconds);
  app.add_option("--rounds", settings.rounds, "Of each connection, in place of --seconds")->excludes(seconds);
  app.add_option("--restarts", settings.restarts, "How many times half of all are reset at once");
  app.add_option("--longest-pause", settings.longest_pause, "Milliseconds for which a peer may do nothing")->required();
}

}  // namespace

Settings parse_settings(int argc, char **argv) {
  Settings settings;
  uint16_t ws = 0, wss = 0, deflate = 0;
  CLI::App app("Well-behaved, slow, broken and hostile peers of an echo server, in equal parts.", "soak_client");
  add_options(app, settings, ws, wss, deflate);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    std::exit(app.exit(error) == 0 ? 0 : 1);
  }
  if (ws != 0) settings.doors.push_back({load::Layer::WS, ws});
  if (wss != 0) settings.doors.push_back({load::Layer::WSS, wss});
  if (deflate != 0) settings.doors.push_back({load::Layer::DEFLATE, deflate});
  if (settings.doors.empty() || settings.connections == 0) std::exit(1);
  return settings;
}

}  // namespace soak
