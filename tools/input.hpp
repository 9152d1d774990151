// Standard input, cut into messages: lines, or pieces of bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hawser::tools {

enum class InputKind { LINES, BYTES };

class Input {
 public:
  Input(int fd, InputKind kind) : fd_(fd), kind_(kind) {}

  // Reads once; only to be called when poll(2) found the descriptor ready. False when reading failed, see errno.
  bool fill();

  // The first message that is complete, without its LF or CR LF; it stays until pop. Valid until the next fill.
  std::optional<std::string_view> front();
  void pop();

  // The end came and every message was popped.
  bool finished() const { return ended_ && begin_ == buffer_.size(); }
  bool ended() const { return ended_; }
  int64_t popped() const { return popped_; }

 private:
  std::optional<std::string_view> front_line();

  const int fd_;
  const InputKind kind_;
  std::string buffer_;
  size_t begin_ = 0;       // of the front message
  size_t scanned_ = 0;     // no LF between begin_ and here
  size_t front_size_ = 0;  // with its line end
  int64_t popped_ = 0;
  bool ended_ = false;
};

}  // namespace hawser::tools
