// The hawser program: reads its arguments and runs the subcommand that they name.
#include <CLI/CLI.hpp>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <hawser.h>
#include <unistd.h>

#include "connect.hpp"
#include "report.hpp"
#include "serve.hpp"

namespace {

using hawser::tools::ConnectSettings;
using hawser::tools::fail;
using hawser::tools::LayerSettings;
using hawser::tools::run_connect;
using hawser::tools::run_serve;
using hawser::tools::ServeRole;
using hawser::tools::ServeSettings;

constexpr const char *kExitStatuses =
    "Exit status: 0 success or a clean close, 1 wrong call or input, 2 refused by the server (HTTP),\n"
    "3 network failure, 4 protocol failure. The manual page hawser(1) tells all.";

// Turns "64K" into "65536": a number, with K, M or G for powers of 1024. Returns what is wrong with it, or "".
std::string expand_bytes(std::string &text) {
  static constexpr std::string_view kUnits = "kmg";
  int64_t number = 0;
  const char *end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, number);
  const size_t power =
      unit == end ? 0 : kUnits.find(static_cast<char>(std::tolower(static_cast<unsigned char>(*unit)))) + 1;
  const int64_t factor = int64_t{1} << (10 * power);
  const bool has_known_unit = unit == end || (unit + 1 == end && power > 0);
  if (error != std::errc() || !has_known_unit || number > INT64_MAX / factor || number < -1)
    return "not a number of bytes such as 4096, 64K, 16M or -1";
  text = std::to_string(number * factor);
  return "";
}

void add_bytes(CLI::App &app, const std::string &name, std::optional<int64_t> &value, const std::string &text) {
  app.add_option(name, value, text)->transform(CLI::Validator(expand_bytes, ""))->type_name("BYTES");
}

// At least the millisecond that the library counts in, at most what 31 bits of them hold.
std::string check_seconds(const std::string &text) {
  double seconds = 0;
  const bool valid = CLI::detail::lexical_cast(text, seconds) && seconds >= 0.001 && seconds <= 2'000'000;
  return valid ? "" : "not a number of seconds from 0.001 to 2000000";
}

void add_seconds(CLI::App &app, const std::string &name, std::optional<double> &value, const std::string &text) {
  app.add_option(name, value, text)->check(CLI::Validator(check_seconds, ""))->type_name("SECONDS");
}

// What may travel in a Close frame (RFC 6455 7.4); 0 sends an empty one.
std::string check_close_code(const std::string &text) {
  int code = -1;
  const bool valid =
      CLI::detail::lexical_cast(text, code) &&
      (code == 0 || (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999));
  return valid ? "" : "not one of 0, 1000 to 1003, 1007 to 1014 or 3000 to 4999";
}

// Certificate, key and compression: what both subcommands have.
void add_layers(CLI::App &app, LayerSettings &settings, bool &verbose) {
  CLI::Option *certificate =
      app.add_option("--tls-cert", settings.certificate, "Our certificate and its chain (PEM)")->type_name("FILE");
  app.add_option("--tls-key", settings.key, "Its private key (PEM), if it is not in the same file")
      ->needs(certificate)
      ->type_name("FILE");
  app.add_option("--deflate", settings.deflate, "Compression: shared (without a mode), dedicated or off")
      ->expected(0, 1)
      ->default_str("shared")
      ->check(CLI::IsMember({"shared", "dedicated", "off"}))
      ->type_name("MODE");
  app.add_flag("-v,--verbose", verbose, "Tell on standard error what was agreed on: TLS, compression");
}

