// What a session tells, held against the promises of event.hpp and hawser.h: the order of events, the parts of
// messages, limits, and UTF-8.
#pragma once

#include <string>
#include <utility>

#include "fuzz/fuzz.hpp"
#include "fuzz/reference.hpp"
#include "session/conversation.hpp"

namespace fuzz {

using namespace hawser;

class Hearing {
 public:
  Hearing(Role role, const Config &config, bool open) : role_(role), config_(config), open_(open) {}

  void hear(const lab::Told &event) {
    HOLDS(!closed_);
    count_++;
    if (event.kind == EventKind::REQUEST) hear_request();
    if (event.kind == EventKind::OPEN) hear_open();
    if (event.kind == EventKind::MESSAGE) hear_message(event);
    if (event.kind == EventKind::PONG) HOLDS(open_ && config_.pongs && pings_-- > 0 && event.data.size() <= 125);
    if (event.kind == EventKind::DRAIN) HOLDS(std::exchange(drain_due_, false));  // exactly one for a refusal
    if (event.kind == EventKind::CLOSE) closed_ = true;
    if (event.kind == EventKind::CLOSE) check_close(event);
  }

  // The application has accepted the request, and no OPEN follows.
  void accepted() {
    HOLDS(requested_ && !open_);
    open_ = true;
  }
  void pinged() { pings_++; }
  // With HWS_ERR_WOULD_BLOCK.
  void refused() { drain_due_ = true; }

  size_t count() const { return count_; }
  bool closed() const { return closed_; }

  // RFC 6455 7.1.5: the peer's code, 1005 if it gave none, 1006 if there was no Close.
  static void check_close(const lab::Told &close) {
    HOLDS(close.kind == EventKind::CLOSE && close.data.size() <= 123 && is_utf8(close.data));
    bool may = (close.code >= 1000 && close.code <= 1003) || (close.code >= 1007 && close.code <= 1014) ||
               (close.code >= 3000 && close.code <= 4999);
    HOLDS(may || close.code == 1005 || close.code == 1006);
    if ((close.flags & event_flag::kClean) != 0) HOLDS(close.code != 1006);
    if (close.code == 1005 || close.code == 1006) HOLDS(close.data.empty());
  }

 private:
  void hear_request() {
    HOLDS(role_ == Role::SERVER && config_.requests && !requested_ && !open_);
    requested_ = true;
  }
  void hear_open() {
    HOLDS(!open_ && (requested_ || role_ == Role::CLIENT || !config_.requests));
    open_ = true;
  }

  void hear_message(const lab::Told &event) {
    bool first = (event.flags & event_flag::kFirst) != 0;
    bool final = (event.flags & event_flag::kFinal) != 0;
    HOLDS(open_ && (event.opcode == 1 || event.opcode == 2));
    HOLDS(first != in_message_ && (config_.parts || (first && final)));
    if (first) message_.clear();
    if (first) opcode_ = event.opcode;
    HOLDS(event.opcode == opcode_ && (final || !event.data.empty()));
    message_ += event.data;
    in_message_ = !final;
    HOLDS(static_cast<int64_t>(message_.size()) <= config_.message.max_size);
    if (opcode_ == 1) check_text(event.data, final);
  }
  // Of a part: what is valid up to the last part alone is looked at again when it is complete.
  void check_text(std::string_view part, bool final) {
    if (final) HOLDS(is_utf8(message_));
    if (!final && message_.size() == part.size()) HOLDS(!decode_utf8(message_).failed());
  }

  const Role role_;
  const Config &config_;
  bool open_;
  bool requested_ = false;
  bool in_message_ = false;
  bool closed_ = false;
  bool drain_due_ = false;
  int opcode_ = 0;
  int pings_ = 0;
  size_t count_ = 0;
  std::string message_;
};

}  // namespace fuzz
