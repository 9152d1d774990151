#include "net/resolver.hpp"

#define CARES_NO_DEPRECATED  // c-ares 1.34 renames calls that 1.18 has only by these names

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <list>
#include <new>

#include <ares.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "bytes/ascii.hpp"
#include "net/alarm.hpp"
#include "net/socket.hpp"

namespace hawser {

namespace {

constexpr size_t kMostAddresses = 16;
constexpr size_t kLongestName = 253;  // RFC 1035 2.3.4: 255 bytes on the wire
constexpr size_t kLongestLabel = 63;
constexpr int kFirstTimeoutMs = 2000;  // doubled with each try
constexpr int kTries = 3;

Failure resolve_failure(const char *words) {
  return {Error::RESOLVE, 0, words};
}

// Letters, digits and hyphens (RFC 952, RFC 1123 2.1), and the underscore, which real host names have.
bool is_label_char(char c) {
  return is_alpha(c) || is_digit(c) || c == '-' || c == '_';
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kLongestLabel && std::all_of(label.begin(), label.end(), is_label_char);
}

// `name` without the dot that ends a fully qualified name.
bool is_host_name(std::string_view name) {
  if (name.size() > kLongestName) return false;
  std::string_view label;
  for (;;) {
    size_t dot = name.find('.');
    label = name.substr(0, dot);
    if (!is_label(label)) return false;
    if (dot == std::string_view::npos) break;
    name.remove_prefix(dot + 1);
  }
  // RFC 1123 2.1: no top-level domain is numeric, so this is a malformed IPv4 address and not a question for DNS.
  return !std::all_of(label.begin(), label.end(), is_digit);
}

// RFC 6761 6.3: "localhost." and the names within it are loopback, and are not to be asked of DNS.
bool is_localhost(std::string_view name) {
  constexpr std::string_view kLocalhost = "localhost";
  if (name.size() < kLocalhost.size()) return false;
  size_t before = name.size() - kLocalhost.size();
  return equal_ignoring_case(name.substr(before), kLocalhost) && (before == 0 || name[before - 1] == '.');
}

int library_status() {
  static const int status = ares_library_init(ARES_LIB_INIT_ALL);
  return status;
}

// Sockets for c-ares: its own get close-on-exec late, and its writes to a broken TCP connection raise SIGPIPE.
ares_socket_t make_socket(int family, int kind, int protocol, void *) {
  return open_socket(family, kind, protocol).release();
}

int close_socket(ares_socket_t socket, void *) {
  return close(socket);
}

int connect_socket(ares_socket_t socket, const sockaddr *to, ares_socklen_t size, void *) {
  return connect(socket, to, size);
}

ares_ssize_t receive(ares_socket_t socket, void *data, size_t size, int flags, sockaddr *from,
                     ares_socklen_t *from_size, void *) {
  return recvfrom(socket, data, size, flags, from, from_size);
}

ares_ssize_t send_pieces(ares_socket_t socket, const iovec *pieces, int count, void *) {
  Transfer sent = write_socket(socket, pieces, count);
  if (sent.size != 0) return static_cast<ares_ssize_t>(sent.size);
  errno = sent.would_block ? EAGAIN : sent.error;
  return -1;
}

constexpr ares_socket_functions kSocketFunctions = {make_socket, close_socket, connect_socket, receive, send_pieces};

}  // namespace

struct Resolver::Query {
  State *state;
  uint16_t port;
  bool wanted = true;
  Answer answer;
  std::list<Query>::iterator self;  // in asked or, if it is not wanted, in abandoned
};

// What c-ares calls must not throw: a query gets all its memory when it starts, and later only changes lists.
struct Resolver::State {
  State(Poller &poller_in, uint64_t token_in, std::string servers_in)
      : poller(poller_in), token(token_in), servers(std::move(servers_in)) {}
  ~State();

  Failure open_channel();
  void close_channel();
  void close_idle_channel();
  void answer_at_once(int64_t query, std::vector<Address> addresses);
  void ask(const std::string &name, uint16_t port, int64_t query);
  void process(ares_socket_t readable, ares_socket_t writable);
  int64_t next_timeout();