void add_serve(CLI::App &app, ServeSettings &settings) {
  CLI::App *serve = app.add_subcommand("serve", "Run an echo or broadcast server, with a page for browsers at /");
  serve->add_option("URL", settings.url, "Where to listen: ws://127.0.0.1:9001/ or wss://...; port 0 takes a free one")
      ->required()
      ->type_name("");
  CLI::Option *echo = serve->add_flag_callback(
      "--echo", [&settings] { settings.role = ServeRole::ECHO; },
      "Send every message back to its sender (the default)");
  serve
      ->add_flag_callback(
          "--broadcast", [&settings] { settings.role = ServeRole::BROADCAST; },
          "Send every message to all others, not to its sender")
      ->excludes(echo);
  serve->add_option("--origins", settings.origins, "Who may connect from browsers: same (the default), *, or a list")
      ->type_name("LIST");
  serve->add_option("--subprotocol", settings.subprotocols, "What to speak, by preference; a list, or repeated")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("NAME");
  add_bytes(*serve, "--max-message-size", settings.max_message_size, "Longest message to take (16M; -1: unlimited)");
  add_bytes(*serve, "--max-queue", settings.max_queue,
            "Unsent bytes of a peer above which echo reads no more of it (1M), broadcast closes it (16M)");
  add_seconds(*serve, "--drain", settings.drain, "Time for closing all connections after SIGTERM or SIGINT (2)");
  serve->add_option("--backend", settings.backend, "How to wait for sockets: auto, epoll, kqueue or poll")
      ->type_name("NAME");
  add_layers(*serve, settings.layers, settings.verbose);
  serve->add_option("--tls-client-ca", settings.layers.authorities, "Clients have to show a certificate of these (PEM)")
      ->type_name("FILE");
  serve->add_flag("-q,--quiet", settings.quiet, "Write nothing but the line that tells the address");
}

void add_connect(CLI::App &app, ConnectSettings &settings) {
  CLI::App *connect = app.add_subcommand("connect", "Connect standard input and output to a WebSocket server");
  connect->add_option("URL", settings.url, "The server: ws://host:port/path or wss://...")->required()->type_name("");
  CLI::Option *echo = connect->add_flag("--echo", settings.echo, "Send every message back; standard input is not read");
  connect->add_flag("-b,--binary", settings.binary, "Send binary messages of up to 64 KiB, write payloads as they are")
      ->excludes(echo);
  connect->add_option("-H,--header", settings.headers, "A header field for the request; may be repeated")
      ->allow_extra_args(false)
      ->type_name("NAME:VALUE");
  connect->add_option("--origin", settings.origin, "The Origin header field")->type_name("ORIGIN");
  connect->add_option("--subprotocol", settings.subprotocols, "What to offer, by preference; a list, or repeated")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("NAME");
  add_seconds(*connect, "--ping-interval", settings.ping_interval, "Silence after which a ping is sent (30)");
  add_seconds(*connect, "--timeout", settings.timeout, "For the whole opening handshake (10), and for the close (5)");
  connect->add_option("--close-code", settings.close_code, "The code of our Close (1000); 0: an empty Close")
      ->check(CLI::Validator(check_close_code, ""))
      ->type_name("CODE");
  add_layers(*connect, settings.layers, settings.verbose);
  connect
      ->add_option("--tls-ca", settings.layers.authorities, "Whom to trust instead of the system's authorities (PEM)")
      ->type_name("FILE");
  connect->add_flag("--insecure", settings.layers.insecure,
                    "Take any certificate of the server: anybody may read along");
  add_bytes(*connect, "--max-message-size", settings.max_message_size, "Longest message to take (16M; -1: unlimited)");
}

// A standard stream that the caller closed must not become the number of a socket.
void open_standard_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0) open("/dev/null", O_RDWR);
}

int run(int argc, char **argv) {
  CLI::App app("Speaks WebSocket (RFC 6455) from the command line", "hawser");
  app.set_version_flag("--version", std::string("hawser ") + hws_version());
  app.footer(kExitStatuses);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  app.get_formatter()->label("Excludes", "not with");
  ServeSettings serve;
  ConnectSettings connect;
  add_serve(app, serve);
  add_connect(app, connect);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success &success) {
    return app.exit(success);
  } catch (const CLI::ParseError &error) {
    return fail(hawser::tools::USAGE, std::string(error.what()) + " (try: hawser --help)");
  }
  return app.got_subcommand("serve") ? run_serve(serve) : run_connect(connect);
}

}  // namespace

int main(int argc, char **argv) {
  open_standard_streams();
  try {
    return run(argc, argv);
  } catch (const std::exception &error) {
    return fail(hawser::tools::NETWORK, error.what());
  }
}
