// A session under test, with a clock, randomness and a sink that the test holds in its hands. What is said to it is
// recorded, so that chopping.hpp can say it once more in other pieces.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "session/conversation.hpp"
#include "support/frames.hpp"

namespace lab {

// Bytes that can be foretold; or none.
class TestRandom final : public Random {
 public:
  std::string drawn;  // everything that was given out, and the rest of the pool

  // From now on the source fails, and the pool is empty.
  void break_down() {
    broken_ = true;
    uint8_t rest[1024];
    static_cast<void>(fill(rest));
  }
  void recover() { broken_ = false; }
  bool is_broken() const { return broken_; }

 protected:
  bool refill(std::span<uint8_t> to) override {
    if (broken_) return false;
    for (uint8_t &byte : to)
      byte = static_cast<uint8_t>(source_());
    drawn.append(reinterpret_cast<const char *>(to.data()), to.size());
    return true;
  }

 private:
  std::mt19937 source_{6455};
  bool broken_ = false;
};

class RecordingSink final : public Sink {
 public:
  std::string taken;    // by take()
  std::string written;  // since then
  std::vector<Buffer> kept;
  int borrowed = 0;  // how many payloads came that way
  size_t left = 0;   // how much of it has left
  bool full = false;

  // What was written since the last call.
  std::string take() {
    taken += written;
    return std::exchange(written, {});
  }

  uint8_t *append(Session &, size_t size) override {
    if (full) return nullptr;
    written.resize(written.size() + size);
    return reinterpret_cast<uint8_t *>(written.data()) + written.size() - size;
  }
  bool append_borrowed(Session &, const uint8_t *head, size_t head_size, const uint8_t *payload,
                       size_t payload_size) override {
    if (full) return false;
    if (head_size != 0) written.append(reinterpret_cast<const char *>(head), head_size);
    written.append(reinterpret_cast<const char *>(payload), payload_size);
    borrowed++;
    return true;
  }
  int64_t pending() const { return static_cast<int64_t>(taken.size() + written.size() - left); }
  int64_t pending(Session &) const override { return pending(); }
  void keep(Buffer payload) override { kept.push_back(std::move(payload)); }
};

// The size of the next piece; 0 ends it.
using Chop = std::function<size_t(size_t left)>;
inline size_t whole(size_t left) {
  return left;
}
inline size_t bytewise(size_t) {
  return 1;
}
inline Chop at(size_t cut) {
  return [cut, first = true](size_t left) mutable { return std::exchange(first, false) && cut != 0 ? cut : left; };
}
// One piece between the many bytes at the ends of a long text.
inline Chop bytewise_at_ends(size_t size) {
  constexpr size_t kEnd = 2000;
  return [size](size_t left) { return size - left < kEnd || left <= kEnd ? 1 : left - kEnd; };
}
inline Chop randomly(std::mt19937 &random, size_t most) {
  return [&random, most](size_t) { return 1 + random() % most; };
}

// Conversations of labs that are gone; whoever looks at them takes them.
inline std::vector<Conversation> conversations;

struct Lab : Recorder {
  const Role role;
  const int64_t memory;
  const int64_t began;
  Config config;
  Budget budget;
  TestRandom random;
  RecordingSink sink;
  Surroundings surroundings;
  std::vector<Told> events;
  Story story;         // the same, and nobody clears it
  std::string unread;  // fed, and not taken because the session was blocked
  size_t windows = 0;  // bytes that went through windows
  frames::Peer peer;
  std::vector<Step> steps;
  // Where memory is short the pieces make a difference: what does not come whole has to be copied.
  bool recorded;
  std::unique_ptr<RecordedSession> session;

  explicit Lab(Role as, Config with = {}, int64_t most = Budget::kUnlimited, int64_t now = 0)
      : role(as),
        memory(most),
        began(now),
        config(std::move(with)),
        budget(memory),
        surroundings{random, budget, sink, now},
        peer(role == Role::SERVER),
        recorded(memory == Budget::kUnlimited),
        session(std::make_unique<RecordedSession>(role, config, surroundings, *this)) {}
  Lab(const Lab &) = delete;
  Lab &operator=(const Lab &) = delete;
  ~Lab() {
    if (recorded) conversations.push_back(conversation());
  }

  RecordedSession *operator->() { return session.get(); }

  // Hands bytes to the session, each piece in a buffer of its own that ends with it.
  void feed(const std::string &bytes, const Chop &chop = whole, bool in_windows = false) {
    if (recorded) note_bytes(bytes);
    std::string all = std::exchange(unread, {}) + bytes;
    size_t done = 0;
    while (done < all.size()) {
      size_t size = std::clamp<size_t>(chop(all.size() - done), 1, all.size() - done);
      if (in_windows) {
        MessageAssembler::Window window = session->window();
        size_t direct = std::min(window.size, size);
        if (direct != 0) {
          feed_window(window, all.substr(done, direct));
          done += direct;
          size -= direct;
          if (size == 0) continue;
        }
      }
      size_t used = feed_piece(all.substr(done, size));
      done += used;
      if (used < size) break;
    }
    unread = all.substr(done);
    if (recorded) steps.back().after = view();
  }

  std::string told() const { return sketch(events); }

