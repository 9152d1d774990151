// A session by itself, as hws_session has it: the same programs as for session, with a send queue that is limited, a
// small batch, and a transport that takes the output in pieces. Exactly one CLOSE is told, and nothing after it.
#include "bytes/deadline.hpp"
#include "fuzz/hearing.hpp"
#include "fuzz/session_program.hpp"
#include "fuzz/wire.hpp"
#include "session/solo_session.hpp"

using namespace hawser;

namespace {

class SoloSubject final : public fuzz::Subject {
 public:
  explicit SoloSubject(const fuzz::Setup &setup)
      : config_(std::make_shared<const Config>(setup.config)),
        send_queue_(setup.send_queue),
        session_(setup.role, config_, {setup.memory, setup.send_queue, setup.max_events, 10'000}),
        wire_(setup.role == Role::CLIENT, setup.open),
        hearing_(setup.role, *config_, setup.open) {
    if (setup.open) {
      session_.assume_open();
    } else if (setup.role == Role::CLIENT) {
      started_ = !session_.start(*parse_url("ws://server.example.com/chat"));
    }
    check();
  }

  bool started() const { return started_; }
  std::string key() const override { return wire_.key(); }

  // Bytes that are not used come again, as the driver has them still.
  void feed(const std::string &bytes, bool chopped) override {
    unread_ += bytes;
    fed_ += bytes.size();
    fuzz::Pieces pieces(bytes);
    for (size_t used = 1; used != 0 && !unread_.empty();) {
      size_t size = chopped ? pieces.next(unread_.size()) : unread_.size();
      fuzz::Copy piece(std::string_view(unread_).substr(0, size));
      used = session_.receive(piece.data(), piece.size());
      HOLDS(used <= size);
      unread_.erase(0, used);
      take_events();
    }
  }
  void receive_end() override { session_.receive_end(); }
  void take_events() override {
    while (const Event *event = session_.next_event()) {
      hearing_.hear(lab::Told(*event));
      HOLDS((event->kind == EventKind::CLOSE) == (*session_.event_text() != '\0'));
    }
  }

  void send(Opcode opcode, const std::string &payload) override {
    Error error = session_.send(opcode, fuzz::octets(payload), payload.size());
    if (judge(error)) note_sent(opcode, payload, true);
  }
  void send_part(Opcode opcode, const std::string &payload, bool final) override {
    Error error = session_.send_part(opcode, fuzz::octets(payload), payload.size(), final);
    if (judge(error)) note_sent(opcode, payload, final);
  }
  void ping(const std::string &payload) override {
    if (judge(session_.ping(fuzz::octets(payload), payload.size()))) hearing_.pinged();
  }
  void close(int code, const std::string &reason) override { session_.close(code, reason); }
  void accept(const std::string &subprotocol, const std::string &headers) override {
    session_.accept(subprotocol, headers);
  }
  void respond(int status, const std::string &headers, const std::string &body) override {
    session_.respond(status, headers, fuzz::octets(body), body.size());
  }
  void set_reading(bool reading) override { session_.set_reading(reading); }

  void advance(int64_t milliseconds) override { advance_to(now_ + milliseconds); }
  void advance_to_deadline() override {
    if (session_.deadline() != kNever) advance_to(std::max(now_, session_.deadline()));
  }

  // The transport takes half of it, or all of a little.
  void take_output() override {
    size_t size = session_.output_size();
    size_t sent = size < 100 ? size : size / 2;
    session_.output_sent(sent);
    read_ -= sent;
  }
  void abandon() override { receive_end(); }
  void shed(bool) override {}  // the manager's alone
  void fill_sink(bool) override {}
  void break_random(bool) override {}
  void forget_handshake() override { session_.output_sent(0); }

  // The wire reads each byte once, also those that have not left yet.
  void check() override {
    size_t size = session_.output_size();
    if (size >= read_) {
      std::string_view fresh(reinterpret_cast<const char *>(session_.output()) + read_, size - read_);
      wire_.read(std::string(size == 0 ? "" : fresh), session_.extensions() != nullptr ? session_.extensions() : "");
      read_ = size;
    }
    HOLDS(hearing_.count() <= fed_ + 2 + refusals_);
    HOLDS(!hearing_.closed() || session_.should_close_transport() || session_.deadline() != kNever);
  }

  // Every session that ended has said so.
  void finish() {
    session_.receive_end();
    take_events();
    check();
    HOLDS(hearing_.closed());
    HOLDS(session_.next_event() == nullptr && session_.should_close_transport());
  }

 private:
  bool judge(Error error) {
    bool full = send_queue_ >= 0 && static_cast<int64_t>(session_.output_size()) >= send_queue_;
    if (error == Error::WOULD_BLOCK) HOLDS(full);
    if (error == Error::WOULD_BLOCK) hearing_.refused();
    if (error == Error::WOULD_BLOCK) refusals_++;
    return error == Error::OK;
  }
  void note_sent(Opcode opcode, const std::string &payload, bool final) {
    wire_.sent(static_cast<int>(without_mark(opcode)), payload, final);
  }

  void advance_to(int64_t now) {
    now_ = now;
    session_.advance_to(now);
    for (int i = 0; i < 3 && session_.deadline() != kNever && session_.deadline() <= now; i++)
      session_.advance_to(now);
    HOLDS(session_.deadline() == kNever || session_.deadline() > now);
  }

  const std::shared_ptr<const Config> config_;
  const int64_t send_queue_;
  SoloSession session_;
  fuzz::Wire wire_;
  fuzz::Hearing hearing_;
  bool started_ = true;
  int64_t now_ = 0;
  std::string unread_;
  size_t fed_ = 0;
  size_t read_ = 0;  // bytes of the output that the wire has read
  size_t refusals_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz::Program program(data, size);
  SoloSubject subject(fuzz::read_setup(program));
  if (!subject.started()) return 0;  // no memory for the request
  fuzz::Play(program, subject).run();
  subject.finish();
  return 0;
}
