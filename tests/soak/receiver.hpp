// Takes apart what a server sends, and holds it to the RFCs; what it means is for the listener to say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bench/load/wire.hpp"

namespace soak {

class Receiver {
 public:
  class Listener {
   public:
    // False: no frames follow it.
    virtual bool take_head(const std::string &head) = 0;
    // Its payload is compressed still if `is_compressed`.
    virtual void take_message(uint8_t opcode, bool is_compressed, std::string &payload) = 0;
    virtual void take_control(uint8_t opcode, const std::string &payload) = 0;
    [[noreturn]] virtual void refuse(const std::string &words) const = 0;

   protected:
    ~Listener() = default;
  };

  Receiver(Listener &listener, bool may_compress) : listener_(listener), may_compress_(may_compress) {}

  void take(std::string_view bytes);

 private:
  bool is_control() const { return (header_[0] & 8) != 0; }
  bool is_final() const { return (header_[0] & load::kFin) != 0; }
  uint8_t opcode() const { return header_[0] & 0xF; }
  size_t take_head(std::string_view bytes);
  size_t take_header(std::string_view bytes);
  size_t take_payload(std::string_view bytes);
  void begin_frame();
  void check_control_frame() const;
  void begin_data_frame();
  void end_frame();

  Listener &listener_;
  const bool may_compress_;
  bool has_head_ = false;
  bool has_frames_ = true;
  std::string head_;
  uint8_t header_[load::kLargestHeader] = {};
  size_t header_filled_ = 0;
  bool in_payload_ = false;
  bool in_message_ = false;
  bool is_compressed_ = false;
  bool is_closed_ = false;
  uint8_t message_opcode_ = 0;
  uint64_t payload_left_ = 0;
  std::string message_, control_;
};

}  // namespace soak
