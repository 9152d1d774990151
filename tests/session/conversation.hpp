// What was said to a session under test, and what it showed of itself after each step: chopping.hpp says it once more.
#pragma once

#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "session/session.hpp"

namespace lab {

using namespace hawser;

// An event with a copy of its data.
struct Told {
  EventKind kind = EventKind::NONE;
  int opcode = 0;
  uint32_t flags = 0;
  std::string data;
  int code = 0;
  Error error = Error::OK;
  int system = 0;

  Told() = default;
  explicit Told(const Event &event)
      : kind(event.kind),
        opcode(event.opcode),
        flags(event.flags),
        data(event.size != 0 ? std::string(static_cast<const char *>(event.data), static_cast<size_t>(event.size))
                             : ""),
        code(event.code),
        error(static_cast<Error>(event.error)),
        system(event.system) {}
  bool operator==(const Told &) const = default;
};

// "OPEN M1:hello M2:x M1f:ab PONG:x": what was told. f, l, m: the first, last and another part of a message.
inline std::string sketch(const std::vector<Told> &events) {
  std::string text;
  for (const Told &event : events) {
    if (!text.empty()) text += ' ';
    if (event.kind == EventKind::OPEN) text += "OPEN";
    if (event.kind == EventKind::REQUEST) text += "REQUEST";
    if (event.kind == EventKind::DRAIN) text += "DRAIN";
    if (event.kind == EventKind::CLOSE) text += "CLOSE";
    if (event.kind == EventKind::PONG) text += "PONG:" + event.data;
    if (event.kind != EventKind::MESSAGE) continue;
    const char *part[] = {"m", "f", "l", ""};
    text += "M" + std::to_string(event.opcode) + part[event.flags & 3] + ":" + event.data;
  }
  return text;
}

// Events without regard to where a message was divided into parts.
class Story {
 public:
  void add(const Told &event) {
    bool message = event.kind == EventKind::MESSAGE;
    if (message && unfinished()) {
      events_[message_].data += event.data;
      events_[message_].flags |= event.flags;
    } else {
      if (message) message_ = events_.size();
      events_.push_back(event);
    }
    size_ += event.data.size();
  }
  // A message whose end will not come does not count: its last part may have come in one piece with what was wrong with
  // it, and then it was not told.
  void break_off() {
    if (!unfinished()) return;
    size_ -= events_[message_].data.size();
    events_.erase(events_.begin() + static_cast<std::ptrdiff_t>(message_));
    message_ = SIZE_MAX;
  }

  const std::vector<Told> &events() const { return events_; }
  size_t size() const { return size_; }  // of all payloads

 private:
  bool unfinished() const { return message_ < events_.size() && (events_[message_].flags & event_flag::kFinal) == 0; }

  std::vector<Told> events_;
  size_t message_ = SIZE_MAX;  // the last one
  size_t size_ = 0;
};

// What can be seen of a session from outside.
struct View {
  size_t events = 0;  // how many, with how many bytes
  size_t event_bytes = 0;
  size_t output = 0;
  int64_t deadline = -1;
  Error can_send = Error::OK;
  bool over = false;
  bool abandoned = false;
  bool opening = false;
  bool blocked = false;
  bool needs_settling = false;
  bool in_part = false;
  bool may_close_at_once = false;
  bool awaits_end = false;
  Told close;
  std::string words;
  std::string subprotocol;
  std::string head;  // of the peer, if it is kept
  bool operator==(const View &) const = default;
};

// Bytes of the peer or a call, and the session afterwards.
struct Step {
  int64_t now = 0;
  bool sink_is_full = false;
  bool random_is_broken = false;
  size_t left = 0;  // of the output, before
  std::string name;
  std::function<int64_t(Session &)> call;  // none: the peer's bytes
  std::string bytes;
  size_t size = 0;  // of the bytes and those before them that were left unread
  int64_t answer = 0;
  View after;

  // True if nothing was said between bytes of the peer: they are the same bytes in two pieces.
  bool continues(const Step &before) const {
    return !call && !before.call && now == before.now && sink_is_full == before.sink_is_full &&
           random_is_broken == before.random_is_broken && left == before.left;
  }
};

struct Conversation {
  Role role = Role::SERVER;
  Config config;
  int64_t memory = Budget::kUnlimited;
  int64_t began = 0;
  std::vector<Step> steps;
  std::vector<Told> events;
  std::string output;
};

class Recorder {
 public:
  virtual void note_call(std::string name, std::function<int64_t(Session &)> call, int64_t answer) = 0;
  virtual void note_received(const std::string &bytes, const Event &event) = 0;

