// Reads what a session writes as its peer would, and holds it against RFC 6455, RFC 7692 and RFC 9112, and against what
// the application has sent.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "deflate/reference.hpp"
#include "fuzz/fuzz.hpp"
#include "fuzz/reference.hpp"
#include "support/frames.hpp"

namespace fuzz {

// RFC 6455 7.4.1 and 7.4.2, and IANA's registry: 1012 to 1014.
inline bool may_travel(int code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

class Wire {
 public:
  Wire(bool from_client, bool open) : from_client_(from_client), state_(open ? State::FRAMES : State::HEAD) {}

  // The application's message, or the begin of one, or more of it.
  void sent(int opcode, const std::string &payload, bool final) {
    if (!part_) part_ = frames::Frame{opcode, "", true, 0, false, {}};
    part_->payload += payload;
    if (!final) return;
    expected_.push_back(*part_);
    part_.reset();
  }

  // `extensions`: what was agreed on, empty if nothing. Messages that were sent as a whole are in the bytes as a whole.
  void read(const std::string &bytes, std::string_view extensions) {
    compression_ = extensions;
    rest_ += bytes;
    total_ += bytes.size();
    if (state_ == State::HEAD) read_head();
    if (state_ == State::BODY) read_body();
    if (state_ == State::FRAMES) read_frames();
    HOLDS(expected_.empty());
  }

  size_t total() const { return total_; }
  bool has_close() const { return closed_; }
  const std::string &key() const { return key_; }  // of the request

 private:
  enum class State { HEAD, BODY, FRAMES };

  // RFC 9112 2.1: a head comes as a whole, as it is written at once.
  void read_head() {
    if (rest_.empty()) return;
    size_t end = rest_.find("\r\n\r\n");
    HOLDS(end != std::string::npos);
    std::string head = rest_.substr(0, end + 2);
    rest_.erase(0, end + 4);
    std::string start = head.substr(0, head.find("\r\n"));
    read_fields(head.substr(start.size() + 2));
    from_client_ ? check_request(start) : check_response(start);
  }

  void read_fields(std::string_view lines) {
    while (!lines.empty()) {
      size_t end = lines.find("\r\n");
      std::string_view line = lines.substr(0, end);
      size_t colon = line.find(": ");
      HOLDS(colon != std::string_view::npos && is_token(line.substr(0, colon)));
      HOLDS(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
      note_field(line.substr(0, colon), std::string(line.substr(colon + 2)));
      lines.remove_prefix(end + 2);
    }
  }
  void note_field(std::string_view name, const std::string &value) {
    if (name == "Sec-WebSocket-Key") key_ = value;
    if (name == "Sec-WebSocket-Accept") accept_ = value;
    if (name == "Sec-WebSocket-Protocol" && !from_client_) HOLDS(is_token(value));
    if (name == "Content-Length") length_ = std::stoul(value);
  }

  void check_request(const std::string &start) {
    HOLDS(start.starts_with("GET /") && start.ends_with(" HTTP/1.1") && key_.size() == 24);
    state_ = State::FRAMES;
  }
  void check_response(const std::string &start) {
    HOLDS(start.starts_with("HTTP/1.1 ") && start.size() >= 13);
    int status = std::stoi(start.substr(9, 3));
    HOLDS(status == 101 ? accept_.size() == 28 && length_ == 0 : status >= 200 && status <= 599);
    state_ = status == 101 ? State::FRAMES : State::BODY;
  }

  // All of it, or none (an answer to HEAD, 304).
  void read_body() { HOLDS(rest_.empty() || rest_.size() == length_); }

  void read_frames() {
    frames::Frame frame;
    while (!rest_.empty()) {
      std::string before = rest_;
      HOLDS(frames::take(rest_, frame));
      HOLDS(!closed_);                                  // RFC 6455 5.5.1: nothing behind a Close
      HOLDS(before.starts_with(frames::write(frame)));  // 5.2: the length is written in as few bytes as can be
      HOLDS(frame.masked == from_client_);              // 5.1
      frame.opcode >= 8 ? check_control(frame) : take_data(frame);
    }
  }

  void check_control(const frames::Frame &frame) {
    HOLDS(frame.opcode <= 10 && frame.final && frame.rsv == 0 && frame.payload.size() <= 125);
    if (frame.opcode != frames::kClose) return;
    closed_ = true;
    if (frame.payload.empty()) return;
    HOLDS(frame.payload.size() >= 2);
    HOLDS(may_travel(static_cast<uint8_t>(frame.payload[0]) << 8 | static_cast<uint8_t>(frame.payload[1])));
    HOLDS(is_utf8(frame.payload.substr(2)));
  }

  // RFC 6455 5.4; RFC 7692 6: the bit is on the first frame alone.
  void take_data(const frames::Frame &frame) {
    HOLDS(frame.opcode <= 2 && (frame.opcode == frames::kContinuation) == message_.has_value());
    HOLDS(frame.rsv == 0 || (frame.rsv == 4 && !message_ && !compression_.empty()));
    if (!message_) message_ = frames::Frame{frame.opcode, "", true, frame.rsv, false, {}};
    message_->payload += frame.payload;
    if (!frame.final) return;
    finish(std::move(*message_));
    message_.reset();
  }

  void finish(frames::Frame message) {
    if (message.rsv != 0) message.payload = inflated(message.payload);
    HOLDS(message.opcode != frames::kText || is_utf8(message.payload));
    HOLDS(!expected_.empty());
    HOLDS(expected_.front().opcode == message.opcode && expected_.front().payload == message.payload);
    expected_.pop_front();
  }

  // With the window of the messages before, unless it was agreed to do without (RFC 7692 7.1.1).
  std::string inflated(const std::string &payload) {
    const char *alone = from_client_ ? "client_no_context_takeover" : "server_no_context_takeover";
    if (!inflater_ || compression_.find(alone) != std::string::npos) inflater_.emplace(15, 4096);
    std::optional<std::string> text = inflater_->message(payload);
    HOLDS(text.has_value());
    return *text;
  }

  const bool from_client_;
  State state_;
  std::string rest_;
  std::string key_;
  std::string accept_;
  std::string compression_;
  size_t length_ = 0;
  size_t total_ = 0;
  bool closed_ = false;
  std::optional<frames::Frame> message_;  // on the wire
  std::optional<frames::Frame> part_;     // of the application
  std::deque<frames::Frame> expected_;
  std::optional<reference::Inflater> inflater_;
};

}  // namespace fuzz
