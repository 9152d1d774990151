// A session in a lab as the subject of a program, with its output and its events under watch.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bytes/deadline.hpp"
#include "fuzz/hearing.hpp"
#include "fuzz/session_program.hpp"
#include "fuzz/wire.hpp"
#include "session/lab.hpp"

namespace fuzz {

class SessionSubject final : public Subject {
 public:
  SessionSubject(const Setup &setup, bool recorded)
      : lab(setup.role, setup.config, setup.memory),
        wire_(setup.role == Role::CLIENT, setup.open),
        hearing_(setup.role, lab.config, setup.open) {
    lab.recorded = recorded;
    if (setup.open) {
      lab->assume_open();
    } else if (setup.role == Role::CLIENT) {
      HOLDS(!lab->start(*parse_url("ws://server.example.com/chat")));
    }
    check();
  }
  // The lab is not to be kept for others.
  ~SessionSubject() override { lab.recorded = false; }

  lab::Lab lab;

  std::string key() const override { return wire_.key(); }

  void feed(const std::string &bytes, bool chopped) override {
    fed_ += bytes.size();
    Pieces pieces(bytes);
    auto chop = [&pieces](size_t left) { return pieces.next(left); };
    lab.feed(bytes, chopped ? lab::Chop(chop) : lab::Chop(lab::whole), chopped);
  }
  void receive_end() override { lab->receive_end(); }
  void take_events() override { lab->settle(); }

  void send(Opcode opcode, const std::string &payload) override {
    expect(lab->can_send());
    if (judge(lab.send(payload, opcode))) note_sent(static_cast<int>(without_mark(opcode)), payload, true);
  }
  void send_part(Opcode opcode, const std::string &payload, bool final) override {
    expect(lab->can_send());
    if (judge(lab.send_part(payload, final, opcode))) note_sent(static_cast<int>(without_mark(opcode)), payload, final);
  }
  void ping(const std::string &payload) override {
    expect(lab->can_send());
    if (judge(lab.ping(payload))) hearing_.pinged();
    said_ += payload.size();
  }
  void close(int code, const std::string &reason) override { lab->close(code, reason); }
  void accept(const std::string &subprotocol, const std::string &headers) override {
    said_ += subprotocol.size() + headers.size();
    if (lab->accept(subprotocol, headers) == Error::OK) hearing_.accepted();
  }
  void respond(int status, const std::string &headers, const std::string &body) override {
    said_ += headers.size() + body.size();
    lab.respond(status, body, headers);
  }

  void set_reading(bool reading) override { lab->set_reading(reading); }
  void advance(int64_t milliseconds) override { advance_to(lab.surroundings.now + milliseconds); }
  void advance_to_deadline() override {
    if (lab->deadline() != kNever) advance_to(std::max(lab->deadline(), lab.surroundings.now));
  }
  // Half of it leaves, or all of a little.
  void take_output() override {
    size_t size = static_cast<size_t>(lab.sink.pending());
    if (size < 100) return lab.flush();
    lab.leave(size / 2);
  }
  void abandon() override { lab->abandon({Error::IO, 0, "the transport broke"}, false); }
  // Politely only when open, as the manager does; all is given back at once but what tells of the handshake.
  void shed(bool politely) override {
    if (lab->over()) return;
    lab->shed(lab->held(), politely && lab->is_open());
    HOLDS(lab->held() == (lab->opening() != nullptr ? lab->opening()->held() : 0));
  }
  void fill_sink(bool full) override { lab.sink.full = full; }
  void break_random(bool broken) override {
    if (!broken) return lab.random.recover();
    lab.random.break_down();
    lab.feed("");  // a step, so that who repeats the conversation loses the pool as well
  }
  void forget_handshake() override { lab->forget_handshake(); }

  void check() override {
    steps_++;
    std::string extensions = lab->extensions() != nullptr ? lab->extensions() : "";
    wire_.read(lab.sink.take(), extensions);
    bool deflates = !extensions.empty();
    for (; heard_ < lab.events.size(); heard_++)
      hearing_.hear(lab.events[heard_]);
    HOLDS(hearing_.count() <= fed_);
    HOLDS(wire_.total() <= 8 * fed_ + 2 * said_ + 2048 * (steps_ + 1));
    check_memory(deflates);
    check_end();
    lab.sink.kept.clear();
  }

  // Everything is given back.
  void finish() { HOLDS(lab.leak() == 0); }

 private:
  // The call's answer if nothing is wrong with its arguments.
  void expect(Error error) { expected_ = error; }
  // True if it was accepted. One that was not has written nothing.
  bool judge(Error error) {
    if (expected_ != Error::OK) HOLDS(error == expected_);
    HOLDS(error != Error::CLOSED || expected_ == error);
    if (error != Error::OK) HOLDS(lab.sink.written.empty());
    return error == Error::OK;
  }
  void note_sent(int opcode, const std::string &payload, bool final) {
    said_ += payload.size();
    wire_.sent(opcode, payload, final);
  }

  // Who waits for the deadline does not spin.
  void advance_to(int64_t now) {
    lab.advance_to(now);
    for (int i = 0; i < 3 && lab->deadline() != kNever && lab->deadline() <= now; i++)
      lab->advance();
    HOLDS(lab->deadline() == kNever || lab->deadline() > now);
  }

  // What is held grows with the bytes that came: each buffer at most doubles.
  void check_memory(bool deflates) const {
    constexpr int64_t kCodecs = 4 * 400'000;  // zlib.h: 268 KB to compress and 44 KB to inflate; and those of the pool
    constexpr int64_t kMostInflated = 1'032;  // times the size
    int64_t most = 4 * static_cast<int64_t>(fed_) + 4096;
    if (deflates) most = kCodecs + most * kMostInflated;
    HOLDS(lab.budget.used() >= 0 && lab.budget.used() <= most);
    HOLDS(lab.memory == Budget::kUnlimited || lab.budget.used() <= lab.memory);
  }

  // What is said of the end when it has come stays.
  void check_end() {
    lab::Told close = lab.close();
    Hearing::check_close(close);
    if (!lab->over()) {
      HOLDS(!end_);
      return;
    }
    HOLDS(lab->can_send() == Error::CLOSED);
    if (!end_) end_ = close;
    if (!end_words_) end_words_ = lab->words_of_close();
    HOLDS(*end_ == close && *end_words_ != "");
    HOLDS(!lab->may_close_at_once() || lab->abandoned() || wire_.has_close());
  }

  Wire wire_;
  Hearing hearing_;
  Error expected_ = Error::OK;
  size_t heard_ = 0;
  size_t steps_ = 0;
  size_t fed_ = 0;   // bytes of the peer
  size_t said_ = 0;  // bytes of the application
  std::optional<lab::Told> end_;
  std::optional<std::string> end_words_;
};

}  // namespace fuzz
