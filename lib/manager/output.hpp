// What the connections of a manager send. Frames are appended to one arena, and each connection that has some there
// gets one write at the next flush. Large payloads go from the caller's memory to the kernel. What the kernel refuses
// moves to the connection's outbox.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

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

  bool dirty() const { return !dirty_.empty(); }

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
  // Bytes in the arena or in a shared block; the segments of a connection are a list.
  struct Segment {
    const uint8_t *data;
    size_t size;
    Block *shared;
    uint32_t next;

    void release() {
      if (shared != nullptr) shared->release();
      shared = nullptr;
    }
  };
  struct Gathered;

  bool make_outbox(Connection &connection);
  void add_segment(Connection &connection, const uint8_t *data, size_t size, Block *shared);
  void gather(const Connection &connection, Gathered &gathered) const;
  void consume(Connection &connection, size_t sent);
  bool move_to_outbox(Connection &connection);
  bool settle_write(Connection &connection, const Transfer &done);
  void fail_memory(Connection &connection);
  void finish_flush(Connection &connection);

  Surroundings &surroundings_;
  AttentionQueue &attention_;
  Stats &stats_;
  DirtyQueue dirty_;
  std::unique_ptr<uint8_t[]> arena_;
  const size_t arena_size_;
  size_t used_ = 0;
  std::vector<Segment> segments_;
};

}  // namespace hawser
