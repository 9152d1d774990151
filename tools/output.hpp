// Standard output that waits in memory until poll(2) finds the descriptor ready: a slow reader of ours must not keep us
// from answering the peer or from reading standard input.
#pragma once

#include <string>
#include <string_view>

namespace hawser::tools {

class Output {
 public:
  explicit Output(int fd);

  void append(std::string_view bytes) { buffer_.append(bytes); }

  // Writes what the descriptor takes without blocking. False when writing failed, see errno.
  bool write_ready();
  // Writes everything, blocking.
  bool write_all();

  size_t size() const { return buffer_.size() - begin_; }

 private:
  bool write_some();
  bool is_ready() const;

  const int fd_;
  const size_t piece_size_;
  std::string buffer_;
  size_t begin_ = 0;
};

}  // namespace hawser::tools
