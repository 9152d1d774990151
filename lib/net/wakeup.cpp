#include "net/wakeup.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/eventfd.h>
#endif

namespace hawser {

#if defined(__linux__)

Result<Wakeup> Wakeup::make() {
  Descriptor event(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!event.open()) return Failure{Error::SYSTEM, errno, "eventfd failed"};
  return Wakeup(std::move(event));
}

void Wakeup::signal() const {
  int saved = errno;  // a signal handler must not change it
  uint64_t one = 1;
  // It can only fail with EAGAIN, when the counter is full: then it is readable already.
  [[maybe_unused]] ssize_t written = write(descriptor_.get(), &one, sizeof one);
  errno = saved;
}

void Wakeup::clear() const {
  uint64_t count;
  [[maybe_unused]] ssize_t got = read(descriptor_.get(), &count, sizeof count);
}

#else

Result<Wakeup> Wakeup::make() {
  int ends[2];
  if (pipe(ends) != 0) return Failure{Error::SYSTEM, errno, "pipe failed"};
  Descriptor reader(ends[0]);
  Descriptor writer(ends[1]);
  for (int end : ends) {
    if (fcntl(end, F_SETFD, FD_CLOEXEC) == 0 && fcntl(end, F_SETFL, O_NONBLOCK) == 0) continue;
    return Failure{Error::SYSTEM, errno, "fcntl failed"};
  }
  return Wakeup(std::move(reader), std::move(writer));
}

void Wakeup::signal() const {
  int saved = errno;  // a signal handler must not change it
  char byte = 0;
  // It can only fail with EAGAIN, when the pipe is full: then it is readable already.
  [[maybe_unused]] ssize_t written = write(writer_.get(), &byte, sizeof byte);
  errno = saved;
}

void Wakeup::clear() const {
  char bytes[256];
  while (read(descriptor_.get(), bytes, sizeof bytes) > 0) {
  }
}

#endif

}  // namespace hawser
