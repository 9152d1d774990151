// Whole sessions as programs: first the options, a text of letters, then steps, each a letter and what belongs to it.
// Steps are what a driver does: bytes of the peer, time, and the calls of the application. seeds/session.seeds has
// names for them.
#pragma once

#include <string>
#include <utility>

#include "fuzz/fuzz.hpp"
#include "handshake/accept_key.hpp"
#include "session/session.hpp"

namespace fuzz {

using namespace hawser;

struct Setup {
  Role role = Role::SERVER;
  bool open = false;  // somebody else did the handshake
  int64_t memory = Budget::kUnlimited;
  int64_t send_queue = -1;
  int64_t max_events = 256;
  Config config;
};

inline void set_small_limits(Config &config) {
  config.message = {1000, 4};
  config.head = {512, 10};
}

inline Setup read_setup(Program &program) {
  Setup setup;
  Config &config = setup.config;
  DeflateOptions deflate;
  for (char letter : program.text()) {
    if (letter == 'C') setup.role = Role::CLIENT;
    if (letter == 'o') setup.open = true;
    if (letter == 'p') config.parts = true;
    if (letter == 'g') config.pongs = true;
    if (letter == 'r') config.requests = true;
    if (letter == 'k') config.keep_handshake = true;
    if (letter == 'l') set_small_limits(config);
    if (letter == 'u') config.policy.subprotocols = config.offer.subprotocols = "chat, superchat";
    if (letter == 'i') config.idle_timeout = 7'000;
    if (letter == 'm') setup.memory = 40'000;
    if (letter == 'M') setup.memory = 500;
    if (letter == 'q') setup.send_queue = 1'000;
    if (letter == 'e') setup.max_events = 1;
    if (letter == 'd') deflate.mode = DeflateMode::SHARED;
    if (letter == 'D') deflate.mode = DeflateMode::DEDICATED;
    if (letter == 'w') deflate.server_max_window_bits = deflate.client_max_window_bits = 9;
    if (letter == 'z') deflate.min_size = 0;
  }
  config.set_deflate(deflate);
  return setup;
}

// Who performs a program. Errors of calls are for the one who performs to judge.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual std::string key() const = 0;  // Sec-WebSocket-Key of the request that was written
  virtual void feed(const std::string &bytes, bool chopped) = 0;
  virtual void receive_end() = 0;
  virtual void take_events() = 0;
  virtual void send(Opcode opcode, const std::string &payload) = 0;
  virtual void send_part(Opcode opcode, const std::string &payload, bool final) = 0;
  virtual void ping(const std::string &payload) = 0;
  virtual void close(int code, const std::string &reason) = 0;
  virtual void accept(const std::string &subprotocol, const std::string &headers) = 0;
  virtual void respond(int status, const std::string &headers, const std::string &body) = 0;
  virtual void set_reading(bool reading) = 0;
  virtual void advance(int64_t milliseconds) = 0;
  virtual void advance_to_deadline() = 0;
  virtual void take_output() = 0;
  virtual void abandon() = 0;
  virtual void shed(bool politely) = 0;
  virtual void fill_sink(bool full) = 0;
  virtual void break_random(bool broken) = 0;
  virtual void forget_handshake() = 0;
  // What holds after every step.
  virtual void check() = 0;
};

class Play {
 public:
  Play(Program &program, Subject &subject) : program_(program), subject_(subject) {}

  void run() {
    constexpr int kMostSteps = 200;
    for (int i = 0; i < kMostSteps && !program_.ended(); i++) {
      perform(static_cast<char>(program_.byte()));
      subject_.check();
    }
  }

 private:
  void perform(char step) {
    if (step == 'f' || step == 'w') return subject_.feed(peer_bytes(1), step == 'w');
    if (step == 'F' || step == 'W') return subject_.feed(peer_bytes(program_.number() & 0x3FFF), step == 'W');
    if (step == 'e') return subject_.receive_end();
    if (step == 't') return subject_.take_events();
    if (step == 'o') return subject_.take_output();
    if (step == 'T') return subject_.advance(program_.number());
    if (step == 'D') return subject_.advance_to_deadline();
    if (step == 'R') return subject_.set_reading(program_.byte() % 2 != 0);
    if (step == 'x') return subject_.abandon();
    if (step == 'h') return subject_.shed(program_.byte() % 2 != 0);
    if (step == 'b') return subject_.fill_sink(program_.byte() % 2 != 0);
    if (step == 'n') return subject_.break_random(program_.byte() % 2 != 0);
    if (step == 'g') return subject_.forget_handshake();
    perform_call(step);
  }

  void perform_call(char step) {
    if (step == 's') return send(1);
    if (step == 'S') return send(program_.number() & 0x3FFF);
    if (step == 'p') {
      auto opcode = static_cast<Opcode>(program_.byte());
      bool final = program_.byte() % 2 != 0;
      return subject_.send_part(opcode, program_.text(), final);
    }
    if (step == 'P') return subject_.ping(program_.text());
    if (step == 'c') {
      int code = program_.number();
      return subject_.close(code, program_.text());
    }
    if (step == 'a') {
      std::string subprotocol = program_.text();
      return subject_.accept(subprotocol, header());
    }
    if (step == 'r') {
      int status = 200 + program_.number() % 400;  // what hws_session_respond lets through
      std::string headers = header();
      return subject_.respond(status, headers, program_.text());
    }
  }

  void send(int times) {
    auto opcode = static_cast<Opcode>(program_.byte());
    subject_.send(opcode, repeated(program_.text(), times));
  }
  // Applications' headers pass through append_header_field.
  std::string header() {
    std::string lines;
    std::string name = program_.text();
    static_cast<void>(append_header_field(lines, name, program_.text()));
    return lines;
  }

  // A program has the answer to the key of RFC 6455 1.3: in its place goes the one to the key that was drawn.
  std::string peer_bytes(int times) {
    constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    std::string bytes = repeated(program_.text(), times);
    size_t at = bytes.find(kAccept);
    if (at != std::string::npos && !subject_.key().empty())
      bytes.replace(at, kAccept.size(), accept_key(subject_.key()));
    return bytes;
  }

  std::string repeated(const std::string &text, int times) {
    std::string all;
    for (int i = 0; i < times && all.size() + text.size() <= kMostBytes - bytes_; i++)
      all += text;
    bytes_ += all.size();
    return all;
  }

  static constexpr size_t kMostBytes = 100'000;  // in one program

  Program &program_;
  Subject &subject_;
  size_t bytes_ = 0;
};

}  // namespace fuzz
