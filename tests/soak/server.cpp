// The echo server that the chaos client visits, on the C API. It holds the library to its promises: every OPEN has
// exactly one CLOSE, and nothing comes of an id outside of the two. A line on its input is answered by a line of JSON
// with all counters; the end of the input ends it.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include <hawser.h>
#include <sys/resource.h>

namespace {

// Milliseconds for closing all connections that are left at the end.
constexpr int32_t kDrainDeadline = 5000;
// What an echo server is to set: it does not read from those who don't read it.
constexpr int64_t kPauseAbove = 256 * 1024;

struct Arguments {
  std::string backend, certificate, key;
  std::vector<std::string> layers;  // ws, wss, deflate
};

struct Manager {
  hws_manager *handle;
  ~Manager() { hws_manager_free(handle); }
};

struct Options {
  hws_options *handle = hws_options_new();
  ~Options() { hws_options_free(handle); }
};

[[noreturn]] void fail(const std::string &words) {
  std::fprintf(stderr, "soak_server: %s\n", words.c_str());
  std::exit(1);
}

// Those who never end their handshakes are not to keep the crowd small, as they rightly do by default.
constexpr int64_t kMaxHandshakes = 10'000;

// All options but these have their defaults.
hws_manager *make_manager(const Arguments &arguments) {
  Options options;
  hws_options_set_text(options.handle, "backend", arguments.backend.c_str());
  hws_options_set_int(options.handle, "pause_above", kPauseAbove);
  hws_options_set_int(options.handle, "max_handshakes", kMaxHandshakes);
  hws_manager *manager = hws_manager_new(options.handle);
  if (manager == nullptr) fail("no manager");
  return manager;
}

// Connections run out of descriptors otherwise; the option max_connections follows the limit.
void raise_descriptor_limit() {
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

class Server {
 public:
  explicit Server(const Arguments &arguments) : manager_{make_manager(arguments)} {
    for (const std::string &layer : arguments.layers)
      listen(layer, arguments);
  }

  void run();

 private:
  void listen(const std::string &layer, const Arguments &arguments);
  void tell_ports();
  void read_input();
  hws_result poll();
  void take(const hws_event &event, const char *words);
  void open(const hws_event &event);
  void echo(const hws_event &event);
  void close(const hws_event &event, const char *words);
  void tell_stats();
  void drain();

  const Manager manager_;
  std::map<hws_id, std::string> listeners_;
  std::unordered_map<hws_id, int64_t> open_;  // and the tag that each was given
  int64_t opened_ = 0;
  int64_t closed_ = 0;
  std::map<int32_t, int64_t> codes_;        // of CLOSE events
  std::map<std::string, int64_t> reasons_;  // their words
  std::atomic<int> asked_{0};
  std::atomic<bool> has_input_{true};
};

void Server::listen(const std::string &layer, const Arguments &arguments) {
  Options options;
  const bool is_secure = layer == "wss";
  if (layer == "deflate") hws_options_set_text(options.handle, "deflate", "shared");
  if (is_secure) {
    hws_options_set_text(options.handle, "tls_certificate", arguments.certificate.c_str());
    hws_options_set_text(options.handle, "tls_key", arguments.key.c_str());
  }
  const char *url = is_secure ? "wss://127.0.0.1:0/" : "ws://127.0.0.1:0/";
  const hws_id listener = hws_manager_listen(manager_.handle, url, options.handle);
  if (listener < 0) fail(hws_manager_last_error(manager_.handle));
  listeners_[listener] = layer;
}

void Server::tell_ports() {
  const char *between = "{";
  for (const auto &[listener, layer] : listeners_) {
    const std::string address = hws_manager_local_address(manager_.handle, listener);
    std::printf("%s\"%s\": %s", between, layer.c_str(), address.substr(address.rfind(':') + 1).c_str());
    between = ", ";
  }
  std::printf("}\n");
  std::fflush(stdout);
}

void Server::read_input() {
  for (std::string line; std::getline(std::cin, line);) {
    asked_++;
    hws_manager_wake(manager_.handle);
  }
  has_input_ = false;
  hws_manager_wake(manager_.handle);
}

hws_result Server::poll() {
  const hws_result count = hws_manager_poll(manager_.handle, -1);
  if (count < 0) fail(std::string("poll: ") + hws_error_name(count));
  for (int32_t i = 0; i < count; i++)
    take(*hws_manager_event(manager_.handle, i), hws_manager_event_text(manager_.handle, i));
  return count;
}

void Server::run() {
  tell_ports();
  std::thread input([this] { read_input(); });
  while (has_input_) {
    poll();
    for (; asked_ > 0; asked_--)
      tell_stats();
  }
  input.join();
  drain();
}

void Server::take(const hws_event &event, const char *words) {
  if (event.kind == HWS_EVENT_OPEN) return open(event);
  if (event.kind == HWS_EVENT_CLOSE) return close(event, words);
  if (open_.count(event.connection) == 0) fail("an event of a connection that is not open");
  if (event.kind == HWS_EVENT_MESSAGE) echo(event);
}

void Server::open(const hws_event &event) {
  const int64_t tag = ++opened_;
  if (listeners_.count(event.listener) == 0) fail("OPEN of a listener that there is not");
  if (!open_.emplace(event.connection, tag).second) fail("a second OPEN of an id");
  if (hws_manager_set_tag(manager_.handle, event.connection, tag) != HWS_OK) fail("a tag is refused");
}

// HWS_ERR_CLOSED: something behind this message has closed it. HWS_ERR_WOULD_BLOCK: its peer has gone, and what it left
// behind in the kernel is read to the end, whatever pause_above says. Where else one of them came the client would miss
// an echo.
void Server::echo(const hws_event &event) {
  const hws_result result =
      hws_manager_send(manager_.handle, event.connection, event.opcode, event.data, static_cast<size_t>(event.size));
  if (result < 0 && result != HWS_ERR_CLOSED && result != HWS_ERR_WOULD_BLOCK)
    fail(std::string("send: ") + hws_error_name(result));
}

void Server::close(const hws_event &event, const char *words) {
  if (listeners_.erase(event.connection) != 0) return;
  const auto found = open_.find(event.connection);
  if (found == open_.end()) fail("a CLOSE without an OPEN, or a second one");
  if (found->second != event.tag) fail("a CLOSE with another connection's tag");
  open_.erase(found);
  closed_++;
  codes_[event.code]++;
  const std::string_view why(words);  // how much was left unsent differs from one to the next
  reasons_[std::string(hws_error_name(event.error)) + ": " + std::string(why.substr(0, why.find(';')))]++;
}

void Server::tell_stats() {
  std::printf("{\"open\": %zu, \"OPEN\": %lld, \"CLOSE\": %lld", open_.size(), static_cast<long long>(opened_),
              static_cast<long long>(closed_));
  for (int32_t i = 0; i < hws_stat_count(); i++) {
    const char *name = hws_stat_name(i);
    std::printf(", \"%s\": %lld", name, static_cast<long long>(hws_manager_stat(manager_.handle, name)));
  }
  const char *between = ", \"codes\": {";
  for (const auto &[code, count] : codes_) {
    std::printf("%s\"%d\": %lld", between, code, static_cast<long long>(count));
    between = ", ";
  }
  std::printf("%s}}\n", codes_.empty() ? ", \"codes\": {" : "");
  std::fflush(stdout);
}

// The listeners' ids were told, too: each of them has its CLOSE.
void Server::drain() {
  hws_manager_drain(manager_.handle, kDrainDeadline);
  while (poll() > 0 || hws_manager_stat(manager_.handle, "connections") > 0) {
  }
  if (!open_.empty()) fail("an OPEN without a CLOSE");
  if (!listeners_.empty()) fail("a listener without a CLOSE");
  for (const auto &[words, count] : reasons_)
    std::printf("%10lld  %s\n", static_cast<long long>(count), words.c_str());
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 5) fail("usage: soak_server BACKEND CERTIFICATE KEY LAYER...");
  raise_descriptor_limit();
  Server({argv[1], argv[2], argv[3], {argv + 4, argv + argc}}).run();
  return 0;
}
