// Reads connections into one arena and runs the bytes through their sessions, in place: the events of the batch point
// into the arena. At most one connection has bytes that were read and not parsed, because the batch was full; the next
// poll begins with them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "manager/connection.hpp"
#include "manager/stats.hpp"
#include "session/event_batch.hpp"

namespace hawser {

class Receiver {
 public:
  Receiver(size_t arena_size, int64_t max_batch_bytes, EventBatch &batch, Surroundings &surroundings,
           SettlingQueue &settling, AttentionQueue &attention, Stats &stats);

  // A new batch begins: the events of the last one are gone. Parses what was carried over.
  void begin() {
    used_ = 0;
    if (carries()) [[unlikely]]
      parse_carried();
  }
  // True while this batch can take more.
  bool has_room() const;
  bool carries() const { return carried_size_ != 0; }
  bool carries(const Connection &connection) const { return carries() && carried_ == &connection; }

  // Reads once from a connection that may be read, as far as there is room, and parses. Only if has_room().
  [[gnu::noinline]] void read(Connection &connection);
  // The same for a connection in routine (Connection::in_routine), in a few instructions.
  void read_routine(Connection &connection);
  // Parses bytes that the connection has put aside, as far as it goes.
  [[gnu::noinline]] void parse_stash(Connection &connection);
  // The connection is gone.
  void forget(Connection &connection);

 private:
  [[gnu::always_inline]] bool batch_is_full() const;
  [[gnu::noinline]] void parse_carried();
  [[gnu::noinline]] void fail_read(Connection &connection, int error);
  Transfer read_to_window(Connection &connection, MessageAssembler::Window window);
  [[gnu::noinline]] void finish_read(Connection &connection, uint8_t *data, size_t size, Transfer got);
  void parse_in_arena(Connection &connection, uint8_t *data, size_t size);
  void parse(Connection &connection, uint8_t *data, size_t size);
  [[gnu::noinline]] void carry(Connection &connection, uint8_t *data, size_t size);
  [[gnu::always_inline]] size_t take_messages(Connection &connection, uint8_t *data, size_t size);
  template <bool masked>
  [[gnu::noinline]] size_t take_whole_messages(Connection &connection, uint8_t *data, size_t size);
  void commit(Connection &connection, Event &event);
  [[gnu::noinline]] void commit_news(Connection &connection, Event &event);
  [[gnu::noinline]] void stash(Connection &connection, const uint8_t *data, size_t size);
  bool add_to_stash(Connection &connection, const uint8_t *data, size_t size);
  void note_state(Connection &connection);

  EventBatch &batch_;
  Surroundings &surroundings_;
  SettlingQueue &settling_;
  AttentionQueue &attention_;
  Stats &stats_;
  std::unique_ptr<uint8_t[]> arena_;
  const size_t arena_size_;
  const int64_t max_batch_bytes_;
  size_t used_ = 0;  // bytes of the arena that events point to; all of them when some are carried

  Connection *carried_ = nullptr;
  uint8_t *carried_data_ = nullptr;
  size_t carried_size_ = 0;
};

}  // namespace hawser
