#include "serve.hpp"

#include <cstdio>
#include <string_view>
#include <unordered_map>

#include "handles.hpp"
#include "page.hpp"
#include "report.hpp"
#include "signals.hpp"

namespace hawser::tools {

namespace {

constexpr int64_t kDefaultPauseAbove = int64_t{1024} * 1024;
constexpr double kDefaultDrain = 2;  // seconds

constexpr int32_t kOk = 200;
constexpr int32_t kNotFound = 404;
constexpr int32_t kInternalError = 1011;
constexpr int32_t kTryAgainLater = 1013;

// The page has all that it needs in itself, and may connect to any WebSocket that its user types in.
constexpr const char *kPagePolicy =
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data:; connect-src ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

OptionSet listener_options(const ServeSettings &settings) {
  OptionSet options;
  options.set_int("requests", 1);
  set_layers(options, settings.layers, settings.url);
  if (settings.layers.authorities) options.set_text("tls_client_auth", "required");
  if (settings.origins) options.set_text("origins", *settings.origins);
  options.set_list("subprotocols", settings.subprotocols);
  if (settings.max_message_size) options.set_int("max_message_size", *settings.max_message_size);
  if (settings.role == ServeRole::BROADCAST) {
    if (settings.max_queue) options.set_int("max_send_queue", *settings.max_queue);
    return options;
  }
  // A peer that does not read is read no further, and what one batch can still bring is bounded by the library: so the
  // queue needs no limit of its own, and no echo is refused.
  options.set_int("pause_above", settings.max_queue.value_or(kDefaultPauseAbove));
  options.set_int("max_send_queue", -1);
  return options;
}

OptionSet manager_options(const ServeSettings &settings) {
  OptionSet options;
  if (settings.backend) options.set_text("backend", *settings.backend);
  return options;
}

OptionSet page_headers() {
  OptionSet headers;
  headers.add_header("Content-Type: text/html; charset=utf-8");
  headers.add_header("Cache-Control: no-store");
  headers.add_header("X-Content-Type-Options: nosniff");
  headers.add_header("Referrer-Policy: no-referrer");
  headers.add_header(kPagePolicy);
  return headers;
}

std::string page_for(ServeRole role) {
  std::string page(page_template());
  page.replace(page.find(kPageRole), kPageRole.size(), role == ServeRole::ECHO ? "echo" : "broadcast");
  return page;
}

// "ws://127.0.0.1:0/chat" and "127.0.0.1:54321" make "ws://127.0.0.1:54321/".
std::string address_line(std::string_view url, std::string_view local_address) {
  const size_t begin = url.find("//") + 2;
  const std::string_view authority = url.substr(begin, url.find_first_of("/?#", begin) - begin);
  const size_t host_end = authority.starts_with('[') ? authority.find(']') + 1 : authority.find(':');
  const std::string_view port = local_address.substr(local_address.rfind(':') + 1);
  return std::string(url.substr(0, begin)) + std::string(authority.substr(0, host_end)) + ":" + std::string(port) + "/";
}

std::string text_or_empty(const char *text) {
  return text != nullptr ? text : "";
}

class Server {
 public:
  explicit Server(const ServeSettings &settings) : settings_(settings), page_(page_for(settings.role)) {}

  int run();

 private:
  bool start(const OptionSet &options);
  void serve_until_stopped(const OptionSet &options, Signals &signals);
  void reload(const OptionSet &options);
  void drain(const Signals &signals);
  bool poll_and_handle();

  void handle(const hws_event &event, const char *words);
  void on_request(const hws_event &event);
  void on_open(const hws_event &event);
  void on_message(const hws_event &event);
  void on_close(const hws_event &event, const char *words);

  void echo(const hws_event &event);
  void answer_plain(const hws_event &event);
  void respond(hws_id connection, int32_t status, const hws_options *headers, const std::string &body);
  void give_up(hws_id connection, hws_result reason);
  void log(hws_id connection, const std::string &words);

