// What the connections of a manager send. Frames are appended to one arena, and each connection that has some there
// gets one write at the next flush. Large payloads go from the caller's memory to the kernel. What the kernel refuses
// moves to the connection's outbox.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "bytes/error.hpp"
#include "manager/connection.hpp"
#include "manager/outbox.hpp"
#include "manager/stats.hpp"
#include "session/event_batch.hpp"

namespace hawser {

class Output final : public Sink {
 public:
  // `batch` keeps what its events point to. `attention` gets the connections for which a flush has changed something.
  Output(size_t arena_size, Surroundings &surroundings, EventBatch &batch, AttentionQueue &attention, Stats &stats);
  ~Output();

  bool dirty() const { return segment_count_ != 0; }

  // The connection that wrote to the arena last, if its id is `id`; else nullptr.
  Connection *writer(int64_t id) const {
    return writer_ != nullptr && writer_->id.load(std::memory_order_relaxed) == id ? writer_ : nullptr;
  }
  // What it wrote last is still growing, and may grow by so many bytes before its queue is full.
  bool may_extend(const Connection &connection, size_t size) const {
    return &connection == writer_ && static_cast<ptrdiff_t>(size) <= limit_ - next_;
  }
  // Makes a connection the writer, which may extend by `size`, and then as far as `left` goes, which is what its queue
  // takes. False, and nothing was done: there is no room in the arena, or output that waits.
  bool begin_to_write(Connection &connection, size_t size, int64_t left);
  // Room for so many bytes of the writer.
  uint8_t *extend(Connection &writer, size_t size) {
    assert(growing_ && writer_ == &writer);
    writer.count(static_cast<int64_t>(size));
    return std::exchange(next_, next_ + size);
  }

  uint8_t *append(Session &writer, size_t size) override;
  bool append_borrowed(Session &writer, const uint8_t *head, size_t head_size, const uint8_t *payload,
                       size_t payload_size) override;
  int64_t pending(Session &writer) const override { return Connection::of(writer).queued(); }
  void keep(Buffer payload) override { batch_.keep(std::move(payload)); }
  // A frame that goes to many connections.
  bool share(Connection &connection, Block &block);

  void flush(Connection &connection);
  void flush_all();
  // Forgets what was not sent. `queued` still tells how much it was.
  void drop(Connection &connection);

 private:
  // Bytes in the arena or in a shared block; the segments of a connection are a list. The last one of all may still be
  // growing, by what the writer adds: its size is told by end_growth.
  struct Segment {
    Connection *owner;
    const uint8_t *data;
    Block *shared;
    uint32_t size;
    uint16_t next;

    void release() {
      if (shared != nullptr) shared->release();
      shared = nullptr;
    }
  };
  struct Gathered;
  struct Borrowed;

  bool fits(const Connection &connection, size_t size) const;
  void begin_growth(Connection &connection, int64_t left);
  void end_growth();
  uint8_t *append_to_arena(Connection &connection, size_t size);
  [[gnu::noinline]] uint8_t *append_anywhere(Connection &connection, size_t size);
  [[gnu::always_inline]] bool flush_single(Connection &connection, Segment &segment);
  [[gnu::noinline]] void flush_any(Connection &connection);
  bool make_outbox(Connection &connection);
  void add_segment(Connection &connection, const uint8_t *data, size_t size, Block *shared);
  void gather(const Connection &connection, Gathered &gathered) const;
  static Transfer write(Connection &connection, Gathered &gathered);
  void consume(Connection &connection, size_t sent);
  bool move_to_outbox(Connection &connection);
  bool settle_write(Connection &connection, const Transfer &done);
  void fail_memory(Connection &connection);
  static void drop_empty_outbox(Connection &connection);
  bool offer(Connection &connection, Gathered &gathered, Borrowed &frame);
  bool keep_rest(Connection &connection, const Borrowed &frame);
  static void note_stall(Outbox &outbox, const Transfer &done);
  void finish_flush(Connection &connection);
  void note_flushed(Connection &connection, bool waited);

  Surroundings &surroundings_;
  EventBatch &batch_;
  AttentionQueue &attention_;
  Stats &stats_;
  std::unique_ptr<uint8_t[]> arena_;
  const uint8_t *const end_;      // of the arena
  uint8_t *next_;                 // what is free of the arena begins there
  Connection *writer_ = nullptr;  // who wrote to the arena last, if that one is alive
  const uint8_t *limit_ = next_;  // the writer's queue is not full before that; next_ if nothing grows
  bool growing_ = false;          // the last segment, which is the writer's
  std::unique_ptr<Segment[]> segments_;
  uint32_t segment_count_ = 0;
};

}  // namespace hawser
