#include "manager/receiver.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <new>

namespace hawser {

namespace {

// The most that one turn of a connection takes of the arena, and the least that is worth a read.
constexpr size_t kMostOfArena = 128 * 1024;
constexpr size_t kLeastOfArena = 16 * 1024;
// Behind a large payload that is read in place there may be the next frames.
constexpr size_t kBehindWindow = 16 * 1024;

}  // namespace

Receiver::Receiver(size_t arena_size, int64_t max_batch_bytes, EventBatch &batch, Surroundings &surroundings,
                   SettlingQueue &settling, AttentionQueue &attention, Stats &stats)
    : batch_(batch),
      surroundings_(surroundings),
      settling_(settling),
      attention_(attention),
      stats_(stats),
      arena_(new uint8_t[arena_size]),
      arena_size_(arena_size),
      max_batch_bytes_(max_batch_bytes < 0 ? INT64_MAX : max_batch_bytes) {}

// What was delivered comes back with the next poll: where memory is short, soon.
inline bool Receiver::batch_is_full() const {
  if (batch_.full()) return true;
  int64_t kept = batch_.kept_bytes();
  return kept != 0 && (kept >= max_batch_bytes_ || surroundings_.budget.is_scarce());
}

bool Receiver::has_room() const {
  return !batch_is_full() && arena_size_ - used_ >= kLeastOfArena;
}

// What the driver has to do because of what was received.
inline void Receiver::note_state(Connection &connection) {
  Session &session = *connection.session;
  if (session.needs_settling()) settling_.push(connection);
  if (session.over() || session.blocked()) attention_.push(connection);
}

inline void Receiver::commit(Connection &connection, Event &event) {
  event.connection = connection.id.load(std::memory_order_relaxed);
  event.listener = connection.listener;
  event.tag = connection.tag;
  batch_.commit();
  if (event.kind != EventKind::MESSAGE) return commit_news(connection, event);
  stats_.messages_received++;
}

// The messages that came whole, of a routine session, as far as the batch has room. Returns the size of their frames.
inline size_t Receiver::take_messages(Connection &connection, uint8_t *data, size_t size) {
  return connection.session->role() == Role::SERVER ? take_whole_messages<true>(connection, data, size)
                                                    : take_whole_messages<false>(connection, data, size);
}

// Out of line, it has registers for its variables: a tenth of the instructions of a message that comes with 15 others.
template <bool masked>
size_t Receiver::take_whole_messages(Connection &connection, uint8_t *data, size_t size) {
  Session &session = *connection.session;
  const uint64_t max_size = session.max_whole_size();
  const std::span<Event> events = batch_.left();  // of which there are some
  Event *const end = events.data() + events.size();
  Event *event = events.data();
  size_t left = size;
  do {
    event->connection = connection.id.load(std::memory_order_relaxed);
    event->listener = connection.listener;
    event->tag = connection.tag;
    size_t used = Session::receive_whole<masked>(data, left, max_size, *event);
    if (used == 0) break;
    event++;
    data += used;
    left -= used;
  } while (left != 0 && event != end);
  if (left == size) return 0;
  size_t count = static_cast<size_t>(event - events.data());
  session.note_messages();
  batch_.commit(count);
  stats_.messages_received += static_cast<int64_t>(count);
  surroundings_.traffic.frames_received += static_cast<int64_t>(count);
  return size - left;
}

void Receiver::parse(Connection &connection, uint8_t *data, size_t size) {
  Session &session = *connection.session;
  while (size > 0) {
    if (batch_is_full()) return carry(connection, data, size);
    size_t used = session.is_routine() ? take_messages(connection, data, size) : 0;
    if (used == 0) {
      Event &event = batch_.next();
      used = session.receive(data, size, event);
      if (event.kind != EventKind::NONE) {
        commit(connection, event);
      } else if (used < size) {
        return stash(connection, data + used, size - used);
      }
    }
    data += used;
    size -= used;
  }
}

// Until the next poll. Nothing else is read before it: a batch that was full for want of memory may have room again.
void Receiver::carry(Connection &connection, uint8_t *data, size_t size) {
  assert(!carries());
  carried_ = &connection;
  carried_data_ = data;
  carried_size_ = size;
  used_ = arena_size_;
}

void Receiver::parse_in_arena(Connection &connection, uint8_t *data, size_t size) {
  int32_t events = batch_.size();
  used_ += size;
  parse(connection, data, size);
  if (batch_.size() == events && !carries()) used_ -= size;  // nothing points there
}

void Receiver::read_routine(Connection &connection) {
  uint8_t *free = arena_.get() + used_;
  Transfer got = connection.transport.read_plainly(free, std::min(arena_size_ - used_, kMostOfArena));
  stats_.bytes_received += static_cast<int64_t>(got.size);
  size_t taken = take_messages(connection, free, got.size);
  used_ += taken;
  if (taken != got.size || got.size == 0) [[unlikely]]
    finish_read(connection, free + taken, got.size - taken, got);
}

void Receiver::read(Connection &connection) {
  MessageAssembler::Window window = connection.session->window();
  uint8_t *free = arena_.get() + used_;
  size_t room = std::min(arena_size_ - used_, kMostOfArena);
  Transfer got = window.size == 0 ? connection.transport.read(free, room) : read_to_window(connection, window);
  stats_.bytes_received += static_cast<int64_t>(got.size);
  finish_read(connection, free, got.size - std::min(got.size, window.size), got);
}

// Parses what is left of the bytes that were got, and notes what there is to do because of them.
void Receiver::finish_read(Connection &connection, uint8_t *data, size_t size, Transfer got) {
  connection.routine = false;  // until the manager looks again
  parse_in_arena(connection, data, size);
  // The kernel tells of a reset once. If a write was told, a read sees no more than an end.
  int error = got.end && connection.write_error == ECONNRESET ? ECONNRESET : got.error;
  if (error != 0) fail_read(connection, error);
  if (got.end) connection.session->receive_end(connection.transport.truncated());
  note_state(connection);
}

void Receiver::fail_read(Connection &connection, int error) {
  const TlsStream *tls = connection.transport.tls();
  if (tls == nullptr || tls->failure().empty()) {
    return connection.session->abandon({Error::IO, error, "reading failed"}, true);
  }
  connection.session->abandon({Error::TLS, tls->reason(), "TLS failed"}, true, tls->failure());
}

// A large payload goes to where its message is assembled, and what is behind it to the arena.
Transfer Receiver::read_to_window(Connection &connection, MessageAssembler::Window window) {
  size_t room = std::min(arena_size_ - used_, kBehindWindow);
  iovec pieces[2] = {{window.data, window.size}, {arena_.get() + used_, room}};
  Transfer got = connection.transport.read(pieces, 2, window.size + room);
  size_t in_window = std::min(got.size, window.size);
  if (in_window != 0) {
    Event &event = batch_.next();
    connection.session->receive_in_window(in_window, event);
    if (event.kind != EventKind::NONE) commit(connection, event);
  }
  return got;
}

void Receiver::parse_carried() {
  Connection &connection = *carried_;
  uint8_t *data = carried_data_;
  size_t size = carried_size_;
  carried_size_ = 0;
  used_ = static_cast<size_t>(data + size - arena_.get());
  if (connection.may_read() && !connection.open_due) {
    parse(connection, data, size);
    note_state(connection);
  } else {
    stash(connection, data, size);  // the flush that comes now may be all that it waits for
  }
  attention_.push(connection);  // so that the poll does not wait, which may have its events now
  // Nothing points into the arena: a poll with an empty batch and no room to read would turn for ever.
  if (batch_.size() == 0 && !carries()) used_ = 0;
}

// Something that changes what can be done with the connection.
void Receiver::commit_news(Connection &connection, Event &event) {
  batch_.note_news();
  if (event.kind == EventKind::OPEN) stats_.opened++;
  connection.told = true;
  connection.publish();
  attention_.push(connection);
}

// Bytes that wait for the application (its answer to a request, resume) or for the peer (its pongs).
void Receiver::stash(Connection &connection, const uint8_t *data, size_t size) {
  constexpr Failure kNoMemory{Error::NO_MEMORY, 0, "no memory for received bytes, or over the option memory_budget"};
  connection.routine = false;
  if (!add_to_stash(connection, data, size)) connection.session->abandon(kNoMemory, false);
  note_state(connection);
}

bool Receiver::add_to_stash(Connection &connection, const uint8_t *data, size_t size) try {
  Buffer *stash = connection.stash();
  if (stash == nullptr) stash = &connection.need_extras().stash.emplace(surroundings_.memory.received);
  return stash->append(data, size);
} catch (const std::bad_alloc &) {
  return false;
}

void Receiver::parse_stash(Connection &connection) {
  // The events point into what was the stash, so the batch keeps it; what is left makes a new one.
  Buffer bytes = std::move(*connection.stash());
  connection.drop(&Extras::stash);
  uint8_t *data = bytes.data();
  size_t size = bytes.size();
  int32_t events = batch_.size();
  while (size > 0 && !batch_is_full()) {
    Event &event = batch_.next();
    size_t used = connection.session->receive(data, size, event);
    data += used;
    size -= used;
    if (event.kind == EventKind::NONE) break;
    commit(connection, event);
  }
  if (size > 0) stash(connection, data, size);
  if (batch_.size() > events) {
    bytes.hand_over(surroundings_.memory.delivered);
    batch_.keep(std::move(bytes));
  }
  note_state(connection);
}

void Receiver::forget(Connection &connection) {
  if (carried_ == &connection) carried_size_ = 0;
}

}  // namespace hawser