  // The CLOSE event as it would be told now.
  Told close() const {
    Event event;
    session->describe_close(event);
    return Told(event);
  }
  // Ends the session and tells what is still taken from the budget.
  int64_t leak() {
    session.reset();
    sink.kept.clear();
    surroundings.codecs = {};
    return budget.used();
  }

  Error send(const std::string &text, Opcode opcode = Opcode::TEXT) { return session->send(opcode, text); }
  Error send_part(const std::string &text, bool final, Opcode opcode = Opcode::TEXT) {
    return session->send_part(opcode, text, final);
  }
  Error ping(const std::string &text) { return session->ping(text); }
  Error respond(int32_t status, const std::string &body, const std::string &headers = "") {
    return session->respond(status, headers, body);
  }
  // All of the output leaves, or so much of it.
  void flush() {
    sink.left += static_cast<size_t>(sink.pending());
    session->output_flushed();
  }
  bool leave(size_t size) {
    sink.left += size;
    return session->output_left(size);
  }
  // Lets time pass, and tells the session.
  void advance_to(int64_t now) {
    surroundings.now = now;
    session->advance();
  }

  View view() {
    View view;
    view.close = close();
    if (view.close.error != Error::OK) story.break_off();
    view.events = story.events().size();
    view.event_bytes = story.size();
    view.output = sink.taken.size() + sink.written.size();
    view.deadline = session->deadline();
    view.can_send = session->can_send();
    view.over = session->over();
    view.abandoned = session->abandoned();
    view.opening = session->is_opening();
    view.blocked = session->blocked();
    view.needs_settling = session->needs_settling();
    view.in_part = session->in_part();
    view.may_close_at_once = session->may_close_at_once();
    view.awaits_end = session->awaits_end();
    view.words = session->words_of_close();
    if (session->subprotocol() != nullptr) view.subprotocol = session->subprotocol();
    view.head = head();
    return view;
  }

  Conversation conversation() const {
    return {role, config, memory, began, steps, story.events(), sink.taken + sink.written};
  }
  // Says it as in the conversation that the step is taken from, but for the pieces.
  int64_t repeat(const Step &step, const Chop &chop, bool in_windows) {
    surroundings.now = step.now;
    sink.full = step.sink_is_full;
    sink.left = step.left;
    if (step.random_is_broken && !random.is_broken()) random.break_down();
    if (!step.random_is_broken) random.recover();
    if (step.call) return step.call(*session);
    feed(step.bytes, chop, in_windows);
    return 0;
  }

 private:
  size_t feed_piece(const std::string &piece) {
    std::unique_ptr<uint8_t[]> copy(new uint8_t[piece.size()]);
    std::memcpy(copy.get(), piece.data(), piece.size());
    size_t done = 0;
    while (done < piece.size()) {
      Event event;
      done += session->Session::receive(copy.get() + done, piece.size() - done, event);
      if (event.kind == EventKind::NONE) break;
      hear(event);
      if (event.kind == EventKind::REQUEST) break;
    }
    return done;
  }

  void feed_window(const MessageAssembler::Window &window, const std::string &piece) {
    std::memcpy(window.data, piece.data(), piece.size());
    windows += piece.size();
    Event event;
    session->receive_in_window(piece.size(), event);
    if (event.kind != EventKind::NONE) hear(event);
  }

  void hear(const Event &event) {
    events.emplace_back(event);
    story.add(events.back());
  }

  // What is left of the peer's head when the bytes that it came in are gone.
  std::string head() const {
    const Opening *opening = session->opening();
    if (opening == nullptr || !(role == Role::CLIENT || config.requests || config.keep_handshake)) return {};
    std::string head = std::string(opening->target()) + '\n' + std::string(opening->status());
    for (int32_t i = 0; i < opening->headers().count(); i++)
      head += std::string("\n") + opening->headers().line(i);
    return head;
  }

  Step step() const {
    Step step;
    step.now = surroundings.now;
    step.sink_is_full = sink.full;
    step.random_is_broken = random.is_broken();
    step.left = sink.left;
    return step;
  }
  void note_bytes(const std::string &bytes) {
    Step next = step();
    if (steps.empty() || !next.continues(steps.back())) {
      next.size = unread.size();
      steps.push_back(std::move(next));
    }
    steps.back().bytes += bytes;
    steps.back().size += bytes.size();
  }
  void note_call(std::string name, std::function<int64_t(Session &)> call, int64_t answer) override {
    if (!recorded) return;
    Step next = step();
    next.name = std::move(name);
    next.call = std::move(call);
    next.answer = answer;
    next.after = view();
    steps.push_back(std::move(next));
  }
  void note_received(const std::string &bytes, const Event &event) override {
    if (!recorded || bytes.empty()) return;
    if (event.kind != EventKind::NONE) story.add(Told(event));
    note_bytes(bytes);
    steps.back().after = view();
  }
};

// A session whose handshake somebody else did.
struct OpenLab : Lab {
  explicit OpenLab(Role role, Config with = {}, int64_t memory = Budget::kUnlimited, int64_t now = 0)
      : Lab(role, std::move(with), memory, now) {
    session->assume_open();
  }
};

constexpr Role kRoles[] = {Role::CLIENT, Role::SERVER};

}  // namespace lab
