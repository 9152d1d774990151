#include "input.hpp"

#include <algorithm>
#include <cerrno>

#include <unistd.h>

namespace hawser::tools {

namespace {

constexpr size_t kReadSize = size_t{64} * 1024;

}  // namespace

bool Input::fill() {
  buffer_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  const size_t old_size = buffer_.size();
  buffer_.resize(old_size + kReadSize);
  const ssize_t count = read(fd_, buffer_.data() + old_size, kReadSize);
  buffer_.resize(old_size + static_cast<size_t>(std::max<ssize_t>(count, 0)));
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  if (count == 0) ended_ = true;
  return true;
}

std::optional<std::string_view> Input::front() {
  if (kind_ == InputKind::LINES) return front_line();
  if (begin_ == buffer_.size()) return std::nullopt;
  front_size_ = std::min(buffer_.size() - begin_, kReadSize);
  return std::string_view(buffer_).substr(begin_, front_size_);
}

std::optional<std::string_view> Input::front_line() {
  const size_t newline = buffer_.find('\n', scanned_);
  scanned_ = std::min(newline, buffer_.size());
  const bool last_line_is_open = newline == std::string::npos;
  if (last_line_is_open && (!ended_ || begin_ == buffer_.size())) return std::nullopt;

  std::string_view line = std::string_view(buffer_).substr(begin_, scanned_ - begin_);
  front_size_ = line.size() + (last_line_is_open ? 0 : 1);
  if (!last_line_is_open && line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

void Input::pop() {
  begin_ += front_size_;
  scanned_ = begin_;
  front_size_ = 0;
  popped_++;
}

}  // namespace hawser::tools
