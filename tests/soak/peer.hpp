// One connection after another that do what scripts say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bench/load/stream.hpp"
#include "composer.hpp"
#include "kinds.hpp"
#include "receiver.hpp"
#include "script.hpp"
#include "shared.hpp"

namespace soak {

// Which of the layers is a peer's.
const Settings::Door &door_of(const Settings &settings, size_t number);

class Peer final : private Receiver::Listener {
 public:
  Peer(Shared &shared, size_t number);

  // Another life. It lasts until it is_over().
  void begin();
  bool is_over() const { return stream_ == nullptr; }
  uint64_t lives() const { return lives_; }
  // Its handshakes are not done, and it works on that.
  bool is_opening() const { return !is_over() && script_.opens && !life_.is_open; }
  // Of an honest one: messages and their echoes; of others: lives.
  size_t rounds() const { return rounds_; }

  // After epoll's word.
  void advance(bool has_hung_up);
  // The time of a timer has come.
  void wake();
  // Ends it, by RST.
  void reset();
  // Ends it: in good order if it is well-behaved and has opened.
  void leave();

 private:
  const Step &step() const { return script_.steps.front(); }
  size_t turn_of_kinds() const;
  bool may_write() const { return script_.writing.piece == 0 || life_.writing_due <= shared_.now; }
  bool may_read() const { return life_.reads && (script_.reading.piece == 0 || life_.reading_due <= shared_.now); }
  int64_t next_turn(const Pace &pace);
  void flush();
  void note_speaking();
  void receive(bool all);
  bool take_next_step();
  bool is_done();
  void begin_step();
  void add_steps();
  void watch(int operation);
  void set_timer();
  void handle_end();
  void end_life();

  bool take_head(const std::string &head) override;
  void take_message(uint8_t opcode, bool is_compressed, std::string &payload) override;
  void take_control(uint8_t opcode, const std::string &payload) override;
  [[noreturn]] void refuse(const std::string &words) const override;
  void take_close(const std::string &payload);
  void become_open(const std::string &head);
  void take_refusal(const std::string &head);

  // What there is of one connection.
  struct Life {
    int64_t begun = 0;
    int64_t spoke = 0;    // the last time that something was written
    int64_t silence = 0;  // before that
    int64_t step_due = 0;
    int64_t timer = 0;  // the next one that is set; 0: none
    uint32_t watched = 0;
    int64_t writing_due = 0, reading_due = 0;  // of a slow one
    std::string output;
    size_t output_sent = 0;
    size_t times_left = 0;  // of the step's bytes, behind what is in output
    bool has_more = false;  // that the socket might have taken
    std::deque<Message> expected;
    bool is_open = false;
    bool is_tolerant = false;
    bool reads = true;
    int status = 0;
    int close_code = 0;
  };

  Shared &shared_;
  const size_t number_;
  const Group group_;
  const Settings::Door &door_;
  uint64_t lives_ = 0;
  size_t rounds_ = 0;
  bool is_leaving_ = false;
  std::optional<Composer> composer_;
  std::optional<Receiver> receiver_;
  Script script_;
  std::unique_ptr<load::Stream> stream_;
  Life life_;
};

}  // namespace soak
