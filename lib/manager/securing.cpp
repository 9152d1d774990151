// TLS on connections: Manager's contexts, and its steps between the TCP connection and the WebSocket handshake.
#include "manager/manager.hpp"

namespace hawser {

// A listener's certificates are read anew each time; what is wrong with them is told before anything changes.
std::shared_ptr<TlsContext> Manager::make_server_tls(const Settings &settings) {
  return TlsContext::make_server(settings.tls, failure_detail_);
}

std::shared_ptr<TlsContext> Manager::client_tls(const Settings &settings) {
  if (settings.client_tls == nullptr) settings.client_tls = TlsContext::make_client(settings.tls, failure_detail_);
  return settings.client_tls;
}

Failure Manager::reload_tls(int64_t id, const Options *options) {
  Listener *listener = listeners_.find(id);
  if (listener == nullptr) return {Error::STALE, 0, "the id names no listener"};
  if (!listener->socket.open()) return {Error::CLOSED, 0, "the listener is closed"};
  if (listener->tls == nullptr) return {Error::STATE, 0, "the listener is a ws:// one"};
  std::shared_ptr<TlsContext> fresh = make_server_tls(*settings_for(options));
  if (fresh == nullptr) return {Error::TLS, 0, "TLS cannot be set up"};
  listener->tls = std::move(fresh);  // connections keep the one that they were accepted with
  return {};
}

// The TCP connection stands: TLS is next.
void Manager::begin_tls(Connection &connection, std::shared_ptr<TlsContext> context, const std::string &host) {
  connection.stage = Stage::SECURING;
  connection.transport.use(TlsStream::make(std::move(context), host, surroundings_.memory.tls));
  if (connection.transport.tls() != nullptr) return;
  connection.session->abandon({Error::NO_MEMORY, 0, "no memory for TLS, or over the option memory_budget"}, false);
  attention_.push(connection);
}

void Manager::securing_ready(Connection &connection, uint32_t readiness) {
  connection.transport.note(readiness);
  if (connection.transport.readable() && !connection.ready_link.queued()) secure(connection);
}

// One step of the handshake. A step costs as much as thousands of messages: the others have their turn in between.
void Manager::secure(Connection &connection) {
  if (connection.session->over()) return;
  if (tls_steps_ == settings_->tls_handshakes_per_poll) return ready_.push(connection);
  tls_steps_++;
  switch (connection.transport.secure()) {
    case TlsStream::Step::DONE:
      return begin_session(connection);
    case TlsStream::Step::FAILED:
      return fail_tls(connection);
    case TlsStream::Step::PLAIN_HTTP:
      return refuse_plain_http(connection);
    case TlsStream::Step::WANTS_READ:
    case TlsStream::Step::WANTS_WRITE:
      return watch(connection);
  }
}

// The way to the peer is ready.
void Manager::begin_session(Connection &connection) {
  connection.stage = Stage::RUNNING;
  if (const TlsStream *tls = connection.transport.tls()) {
    stats_.tls_handshakes++;
    if (tls->resumed()) stats_.tls_resumed++;
    if (tls->kernel_encrypts()) stats_.tls_kernel++;
  }
  if (const Dial *dial = connection.dial()) {
    if (Failure failure = connection.session->start(dial->url)) {
      connection.session->abandon(failure, false);
      attention_.push(connection);
    }
    connection.drop(&Extras::dial);
  }
  watch(connection);
  if (connection.transport.readable()) ready_.push(connection);
}

void Manager::fail_tls(Connection &connection) {
  const TlsStream &tls = *connection.transport.tls();
  connection.session->abandon({Error::TLS, tls.reason(), "the TLS handshake failed"}, true, tls.failure());
  attention_.push(connection);
}

// HTTP where TLS is spoken: the answer is in the words that the client understands.
void Manager::refuse_plain_http(Connection &connection) {
  stats_.plain_on_tls++;
  bool is_head = connection.transport.tls()->first_byte() == 'H';  // no other method begins so
  connection.transport.use(nullptr);
  connection.stage = Stage::RUNNING;
  constexpr Failure kPlain{Error::TLS, 400, "the peer spoke plain HTTP to a wss:// listener"};
  // Clients show the reason phrase to people rather than the body.
  constexpr std::string_view kReason = "This port speaks TLS: use wss:// or https://";
  connection.session->refuse_opening({400, std::string(kReason).append("\n"), is_head, kReason}, kPlain);
  attention_.push(connection);
}

}  // namespace hawser
