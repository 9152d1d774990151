// Where the sessions of one driver write to: the manager's is its output arena, that of hws_session a buffer.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bytes/buffer.hpp"

namespace hawser {

class Session;

class Sink {
 public:
  Sink() = default;
  Sink(const Sink &) = delete;
  Sink &operator=(const Sink &) = delete;

  // Room for `size` bytes that the caller writes at once; nullptr when there is no memory.
  virtual uint8_t *append(Session &writer, size_t size) = 0;
  // Takes `head`, and `payload` behind it, which stays the caller's: what is not sent during the call is copied.
  // Payloads of kBorrowed bytes or more come this way. False when there is no memory, and then nothing was taken.
  virtual bool append_borrowed(Session &writer, const uint8_t *head, size_t head_size, const uint8_t *payload,
                               size_t payload_size) = 0;
  // Bytes of the writer that have not left.
  virtual int64_t pending(Session &writer) const = 0;
  // Keeps the payload of a message until its event was taken.
  virtual void keep(Buffer payload) = 0;

  static constexpr size_t kBorrowed = 16 * 1024;

 protected:
  ~Sink() = default;
};

}  // namespace hawser
