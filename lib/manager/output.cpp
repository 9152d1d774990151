#include "manager/output.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "net/alarm.hpp"

namespace hawser {

namespace {

constexpr uint16_t kNone = UINT16_MAX;
constexpr size_t kMaxSegments = 8192;
constexpr int kMaxPieces = 64;

}  // namespace

// What one write takes: the outbox first, then the segments.
struct Output::Gathered {
  iovec pieces[kMaxPieces + 2];  // two more for a borrowed frame
  int count = 0;
  size_t size = 0;

  void add(const void *data, size_t bytes) {
    pieces[count++] = {const_cast<void *>(data), bytes};
    size += bytes;
  }
};

// What is left of a frame whose payload is the caller's.
struct Output::Borrowed {
  const uint8_t *head;
  size_t head_size;
  const uint8_t *payload;
  size_t payload_size;
  bool offered = false;  // to the kernel
  Transfer done = {};    // and what it took, with all that waited
  bool begun = false;    // a part of it was sent

  size_t size() const { return head_size + payload_size; }
  void consume(size_t sent) {
    if (sent == 0) return;
    size_t of_head = std::min(sent, head_size);
    head += of_head;
    head_size -= of_head;
    payload += sent - of_head;
    payload_size -= sent - of_head;
    begun = true;
  }
};

Output::Output(size_t arena_size, Surroundings &surroundings, EventBatch &batch, AttentionQueue &attention,
               Stats &stats)
    : surroundings_(surroundings),
      batch_(batch),
      attention_(attention),
      stats_(stats),
      arena_(new uint8_t[arena_size]),
      end_(arena_.get() + arena_size),
      next_(arena_.get()),
      segments_(new Segment[kMaxSegments]) {}

Output::~Output() {
  for (uint32_t i = 0; i < segment_count_; i++)
    segments_[i].release();
}

uint8_t *Output::append(Session &writer, size_t size) {
  Connection &connection = Connection::of(writer);
  if (growing_ && writer_ == &connection && size <= static_cast<size_t>(end_ - next_)) return extend(connection, size);
  end_growth();
  return fits(connection, size) ? append_to_arena(connection, size) : append_anywhere(connection, size);
}

bool Output::begin_to_write(Connection &connection, size_t size, int64_t left) {
  end_growth();
  if (!fits(connection, size)) return false;
  begin_growth(connection, left);
  return true;
}

inline bool Output::fits(const Connection &connection, size_t size) const {
  bool has_room = size <= static_cast<size_t>(end_ - next_) && segment_count_ < kMaxSegments;
  return has_room && connection.outbox() == nullptr;
}

// At the end of the arena. What is added first the queue takes whole, however little is left.
inline void Output::begin_growth(Connection &connection, int64_t left) {
  add_segment(connection, next_, 0, nullptr);
  growing_ = true;
  writer_ = &connection;
  limit_ = next_ + static_cast<ptrdiff_t>(std::min<int64_t>(left, end_ - next_));
}

inline uint8_t *Output::append_to_arena(Connection &connection, size_t size) {
  begin_growth(connection, std::max<int64_t>(connection.queue_room(connection.queued()), 0));
  return extend(connection, size);
}

// To the outbox, if the kernel takes no more or the arena is too small; else to the arena, which is emptied first.
uint8_t *Output::append_anywhere(Connection &connection, size_t size) {
  if (connection.outbox() == nullptr) {
    flush_all();
    if (fits(connection, size)) return append_to_arena(connection, size);
    // What the arena cannot hold is not refused by the kernel, but never offered: an empty segment makes the next flush
    // do so.
    if (connection.outbox() == nullptr) add_segment(connection, nullptr, 0, nullptr);
    if (!make_outbox(connection)) return nullptr;
  }
  uint8_t *at = connection.outbox()->append(size);
  if (at == nullptr) {
    drop_empty_outbox(connection);
    return nullptr;
  }
  connection.count(static_cast<int64_t>(size));
  return at;
}

// The last segment is complete.
inline void Output::end_growth() {
  if (!growing_) return;
  Segment &last = segments_[segment_count_ - 1];
  last.size = static_cast<uint32_t>(next_ - last.data);
  growing_ = false;
  limit_ = next_;
}

bool Output::share(Connection &connection, Block &block) {
  end_growth();
  bool large = block.size() > UINT32_MAX;  // more than a segment can tell
  if (connection.outbox() == nullptr && (large || segment_count_ == kMaxSegments)) flush_all();
  if (connection.outbox() == nullptr && large) {
    add_segment(connection, nullptr, 0, nullptr);
    if (!make_outbox(connection)) return false;
  }
  if (connection.outbox() == nullptr) {
    block.hold();
    add_segment(connection, block.data(), block.size(), &block);
  } else if (!connection.outbox()->share(block, 0)) {
    return false;
  }
  connection.count(static_cast<int64_t>(block.size()));
  return true;
}

inline void Output::add_segment(Connection &connection, const uint8_t *data, size_t size, Block *shared) {
  auto index = static_cast<uint16_t>(segment_count_++);
  segments_[index] = {&connection, data, shared, static_cast<uint32_t>(size), kNone};
  if (connection.last_segment != kNone) {
    segments_[connection.last_segment].next = index;
  } else {
    connection.first_segment = index;
  }
  connection.last_segment = index;
}

bool Output::append_borrowed(Session &writer, const uint8_t *head, size_t head_size, const uint8_t *payload,
                             size_t payload_size) {
  Connection &connection = Connection::of(writer);
  end_growth();
  if (segment_count_ == kMaxSegments) flush_all();
  Borrowed frame{head, head_size, payload, payload_size};
  Gathered gathered;
  if (connection.outbox() == nullptr) gather(connection, gathered);
  frame.offered = connection.outbox() == nullptr && connection.write_error == 0 && gathered.count < kMaxPieces;
  // The application may have worked for long since the last poll.
  if (frame.offered && connection.session->awaits_flush()) surroundings_.now = now_ms();
  if (frame.offered && !offer(connection, gathered, frame)) {
    connection.count(static_cast<int64_t>(frame.size()));  // accepted, and never sent
    return true;
  }
  if (frame.size() != 0) return keep_rest(connection, frame);
  finish_flush(connection);
  return true;
}

// Writes what waits and the frame behind it, and leaves in `frame` what the kernel did not take. False if that failed.
bool Output::offer(Connection &connection, Gathered &gathered, Borrowed &frame) {
  size_t waiting = gathered.size;
  if (frame.head_size != 0) gathered.add(frame.head, frame.head_size);
  gathered.add(frame.payload, frame.payload_size);
  frame.done = write(connection, gathered);
  if (!settle_write(connection, frame.done)) return false;
  size_t before = std::min(frame.done.size, waiting);
  consume(connection, before);
  frame.consume(frame.done.size - before);
  if (connection.transport.retrying()) frame.begun = true;  // TLS has encrypted some of it
  return true;
}

// Copies what is left of a frame to the outbox. False when there is no memory.
bool Output::keep_rest(Connection &connection, const Borrowed &frame) {
  bool moved = make_outbox(connection) && move_to_outbox(connection);
  if (moved) note_stall(*connection.outbox(), frame.done);
  // What was not offered to the kernel now is offered by the next flush, whatever comes of the frame.
  if (moved && !frame.offered) add_segment(connection, nullptr, 0, nullptr);
  attention_.push(connection);
  uint8_t *at = moved ? connection.outbox()->append(frame.size()) : nullptr;
  if (at == nullptr) {
    if (frame.begun || !moved) fail_memory(connection);
    drop_empty_outbox(connection);
    return false;
  }
  if (frame.head_size != 0) std::memcpy(at, frame.head, frame.head_size);
  std::memcpy(at + frame.head_size, frame.payload, frame.payload_size);
  connection.count(static_cast<int64_t>(frame.size()));
  return true;
}

// Nothing is queued any more. `waited`: something had to wait for the kernel.
void Output::note_flushed(Connection &connection, bool waited) {
  bool news = connection.session->output_flushed();
  if (waited || news || connection.refused || connection.session->over()) attention_.push(connection);
}

// What nearly every flush is: one segment of a connection in routine, which the kernel takes whole. False if it is not:
// then flush_any goes on.
inline bool Output::flush_single(Connection &connection, Segment &segment) {
  if (segment.next != kNone || segment.shared != nullptr) return false;
  Transfer done = write_socket(connection.transport.fd(), segment.data, segment.size);
  if (done.size != segment.size) {
    if (!settle_write(connection, done)) return true;
    consume(connection, done.size);
    return false;
  }
  stats_.bytes_sent += static_cast<int64_t>(done.size);
  connection.first_segment = connection.last_segment = kNone;
  connection.count(-static_cast<int64_t>(done.size));
  return true;
}

void Output::flush_all() {
  end_growth();
  const uint32_t count = segment_count_;  // a flush adds none
  for (uint32_t i = 0; i < count; i++) {
    Segment &segment = segments_[i];
    Connection &connection = *segment.owner;
    if (connection.first_segment != i) continue;  // it went with its first one
    if (!connection.in_routine() || !flush_single(connection, segment)) flush_any(connection);
  }
  segment_count_ = 0;
  limit_ = next_ = arena_.get();
}

void Output::flush(Connection &connection) {
  end_growth();
  flush_any(connection);
}

void Output::flush_any(Connection &connection) {
  if (!connection.transport.open() || connection.write_error != 0) return drop(connection);
  while (connection.first_segment != kNone || connection.outbox() != nullptr) {
    Gathered gathered;
    gather(connection, gathered);
    Transfer done = write(connection, gathered);
    if (!settle_write(connection, done)) return;
    consume(connection, done.size);
    if (connection.queued() == 0) return finish_flush(connection);
    if (done.size >= gathered.size) continue;  // more: TLS had begun with what came before
    if (!make_outbox(connection) || !move_to_outbox(connection)) return fail_memory(connection);
    note_stall(*connection.outbox(), done);
    return attention_.push(connection);
  }
}

// Notes the outcome of a write; false if it failed, and then there is nothing more to write.
bool Output::settle_write(Connection &connection, const Transfer &done) {
  stats_.bytes_sent += static_cast<int64_t>(done.size);
  if (done.error == 0) return true;
  connection.write_error = static_cast<int16_t>(done.error);
  connection.routine = false;
  drop(connection);
  attention_.push(connection);
  return false;
}

// By the clock: in a send, the time of the last poll may be long past.
void Output::note_stall(Outbox &outbox, const Transfer &done) {
  if (done.would_block && (done.size != 0 || outbox.stalled_since < 0)) outbox.stalled_since = now_ms();
}

inline void Output::finish_flush(Connection &connection) {
  bool waited = connection.outbox() != nullptr;
  if (waited) connection.drop(&Extras::outbox);
  note_flushed(connection, waited);
}

void Output::gather(const Connection &connection, Gathered &gathered) const {
  if (connection.outbox() != nullptr) {
    gathered.count = connection.outbox()->gather(gathered.pieces, kMaxPieces);
    for (int i = 0; i < gathered.count; i++)
      gathered.size += gathered.pieces[i].iov_len;
  }
  uint16_t index = connection.first_segment;
  while (index != kNone && gathered.count < kMaxPieces) {
    gathered.add(segments_[index].data, segments_[index].size);
    index = segments_[index].next;
  }
}

inline Transfer Output::write(Connection &connection, Gathered &gathered) {
  // What the outbox holds goes in as many writes as the kernel makes room for: they would be twice as many.
  bool bulk = gathered.size >= kBulk && connection.outbox() == nullptr;
  return connection.transport.write(gathered.pieces, gathered.count, bulk);
}

void Output::consume(Connection &connection, size_t sent) {
  connection.count(-static_cast<int64_t>(sent));
  if (connection.session->output_left(sent)) attention_.push(connection);
  if (connection.outbox() != nullptr) sent -= connection.outbox()->consume(sent);
  while (connection.first_segment != kNone) {
    Segment &first = segments_[connection.first_segment];
    uint32_t taken = static_cast<uint32_t>(std::min<size_t>(sent, first.size));
    first.data += taken;
    first.size -= taken;
    sent -= taken;
    if (first.size != 0) return;
    first.release();
    connection.first_segment = first.next;
  }
  connection.last_segment = kNone;
}

bool Output::make_outbox(Connection &connection) try {
  connection.routine = false;
  if (connection.outbox() == nullptr) connection.need_extras().outbox.emplace(surroundings_.memory.queued);
  return true;
} catch (const std::bad_alloc &) {
  connection.trim_extras();
  return false;  // to be caught here: a part of a frame may have been sent
}

bool Output::move_to_outbox(Connection &connection) {
  while (connection.first_segment != kNone) {
    Segment &first = segments_[connection.first_segment];
    if (first.shared != nullptr) {
      size_t offset = static_cast<size_t>(first.data - first.shared->data());
      if (!connection.outbox()->share(*first.shared, offset)) return false;
      first.release();
    } else if (first.size != 0) {
      uint8_t *at = connection.outbox()->append(first.size);
      if (at == nullptr) return false;
      std::memcpy(at, first.data, first.size);
    }
    connection.first_segment = first.next;
  }
  connection.last_segment = kNone;
  return true;
}

// Bytes that were accepted cannot be kept: the stream is broken. The session is told later, because it may be its own
// call that is going on here.
void Output::fail_memory(Connection &connection) {
  connection.write_error = ENOMEM;
  connection.routine = false;
  drop(connection);
  attention_.push(connection);
}

// An outbox that nothing waits in would keep what comes next from being offered to the kernel.
void Output::drop_empty_outbox(Connection &connection) {
  if (connection.outbox() == nullptr || !connection.outbox()->empty()) return;
  connection.drop(&Extras::outbox);
}

void Output::drop(Connection &connection) {
  end_growth();
  if (writer_ == &connection) writer_ = nullptr;
  while (connection.first_segment != kNone) {
    Segment &first = segments_[connection.first_segment];
    first.release();
    connection.first_segment = first.next;
  }
  connection.last_segment = kNone;
  connection.drop(&Extras::outbox);
}

}  // namespace hawser
