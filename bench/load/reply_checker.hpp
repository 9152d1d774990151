// Compares what comes back on one connection with what was sent, byte for byte, however it is cut into reads and
// frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "messages.hpp"
#include "options.hpp"
#include "wire.hpp"

namespace load {

class ReplyChecker {
 public:
  // `number`: of the connection, for what is said of it. `first`: of the message that is answered first.
  ReplyChecker(const Options &options, const Messages &messages, size_t number, size_t first)
      : options_(options), messages_(messages), number_(number), first_(first) {}

  // So many more replies are to come.
  void expect(size_t count) { due_ += count; }
  size_t due() const { return due_; }

  // Takes what came, and unmasks it in place. Returns how many replies are now complete. A fault ends the program.
  size_t take(uint8_t *data, size_t size);

  // A Close frame came: its payload.
  bool is_closed() const { return is_closed_; }
  const std::string &close_payload() const { return control_; }

  [[noreturn]] void refuse(const std::string &words) const;

 private:
  bool is_control() const { return (header_[0] & 8) != 0; }
  bool is_final() const { return (header_[0] & kFin) != 0; }
  size_t take_header(const uint8_t *data, size_t size);
  size_t take_payload(uint8_t *data, size_t size);
  void begin_bare_reply();
  void begin_frame();
  void check_control_frame() const;
  void begin_data_frame();
  void end_frame();
  void end_message();
  void compare(const uint8_t *data, size_t size);

  const Options &options_;
  const Messages &messages_;
  const size_t number_;
  const size_t first_;
  size_t done_ = 0;
  size_t due_ = 0;
  uint8_t header_[kLargestHeader] = {};
  size_t header_filled_ = 0;
  bool in_payload_ = false;
  bool in_message_ = false;     // some of its frames, not all
  bool is_compressed_ = false;  // the message
  bool is_closed_ = false;
  uint64_t payload_left_ = 0;
  size_t payload_taken_ = 0;
  size_t compared_ = 0;     // bytes of the message
  std::string compressed_;  // of the message
  std::string control_;     // payload of a control frame
};

}  // namespace load