  const ServeSettings &settings_;
  const std::string page_;
  const OptionSet page_headers_ = page_headers();
  Manager manager_;
  hws_id listener_ = 0;
  int status_ = SUCCESS;
  std::unordered_map<hws_id, bool> connections_;  // every one whose CLOSE is to come: is it open?
};

int Server::run() {
  const OptionSet options = listener_options(settings_);
  const OptionSet backend = manager_options(settings_);
  if (!options.problem().empty()) return fail(USAGE, options.problem());
  if (!backend.problem().empty()) return fail(USAGE, backend.problem());

  manager_.reset(hws_manager_new(backend.get()));
  if (manager_ == nullptr) return fail(NETWORK, "no manager could be made: out of memory or descriptors");
  Signals signals(manager_.get());
  if (!start(options)) return status_;
  if (settings_.layers.certificate) signals.expect_reload();
  serve_until_stopped(options, signals);
  drain(signals);
  return status_;
}

bool Server::start(const OptionSet &options) {
  listener_ = hws_manager_listen(manager_.get(), settings_.url.c_str(), options.get());
  if (listener_ < 0) {
    status_ = fail(exit_status_of_call(listener_), settings_.url + ": " + hws_manager_last_error(manager_.get()));
    return false;
  }
  const std::string local_address = text_or_empty(hws_manager_local_address(manager_.get(), listener_));
  std::printf("listening on %s\n", address_line(settings_.url, local_address).c_str());
  std::fflush(stdout);
  return true;
}

void Server::serve_until_stopped(const OptionSet &options, Signals &signals) {
  while (!signals.stop_requested()) {
    if (!poll_and_handle()) return;
    if (signals.take_reload()) reload(options);
  }
}

// The certificates were renewed: their files are read again. If they are no good, the old ones stay.
void Server::reload(const OptionSet &options) {
  const hws_result result = hws_manager_reload_tls(manager_.get(), listener_, options.get());
  complain(result < 0 ? hws_manager_last_error(manager_.get()) : "the certificates were read again");
}

void Server::drain(const Signals &signals) {
  const double seconds = settings_.drain.value_or(kDefaultDrain);
  hws_manager_drain(manager_.get(), static_cast<int32_t>(seconds * 1000));
  while (hws_manager_stat(manager_.get(), "connections") > 0) {
    if (signals.stop_requested_again()) hws_manager_drain(manager_.get(), 0);
    if (!poll_and_handle()) return;
  }
}

bool Server::poll_and_handle() {
  const hws_result count = hws_manager_poll(manager_.get(), -1);
  if (count < 0) status_ = fail(NETWORK, hws_manager_last_error(manager_.get()));
  for (int32_t i = 0; i < count; i++)
    handle(*hws_manager_event(manager_.get(), i), hws_manager_event_text(manager_.get(), i));
  return count >= 0;
}

void Server::handle(const hws_event &event, const char *words) {
  switch (event.kind) {
    case HWS_EVENT_REQUEST:
      return on_request(event);
    case HWS_EVENT_OPEN:
      return on_open(event);
    case HWS_EVENT_MESSAGE:
      return on_message(event);
    case HWS_EVENT_CLOSE:
      return on_close(event, words);
    default:
      return;
  }
}

void Server::on_request(const hws_event &event) {
  connections_[event.connection] = false;
  if ((event.flags & HWS_UPGRADE) == 0) return answer_plain(event);
  const char *subprotocol = hws_manager_subprotocol(manager_.get(), event.connection);
  give_up(event.connection, hws_manager_accept(manager_.get(), event.connection, subprotocol, nullptr));
}

void Server::answer_plain(const hws_event &event) {
  const std::string target = text_or_empty(hws_manager_path(manager_.get(), event.connection));
  const bool is_page = target.substr(0, target.find('?')) == "/";
  log(event.connection, "request for " + target + (is_page ? ": the page" : ": not found"));
  if (is_page) return respond(event.connection, kOk, page_headers_.get(), page_);
  respond(event.connection, kNotFound, nullptr, "There is nothing at " + target + ": the page is at /.\n");
}

void Server::respond(hws_id connection, int32_t status, const hws_options *headers, const std::string &body) {
  give_up(connection, hws_manager_respond(manager_.get(), connection, status, headers, body.data(), body.size()));
}

void Server::on_open(const hws_event &event) {
  connections_[event.connection] = true;
  const std::string path = text_or_empty(hws_manager_path(manager_.get(), event.connection));
  const std::string subprotocol = text_or_empty(hws_manager_subprotocol(manager_.get(), event.connection));
  const std::string layers = settings_.verbose ? describe_layers(manager_.get(), event.connection) : "";
  log(event.connection, "open " + path + (subprotocol.empty() ? "" : ", subprotocol " + subprotocol) +
                            (layers.empty() ? "" : ", " + layers));
}

void Server::on_message(const hws_event &event) {
  if (settings_.role == ServeRole::ECHO) return echo(event);
  give_up(event.connection, hws_manager_broadcast(manager_.get(), event.listener, event.connection, event.opcode,
                                                  event.data, static_cast<size_t>(event.size)));
}

void Server::echo(const hws_event &event) {
  give_up(event.connection, hws_manager_send(manager_.get(), event.connection, event.opcode, event.data,
                                             static_cast<size_t>(event.size)));
}

// After an answer that could not be given: a message must not be lost in silence.
void Server::give_up(hws_id connection, hws_result reason) {
  if (reason >= 0 || reason == HWS_ERR_CLOSED || reason == HWS_ERR_STALE) return;
  log(connection, std::string("given up: ") + hws_error_text(reason));
  const int32_t code = reason == HWS_ERR_WOULD_BLOCK || reason == HWS_ERR_NO_MEMORY ? kTryAgainLater : kInternalError;
  if (hws_manager_close(manager_.get(), connection, code, hws_error_text(reason)) < 0)
    hws_manager_abort(manager_.get(), connection);
}

void Server::on_close(const hws_event &event, const char *words) {
  const auto connection = connections_.find(event.connection);
  if (connection == connections_.end()) return;
  if (connection->second) log(event.connection, "close " + std::to_string(event.code) + ": " + words);
  connections_.erase(connection);
}

void Server::log(hws_id connection, const std::string &words) {
  if (settings_.quiet) return;
  const std::string address = text_or_empty(hws_manager_peer_address(manager_.get(), connection));
  std::fprintf(stderr, "%s %s\n", address.c_str(), printable(words).c_str());
}

}  // namespace

int run_serve(const ServeSettings &settings) {
  return Server(settings).run();
}

}  // namespace hawser::tools
