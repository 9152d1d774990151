// A descriptor that becomes readable when somebody signals it: an eventfd, or a pipe where there is none.
#pragma once

#include "bytes/error.hpp"
#include "net/socket.hpp"

namespace hawser {

class Wakeup {
 public:
  static Result<Wakeup> make();
  // Readable from a signal until it is cleared, however many signals there were.
  int fd() const { return descriptor_.get(); }
  // Any thread, and signal handlers: it keeps errno.
  void signal() const;
  void clear() const;

 private:
#if defined(__linux__)
  explicit Wakeup(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
#else
  Wakeup(Descriptor reader, Descriptor writer) : descriptor_(std::move(reader)), writer_(std::move(writer)) {}
#endif

  Descriptor descriptor_;
#if !defined(__linux__)
  Descriptor writer_;
#endif
};

}  // namespace hawser
