#include "manager/manager.hpp"

#include <algorithm>
#include <cstring>

#include "bytes/deadline.hpp"

namespace hawser {

namespace {

constexpr size_t kKnownSettings = 32;

uint32_t next_manager_number() {
  static std::atomic<uint32_t> counter{0};
  return counter.fetch_add(1, std::memory_order_relaxed) % (1U << id_bits::kManager);
}

// What was delivered cannot be got back before the next poll: so it is half of the memory at most.
int64_t batch_limit(const Settings &settings) {
  int64_t most = settings.max_batch_bytes;
  if (settings.memory_budget < 0) return most;
  return most < 0 ? settings.memory_budget / 2 : std::min(most, settings.memory_budget / 2);
}

}  // namespace

// ---------------------------------------------------------------------------------------------------------------------
// Making and ending

Result<std::unique_ptr<Manager>> Manager::make(const Options *options) {
  auto defaults = options != nullptr ? options->snapshot() : std::make_shared<OptionValues>();
  std::shared_ptr<const Settings> settings = make_settings(defaults.get(), nullptr);
  Result<std::unique_ptr<Poller>> poller = make_poller(settings->backend);
  if (!poller) return poller.failure();
  Result<Wakeup> wakeup = Wakeup::make();
  if (!wakeup) return wakeup.failure();
  if (Failure failure = (*poller)->add_level(wakeup->fd(), kWakeupToken, READABLE)) return failure;
  std::optional<Alarm> alarm;
  if (Result<Alarm> made = Alarm::make()) {
    if (Failure failure = (*poller)->add_level(made->fd(), kAlarmToken, READABLE)) return failure;
    alarm = std::move(*made);
  } else if (made.failure().error != Error::UNSUPPORTED) {
    return made.failure();
  }
  return std::unique_ptr<Manager>(
      new Manager(std::move(defaults), std::move(settings), std::move(*poller), std::move(*wakeup), std::move(alarm)));
}

Manager::Manager(std::shared_ptr<OptionValues> defaults, std::shared_ptr<const Settings> settings,
                 std::unique_ptr<Poller> poller, Wakeup wakeup, std::optional<Alarm> alarm)
    : defaults_(std::move(defaults)),
      settings_(std::move(settings)),
      budget_(settings_->memory_budget),
      surroundings_{random_, budget_, output_, now_ms()},
      poller_(std::move(poller)),
      wakeup_(std::move(wakeup)),
      alarm_(std::move(alarm)),
      resolver_(*poller_, kResolverToken),
      most_reported_(std::min(static_cast<size_t>(settings_->max_events) + 1, Poller::kMost)),  // one for the wakeup
      reported_(new Ready[most_reported_]),
      number_(next_manager_number()),
      connections_(settings_->max_connections, number_, false),
      listeners_(kMaxListeners, number_, true),
      batch_(static_cast<size_t>(settings_->max_events)),
      output_(static_cast<size_t>(settings_->send_arena), surroundings_, batch_, attention_, stats_),
      receiver_(static_cast<size_t>(settings_->receive_arena), batch_limit(*settings_), batch_, surroundings_,
                settling_, attention_, stats_) {}

Manager::~Manager() = default;

std::shared_ptr<const Settings> Manager::settings_for(const Options *options) {
  if (options == nullptr) return settings_;
  for (const auto &[values, settings] : known_settings_) {
    if (values == options->snapshot()) return settings;
  }
  if (known_settings_.size() >= kKnownSettings) known_settings_.erase(known_settings_.begin());
  std::shared_ptr<const Settings> settings = make_settings(defaults_.get(), options->snapshot().get());
  known_settings_.emplace_back(options->snapshot(), settings);
  return settings;
}

// A slot for a new connection, with its session; nullptr when there is no room.
Connection *Manager::claim(const Settings &settings, Role role) {
  Connection *connection = connections_.claim();
  if (connection == nullptr) return nullptr;
  if (!timers_.reserve(connections_.slots())) {
    connections_.release(*connection);
    return nullptr;
  }
  connection->begin(settings, role, surroundings_);
  return connection;
}

// The transport is closed; CLOSE is due if the application knows the id.
void Manager::finish(Connection &connection) {
  receiver_.forget(connection);
  output_.drop(connection);
  if (const Dial *dial = connection.dial(); dial != nullptr && dial->asked) {
    resolver_.cancel(connection.id.load(std::memory_order_relaxed));
    names_asked_--;
    note_routine();
  }
  connection.extras.reset();
  if (connection.told && connection.transport.open()) note_local_address(connection);
  if (!connection.session->abandoned() && connection.write_error == 0) connection.transport.notify_end();
  connection.transport.close(*poller_);
  if (connection.stage == Stage::SECURING) stats_.tls_failures++;
  timers_.cancel(connection.slot());
  leave_handshake(connection);
  connection.stage = Stage::CLOSED;
  connection.routine = false;
  {
    // What other threads were told to be accepted is counted from here on: CLOSE will say that it was not sent.
    std::lock_guard lock(mailbox_.mutex());
    connection.sendable.store(Error::CLOSED, std::memory_order_relaxed);
  }
  if (!connection.told) note_failed_handshake(connection);
  attention_.push(connection);
}

// The socket is about to be closed. Without memory for it the address is not told.
void Manager::note_local_address(Connection &connection) try {
  connection.need_extras().local = hawser::local_address(connection.transport.fd());
} catch (const std::bad_alloc &) {
}

void Manager::note_failed_handshake(const Connection &connection) {
  Event close;
  connection.session->describe_close(close);
  stats_.handshakes_failed++;
  count_of_refusals(close)++;
  const Listener *listener = listeners_.find(connection.listener);
  bool plain = listener != nullptr && listener->tls == nullptr;
  if (plain && close.error == static_cast<int32_t>(Error::TLS)) stats_.tls_on_plain++;
}

// The counter of those that failed for this reason.
int64_t &Manager::count_of_refusals(const Event &close) {
  constexpr int32_t kForbidden = 403;
  switch (static_cast<Error>(close.error)) {
    case Error::HANDSHAKE:
      return close.system == kForbidden ? stats_.refused_origin : stats_.refused_request;
    case Error::LIMIT:
      return stats_.refused_limit;
    case Error::TIMEOUT:
      return stats_.refused_late;
    case Error::TLS:
      return stats_.refused_tls;
    case Error::NO_MEMORY:
      return stats_.refused_memory;
    case Error::ABORTED:
      return stats_.refused_draining;
    default:
      return stats_.handshakes_left;
  }
}

// The id becomes stale, the slot free. It may still stand in a queue, where it is passed over.
void Manager::release(Connection &connection) {
  {
    std::lock_guard lock(mailbox_.mutex());
    connections_.release(connection);
    connection.mailed.store(0, std::memory_order_relaxed);
  }
  connection.end();
}

// The session is over: sends what is left, lets the peer read it, and closes the transport.
void Manager::conclude(Connection &connection) {
  Session &session = *connection.session;
  leave_handshake(connection);
  if (session.abandoned() || !connection.transport.open() || connection.write_error != 0) return finish(connection);
  if (connection.queued() > 0) return;
  if (connection.transport.ended()) return finish(connection);
  // RFC 6455 7.1.1: the server closes first. Unread bytes would make the kernel reset the connection, and the peer
  // might never read our Close: then only our direction is ended, and the peer's is read to its end.
  if (session.may_close_at_once() && !connection.transport.readable()) return finish(connection);
  if (!connection.half_closed && !session.awaits_end()) {
    connection.transport.end_writing();
    connection.half_closed = true;
  }
  if (connection.transport.readable()) ready_.push(connection);
}

void Manager::leave_handshake(Connection &connection) {
  if (!connection.handshaking || (connection.session->is_opening() && connection.alive())) return;
  connection.handshaking = false;
  stats_.handshakes--;
}

// Reads on, if nothing stands against it any more.
void Manager::rouse(Connection &connection) {
  if (connection.stage != Stage::RUNNING || !connection.may_read()) return;
  connection.session->set_reading(true);
  if (connection.transport.readable() || connection.stash() != nullptr) ready_.push(connection);
}

// Sees to it that the timer rings no later than the next deadline; it may ring earlier.
void Manager::schedule(Connection &connection) {
  int64_t due = connection.session->deadline();
  if (int64_t stalled = connection.stalled_since(); stalled >= 0) {
    due = earlier(due, after(stalled, connection.settings().write_stall_timeout));
  }
  // An answer to a ping brings the next ping nearer, and does not come by here.
  if (connection.session->is_pinging())
    due = earlier(due, after(surroundings_.now, connection.settings().ping_interval));
  int64_t set = timers_.deadline(connection.slot());
  if (due >= 0 && (set < 0 || due < set)) timers_.set(connection.slot(), due);
}

// Tells the poller what there is to wait for.
void Manager::watch(Connection &connection) {
  bool running = connection.stage == Stage::RUNNING && connection.may_read();
  bool reads = (running || connection.stage == Stage::SECURING) && !connection.transport.ended();
  bool writes =
      connection.stage == Stage::CONNECTING || connection.outbox() != nullptr || connection.transport.blocked();
  connection.transport.watch(*poller_, (reads ? uint32_t{READABLE} : 0) | (writes ? uint32_t{WRITABLE} : 0));
}

// The application has done something to a connection.
void Manager::touch(Connection &connection) {
  if (connection.session->over() || connection.session->needs_settling()) attention_.push(connection);
  connection.publish();
  signal_outer_loop();
}

// The connection that a call acts on.
Result<Connection *> Manager::living(int64_t id) const {
  Connection *connection = connections_.find(id);
  if (connection == nullptr) return Failure{Error::STALE, 0, "the id names no connection"};
  if (connection->stage == Stage::CLOSED || connection->stage == Stage::TOLD) {
    return Failure{Error::CLOSED, 0, "the connection is closed"};
  }
  return connection;
}

// ---------------------------------------------------------------------------------------------------------------------
// What the application says

// Makes it the writer of the arena. False: its queue is full, or the arena, or output of it waits.
bool Manager::begin_to_write(Connection &connection, size_t size) {
  int64_t left = connection.queue_left();
  if (left <= 0 || !output_.begin_to_write(connection, size, left)) return false;
  connection.session->note_sent();
  return true;
}

Error Manager::send(int64_t id, Opcode opcode, const uint8_t *data, size_t size) {
  deliver_mail();  // what this caller sent from another thread goes first
  Connection *connection = connections_.find(id);
  if (connection == nullptr) return Error::STALE;
  Error error = Error::OK;
  if (connection->queue_full() && !connection->session->in_part()) {
    error = refuse(*connection);
  } else if (lacks_memory(*connection, size)) {
    error = Error::NO_MEMORY;
  } else {
    error = connection->session->send(opcode, data, size);
  }
  if (error != Error::OK && connection->session->over()) touch(*connection);
  signal_outer_loop();
  return error;
}

// To accept what would have to be kept would cost somebody the connection.
bool Manager::lacks_memory(const Connection &connection, size_t size) const {
  return surroundings_.memory_is_short(size + Outbox::kSmallestBlock) && connection.session->can_send() == Error::OK;
}

// The answer to a send when the queue is full.
Error Manager::refuse(Connection &connection) {
  if (Error error = connection.session->can_send(); error != Error::OK) return error;
  connection.refused = true;
  connection.routine = false;
  stats_.sends_refused++;
  return Error::WOULD_BLOCK;
}

// The same during an unfinished message. Its thread may wait for DRAIN before it goes on, and must not wait for what
// waits for itself.
Error Manager::refuse_part(Connection &connection) {
  connection.part_refused = connection.session->in_part();
  return refuse(connection);
}

Error Manager::send_part(int64_t id, Opcode opcode, const uint8_t *data, size_t size, bool final) {
  deliver_mail();
  Result<Connection *> connection = living(id);
  if (!connection) return connection.failure().error;
  if ((*connection)->part_queue_full()) return refuse_part(**connection);
  if (lacks_memory(**connection, size)) return Error::NO_MEMORY;
  Error error = (*connection)->session->send_part(opcode, data, size, final);
  if (error == Error::OK && final) deliver_held(**connection);
  touch(**connection);
  return error;
}

Error Manager::ping(int64_t id, const uint8_t *data, size_t size) {
  deliver_mail();
  Result<Connection *> connection = living(id);
  if (!connection) return connection.failure().error;
  if ((*connection)->part_queue_full()) return refuse_part(**connection);
  if (lacks_memory(**connection, size)) return Error::NO_MEMORY;
  Error error = (*connection)->session->ping(data, size);
  touch(**connection);
  return error;
}

Error Manager::close(int64_t id, int32_t code, std::string_view reason) {
  deliver_mail();
  if (Error error = check_close(code, reason); error != Error::OK) return error;
  if (is_listener_id(id)) return close_listener(id);
  Result<Connection *> connection = living(id);
  if (!connection) return connection.failure().error;
  Error error = (*connection)->session->close(code, reason);
  attention_.push(**connection);
  touch(**connection);
  return error;
}

Error Manager::close_listener(int64_t id) {
  Listener *listener = listeners_.find(id);
  if (listener == nullptr) return Error::STALE;
  if (!listener->socket.open()) return Error::CLOSED;
  stop_listening(*listener);
  signal_outer_loop();
  return Error::OK;
}

Error Manager::abort(int64_t id) {
  deliver_mail();
  if (is_listener_id(id)) return close_listener(id);
  Result<Connection *> connection = living(id);
  if (!connection) return connection.failure().error;
  (*connection)->session->abandon({Error::ABORTED, 0, "the application aborted it"}, false);
  finish(**connection);
  signal_outer_loop();
  return Error::OK;
}

Error Manager::pause(int64_t id) {
  if (Listener *listener = listeners_.find(id)) {
    if (!listener->socket.open()) return Error::CLOSED;
    listener->paused = true;
    silence(*listener, true);
    return Error::OK;
  }
  Result<Connection *> connection = living(id);
  if (!connection) return connection.failure().error;
  (*connection)->paused = true;
  (*connection)->routine = false;
  (*connection)->session->set_reading(false);
  return Error::OK;
}

Error Manager::resume(int64_t id) {
  if (Listener *listener = listeners_.find(id)) {
    if (!listener->socket.open()) return Error::CLOSED;
    listener->paused = false;
    silence(*listener, false);
    return Error::OK;
  }
  Result<Connection *> connection = living(id);
  if (!connection) return connection.failure().error;
  (*connection)->paused = false;
  attention_.push(**connection);
  touch(**connection);
  return Error::OK;
}

Error Manager::set_tag(int64_t id, int64_t tag) {
  if (Listener *listener = listeners_.find(id)) {
    if (listener->told()) return Error::CLOSED;
    listener->tag = tag;
    return Error::OK;
  }
  Connection *connection = connections_.find(id);
  if (connection == nullptr) return Error::STALE;
  if (connection->stage == Stage::TOLD) return Error::CLOSED;
  connection->tag = tag;
  return Error::OK;
}

Result<int64_t> Manager::queued(int64_t id) const {
  const Connection *connection = connections_.find(id);
  if (connection == nullptr) return Failure{Error::STALE, 0, "the id names no connection"};
  return connection->queued() + connection->mailed.load(std::memory_order_relaxed);
}

Error Manager::accept(int64_t id, std::string_view subprotocol, std::string_view headers) {
  Result<Connection *> connection = living(id);
  if (!connection) return connection.failure().error;
  Error error = (*connection)->session->accept(subprotocol, headers);
  if (error != Error::OK) return error;
  (*connection)->open_due = true;
  stats_.opened++;
  attention_.push(**connection);
  touch(**connection);
  return Error::OK;
}

Error Manager::respond(int64_t id, int32_t status, std::string_view headers, const uint8_t *body, size_t size) {
  if (status < 200 || status > 599) return Error::ARGUMENT;
  Result<Connection *> connection = living(id);
  if (!connection) return connection.failure().error;
  Error error = (*connection)->session->respond(status, headers, body, size);
  touch(**connection);
  return error;
}

// ---------------------------------------------------------------------------------------------------------------------
// Readers

const Opening *Manager::handshake(int64_t id) const {
  const Connection *connection = connections_.find(id);
  return connection != nullptr ? connection->session->opening() : nullptr;
}

const char *Manager::subprotocol(int64_t id) const {
  const Connection *connection = connections_.find(id);
  return connection != nullptr ? connection->session->subprotocol() : nullptr;
}

const char *Manager::peer_address(int64_t id) {
  const Connection *connection = connections_.find(id);
  if (connection == nullptr || connection->peer.family == Address::Family::NONE) return nullptr;
  address_ = connection->peer.text();
  return address_.c_str();
}

const char *Manager::local_address(int64_t id) {
  if (const Listener *listener = listeners_.find(id)) {
    address_ = listener->local.text();
    return address_.c_str();
  }
  const Connection *connection = connections_.find(id);
  if (connection == nullptr) return nullptr;
  Address local;
  if (connection->extras != nullptr) local = connection->extras->local;
  if (connection->transport.open()) local = hawser::local_address(connection->transport.fd());
  address_ = local.text();
  return address_.empty() ? nullptr : address_.c_str();
}

const char *Manager::extensions(int64_t id) const {
  const Connection *connection = connections_.find(id);
  return connection != nullptr ? connection->session->extensions() : nullptr;
}

const char *Manager::tls(int64_t id) {
  const Connection *connection = connections_.find(id);
  const TlsStream *tls = connection != nullptr ? connection->transport.tls() : nullptr;
  if (tls == nullptr || connection->stage != Stage::RUNNING) return nullptr;
  tls_words_ = std::string(tls->version()) + " " + tls->cipher();
  return tls_words_.c_str();
}

const char *Manager::tls_subject(int64_t id) {
  const Connection *connection = connections_.find(id);
  const TlsStream *tls = connection != nullptr ? connection->transport.tls() : nullptr;
  if (tls == nullptr || connection->stage != Stage::RUNNING) return nullptr;
  tls_words_ = tls->peer_subject();
  return tls_words_.empty() ? nullptr : tls_words_.c_str();
}

Result<int64_t> Manager::stat(std::string_view name) {
  stats_.connections = connections_.live();
  note_memory();
  stats_.frames_received = surroundings_.traffic.frames_received;
  stats_.frames_sent = surroundings_.traffic.frames_sent;
  stats_.messages_sent = surroundings_.traffic.messages_sent;
  if (name == "bytes_queued") stats_.bytes_queued = count_queued();
  stats_.sends_refused += refused_elsewhere_.exchange(0, std::memory_order_relaxed);
  const int64_t *value = stats_.find(name);
  if (value == nullptr) return Failure{Error::OPTION, 0, "no counter has this name"};
  return *value;
}

void Manager::note_memory() {
  const MemoryParts &parts = surroundings_.memory;
  stats_.memory = budget_.used();
  stats_.memory_handshakes = parts.handshakes.used();
  stats_.memory_received = parts.received.used();
  stats_.memory_delivered = parts.delivered.used();
  stats_.memory_queued = parts.queued.used();
  stats_.memory_deflate = parts.deflate.used();
  stats_.memory_tls = parts.tls.used();
}

int64_t Manager::count_queued() {
  int64_t all = 0;
  connections_.for_each([&](const Connection &connection) {
    if (!connection.alive()) return;
    all += connection.queued() + connection.mailed.load(std::memory_order_relaxed);
  });
  return all;
}

// Which layer ended the connection, and why; with errno or HTTP status in words.
const char *Manager::event_text(int32_t index) {
  const Event *event = batch_.at(index);
  if (event == nullptr) return nullptr;
  std::string words = describe(*event);
  std::string &text = batch_.text(index);
  text.assign(words);  // copied: asked again, the same words stay at the same place
  return text.c_str();
}

std::string Manager::describe(const Event &event) const {
  if (event.kind != EventKind::CLOSE) return "";
  if (is_listener_id(event.connection)) return "the application closed the listener";
  const Connection *connection = connections_.find(event.connection);
  if (connection == nullptr) return "";
  std::string text = connection->session->words_of_close();
  int64_t unsent = connection->queued() + connection->mailed.load(std::memory_order_relaxed);
  if (unsent != 0) text += "; " + std::to_string(unsent) + " bytes were not sent";
  return text;
}

}  // namespace hawser