 protected:
  ~Recorder() = default;
};

// A session that has everything recorded that is said to it.
class RecordedSession final : public Session {
  static const uint8_t *octets(const std::string &text) { return reinterpret_cast<const uint8_t *>(text.data()); }
  static std::string number(Opcode opcode) { return std::to_string(static_cast<int>(opcode)) + ' '; }
  static int64_t as_number(Error error) { return static_cast<int64_t>(error); }
  static int64_t as_number(const Failure &failure) { return static_cast<int64_t>(failure.error); }
  static int64_t as_number(bool answer) { return answer ? 1 : 0; }

  template <typename Call>
  auto say(std::string name, const Call &call) {
    if constexpr (std::is_void_v<decltype(call(*this))>) {
      call(*this);
      recorder_.note_call(
          std::move(name), [call](Session &session) { return call(session), 0; }, 0);
    } else {
      auto answer = call(*this);
      recorder_.note_call(
          std::move(name), [call](Session &session) { return as_number(call(session)); }, as_number(answer));
      return answer;
    }
  }

 public:
  RecordedSession(Role role, const Config &config, Surroundings &surroundings, Recorder &recorder)
      : Session(role, config, surroundings), recorder_(recorder) {}

  size_t receive(uint8_t *data, size_t size, Event &event) {
    std::string copy(reinterpret_cast<const char *>(data), size);
    size_t used = Session::receive(data, size, event);
    recorder_.note_received(copy.substr(0, used), event);
    return used;
  }

  Failure start(const Url &url) {
    return say("start " + url.host + url.target, [=](Session &session) { return session.start(url); });
  }
  void assume_open() {
    say("assume_open", [](Session &session) { session.assume_open(); });
  }
  void receive_end() {
    say("receive_end", [](Session &session) { session.receive_end(); });
  }
  void settle() {
    say("settle", [](Session &session) { session.settle(); });
  }
  Error send(Opcode opcode, const std::string &text) {
    return say("send " + number(opcode) + text,
               [=](Session &session) { return session.send(opcode, octets(text), text.size()); });
  }
  Error send_part(Opcode opcode, const std::string &text, bool final) {
    return say("send_part " + number(opcode) + (final ? "final " : "") + text,
               [=](Session &session) { return session.send_part(opcode, octets(text), text.size(), final); });
  }
  void note_sent() {
    say("note_sent", [](Session &session) { session.note_sent(); });
  }
  Error ping(const std::string &text) {
    return say("ping " + text, [=](Session &session) { return session.ping(octets(text), text.size()); });
  }
  Error close(int32_t code, const std::string &reason) {
    return say("close " + std::to_string(code) + ' ' + reason,
               [=](Session &session) { return session.close(code, reason); });
  }
  Error accept(const std::string &subprotocol, const std::string &headers) {
    return say("accept " + subprotocol + ' ' + headers,
               [=](Session &session) { return session.accept(subprotocol, headers); });
  }
  Error respond(int32_t status, const std::string &headers, const std::string &body) {
    return say("respond " + std::to_string(status) + ' ' + headers + body,
               [=](Session &session) { return session.respond(status, headers, octets(body), body.size()); });
  }
  void abandon(const Failure &failure, bool by_peer) {
    say(std::string("abandon ") + failure.words, [=](Session &session) { session.abandon(failure, by_peer); });
  }
  void shed(size_t holds, bool politely) {
    say(std::string("shed ") + std::to_string(holds) + (politely ? " politely" : ""),
        [=](Session &session) { session.shed(holds, politely); });
  }
  bool output_flushed() {
    return say("output_flushed", [](Session &session) { return session.output_flushed(); });
  }
  bool output_left(size_t size) {
    return say("output_left " + std::to_string(size), [=](Session &session) { return session.output_left(size); });
  }
  void set_reading(bool reading) {
    say(reading ? "set_reading 1" : "set_reading 0", [=](Session &session) { session.set_reading(reading); });
  }
  void advance() {
    say("advance", [](Session &session) { session.advance(); });
  }
  void forget_handshake() {
    say("forget_handshake", [](Session &session) { session.forget_handshake(); });
  }

 private:
  Recorder &recorder_;
};

}  // namespace lab
