#include "output.hpp"

#include <algorithm>
#include <cerrno>

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hawser::tools {

namespace {

// A pipe that polls writable takes this many bytes without blocking (POSIX: PIPE_BUF is at least 512, Linux has 4096).
constexpr size_t kPipePiece = 4096;
constexpr size_t kFilePiece = size_t{1024} * 1024;

size_t piece_size_for(int fd) {
  struct stat status = {};
  return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? kFilePiece : kPipePiece;
}

}  // namespace

Output::Output(int fd) : fd_(fd), piece_size_(piece_size_for(fd)) {}

bool Output::write_ready() {
  while (size() > 0 && is_ready())
    if (!write_some()) return false;
  return true;
}

bool Output::write_all() {
  while (size() > 0) {
    pollfd entry = {fd_, POLLOUT, 0};
    if (poll(&entry, 1, -1) < 0 && errno != EINTR) return false;
    if (!write_some()) return false;
  }
  return true;
}

bool Output::is_ready() const {
  pollfd entry = {fd_, POLLOUT, 0};
  return poll(&entry, 1, 0) > 0;
}

bool Output::write_some() {
  const ssize_t count = write(fd_, buffer_.data() + begin_, std::min(size(), piece_size_));
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  begin_ += static_cast<size_t>(count);
  if (size() > 0 && begin_ < buffer_.size() / 2) return true;
  buffer_.erase(0, begin_);
  begin_ = 0;
  return true;
}

}  // namespace hawser::tools
