// How connections come to be: Manager's listening, accepting and connecting.
#include <cerrno>

#include "manager/manager.hpp"

namespace hawser {

namespace {

constexpr int64_t kAcceptPause = 100;  // milliseconds without a descriptor to spare

// The system has no room for another connection now.
bool is_shortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

Result<Address> address_to_listen_at(const Url &url) {
  std::string_view host = url.host == "localhost" ? "127.0.0.1" : std::string_view(url.host);
  std::optional<Address> address = parse_address(host, url.port);
  if (address) return *address;
  return Failure{Error::URL, 0, "a listener's host is an IP address or localhost"};
}

constexpr Failure kDraining{Error::STATE, 0, "the manager is draining"};
constexpr Failure kNoTls{Error::TLS, 0, "TLS cannot be set up"};

}  // namespace

// ---------------------------------------------------------------------------------------------------------------------
// Listening

Result<int64_t> Manager::listen(std::string_view text, const Options *options) {
  Result<Url> url = parse_url(text);
  if (!url) return url.failure();
  if (drain_.active()) return kDraining;
  Result<Address> address = address_to_listen_at(*url);
  if (!address) return address.failure();
  std::shared_ptr<const Settings> settings = settings_for(options);
  std::shared_ptr<TlsContext> tls = url->secure ? make_server_tls(*settings) : nullptr;
  if (url->secure && tls == nullptr) return kNoTls;
  Result<Descriptor> socket =
      listen_tcp(*address, {static_cast<int>(settings->backlog), settings->reuse_port, settings->ipv6_only});
  if (!socket) return socket.failure();
  if (listeners_.live() >= kMaxListeners) return Failure{Error::LIMIT, 0, "1024 listeners exist already"};
  Listener *listener = listeners_.claim();
  if (listener == nullptr) return Failure{Error::NO_MEMORY, 0, "no memory for a listener"};
  int64_t id = listener->id.load(std::memory_order_relaxed);
  if (Failure failure = poller_->add_level(socket->get(), static_cast<uint64_t>(id), READABLE)) {
    listeners_.release(*listener);
    return failure;
  }
  listener->local = hawser::local_address(socket->get());
  listener->socket = std::move(*socket);
  listener->settings = std::move(settings);
  listener->tls = std::move(tls);
  return id;
}

void Manager::stop_listening(Listener &listener) {
  poller_->remove(listener.socket.get());
  listener.socket.close();
  closed_listeners_.push(listener);
}

void Manager::release_listener(Listener &listener) {
  listener.settings.reset();
  listener.tls.reset();
  listener.tag = 0;
  listener.paused = listener.silent = false;
  listeners_.release(listener);
}

void Manager::silence(Listener &listener, bool silent) {
  if (listener.silent == silent) return;
  listener.silent = silent;
  poller_->set_interest(listener.socket.get(), static_cast<uint64_t>(listener.id.load(std::memory_order_relaxed)),
                        silent ? 0U : uint32_t{READABLE});
}

bool Manager::has_room_to_accept() const {
  int64_t max_handshakes = settings_->max_handshakes;
  int64_t max_connections = settings_->max_connections;
  return (max_handshakes < 0 || stats_.handshakes < max_handshakes) &&
         (max_connections < 0 || connections_.live() < max_connections);
}

// True if more may wait.
bool Manager::accept_from(Listener &listener) {
  for (int64_t i = 0; i < listener.settings->accepts_per_poll; i++) {
    if (!has_room_to_accept()) {
      stop_accepting(listener, -1);
      return false;
    }
    Address peer;
    Result<Descriptor> socket = accept_tcp(listener.socket.get(), peer);
    if (socket) {
      accept_one(listener, std::move(*socket), peer);
      continue;
    }
    int error = socket.failure().system;
    if (error == EAGAIN || error == EWOULDBLOCK) return false;
    stats_.accept_errors++;
    if (is_shortage(error)) {
      stop_accepting(listener, surroundings_.now + kAcceptPause);
      return false;
    }
  }
  return true;
}

// Level-triggered, a listener that cannot be served would keep the loop spinning. -1: until a connection ends.
void Manager::stop_accepting(Listener &listener, int64_t until) {
  silence(listener, true);
  listeners_silent_ = true;
  note_routine();
  listen_again_at_ = until;
}

void Manager::listen_again() {
  if (!has_room_to_accept() || surroundings_.now < listen_again_at_) return;
  listeners_silent_ = false;
  note_routine();
  listen_again_at_ = -1;
  listeners_.for_each([this](Listener &listener) {
    if (listener.socket.open() && !listener.paused) silence(listener, false);
  });
}

// With too little memory for TLS there is no way to say so. Without TLS, the answer to the request says it.
void Manager::accept_one(Listener &listener, Descriptor socket, const Address &peer) {
  if (listener.tls != nullptr && surroundings_.memory_stays_short(TlsStream::kHandshakeBytes)) {
    stats_.accepted++;
    stats_.handshakes_failed++;
    stats_.refused_memory++;
    return;
  }
  Connection *connection = claim(*listener.settings, Role::SERVER);
  if (connection == nullptr) {
    stats_.accept_errors++;
    return;
  }
  connection->peer = peer;
  connection->tag = listener.tag;
  connection->listener = listener.id.load(std::memory_order_relaxed);
  uint64_t token = static_cast<uint64_t>(connection->id.load(std::memory_order_relaxed));
  if (connection->transport.attach(std::move(socket), *poller_, token, READABLE)) {
    stats_.accept_errors++;
    connection->transport.close(*poller_);
    return release(*connection);
  }
  connection->stage = Stage::RUNNING;
  connection->handshaking = true;
  stats_.handshakes++;
  stats_.accepted++;
  if (listener.tls != nullptr) begin_tls(*connection, listener.tls, "");
  schedule(*connection);
}

// ---------------------------------------------------------------------------------------------------------------------
// Connecting

Result<int64_t> Manager::connect(std::string_view text, const Options *options) {
  Result<Url> url = parse_url(text);
  if (!url) return url.failure();
  if (drain_.active()) return kDraining;
  if (url->port == 0) return Failure{Error::URL, 0, "port 0 cannot be connected to"};
  std::shared_ptr<const Settings> settings = settings_for(options);
  if (url->secure && client_tls(*settings) == nullptr) return kNoTls;
  auto extras = std::make_unique<Extras>();
  extras->dial = std::make_unique<Dial>();
  if (settings_->max_connections >= 0 && connections_.live() >= settings_->max_connections) {
    return Failure{Error::LIMIT, 0, "max_connections connections exist already"};
  }
  if (!surroundings_.has_room_for_another()) {
    return Failure{Error::NO_MEMORY, 0, "no room for another connection in the option memory_budget"};
  }
  surroundings_.now = now_ms();
  Connection *connection = claim(*settings, Role::CLIENT);
  if (connection == nullptr) return Failure{Error::NO_MEMORY, 0, "no memory for a connection"};
  int64_t id = connection->id.load(std::memory_order_relaxed);
  extras->dial->url = std::move(*url);
  connection->extras = std::move(extras);
  connection->stage = Stage::CONNECTING;
  connection->told = true;
  schedule(*connection);
  const Url &target = connection->dial()->url;
  if (Failure failure = resolver_.start(target.host, target.port, id)) {
    fail_dial(*connection, failure);
  } else {
    names_asked_++;
    note_routine();
    connection->dial()->asked = true;
  }
  take_answers();
  signal_outer_loop();
  return id;
}

void Manager::take_answers() {
  if (int64_t due = resolver_.deadline(); due >= 0 && due <= surroundings_.now) resolver_.advance();
  Resolver::Answer answer;
  while (resolver_.take(answer)) {
    names_asked_--;
    note_routine();
    Connection *connection = connections_.find(answer.query);
    if (connection == nullptr || connection->dial() == nullptr) continue;
    connection->dial()->asked = false;
    if (answer.failure) {
      fail_dial(*connection, answer.failure);
    } else {
      connection->dial()->addresses = std::move(answer.addresses);
      dial_next(*connection);
    }
  }
}

// Tries the addresses of the host one after the other.
void Manager::dial_next(Connection &connection) {
  Dial &dial = *connection.dial();
  uint64_t token = static_cast<uint64_t>(connection.id.load(std::memory_order_relaxed));
  while (dial.next < dial.addresses.size()) {
    connection.peer = dial.addresses[dial.next++];
    Result<Descriptor> socket = connect_tcp(connection.peer);
    dial.failure =
        socket ? connection.transport.attach(std::move(*socket), *poller_, token, WRITABLE) : socket.failure();
    if (!dial.failure) return;
    connection.transport.close(*poller_);
  }
  fail_dial(connection, dial.failure);
}

// The connect is decided: the socket is writable, or has failed.
void Manager::dial_ready(Connection &connection, uint32_t readiness) {
  int error = take_socket_error(connection.transport.fd());
  if (error != 0) {
    connection.transport.close(*poller_);
    connection.dial()->failure = {Error::CONNECT, error, "connecting failed"};
    return dial_next(connection);
  }
  connection.transport.note(readiness);
  if ((readiness & WRITABLE) == 0) return;
  if (!connection.dial()->url.secure) return begin_session(connection);
  begin_tls(connection, client_tls(connection.settings()), connection.dial()->url.host);
  if (!connection.session->over()) ready_.push(connection);  // the client speaks first
}

void Manager::fail_dial(Connection &connection, const Failure &failure) {
  connection.session->abandon(failure, true);
  attention_.push(connection);
}

}  // namespace hawser
