#include "manager/output.hpp"

#include <algorithm>
#include <cstring>

namespace hawser {

namespace {

constexpr uint32_t kNone = UINT32_MAX;
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

Output::Output(size_t arena_size, Surroundings &surroundings, AttentionQueue &attention, Stats &stats)
    : surroundings_(surroundings),
      attention_(attention),
      stats_(stats),
      arena_(new uint8_t[arena_size]),
      arena_size_(arena_size) {
  segments_.reserve(kMaxSegments);
}

Output::~Output() {
  for (Segment &segment : segments_)
    segment.release();
}

uint8_t *Output::append(Connection &connection, size_t size) {
  if (connection.outbox == nullptr && (size > arena_size_ - used_ || segments_.size() == kMaxSegments)) {
    flush_all();
    if (size > arena_size_ && !make_outbox(connection)) return nullptr;
  }
  uint8_t *at = nullptr;
  if (connection.outbox != nullptr) {
    at = connection.outbox->append(size);
    if (at == nullptr) return nullptr;
    if (size > arena_size_) dirty_.push(connection);  // it was not refused by the kernel, but never offered
  } else {
    at = arena_.get() + used_;
    used_ += size;
    add_segment(connection, at, size, nullptr);
  }
  connection.set_queued(connection.queued_bytes() + static_cast<int64_t>(size));
  return at;
}

bool Output::share(Connection &connection, Block &block) {
  if (connection.outbox == nullptr && segments_.size() == kMaxSegments) flush_all();
  if (connection.outbox == nullptr) {
    block.hold();
    add_segment(connection, block.data(), block.size(), &block);
  } else if (!connection.outbox->share(block, 0)) {
    return false;
  }
  connection.set_queued(connection.queued_bytes() + static_cast<int64_t>(block.size()));
  return true;
}

// Joins the bytes to the last segment if they are its continuation.
void Output::add_segment(Connection &connection, const uint8_t *data, size_t size, Block *shared) {
  if (connection.last_segment != kNone) {
    Segment &last = segments_[connection.last_segment];
    if (shared == nullptr && last.shared == nullptr && last.data + last.size == data) {
      last.size += size;
      return;
    }
  }
  uint32_t index = static_cast<uint32_t>(segments_.size());
  segments_.push_back({data, size, shared, kNone});
  if (connection.last_segment != kNone) {
    segments_[connection.last_segment].next = index;
  } else {
    connection.first_segment = index;
  }
  connection.last_segment = index;
  dirty_.push(connection);
}

bool Output::append_borrowed(Connection &connection, const uint8_t *head, size_t head_size, const uint8_t *payload,
                             size_t payload_size) {
  size_t size = head_size + payload_size;
  Gathered gathered;
  if (connection.outbox == nullptr) gather(connection, gathered);
  bool direct = connection.outbox == nullptr && connection.write_error == 0 && gathered.count < kMaxPieces;
  size_t sent = 0;
  if (direct) {
    size_t before = gathered.size;
    if (head_size != 0) gathered.add(head, head_size);
    gathered.add(payload, payload_size);
    Transfer done = connection.transport.write(gathered.pieces, gathered.count);
    if (!settle_write(connection, done)) return true;
    consume(connection, std::min(done.size, before));
    sent = done.size > before ? done.size - before : 0;
  }
  if (sent == size) {
    finish_flush(connection);
    return true;
  }
  bool moved = make_outbox(connection) && move_to_outbox(connection);
  size_t head_left = head_size - std::min(sent, head_size);
  uint8_t *at = moved ? connection.outbox->append(size - sent) : nullptr;
  if (at == nullptr) {
    if (sent != 0 || !moved) fail_memory(connection);
    return false;
  }
  if (head_left != 0) std::memcpy(at, head + head_size - head_left, head_left);
  size_t payload_left = size - sent - head_left;
  std::memcpy(at + head_left, payload + payload_size - payload_left, payload_left);
  connection.set_queued(connection.queued_bytes() + static_cast<int64_t>(size - sent));
  if (!direct) dirty_.push(connection);
  attention_.push(connection);
  return true;
}

void Output::flush_all() {
  while (Connection *connection = dirty_.pop())
    flush(*connection);
  segments_.clear();
  used_ = 0;
}

void Output::flush(Connection &connection) {
  if (!connection.transport.open() || connection.write_error != 0) return drop(connection);
  for (;;) {
    Gathered gathered;
    gather(connection, gathered);
    if (gathered.count == 0) return;
    Transfer done = connection.transport.write(gathered.pieces, gathered.count);
    if (!settle_write(connection, done)) return;
    consume(connection, done.size);
    if (done.size < gathered.size) break;
    if (connection.queued_bytes() == 0) return finish_flush(connection);
  }
  if (!make_outbox(connection) || !move_to_outbox(connection)) return fail_memory(connection);
  attention_.push(connection);
}

// Notes the outcome of a write; false if it failed, and then there is nothing more to write.
bool Output::settle_write(Connection &connection, const Transfer &done) {
  stats_.bytes_sent += static_cast<int64_t>(done.size);
  if (done.error == 0) {
    if (done.size != 0 || connection.stalled_since < 0) connection.stalled_since = surroundings_.now;
    return true;
  }
  connection.write_error = done.error;
  drop(connection);
  attention_.push(connection);
  return false;
}

void Output::finish_flush(Connection &connection) {
  bool waited = connection.outbox != nullptr;
  connection.outbox.reset();
  connection.stalled_since = -1;
  bool news = connection.session->output_flushed();
  if (waited || news || connection.refused || connection.session->over()) attention_.push(connection);
}

void Output::gather(const Connection &connection, Gathered &gathered) const {
  if (connection.outbox != nullptr) {
    gathered.count = connection.outbox->gather(gathered.pieces, kMaxPieces);
    for (int i = 0; i < gathered.count; i++)
      gathered.size += gathered.pieces[i].iov_len;
  }
  uint32_t index = connection.first_segment;
  while (index != kNone && gathered.count < kMaxPieces) {
    gathered.add(segments_[index].data, segments_[index].size);
    index = segments_[index].next;
  }
}

void Output::consume(Connection &connection, size_t sent) {
  connection.set_queued(connection.queued_bytes() - static_cast<int64_t>(sent));
  if (connection.outbox != nullptr) sent -= connection.outbox->consume(sent);
  while (connection.first_segment != kNone) {
    Segment &first = segments_[connection.first_segment];
    size_t taken = std::min(sent, first.size);
    first.data += taken;
    first.size -= taken;
    sent -= taken;
    if (first.size != 0) return;
    first.release();
    connection.first_segment = first.next;
  }
  connection.last_segment = kNone;
}

bool Output::make_outbox(Connection &connection) {
  if (connection.outbox == nullptr) connection.outbox.reset(new (std::nothrow) Outbox(surroundings_.budget));
  return connection.outbox != nullptr;
}

bool Output::move_to_outbox(Connection &connection) {
  while (connection.first_segment != kNone) {
    Segment &first = segments_[connection.first_segment];
    if (first.shared != nullptr) {
      size_t offset = static_cast<size_t>(first.data - first.shared->data());
      if (!connection.outbox->share(*first.shared, offset)) return false;
      first.release();
    } else {
      uint8_t *at = connection.outbox->append(first.size);
      if (at == nullptr) return false;
      std::memcpy(at, first.data, first.size);
    }
    connection.first_segment = first.next;
  }
  connection.last_segment = kNone;
  return true;
}

// Bytes that were accepted cannot be kept: the stream is broken.
void Output::fail_memory(Connection &connection) {
  connection.session->abandon({Error::NO_MEMORY, 0, "no memory for output, or over the option memory_budget"}, false);
  drop(connection);
  attention_.push(connection);
}

void Output::drop(Connection &connection) {
  while (connection.first_segment != kNone) {
    Segment &first = segments_[connection.first_segment];
    first.release();
    connection.first_segment = first.next;
  }
  connection.last_segment = kNone;
  connection.outbox.reset();
  connection.stalled_since = -1;
}

}  // namespace hawser
