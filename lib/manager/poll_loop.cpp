// The poll: Manager's loop over what the kernel reports, the timers, and the connections that have something to read,
// to conclude or to tell.
#include <algorithm>
#include <cassert>
#include <cerrno>

#include "bytes/deadline.hpp"
#include "manager/manager.hpp"

namespace hawser {

namespace {

constexpr int64_t kPollsPerTimed = 64;

Failure write_failure(int error) {
  if (error == ENOMEM) return {Error::NO_MEMORY, 0, "no memory for output, or over the option memory_budget"};
  return {Error::IO, error, "writing failed"};
}

}  // namespace

int64_t Manager::next_deadline() const {
  return out_of_routine_ ? earlier(timers_.next(), chores_due()) : timers_.next();
}

int64_t Manager::chores_due() const {
  int64_t due = listeners_silent_ && has_room_to_accept() ? listen_again_at_ : kNever;
  if (drain_.active()) due = earlier(due, drain_.next());
  return names_asked_ != 0 ? earlier(due, resolver_.deadline()) : due;
}

// How long the kernel may be waited for, if the next deadline is `due`. The alarm rings for the timers, so that the
// clock need not be read for them.
inline int Manager::wait_time(int64_t until, int64_t due) {
  if (alarm_) {
    alarm_->ring_by(due);
  } else {
    surroundings_.now = now_ms();
    until = earlier(until, due);
  }
  if (until < 0) return -1;
  return static_cast<int>(std::clamp<int64_t>(until - surroundings_.now, 0, INT32_MAX));
}

// The events of the last poll were taken: what they kept alive goes, and the Closes that had to wait for them are
// written, before more is parsed.
inline void Manager::begin_batch() {
  if (work_) [[unlikely]]
    settle_all();
  if (batch_.has_news()) [[unlikely]]
    retire_all();
  batch_.clear();
  relieved_ = false;
  receiver_.begin();
}

void Manager::retire_all() {
  for (int32_t i = 0; i < batch_.size(); i++)
    retire(*batch_.at(i));
}

// `calm`: all queues and the batch are empty, and there are no chores.
template <bool calm>
inline int Manager::wait_and_read(int64_t until) {
  assert(!calm || (batch_.size() == 0 && !work_is_left()));
  bool busy = !calm && (do_chores() || batch_.size() != 0);
  int timeout = busy ? 0 : wait_time(until, calm ? timers_.next() : next_deadline());
  int count = timed_ ? wait_timed(timeout) : poller_->wait({reported_.get(), most_reported_}, timeout);
  full_waits_ = count == static_cast<int>(most_reported_) ? full_waits_ + 1 : 0;
  surroundings_.now = now_ms();
  tls_steps_ = 0;
  if (!calm) read_ready();  // they have waited longer than those that the kernel reports now
  const Ready *ready = reported_.get();
  for (int left = count; left > 0; left--)
    dispatch(*ready++);
  // After reading: a late poll must not take a peer for silent whose answer lies in the kernel.
  if (!calm) do_late_chores();
  if (timers_.due(surroundings_.now)) [[unlikely]]
    run_timers();
  return count;
}

// One round: says what there is to say, asks the kernel once, and reads. Returns what the poller's wait returned.
inline int Manager::poll_once(int64_t until) {
  output_.flush_all();
  if (budget_.is_scarce()) [[unlikely]]
    relieve();
  bool calm = !work_ && !out_of_routine_ && mailbox_.empty() && !woken_.load(std::memory_order_relaxed);
  return calm ? wait_and_read<true>(until) : poll_with_chores(until);
}

int Manager::poll_with_chores(int64_t until) {
  return wait_and_read<false>(until);
}

void Manager::note_routine() {
  out_of_routine_ = listeners_silent_ || drain_.active() || names_asked_ != 0;
}

// What is there to be done besides sending and reading. True if the poll must not wait, because more is left.
bool Manager::do_chores() {
  work_ = false;
  surroundings_.now = now_ms();
  deliver_mail();
  if (batch_.size() == 0) settle_all();
  output_.flush_all();
  if (drain_.active()) drain_on();
  attend_all();
  if (listeners_silent_) listen_again();
  work_ = work_is_left();
  return work_ || woken_.load(std::memory_order_relaxed);
}

// And what of it comes after reading.
void Manager::do_late_chores() {
  if (names_asked_ != 0) take_answers();
  if (drain_.active() && drain_.too_late(surroundings_.now)) cut_off();
}

// The clock is read for one poll in so many.
int32_t Manager::poll(int32_t timeout_ms) {
  return stats_.polls++ % kPollsPerTimed != 0 ? poll_any(timeout_ms) : poll_timed(timeout_ms);
}

int32_t Manager::poll_timed(int32_t timeout_ms) {
  timed_ = true;
  waited_ = 0;
  int64_t begin = now_us();
  int32_t count = poll_any(timeout_ms);
  stats_.poll_time += (now_us() - begin - waited_) * kPollsPerTimed;
  timed_ = false;
  return count;
}

int Manager::wait_timed(int timeout) {
  int64_t begin = now_us();
  int count = poller_->wait({reported_.get(), most_reported_}, timeout);
  waited_ += now_us() - begin;
  return count;
}

int32_t Manager::poll_any(int32_t timeout_ms) {
  // Most polls wait for ever and have only messages to send, which take no notice of the time. Pings and Closes do;
  // those who wrote one are in the queue for attention.
  if (timeout_ms >= 0 || work_) surroundings_.now = now_ms();
  int64_t until = after(surroundings_.now, timeout_ms);
  begin_batch();
  for (;;) {
    int waited = poll_once(until);
    if (batch_.size() > 0 || waited == -EINTR) break;
    if (waited < 0) {
      errno = -waited;
      return static_cast<int32_t>(Error::SYSTEM);
    }
    if (woken_.exchange(false, std::memory_order_relaxed)) break;
    if (until != kNever && surroundings_.now >= until) break;
  }
  if (outer_) {
    // A wait that brought all there is room for left more of it in the kernel, which gives an edge-triggered outer loop
    // no further sign: each such wait is answered by one of ours.
    signalled_ = signalled_ && full_waits_ == 0;
    attend_outer_loop();
  }
  return batch_.size();
}

void Manager::flush() {
  surroundings_.now = now_ms();
  deliver_mail();
  settle_all();
  output_.flush_all();
  if (outer_) attend_outer_loop();
}

void Manager::wake() {
  woken_.store(true, std::memory_order_relaxed);
  wakeup_.signal();
}

void Manager::retire(const Event &event) {
  if (event.kind == EventKind::MESSAGE) return;
  if (Listener *listener = listeners_.find(event.connection)) return release_listener(*listener);
  Connection *connection = connections_.find(event.connection);
  if (connection == nullptr) return;
  if (event.kind == EventKind::CLOSE) return release(*connection);
  if (event.kind == EventKind::OPEN) connection->session->forget_handshake();
}

// Something can be done without news from the kernel. The end of a batch makes room for connections.
bool Manager::work_is_left() const {
  return !ready_.empty() || !attention_.empty() || !settling_.empty() || output_.dirty() || receiver_.carries() ||
         !closed_listeners_.empty() || (out_of_routine_ && batch_.has_news());
}

// ---------------------------------------------------------------------------------------------------------------------
// What the kernel reports

inline void Manager::dispatch(const Ready &ready) {
  Connection *connection = connections_.find(static_cast<int64_t>(ready.token));
  if (connection != nullptr) [[likely]]
    return dispatch_connection(*connection, ready.readiness);
  dispatch_other(ready);
}

// What is no connection's. An id of one that is gone names nothing here either.
void Manager::dispatch_other(const Ready &ready) {
  if ((ready.token & kResolverToken) != 0) return resolver_.ready(ready.token, ready.readiness);
  if (ready.token == kAlarmToken) return alarm_->set(-1);  // it made the loop turn, which looks at the timers anyway
  if (ready.token == kWakeupToken) {
    wakeup_.clear();
    signalled_ = false;
    return;
  }
  if (Listener *listener = listeners_.find(static_cast<int64_t>(ready.token))) accept_from(*listener);
}

// Nearly always there are some messages, and all is read at once.
inline void Manager::dispatch_connection(Connection &connection, uint32_t readiness) {
  bool routine = connection.in_routine() && (readiness & HANGUP) == 0;
  if (!routine || !receiver_.has_room()) [[unlikely]]
    return dispatch_any(connection, readiness);
  if ((readiness & READABLE) == 0) return;
  receiver_.read_routine(connection);
  if (!connection.routine || connection.transport.readable()) [[unlikely]]
    note_turn(connection);
}

void Manager::dispatch_any(Connection &connection, uint32_t readiness) {
  if (connection.stage == Stage::CONNECTING) return dial_ready(connection, readiness);
  if (connection.stage == Stage::SECURING) return securing_ready(connection, readiness);
  if (connection.stage != Stage::RUNNING) return;
  connection.routine = false;
  connection.transport.note(readiness);
  if ((readiness & WRITABLE) != 0 && connection.outbox() != nullptr) output_.flush(connection);
  if (connection.ready_link.queued()) return;
  if (connection.transport.readable()) return give_turn(connection);
  connection.note_routine();
}

void Manager::run_timers() {
  // As long as the kernel has more to report than there is room for, not everybody has been heard.
  int64_t turns = static_cast<int64_t>(connections_.live() / most_reported_) + 1;
  bool unreported = full_waits_ > 0 && full_waits_ <= turns;
  uint32_t slot = 0;
  while (timers_.pop(surroundings_.now, slot)) {
    Connection &connection = *connections_.at(slot);
    if (!connection.alive()) continue;
    // The answer to a ping may be among the bytes for which the batch had no room.
    bool unheard = connection.session->is_pinging() && (unreported || connection.ready_link.queued());
    if (!unheard) connection.session->advance();
    int64_t stall = connection.settings().write_stall_timeout;
    int64_t since = connection.stalled_since();
    if (since >= 0 && stall >= 0 && surroundings_.now - since >= stall) {
      connection.session->abandon({Error::TIMEOUT, 0, "write_stall_timeout passed: the peer reads nothing"}, true);
    }
    attention_.push(connection);
  }
}

// rouse() brings it back, perhaps as soon as its output is flushed.
void Manager::stop_reading(Connection &connection) {
  connection.session->set_reading(false);
  attention_.push(connection);
}

// One turn for each connection that has something to read, as long as the batch has room.
void Manager::read_ready() {
  ReadyQueue turns = ready_.take();
  while (Connection *connection = turns.pop()) {
    if (connection->stage == Stage::RUNNING) give_turn(*connection);
    if (connection->stage == Stage::SECURING) secure(*connection);
  }
}

void Manager::give_turn(Connection &connection) {
  if (!receiver_.has_room()) return ready_.push(connection);
  if (!connection.may_read()) return stop_reading(connection);
  if (connection.stash() != nullptr) {
    receiver_.parse_stash(connection);
  } else if (connection.transport.readable()) {
    receiver_.read(connection);
  }
  note_turn(connection);
}

// It has had its turn, and needs another one, or is in routine again.
void Manager::note_turn(Connection &connection) {
  if (connection.transport.readable() || connection.stash() != nullptr) ready_.push(connection);
  connection.note_routine();
  if (budget_.is_scarce()) relieve();
}

// ---------------------------------------------------------------------------------------------------------------------
// What there is to do for a connection besides reading

void Manager::settle_all() {
  if (settling_.empty()) return;
  surroundings_.now = now_ms();
  deliver_mail();  // what was accepted goes before a Close
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

// True if there are bytes of the peer that can still be delivered.
bool Manager::has_unread(const Connection &connection) const {
  bool unread = connection.transport.readable() || connection.stash() != nullptr || receiver_.carries(connection);
  return unread && connection.may_read() && connection.write_error != ENOMEM;
}

// False if it has to be attended again.
bool Manager::attend(Connection &connection) {
  bool alive = connection.alive();
  if (alive && connection.write_error != 0 && !connection.session->over()) {
    // What the peer sent before the connection broke is delivered first.
    if (has_unread(connection)) {
      ready_.push(connection);
      tell(connection);  // OPEN comes before it
      return false;
    }
    connection.session->abandon(write_failure(connection.write_error), connection.write_error != ENOMEM);
  }
  if (alive && connection.session->over()) {
    conclude(connection);
  } else if (alive) {
    rouse(connection);
  }
  if (connection.alive()) {
    leave_handshake(connection);
    connection.publish();
    schedule(connection);
    watch(connection);
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
    connection.refused = connection.part_refused = false;
    tell_event(connection, EventKind::DRAIN);
  }
  if (connection.stage != Stage::CLOSED) return true;
  if (batch_.full()) return false;
  connection.stage = Stage::TOLD;
  tell_event(connection, EventKind::CLOSE);
  return true;
}

bool Manager::drained(const Connection &connection) {
  int64_t held = connection.queued();
  if (!connection.part_refused) held += connection.mailed.load(std::memory_order_relaxed);
  return held <= connection.settings().max_send_queue / 4;
}

void Manager::tell_event(Connection &connection, EventKind kind) {
  Event &event = batch_.next();
  event = {};
  if (kind == EventKind::CLOSE) connection.session->describe_close(event);
  if (kind == EventKind::DRAIN) event.code = connection.take_skipped();
  event.kind = kind;
  event.connection = connection.id.load(std::memory_order_relaxed);
  event.listener = connection.listener;
  event.tag = connection.tag;
  batch_.commit();
  batch_.note_news();
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
    batch_.note_news();
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Outer loops

Result<int64_t> Manager::outer_fd() {
  if (poller_->fd() < 0) return Failure{Error::UNSUPPORTED, 0, "this backend has no descriptor"};
  if (!alarm_) return Failure{Error::UNSUPPORTED, 0, "this system has no timer descriptors"};
  outer_ = true;
  signals_ = !settings_->outer_flush;
  attend_outer_loop();
  return poller_->fd();
}

// Keeps the manager's descriptor readable as long as something is left to do that the kernel does not know of.
void Manager::attend_outer_loop() {
  alarm_->set(next_deadline());
  bool busy = full_waits_ > 0 || work_is_left() || !mailbox_.empty();
  if (busy == signalled_) return;
  signalled_ = busy;
  if (busy) {
    wakeup_.signal();
  } else {
    wakeup_.clear();
    // That may have swallowed the signal of another thread, which had left its mail or its wake before.
    if (mailbox_.empty() && !woken_.load(std::memory_order_relaxed)) return;
    signalled_ = true;
    wakeup_.signal();
  }
}

}  // namespace hawser
