#include "receiver.hpp"

#include <algorithm>

namespace soak {

using load::kClose, load::kContinuation, load::kMasked, load::kPing, load::kPong, load::kRsv1, load::kRsv2And3;

namespace {

constexpr size_t kLargestHead = 16 * 1024;

}  // namespace

void Receiver::take(std::string_view bytes) {
  while (!bytes.empty() && has_frames_) {
    if (is_closed_) listener_.refuse("bytes behind the Close frame");
    bytes.remove_prefix(!has_head_ ? take_head(bytes) : in_payload_ ? take_payload(bytes) : take_header(bytes));
  }
}

size_t Receiver::take_head(std::string_view bytes) {
  const size_t before = head_.size();
  head_ += bytes;
  const size_t end = head_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
  if (end == std::string::npos) {
    if (head_.size() > kLargestHead) listener_.refuse("a head without an end");
    return bytes.size();
  }
  head_.resize(end + 4);
  has_head_ = true;
  has_frames_ = listener_.take_head(head_);
  const size_t used = end + 4 - before;
  std::string().swap(head_);
  return used;
}

size_t Receiver::take_header(std::string_view bytes) {
  for (size_t used = 0; used < bytes.size();) {
    header_[header_filled_++] = static_cast<uint8_t>(bytes[used++]);
    if (header_filled_ < load::header_size(header_, header_filled_)) continue;
    begin_frame();
    return used;
  }
  return bytes.size();
}

size_t Receiver::take_payload(std::string_view bytes) {
  const size_t taken = static_cast<size_t>(std::min<uint64_t>(bytes.size(), payload_left_));
  (is_control() ? control_ : message_) += bytes.substr(0, taken);
  payload_left_ -= taken;
  if (payload_left_ == 0) end_frame();
  return taken;
}

void Receiver::begin_frame() {
  if ((header_[1] & kMasked) != 0) listener_.refuse("a frame is masked");  // RFC 6455 5.1
  if ((header_[0] & kRsv2And3) != 0) listener_.refuse("RSV2 or RSV3 is set");
  payload_left_ = load::payload_size(header_);
  in_payload_ = true;
  is_control() ? check_control_frame() : begin_data_frame();
  if (payload_left_ == 0) end_frame();
}

// RFC 6455 5.5, and RFC 7692 6 on RSV1.
void Receiver::check_control_frame() const {
  if (!is_final() || (header_[0] & kRsv1) != 0 || payload_left_ > 125) listener_.refuse("no control frame may be so");
  if (opcode() != kClose && opcode() != kPing && opcode() != kPong) listener_.refuse("a reserved opcode");
}

void Receiver::begin_data_frame() {
  const bool has_rsv1 = (header_[0] & kRsv1) != 0;
  if (opcode() > load::kBinary) listener_.refuse("a reserved opcode");
  if ((opcode() == kContinuation) != in_message_) listener_.refuse("a continuation of nothing, or not of a message");
  if (has_rsv1 && (in_message_ || !may_compress_)) listener_.refuse("RSV1 is set");
  if (!in_message_) {
    is_compressed_ = has_rsv1;
    message_opcode_ = opcode();
  }
  in_message_ = true;
}

void Receiver::end_frame() {
  in_payload_ = false;
  header_filled_ = 0;
  if (is_control()) {
    is_closed_ = opcode() == kClose;
    listener_.take_control(opcode(), control_);
    control_.clear();
  } else if (is_final()) {
    in_message_ = false;
    listener_.take_message(message_opcode_, is_compressed_, message_);
    std::string().swap(message_);
  }
}

}  // namespace soak
