// What the connections of a manager send. Frames are appended to one arena, and each connection that has some there
// gets one write at the next flush. Large payloads go from the caller's memory to the kernel. What the kernel refuses
// moves to the connection's outbox.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "bytes/error.hpp"
#include "manager/connection.hpp"
#include "manager/outbox.hpp"
#include "manager/stats.hpp"

namespace hawser {

class Output {
 public:
  // `attention` gets the connections for which a flush has changed something.
  Output(size_t arena_size, Surroundings &surroundings, AttentionQueue &attention, Stats &stats);

  ~Output();

  bool dirty() const { return segment_count_ != 0; }

  // The connection that wrote to the arena last, if its id is `id`; else nullptr.
  Connection *writer(int64_t id) const { return writer_id_ == id ? writer_ : nullptr; }
  // The region is the writer's, and has room for so many bytes before its queue is full.
  bool writer_may_extend(size_t size) const { return static_cast<ptrdiff_t>(size) <= region_limit_ - region_.next; }
  // Makes a connection the writer, which may extend by so many bytes. False, and nothing was done: there is no room in
  // the arena, or output that waits.
  bool begin_region(Connection &connection, size_t size);
  // Room for so many bytes of the writer.
  uint8_t *extend(Connection &writer, size_t size) {
    writer.count(static_cast<int64_t>(size));
    return std::exchange(region_.next, region_.next + size);
  }

  // Room for so many bytes of any connection; nullptr when there is no memory.
  uint8_t *append(Connection &connection, size_t size);
  bool append_borrowed(Connection &connection, const uint8_t *head, size_t head_size, const uint8_t *payload,
                       size_t payload_size);
  // A frame that goes to many connections.
  bool share(Connection &connection, Block &block);

  void flush(Connection &connection);
  void flush_all();
  // Forgets what was not sent. `queued` still tells how much it was.
  void drop(Connection &connection);

 private:
  // Bytes in the arena or in a shared block; the segments of a connection are a list. The last one of the region's
  // owner is still growing: its size is told by end_region.
  struct Segment {
    Connection *owner;
    const uint8_t *data;
    Block *shared;
    uint32_t size;
    uint32_t next;

    void release() {
      if (shared != nullptr) shared->release();
      shared = nullptr;
    }
  };
  struct Gathered;
  struct Borrowed;
  // Free memory at the end of the arena, where the connection that wrote last goes on.
  struct Region {
    const Connection *owner = nullptr;
    uint8_t *next = nullptr;
    uint8_t *end = nullptr;
  };

  void open_region(Connection &connection, size_t size);
  uint8_t *append_to_arena(Connection &connection, size_t size);
  void end_region();
  [[gnu::noinline]] uint8_t *append_anywhere(Connection &connection, size_t size);
  [[gnu::always_inline]] bool flush_single(Connection &connection, Segment &segment);
  [[gnu::noinline]] void flush_any(Connection &connection);
  bool make_outbox(Connection &connection);
  void add_segment(Connection &connection, const uint8_t *data, size_t size, Block *shared);
  void gather(const Connection &connection, Gathered &gathered) const;
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
  AttentionQueue &attention_;
  Stats &stats_;
  std::unique_ptr<uint8_t[]> arena_;
  const size_t arena_size_;
  size_t used_ = 0;  // but for what the region's owner has added
  Region region_;
  Connection *writer_ = nullptr;  // the region's owner, or the owner of the last one if it has none
  int64_t writer_id_ = 0;         // 0: that one is gone
  // The writer's queue is not full before that. The end of a region that belongs to nobody.
  const uint8_t *region_limit_ = nullptr;
  uint32_t growing_ = UINT32_MAX;  // the segment of the region's owner
  std::unique_ptr<Segment[]> segments_;
  uint32_t segment_count_ = 0;
};

}  // namespace hawser
