// A session under test, with a clock, randomness and a sink that the test holds in its hands.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "session/session.hpp"
#include "support/frames.hpp"

namespace lab {

using namespace hawser;

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
  std::string written;
  std::vector<Buffer> kept;
  int borrowed = 0;  // how many payloads came that way
  bool full = false;

  // What was written since the last call.
  std::string take() { return std::exchange(written, {}); }

  uint8_t *append_elsewhere(size_t size) override {
    if (full) return nullptr;
    written.resize(written.size() + size);
    return reinterpret_cast<uint8_t *>(written.data()) + written.size() - size;
  }
  bool append_borrowed(const uint8_t *head, size_t head_size, const uint8_t *payload, size_t payload_size) override {
    if (full) return false;
    if (head_size != 0) written.append(reinterpret_cast<const char *>(head), head_size);
    written.append(reinterpret_cast<const char *>(payload), payload_size);
    borrowed++;
    return true;
  }
  void keep(Buffer payload) override { kept.push_back(std::move(payload)); }
};

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
inline Chop randomly(std::mt19937 &random, size_t most) {
  return [&random, most](size_t) { return 1 + random() % most; };
}

struct Lab {
  Config config;
  Budget budget;
  TestRandom random;
  Surroundings surroundings;
  RecordingSink sink;
  std::vector<Told> events;
  std::string unread;  // fed, and not taken because the session was blocked
  size_t windows = 0;  // bytes that went through windows
  frames::Peer peer;
  std::unique_ptr<Session> session;

  explicit Lab(Role role, Config with = {}, int64_t memory = Budget::kUnlimited, int64_t now = 0)
      : config(std::move(with)),
        budget(memory),
        surroundings{random, budget, now},
        peer(role == Role::SERVER),
        session(std::make_unique<Session>(role, config, sink, surroundings)) {}

  Session *operator->() { return session.get(); }

  // Hands bytes to the session, each piece in a buffer of its own that ends with it.
  void feed(const std::string &bytes, const Chop &chop = whole, bool in_windows = false) {
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
    return budget.used();
  }

  static const uint8_t *bytes(const std::string &text) { return reinterpret_cast<const uint8_t *>(text.data()); }
  Error send(const std::string &text, Opcode opcode = Opcode::TEXT) {
    return session->send(opcode, bytes(text), text.size());
  }
  Error send_part(const std::string &text, bool final, Opcode opcode = Opcode::TEXT) {
    return session->send_part(opcode, bytes(text), text.size(), final);
  }
  Error ping(const std::string &text) { return session->ping(bytes(text), text.size()); }
  Error respond(int32_t status, const std::string &body, const std::string &headers = "") {
    return session->respond(status, headers, bytes(body), body.size());
  }
  void flush() { session->output_flushed(); }
  // Lets time pass, and tells the session.
  void advance_to(int64_t now) {
    surroundings.now = now;
    session->advance();
  }

 private:
  size_t feed_piece(const std::string &piece) {
    std::unique_ptr<uint8_t[]> copy(new uint8_t[piece.size()]);
    std::memcpy(copy.get(), piece.data(), piece.size());
    size_t done = 0;
    while (done < piece.size()) {
      Event event;
      done += session->receive(copy.get() + done, piece.size() - done, event);
      if (event.kind == EventKind::NONE) break;
      events.emplace_back(event);
      if (event.kind == EventKind::REQUEST) break;
    }
    return done;
  }

  void feed_window(const MessageAssembler::Window &window, const std::string &piece) {
    std::memcpy(window.data, piece.data(), piece.size());
    windows += piece.size();
    Event event;
    session->receive_in_window(piece.size(), event);
    if (event.kind != EventKind::NONE) events.emplace_back(event);
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
