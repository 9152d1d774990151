#include "options.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <map>

#include "fault.hpp"

namespace load {

namespace {

const std::map<std::string, Kind> kKinds = {{"echo", Kind::ECHO},
                                            {"open", Kind::OPEN},
                                            {"idle", Kind::IDLE},
                                            {"broadcast", Kind::BROADCAST},
                                            {"serve", Kind::SERVE}};
const std::map<std::string, Layer> kLayers = {
    {"ws", Layer::WS}, {"wss", Layer::WSS}, {"deflate", Layer::DEFLATE}, {"raw", Layer::RAW}, {"tls", Layer::TLS}};

const CLI::Range kOneOrMore(size_t{1}, size_t{1'000'000});

void add_options(CLI::App &app, Options &options) {
  app.add_option("KIND", options.kind, "echo, open, idle, broadcast or serve")
      ->required()
      ->transform(CLI::CheckedTransformer(kKinds));
  app.add_option("PORT", options.port, "On 127.0.0.1")->required();
  app.add_option("--layer", options.layer, "ws, wss, deflate, raw or tls")->transform(CLI::CheckedTransformer(kLayers));
  app.add_option("--size", options.size, "Bytes of a message");
  app.add_flag("--text", options.text, "Messages are ASCII text, not binary");
  app.add_flag("--utf8", options.utf8, "Messages are text, of two to four bytes a character for the most part");
  app.add_option("--connections", options.connections)->check(kOneOrMore);
  app.add_option("--depth", options.depth, "Messages in one burst")->check(kOneOrMore);
  app.add_option("--messages", options.messages, "For each connection; of a broadcast, all");
  app.add_option("--warmup", options.warmup, "Messages for each connection before what is measured");
  app.add_option("--warmup-time", options.warmup_time, "Milliseconds for which the warmup goes on at least");
  app.add_flag("--lockstep", options.lockstep, "All bursts go out, then all replies are awaited");
  app.add_option("--count", options.count, "open: how many connections");
  app.add_option("--parallel", options.parallel, "open: of them at one time")->check(kOneOrMore);
  app.add_option("--signal", options.signal, "A descriptor: a byte each way before and after what is measured");
  app.add_option("--cert", options.certificate, "serve: PEM file, for wss and tls");
  app.add_option("--key", options.key, "serve: PEM file");
}

}  // namespace

Options parse_options(int argc, char **argv) {
  Options options;
  CLI::App app("Drives servers (serve: clients) and checks every byte that comes back.", "bench_load");
  add_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    std::exit(app.exit(error) == 0 ? 0 : 1);
  }
  if (options.messages % options.depth != 0 || options.warmup % options.depth != 0) {
    fail("--messages and --warmup have to be multiples of --depth");
  }
  if (options.kind == Kind::BROADCAST && options.depth != 1) fail("a broadcast has no --depth");
  return options;
}

}  // namespace load