  static void on_socket(void *state, ares_socket_t socket, int readable, int writable) noexcept;
  static void on_answer(void *query, int status, int timeouts, ares_addrinfo *result) noexcept;

  Poller &poller;
  const uint64_t token;
  const std::string servers;
  ares_channel channel = nullptr;
  bool closing = false;
  bool deadline_known = false;
  int64_t deadline = -1;
  std::vector<ares_socket_t> sockets;  // those in the poller
  std::list<Query> asked;
  std::list<Query> abandoned;  // c-ares cannot cancel one query: these run to their end, or until none is wanted
  std::list<Query> answered;
};

Resolver::State::~State() {
  closing = true;
  close_channel();
}

void Resolver::State::close_channel() {
  if (channel != nullptr) ares_destroy(channel);  // which ends each query with ARES_EDESTRUCTION
  channel = nullptr;
}

void Resolver::State::close_idle_channel() {
  // The next query reads the system's configuration anew: the DNS servers of a program that runs for long may change.
  if (asked.empty()) close_channel();
}

Failure Resolver::State::open_channel() {
  if (channel != nullptr) return {};
  if (int status = library_status(); status != ARES_SUCCESS) return resolve_failure(ares_strerror(status));
  char lookups[] = "fb";  // the hosts file, then DNS
  ares_options options = {};
  options.timeout = kFirstTimeoutMs;
  options.tries = kTries;
  options.lookups = lookups;
  options.sock_state_cb = on_socket;
  options.sock_state_cb_data = this;
  int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
  int status = ares_init_options(&channel, &options, mask);
  if (status == ARES_SUCCESS && !servers.empty()) status = ares_set_servers_ports_csv(channel, servers.c_str());
  if (status == ARES_SUCCESS) {
    ares_set_socket_functions(channel, &kSocketFunctions, nullptr);
    return {};
  }
  close_channel();
  return resolve_failure(ares_strerror(status));
}

void Resolver::State::answer_at_once(int64_t query, std::vector<Address> addresses) {
  Answer answer;
  answer.query = query;
  answer.addresses = std::move(addresses);
  answered.push_back(Query{this, 0, true, std::move(answer), {}});
}

void Resolver::State::ask(const std::string &name, uint16_t port, int64_t query) {
  Answer answer;
  answer.query = query;
  answer.addresses.reserve(kMostAddresses);
  asked.push_back(Query{this, port, true, std::move(answer), {}});
  asked.back().self = std::prev(asked.end());
  ares_addrinfo_hints hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  deadline_known = false;
  ares_getaddrinfo(channel, name.c_str(), nullptr, &hints, on_answer, &asked.back());
  close_idle_channel();
}

void Resolver::State::process(ares_socket_t readable, ares_socket_t writable) {
  deadline_known = false;
  ares_process_fd(channel, readable, writable);
  close_idle_channel();
}

int64_t Resolver::State::next_timeout() {
  timeval storage;
  const timeval *left = ares_timeout(channel, nullptr, &storage);
  if (left == nullptr) return -1;
  return now_ms() + int64_t{left->tv_sec} * 1000 + left->tv_usec / 1000 + 1;  // rounded up: not to come too early
}

void Resolver::State::on_socket(void *data, ares_socket_t socket, int readable, int writable) noexcept {
  auto &state = *static_cast<State *>(data);
  if (state.closing) return;
  auto known = std::find(state.sockets.begin(), state.sockets.end(), socket);
  uint64_t token = state.token + static_cast<uint32_t>(socket);
  uint32_t interest = (readable != 0 ? uint32_t{READABLE} : 0) | (writable != 0 ? uint32_t{WRITABLE} : 0);
  if (interest == 0) {
    if (known == state.sockets.end()) return;
    state.poller.remove(socket);
    state.sockets.erase(known);
  } else if (known != state.sockets.end()) {
    state.poller.set_interest(socket, token, interest);
  } else {
    // A socket that cannot be added, for want of memory, is not heard: its queries time out.
    try {
      state.sockets.push_back(socket);
    } catch (const std::bad_alloc &) {
      return;
    }
    if (state.poller.add_level(socket, token, interest)) state.sockets.pop_back();
  }
}

void Resolver::State::on_answer(void *data, int status, int, ares_addrinfo *result) noexcept {
  auto &query = *static_cast<Query *>(data);
  State &state = *query.state;
  std::vector<Address> &addresses = query.answer.addresses;
  const ares_addrinfo_node *node = result != nullptr ? result->nodes : nullptr;
  for (; node != nullptr && addresses.size() < kMostAddresses; node = node->ai_next) {
    if (node->ai_family != AF_INET && node->ai_family != AF_INET6) continue;
    sockaddr_storage name = {};
    std::memcpy(&name, node->ai_addr, std::min(static_cast<size_t>(node->ai_addrlen), sizeof name));
    addresses.push_back(from_sockaddr(name));
    addresses.back().port = query.port;
  }
  if (result != nullptr) ares_freeaddrinfo(result);
  if (addresses.empty()) {
    query.answer.failure = resolve_failure(status != ARES_SUCCESS ? ares_strerror(status) : "the name has no address");
  }
  if (query.wanted) {
    state.answered.splice(state.answered.end(), state.asked, query.self);
  } else {
    state.abandoned.erase(query.self);
  }
}

Resolver::Resolver(Poller &poller, uint64_t token, std::string servers)
    : state_(std::make_unique<State>(poller, token, std::move(servers))) {}

Resolver::~Resolver() = default;

Failure Resolver::start(std::string_view host, uint16_t port, int64_t query) try {
  if (auto literal = parse_address(host, port)) {
    state_->answer_at_once(query, {*literal});
    return {};
  }
  std::string_view name = host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
  if (!is_host_name(name)) return resolve_failure("not a host name");
  if (is_localhost(name)) {
    // IPv6 first, as curl and the browsers do and as RFC 6724 sorts them: a server that listens on one of the two only
    // refuses the other at once.
    state_->answer_at_once(query, {*parse_address("::1", port), *parse_address("127.0.0.1", port)});
    return {};
  }
  if (Failure failure = state_->open_channel()) return failure;
  state_->ask(std::string(host), port, query);
  return {};
} catch (const std::bad_alloc &) {
  return {Error::NO_MEMORY, 0, "no memory for a query"};
}

void Resolver::cancel(int64_t query) {
  auto is_it = [query](const Query &each) { return each.answer.query == query; };
  State &state = *state_;
  // Queries are mostly given up in the order in which they started, so this is found at once.
  auto found = std::find_if(state.asked.begin(), state.asked.end(), is_it);
  if (found == state.asked.end()) {
    state.answered.remove_if(is_it);
    return;
  }
  found->wanted = false;
  state.abandoned.splice(state.abandoned.end(), state.asked, found);
  state.close_idle_channel();
}

bool Resolver::take(Answer &answer) {
  if (state_->answered.empty()) return false;
  answer = std::move(state_->answered.front().answer);
  state_->answered.pop_front();
  return true;
}

void Resolver::ready(uint64_t token, uint32_t readiness) {
  auto socket = static_cast<ares_socket_t>(static_cast<uint32_t>(token - state_->token));
  const auto &sockets = state_->sockets;
  // A report may be older than the end of its socket.
  if (std::find(sockets.begin(), sockets.end(), socket) == sockets.end()) return;
  state_->process((readiness & READABLE) != 0 ? socket : ARES_SOCKET_BAD,
                  (readiness & WRITABLE) != 0 ? socket : ARES_SOCKET_BAD);
}

int64_t Resolver::deadline() const {
  if (state_->asked.empty()) return -1;
  if (!state_->deadline_known) {
    state_->deadline = state_->next_timeout();
    state_->deadline_known = true;
  }
  return state_->deadline;
}

void Resolver::advance() {
  if (state_->channel != nullptr) state_->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

}  // namespace hawser
