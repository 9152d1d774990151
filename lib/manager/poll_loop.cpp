// The poll: Manager's loop over what the kernel reports, the timers, and the connections that have something to read,
// to conclude or to tell.
#include <algorithm>
#include <cerrno>

#include "manager/manager.hpp"

namespace hawser {

namespace {

constexpr size_t kMostReady = 512;
constexpr int64_t kForever = -1;

int64_t earlier(int64_t a, int64_t b) {
  if (a < 0) return b;
  return b < 0 ? a : std::min(a, b);
}

}  // namespace

Result<int32_t> Manager::poll(int32_t timeout_ms) {
  surroundings_.now = now_ms();
  int64_t until = timeout_ms < 0 ? kForever : surroundings_.now + timeout_ms;
  begin_batch();
  for (;;) {
    int waited = poll_once(until);
    if (batch_.size() > 0 || waited == -EINTR) break;
    if (waited < 0) return Failure{Error::SYSTEM, -waited, "waiting for descriptors failed"};
    if (woken_.exchange(false, std::memory_order_relaxed)) break;
    if (until != kForever && surroundings_.now >= until) break;
  }
  signal_outer_loop();
  return batch_.size();
}

void Manager::flush() {
  surroundings_.now = now_ms();
  deliver_mail();
  settle_all();
  output_.flush_all();
  signal_outer_loop();
}

void Manager::wake() {
  woken_.store(true, std::memory_order_relaxed);
  wakeup_.signal();
}

// The events of the last poll were taken: what they kept alive goes.
void Manager::begin_batch() {
  if (batch_has_news_) {
    for (int32_t i = 0; i < batch_.size(); i++)
      retire(*batch_.at(i));
    batch_has_news_ = false;
  }
  batch_.clear();
  receiver_.begin();
}

void Manager::retire(const Event &event) {
  if (event.kind == EventKind::MESSAGE) return;
  if (Listener *listener = listeners_.find(event.connection)) return release_listener(*listener);
  Connection *connection = connections_.find(event.connection);
  if (connection == nullptr) return;
  if (event.kind == EventKind::CLOSE) return release(*connection);
  connection->session->forget_handshake();
}

// One round: says what there is to say, asks the kernel once, and reads. Returns what the poller's wait returned.
int Manager::poll_once(int64_t until) {
  deliver_mail();
  settle_all();
  output_.flush_all();
  attend_all();
  if (listeners_silent_) listen_again();
  Ready ready[kMostReady];
  int count = poller_->wait(ready, wait_time(until));
  surroundings_.now = now_ms();
  for (int i = 0; i < count; i++)
    dispatch(ready[i]);
  resolver_.advance();
  take_answers();
  run_timers();
  read_ready();
  return count;
}

int Manager::wait_time(int64_t until) const {
  if (work_is_left() || batch_.size() > 0 || woken_.load(std::memory_order_relaxed)) return 0;
  int64_t wake_at = earlier(until, next_deadline());
  if (wake_at < 0) return -1;
  return static_cast<int>(std::clamp<int64_t>(wake_at - surroundings_.now, 0, INT32_MAX));
}

int64_t Manager::next_deadline() const {
  return earlier(earlier(timers_.next(), resolver_.deadline()), listeners_silent_ ? listen_again_at_ : -1);
}

// Something can be done without news from the kernel.
bool Manager::work_is_left() const {
  return !ready_.empty() || !attention_.empty() || !settling_.empty() || output_.dirty() || receiver_.carries() ||
         !closed_listeners_.empty();
}

// ---------------------------------------------------------------------------------------------------------------------
// What the kernel reports

void Manager::dispatch(const Ready &ready) {
  if ((ready.token & kResolverToken) != 0) return resolver_.ready(ready.token, ready.readiness);
  if (ready.token == kAlarmToken) return;  // it made the loop turn, which looks at the timers anyway
  if (ready.token == kWakeupToken) {
    wakeup_.clear();
    signalled_ = false;
    return;
  }
  int64_t id = static_cast<int64_t>(ready.token);
  if (is_listener_id(id)) {
    if (Listener *listener = listeners_.find(id)) accept_from(*listener);
  } else if (Connection *connection = connections_.find(id)) {
    dispatch_connection(*connection, ready.readiness);
  }
}

void Manager::dispatch_connection(Connection &connection, uint32_t readiness) {
  if (connection.stage == Stage::CONNECTING) return dial_ready(connection, readiness);
  if (connection.stage != Stage::RUNNING) return;
  connection.transport.note(readiness);
  if ((readiness & WRITABLE) != 0 && connection.outbox != nullptr) output_.flush(connection);
  if (connection.transport.readable()) ready_.push(connection);
}

void Manager::run_timers() {
  uint32_t slot = 0;
  while (timers_.pop(surroundings_.now, slot)) {
    Connection &connection = *connections_.at(slot);
    if (connection.stage != Stage::RUNNING && connection.stage != Stage::CONNECTING) continue;
    connection.session->advance();
    int64_t stall = connection.settings->write_stall_timeout;
    if (connection.stalled_since >= 0 && stall >= 0 && surroundings_.now - connection.stalled_since >= stall) {
      connection.session->abandon({Error::TIMEOUT, 0, "write_stall_timeout passed: the peer reads nothing"}, true);
    }
    attention_.push(connection);
  }
}

// One turn for each connection that has something to read, as long as the batch has room.
void Manager::read_ready() {
  ReadyQueue turns = ready_.take();
  while (Connection *connection = turns.pop()) {
    if (connection->stage != Stage::RUNNING) continue;
    if (!receiver_.has_room()) {
      ready_.push(*connection);
    } else if (!connection->may_read()) {
      connection->session->set_reading(false);  // rouse() brings it back
    } else {
      take_turn(*connection);
    }
  }
}

void Manager::take_turn(Connection &connection) {
  int32_t events = batch_.size();
  if (connection.stash != nullptr) {
    receiver_.parse_stash(connection);
  } else if (connection.transport.readable()) {
    receiver_.read(connection);
  }
  if (connection.transport.readable() || connection.stash != nullptr) ready_.push(connection);
  for (int32_t i = events; i < batch_.size(); i++) {
    if (batch_.at(i)->kind != EventKind::MESSAGE) batch_has_news_ = true;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// What there is to do for a connection besides reading

void Manager::settle_all() {
  while (Connection *connection = settling_.pop()) {
    if (connection->stage != Stage::RUNNING) continue;
    connection->session->settle();
    attention_.push(*connection);
  }
}

void Manager::attend_all() {
  tell_listeners();
  AttentionQueue turns = attention_.take();
  while (Connection *connection = turns.pop()) {
    if (!attend(*connection)) attention_.push(*connection);
  }
}

// False if it has to be attended again.
bool Manager::attend(Connection &connection) {
  bool alive = connection.stage == Stage::RUNNING || connection.stage == Stage::CONNECTING;
  if (alive && connection.write_error != 0 && !connection.session->over()) {
    // What the peer sent before the connection broke is delivered first.
    if (connection.transport.readable() && connection.may_read()) {
      ready_.push(connection);
      return false;
    }
    connection.session->abandon({Error::IO, connection.write_error, "writing failed"}, true);
  }
  if (alive && connection.session->over()) {
    conclude(connection);
  } else if (alive) {
    rouse(connection);
  }
  if (connection.stage == Stage::RUNNING || connection.stage == Stage::CONNECTING) {
    leave_handshake(connection);
    connection.publish();
    schedule(connection);
  }
  return tell(connection);
}

// Adds the events that are due to the batch. False if it has no room for them.
bool Manager::tell(Connection &connection) {
  if (connection.stage == Stage::FREE || connection.stage == Stage::TOLD) return true;
  if (connection.stage == Stage::CLOSED && !connection.told) {
    release(connection);
    return true;
  }
  if (connection.open_due) {
    if (batch_.full()) return false;
    connection.open_due = false;
    tell_event(connection, EventKind::OPEN);
  }
  if (connection.stage == Stage::RUNNING && connection.refused && drained(connection)) {
    if (batch_.full()) return false;
    connection.refused = false;
    tell_event(connection, EventKind::DRAIN);
  }
  if (connection.stage != Stage::CLOSED) return true;
  if (batch_.full()) return false;
  connection.stage = Stage::TOLD;
  tell_event(connection, EventKind::CLOSE);
  return true;
}

bool Manager::drained(const Connection &connection) {
  int64_t held = connection.queued_bytes() + connection.mailed.load(std::memory_order_relaxed);
  return held <= connection.settings->max_send_queue / 4;
}

void Manager::tell_event(Connection &connection, EventKind kind) {
  Event &event = batch_.next();
  event = {};
  if (kind == EventKind::CLOSE) connection.session->describe_close(event);
  if (kind == EventKind::DRAIN) event.code = std::exchange(connection.skipped, 0);
  event.kind = kind;
  event.connection = connection.id.load(std::memory_order_relaxed);
  event.listener = connection.listener;
  event.tag = connection.tag;
  batch_.commit();
  batch_has_news_ = true;
}

void Manager::tell_listeners() {
  while (!batch_.full()) {
    Listener *listener = closed_listeners_.pop();
    if (listener == nullptr) return;
    Event &event = batch_.next();
    event = {};
    event.kind = EventKind::CLOSE;
    event.connection = event.listener = listener->id.load(std::memory_order_relaxed);
    event.tag = listener->tag;
    event.code = close_code::kNormal;
    event.flags = event_flag::kClean;
    batch_.commit();
    batch_has_news_ = true;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Outer loops

Result<int64_t> Manager::outer_fd() {
  if (poller_->fd() < 0) return Failure{Error::UNSUPPORTED, 0, "this backend has no descriptor"};
  if (alarm_ == nullptr) {
    Result<Alarm> alarm = Alarm::make();
    if (!alarm) return alarm.failure();
    auto owned = std::make_unique<Alarm>(std::move(*alarm));
    if (Failure failure = poller_->add_level(owned->fd(), kAlarmToken, READABLE)) return failure;
    alarm_ = std::move(owned);
  }
  signal_outer_loop();
  return poller_->fd();
}

// Keeps the manager's descriptor readable as long as something is left to do that the kernel does not know of.
void Manager::signal_outer_loop() {
  if (alarm_ == nullptr) return;
  alarm_->set(next_deadline());
  bool busy = work_is_left() || !mailbox_.empty();
  if (busy == signalled_) return;
  signalled_ = busy;
  if (busy) {
    wakeup_.signal();
  } else if (!woken_.load(std::memory_order_relaxed)) {
    wakeup_.clear();
  }
}

}  // namespace hawser
