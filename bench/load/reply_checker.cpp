#include "reply_checker.hpp"

#include <algorithm>
#include <cstring>

#include "deflate.hpp"
#include "fault.hpp"

namespace load {

void ReplyChecker::refuse(const std::string &words) const {
  fail("connection " + std::to_string(number_) + ", after " + std::to_string(done_) + " replies: " + words);
}

size_t ReplyChecker::take(uint8_t *data, size_t size) {
  const size_t done_before = done_;
  while (size > 0) {
    if (is_closed_) refuse("bytes behind the Close frame");
    if (!options_.is_framed() && !in_payload_) begin_bare_reply();
    const size_t used = in_payload_ ? take_payload(data, size) : take_header(data, size);
    data += used;
    size -= used;
  }
  return done_ - done_before;
}

size_t ReplyChecker::take_header(const uint8_t *data, size_t size) {
  for (size_t used = 0; used < size;) {
    header_[header_filled_++] = data[used++];
    if (header_filled_ < header_size(header_, header_filled_)) continue;
    begin_frame();
    return used;
  }
  return size;
}

size_t ReplyChecker::take_payload(uint8_t *data, size_t size) {
  const size_t taken = static_cast<size_t>(std::min<uint64_t>(size, payload_left_));
  if (options_.is_server() && options_.is_framed()) {
    mask(data, taken, header_ + header_size(header_, 2) - 4, payload_taken_);
  }
  const char *text = reinterpret_cast<const char *>(data);
  if (options_.is_framed() && is_control()) {
    control_.append(text, taken);
  } else if (is_compressed_) {
    compressed_.append(text, taken);
  } else {
    compare(data, taken);
  }
  payload_taken_ += taken;
  payload_left_ -= taken;
  if (payload_left_ == 0) end_frame();
  return taken;
}

void ReplyChecker::begin_bare_reply() {
  if (due_ == 0) refuse("more comes than was sent");
  header_[0] = kFin;
  payload_left_ = messages_.reply(first_ + done_).size();
  in_payload_ = true;
}

void ReplyChecker::begin_frame() {
  const bool is_masked = (header_[1] & kMasked) != 0;
  if (is_masked != options_.is_server()) refuse(is_masked ? "a frame is masked" : "a frame is not masked");
  if ((header_[0] & kRsv2And3) != 0) refuse("RSV2 or RSV3 is set");
  payload_left_ = payload_size(header_);
  payload_taken_ = 0;
  in_payload_ = true;
  if (is_control()) {
    check_control_frame();
    control_.clear();
  } else {
    begin_data_frame();
  }
  if (payload_left_ == 0) end_frame();
}

// A Pong that nobody asked for is legal (RFC 6455 5.5.3). A Ping is too, but would add to what is measured.
void ReplyChecker::check_control_frame() const {
  const uint8_t opcode = header_[0] & 0xF;
  if (!is_final() || (header_[0] & kRsv1) != 0 || payload_left_ > 125) refuse("no control frame may be so");
  if (opcode == kPing) refuse("a Ping came: the peer has to be told not to send any");
  if (opcode != kClose && opcode != kPong) refuse("an unknown opcode: " + std::to_string(opcode));
}

void ReplyChecker::begin_data_frame() {
  const uint8_t opcode = header_[0] & 0xF;
  const bool has_rsv1 = (header_[0] & kRsv1) != 0;
  if (due_ == 0) refuse("more replies than messages");
  if (opcode != (in_message_ ? kContinuation : messages_.opcode())) refuse("a wrong opcode: " + std::to_string(opcode));
  // RFC 7692 6: on the first frame of a message alone.
  if (has_rsv1 && (in_message_ || !options_.is_compressed())) refuse("RSV1 is set");
  if (!in_message_) is_compressed_ = has_rsv1;
  in_message_ = true;
}

void ReplyChecker::end_frame() {
  in_payload_ = false;
  header_filled_ = 0;
  if (options_.is_framed() && is_control()) {
    is_closed_ = (header_[0] & 0xF) == kClose;
  } else if (is_final()) {
    end_message();
  }
}

void ReplyChecker::end_message() {
  if (is_compressed_) {
    const std::string_view payload = inflate_message(compressed_, options_.size);
    compare(reinterpret_cast<const uint8_t *>(payload.data()), payload.size());
    compressed_.clear();
  }
  if (compared_ != messages_.reply(first_ + done_).size()) refuse("a reply is shorter than its message");
  compared_ = 0;
  in_message_ = false;
  done_++;
  due_--;
}

void ReplyChecker::compare(const uint8_t *data, size_t size) {
  const std::string_view expected = messages_.reply(first_ + done_).substr(compared_);
  if (size > expected.size()) refuse("a reply is longer than its message");
  if (std::memcmp(data, expected.data(), size) != 0) {
    const auto *wanted = reinterpret_cast<const uint8_t *>(expected.data());
    const auto place = std::mismatch(data, data + size, wanted).first - data;
    refuse("a reply differs from its message, from byte " + std::to_string(compared_ + static_cast<size_t>(place)) +
           " on");
  }
  compared_ += size;
}

}  // namespace load
