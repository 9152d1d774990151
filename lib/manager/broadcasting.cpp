// A message to all connections of a listener: Manager's broadcast. It is framed, and compressed, once, and the frame is
// shared.
#include <array>
#include <cstring>

#include "manager/manager.hpp"

namespace hawser {

// The frames of one broadcast: the plain one, and those for connections that compress without context takeover, by the
// size of their windows. Each is made for the first connection that needs it.
class Manager::SharedFrames {
 public:
  SharedFrames(Opcode marked, const uint8_t *data, size_t size, Budget &budget)
      : marked(marked), data(data), size(size), budget_(budget) {}
  SharedFrames(const SharedFrames &) = delete;
  SharedFrames &operator=(const SharedFrames &) = delete;
  ~SharedFrames() {
    for (Block *frame : frames_) {
      if (frame != nullptr) frame->release();
    }
  }

  // nullptr: no memory. `terms`: nullptr for the plain frame.
  Block *frame_for(const CodecTerms *terms) {
    Block *&frame = frames_[terms != nullptr ? static_cast<size_t>(terms->agreement.compress_bits) : 0];
    if (frame == nullptr) frame = terms != nullptr ? make_compressed(*terms) : make(false, data, size);
    return frame;
  }

  const Opcode marked;  // perhaps with the mark not to compress
  const uint8_t *const data;
  const size_t size;

 private:
  static constexpr size_t kFrames = 16;  // window bits end at 15

  Block *make_compressed(const CodecTerms &terms) const {
    Buffer compressed(budget_);
    if (!MessageCodec(terms).compress(data, size, true, compressed)) return nullptr;
    return make(true, compressed.data(), compressed.size());
  }

  Block *make(bool compressed, const uint8_t *payload, size_t payload_size) const {
    uint8_t header[kMaxFrameHeader];
    size_t header_size = Session::write_shared_header(header, without_mark(marked), compressed, payload_size);
    Block *frame = Block::make(header_size + payload_size, budget_);
    if (frame == nullptr) return nullptr;
    std::memcpy(frame->extend(header_size), header, header_size);
    if (payload_size != 0) std::memcpy(frame->extend(payload_size), payload, payload_size);
    return frame;
  }

  Budget &budget_;
  std::array<Block *, kFrames> frames_ = {};
};

Result<int32_t> Manager::broadcast(int64_t listener, int64_t except, Opcode opcode, const uint8_t *data, size_t size) {
  deliver_mail();
  if (!begins_message(without_mark(opcode))) return Failure{Error::OPCODE, 0, "a message is text or binary"};
  const Listener *found = listeners_.find(listener);
  if (found == nullptr) return Failure{Error::STALE, 0, "the id names no listener"};
  if (found->told()) return Failure{Error::CLOSED, 0, "the listener is closed"};
  bool is_text = without_mark(opcode) == Opcode::TEXT;
  if (is_text && !utf8_is_valid(data, size)) return Failure{Error::UTF8, 0, "the text is not UTF-8"};
  if (surroundings_.memory_is_short(size)) return Failure{Error::NO_MEMORY, 0, "no memory for the message"};
  SharedFrames frames(opcode, data, size, surroundings_.memory.queued);
  if (frames.frame_for(nullptr) == nullptr) return Failure{Error::NO_MEMORY, 0, "no memory for the message"};
  int32_t accepted = 0;
  connections_.for_each([&](Connection &connection) {
    if (connection.listener != listener || connection.id.load(std::memory_order_relaxed) == except) return;
    if (broadcast_to(connection, frames)) accepted++;
  });
  signal_outer_loop();
  return accepted;
}

bool Manager::broadcast_to(Connection &connection, SharedFrames &frames) {
  if (connection.stage != Stage::RUNNING || connection.session->can_send() != Error::OK) return false;
  if (connection.queue_full()) {
    refuse_broadcast(connection);
    return false;
  }
  if (connection.session->in_part()) {
    Letter letter(Letter::Kind::SEND, frames.marked, 0, 0, surroundings_.memory.queued);
    if (!letter.write(frames.data, frames.size)) return fail_broadcast(connection);
    if (!hold(connection, std::move(letter))) return false;
    connection.mailed.fetch_add(static_cast<int64_t>(frames.size), std::memory_order_relaxed);
    return true;
  }
  const CodecTerms *terms = connection.session->terms_for(frames.marked, frames.size);
  // With context takeover every connection's frame is another one.
  if (terms != nullptr && !terms->compresses_alone()) {
    Error error = connection.session->send(frames.marked, frames.data, frames.size, true);
    return error == Error::OK || fail_broadcast(connection);
  }
  Block *frame = frames.frame_for(terms);
  if (frame == nullptr || !output_.share(connection, *frame)) return fail_broadcast(connection);
  connection.session->note_shared();
  return true;
}

// Nothing is dropped silently. Always false.
bool Manager::fail_broadcast(Connection &connection) {
  connection.session->abandon({Error::NO_MEMORY, 0, "no memory for a broadcast"}, false);
  attention_.push(connection);
  return false;
}

void Manager::refuse_broadcast(Connection &connection) try {
  if (connection.settings().slow_reader == "skip") {
    connection.need_extras().skipped++;
    refuse(connection);
    return;
  }
  connection.session->close(close_code::kTryAgainLater, "too slow a reader");
  attention_.push(connection);
  connection.publish();
} catch (const std::bad_alloc &) {
  fail_broadcast(connection);  // it could not be told
}

}  // namespace hawser
