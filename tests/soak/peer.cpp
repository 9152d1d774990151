#include "peer.hpp"

#include <algorithm>
#include <cstdlib>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "bench/load/deflate.hpp"
#include "bench/load/fault.hpp"
#include "bench/load/handshake.hpp"
#include "bench/load/wire.hpp"

namespace soak {

using Action = Step::Action;

namespace {

// Less than the server's handshake_timeout, and than ping_interval and ping_timeout together, because its clock stands
// still while it is busy with a poll: earlier it has no reason to give up a peer that is opening, or silent.
constexpr int64_t kHandshakeTimeout = 5'000, kSilence = 40'000;
// Nothing that is awaited takes as long, on the slowest machine.
constexpr int64_t kForgotten = 240'000;
// Bytes that one writes before the others have their turn: a flood is not to keep them waiting.
constexpr size_t kMostAtOnce = 64 * 1024;
constexpr int kNoCode = 1005;  // RFC 6455 7.1.5
// Of a slow one's bytes, after one in so many it rests; and an honest one leaves after one in so many rounds.
constexpr size_t kRests = 200, kFarewells = 16;
// So that neighbours try different kinds, and each of them all.
constexpr size_t kKindStride = 5;

const char *layer_name(load::Layer layer) {
  return layer == load::Layer::WSS ? "wss" : layer == load::Layer::DEFLATE ? "deflate" : "ws";
}

}  // namespace

const Settings::Door &door_of(const Settings &settings, size_t number) {
  return settings.doors[number / kGroups % settings.doors.size()];
}

Peer::Peer(Shared &shared, size_t number)
    : shared_(shared),
      number_(number),
      group_(static_cast<Group>(number % kGroups)),
      door_(door_of(shared.settings, number)) {}

size_t Peer::turn_of_kinds() const {
  const size_t place = number_ / kGroups / shared_.settings.doors.size();
  return (place + lives_ * kKindStride) % kind_count(group_);
}

void Peer::begin() {
  lives_++;
  life_ = {};
  life_.begun = life_.spoke = milliseconds();
  composer_.emplace(shared_.settings, door_, number_, lives_);
  script_ = make_script(group_, turn_of_kinds(), *composer_);
  receiver_.emplace(static_cast<Receiver::Listener &>(*this), composer_->is_compressed());
  SSL_CTX *tls = composer_->is_secure() && !script_.without_tls ? shared_.tls.get() : nullptr;
  stream_ = std::make_unique<load::Stream>(load::start_connecting(door_.port), tls, false);
  watch(EPOLL_CTL_ADD);
  shared_.report.connects++;
  stream_->begin();
  begin_step();
  advance(false);
}

void Peer::advance(bool has_hung_up) {
  if (is_over()) return;
  do {
    flush();
    receive(has_hung_up);
    flush();  // TLS may have had to read first
    if (stream_->has_ended()) return handle_end();
  } while (take_next_step());
  if (is_over()) return;
  watch(EPOLL_CTL_MOD);
  set_timer();
}

void Peer::wake() {
  if (life_.timer == 0 || life_.timer > shared_.now) return;
  life_.timer = 0;
  advance(false);
}

int64_t Peer::next_turn(const Pace &pace) {
  const int64_t most = composer_->random.is_one_in(kRests) ? pace.rest : pace.pause;
  return shared_.now + static_cast<int64_t>(composer_->random.between(1, static_cast<size_t>(most) + 1));
}

void Peer::flush() {
  size_t left = kMostAtOnce;
  life_.has_more = false;
  while (may_write() && !stream_->has_ended()) {
    if (life_.output_sent == life_.output.size()) {
      life_.output.clear();
      life_.output_sent = 0;
      if (life_.times_left == 0) return;
      life_.times_left--;
      life_.output = step().bytes;
    }
    const std::string_view rest = std::string_view(life_.output).substr(life_.output_sent);
    const size_t piece = script_.writing.piece != 0 ? std::min(script_.writing.piece, rest.size()) : rest.size();
    const size_t sent = stream_->write(rest.substr(0, piece));
    life_.output_sent += sent;
    if (sent > 0) note_speaking();
    if (script_.writing.piece != 0) life_.writing_due = next_turn(script_.writing);
    if (sent < piece) return;
    left -= std::min(left, sent);
    life_.has_more = left == 0;
    if (life_.has_more) return;
  }
}

// What is written now may come too late.
void Peer::note_speaking() {
  const int64_t now = milliseconds();
  life_.silence = now - life_.spoke;
  life_.spoke = now;
}

void Peer::receive(bool all) {
  std::vector<uint8_t> &buffer = shared_.buffer;
  const bool is_slow = script_.reading.piece != 0 && !all;
  if (!all && !may_read()) return;
  const size_t most = is_slow ? script_.reading.piece : buffer.size();
  size_t size = 0;
  do {
    size = stream_->read(buffer.data(), most);
    if (script_.opens || !life_.is_tolerant) receiver_->take({reinterpret_cast<const char *>(buffer.data()), size});
  } while (size == most && !is_slow);  // TLS may hold more, of which epoll knows nothing
  if (is_slow) life_.reading_due = next_turn(script_.reading);
}

bool Peer::take_next_step() {
  if (!is_done()) return false;
  if (is_honest(group_) && step().action == Action::AWAIT_ECHOES) rounds_++;
  script_.steps.pop_front();
  if (script_.steps.empty()) add_steps();
  begin_step();
  return !is_over();
}

bool Peer::is_done() {
  const bool is_late = life_.step_due <= shared_.now;
  if (is_late && step().patience >= 0) return true;
  switch (step().action) {
    case Action::SEND:
      if (life_.output_sent == life_.output.size() && life_.times_left == 0) return true;
      break;
    case Action::AWAIT_OPEN:
      if (life_.is_open) return true;
      break;
    case Action::AWAIT_ECHOES:
      if (life_.expected.empty()) return true;
      break;
    case Action::AWAIT_CLOSE:
      if (life_.close_code != 0) return true;
      break;
    case Action::AWAIT_REFUSAL:
      if (life_.status != 0) return true;
      break;
    case Action::PAUSE:
    case Action::AWAIT_END:
      break;
    default:
      return true;
  }
  const bool is_slow = script_.writing.piece != 0 || script_.reading.piece != 0;
  if (is_late && !is_slow) refuse("the server has forgotten it");
  return false;
}

void Peer::begin_step() {
  Step &step = script_.steps.front();
  life_.step_due = shared_.now + (step.patience >= 0 ? step.patience : kForgotten);
  switch (step.action) {
    case Action::SEND:
      life_.times_left = step.times;
      std::move(step.messages.begin(), step.messages.end(), std::back_inserter(life_.expected));
      break;
    case Action::SEND_BELOW:
      send(stream_->fd(), step.bytes.data(), step.bytes.size(), MSG_NOSIGNAL);
      break;
    case Action::STOP_READING:
      life_.reads = false;
      break;
    case Action::TOLERATE:
      life_.is_tolerant = true;
      break;
    case Action::END_OUTPUT:
      stream_->end_output();
      break;
    case Action::RESET:
      return reset();
    case Action::CLOSE:
      return end_life();
    default:
      break;
  }
}

// An honest one has come to the end of a round.
void Peer::add_steps() {
  if (is_leaving_ || composer_->random.is_one_in(kFarewells)) {
    add_farewell(*composer_, script_);
  } else {
    add_round(group_, *composer_, script_);
  }
}

// For what the socket is to be waited; a slow one has a timer instead.
void Peer::watch(int operation) {
  uint32_t wanted = 0;
  if (life_.reads && script_.reading.piece == 0) wanted |= EPOLLIN;
  if ((stream_->waits_for_room() || life_.has_more) && script_.writing.piece == 0) wanted |= EPOLLOUT;
  if (operation == EPOLL_CTL_MOD && wanted == life_.watched) return;
  epoll_event event = {};
  event.events = life_.watched = wanted;
  event.data.u64 = lives_ << 32 | number_;
  if (epoll_ctl(shared_.epoll, operation, stream_->fd(), &event) != 0) load::fail_with_errno("epoll_ctl");
}

void Peer::set_timer() {
  int64_t due = life_.step_due;
  if (script_.reading.piece != 0 && life_.reads) due = std::min(due, life_.reading_due);
  if (script_.writing.piece != 0 && life_.output_sent < life_.output.size()) due = std::min(due, life_.writing_due);
  if (life_.timer != 0 && life_.timer <= due) return;
  life_.timer = due;
  shared_.timers.emplace(due, number_, lives_);
}

// The server has ended the connection, or the network has: may it have been so?
void Peer::handle_end() {
  receive(true);
  const Action at = step().action;
  const bool is_settled = life_.is_tolerant || life_.close_code != 0 || life_.status != 0;
  const bool is_awaited = at == Action::AWAIT_END || at == Action::END_OUTPUT || is_settled;
  const int64_t now = milliseconds();
  const bool was_silent = group_ == Group::SLOW && std::max(life_.silence, now - life_.spoke) >= kSilence;
  const bool is_late = life_.is_open ? was_silent : now - life_.begun >= kHandshakeTimeout;
  if (!is_awaited && !is_late) refuse("the connection ended" + (stream_->why().empty() ? "" : ": " + stream_->why()));
  if (!is_awaited) shared_.report.late++;
  end_life();
}

void Peer::end_life() {
  if (!is_honest(group_)) rounds_++;
  shared_.report.kinds[script_.kind]++;
  stream_.reset();
}

void Peer::reset() {
  const linger at_once = {1, 0};
  setsockopt(stream_->fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  end_life();
}

void Peer::leave() {
  is_leaving_ = true;
  if (is_over()) return;
  if (group_ != Group::GOOD) return reset();
  if (step().action == Action::PAUSE) life_.step_due = shared_.now;
  advance(false);
}

// What comes from the server ------------------------------------------------------------------------------------------

void Peer::refuse(const std::string &words) const {
  load::fail("connection " + std::to_string(number_) + " in life " + std::to_string(lives_) + ", " + script_.kind +
             ", " + layer_name(door_.layer) + (life_.is_open ? ", open" : ", opening") + " after " +
             std::to_string(milliseconds() - life_.begun) + " ms: " + words);
}

bool Peer::take_head(const std::string &head) {
  script_.opens ? become_open(head) : take_refusal(head);
  return script_.opens;
}

void Peer::take_refusal(const std::string &head) {
  life_.status = head.size() > 12 ? std::atoi(head.c_str() + 9) : 0;
  const auto awaited = std::find_if(script_.steps.begin(), script_.steps.end(),
                                    [](const Step &step) { return step.action == Action::AWAIT_REFUSAL; });
  if (awaited == script_.steps.end()) return;
  if (life_.status != awaited->code) refuse("not " + std::to_string(awaited->code) + ", but: " + head);
  shared_.report.refusals[life_.status]++;
}

void Peer::become_open(const std::string &head) {
  load::Options options;
  options.layer = door_.layer;
  load::check_answer(options, head);
  life_.is_open = true;
  shared_.report.opened++;
  shared_.report.opened_by[std::string(kGroupNames[static_cast<size_t>(group_)]) + ", " + layer_name(door_.layer)]++;
}

void Peer::take_message(uint8_t opcode, bool is_compressed, std::string &payload) {
  if (life_.expected.empty()) {
    if (!life_.is_tolerant) refuse("an echo of nothing");
    return;
  }
  const Message &expected = life_.expected.front();
  const std::string_view came = is_compressed ? load::inflate_message(payload, expected.payload.size()) : payload;
  if (opcode != expected.opcode) refuse("an echo with another opcode");
  if (came != expected.payload) refuse("an echo differs from its message");
  shared_.report.messages++;
  shared_.report.bytes += came.size();
  life_.expected.pop_front();
}

void Peer::take_control(uint8_t opcode, const std::string &payload) {
  if (opcode == load::kClose) return take_close(payload);
  if (opcode != load::kPing) return;
  shared_.report.pings++;
  if (step().action != Action::AWAIT_END) life_.output += composer_->frame(load::kFin | load::kPong, payload);
}

void Peer::take_close(const std::string &payload) {
  life_.close_code = kNoCode;
  if (payload.size() >= 2) life_.close_code = static_cast<uint8_t>(payload[0]) << 8 | static_cast<uint8_t>(payload[1]);
  shared_.report.closes[life_.close_code]++;
  if (life_.is_tolerant || step().action == Action::AWAIT_END) return;
  const auto awaited = std::find_if(script_.steps.begin(), script_.steps.end(),
                                    [](const Step &step) { return step.action == Action::AWAIT_CLOSE; });
  const std::string words =
      std::to_string(life_.close_code) + " " + payload.substr(std::min<size_t>(payload.size(), 2));
  if (awaited == script_.steps.end()) refuse("the server closes: " + words);
  if (life_.close_code != awaited->code) refuse("not " + std::to_string(awaited->code) + ", but: " + words);
  if (!life_.expected.empty()) refuse("a Close before all echoes: " + words);
  script_.steps.erase(script_.steps.begin(), awaited);  // it need not send the rest
  life_.output.clear();
  life_.output_sent = life_.times_left = 0;
}

}  // namespace soak
