#include "connect.hpp"

#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <string_view>

#include <poll.h>
#include <unistd.h>

#include "handles.hpp"
#include "input.hpp"
#include "output.hpp"
#include "report.hpp"
#include "signals.hpp"

namespace hawser::tools {

namespace {

constexpr int32_t kNormalClosure = 1000;
constexpr int32_t kGoingAway = 1001;
constexpr int32_t kNoStatus = 1005;
constexpr int32_t kInternalError = 1011;

constexpr int64_t kEchoPauseAbove = int64_t{1024} * 1024;
constexpr size_t kOutputPauseAbove = size_t{1024} * 1024;
constexpr size_t kOutputResumeBelow = kOutputPauseAbove / 4;
constexpr size_t kShownBytes = 32;

int64_t milliseconds(double seconds) {
  return std::llround(std::ceil(seconds * 1000));
}

OptionSet connect_options(const ConnectSettings &settings) {
  OptionSet options;
  set_layers(options, settings.layers, settings.url);
  for (const std::string &header : settings.headers)
    options.add_header(header);
  options.set_list("subprotocols", settings.subprotocols);
  if (settings.origin) options.set_text("origin", *settings.origin);
  if (settings.ping_interval) options.set_int("ping_interval", milliseconds(*settings.ping_interval));
  if (settings.timeout) options.set_int("handshake_timeout", milliseconds(*settings.timeout));
  if (settings.timeout) options.set_int("close_timeout", milliseconds(*settings.timeout));
  if (settings.max_message_size) options.set_int("max_message_size", *settings.max_message_size);
  if (!settings.echo) return options;
  // A server that does not read is read no further, and what one batch can still bring is bounded by the library: so
  // the queue needs no limit of its own, and no echo is refused.
  options.set_int("pause_above", kEchoPauseAbove);
  options.set_int("max_send_queue", -1);
  return options;
}

// "(binary message, 3 bytes: 00ff10)": a line that says what --binary would have written.
std::string binary_note(std::string_view payload) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : payload.substr(0, kShownBytes)) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  const char *more = payload.size() > kShownBytes ? "..." : "";
  const char *colon = payload.empty() ? "" : ": ";
  return "(binary message, " + std::to_string(payload.size()) + " bytes" + colon + hex + more + ")";
}

class Client {
 public:
  explicit Client(const ConnectSettings &settings)
      : settings_(settings), input_(STDIN_FILENO, settings.binary ? InputKind::BYTES : InputKind::LINES) {}

  int run();

 private:
  bool start();
  void turn();
  void wait();
  bool wants_input() const;

  void read_input();
  void send_input();
  bool send_front(std::string_view message);
  void write_output();
  void pause_or_resume();

  void poll_and_handle();
  void handle(const hws_event &event, const char *words);
  void on_open();
  void on_message(const hws_event &event);
  void on_close(const hws_event &event, const char *words);
  void echo(const hws_event &event);

  void leave(int32_t code);
  void leave_with(ExitStatus status, const std::string &words);

  const ConnectSettings &settings_;
  Manager manager_;
  hws_id connection_ = 0;
  Input input_;
  Output output_{STDOUT_FILENO};
  int status_ = SUCCESS;
  bool input_ready_ = false;
  bool open_ = false;
  bool blocked_ = false;  // the send queue is full until DRAIN
  bool paused_ = false;   // reading, as standard output is behind
  bool leaving_ = false;  // Close was sent
  bool done_ = false;     // CLOSE came
};

int Client::run() {
  if (!start()) return status_;
  Signals signals(manager_.get());
  while (!done_) {
    turn();
    if (signals.stop_requested()) leave(kGoingAway);
  }
  signals.restore_defaults();
  if (!output_.write_all() && status_ == SUCCESS)
    return fail(NETWORK, std::string("standard output: ") + std::strerror(errno));
  return status_;
}

bool Client::start() {
  const OptionSet options = connect_options(settings_);
  if (!options.problem().empty()) {
    status_ = fail(USAGE, options.problem());
    return false;
  }
  manager_.reset(hws_manager_new(nullptr));
  if (manager_ == nullptr) {
    status_ = fail(NETWORK, "no manager could be made: out of memory or descriptors");
    return false;
  }
  connection_ = hws_manager_connect(manager_.get(), settings_.url.c_str(), options.get());
  if (connection_ > 0) return true;
  status_ = fail(exit_status_of_call(connection_), settings_.url + ": " + hws_manager_last_error(manager_.get()));
  return false;
}

void Client::turn() {
  wait();
  if (input_ready_) read_input();
  send_input();
  write_output();
  poll_and_handle();
}

void Client::wait() {
  std::array<pollfd, 3> entries = {{
      {static_cast<int>(hws_manager_fd(manager_.get())), POLLIN, 0},
      {wants_input() ? STDIN_FILENO : -1, POLLIN, 0},
      {output_.size() > 0 ? STDOUT_FILENO : -1, POLLOUT, 0},
  }};
  const bool interrupted = poll(entries.data(), entries.size(), -1) < 0;
  input_ready_ = !interrupted && entries[1].revents != 0;
}

bool Client::wants_input() const {
  return open_ && !settings_.echo && !blocked_ && !leaving_ && !input_.ended();
}

void Client::read_input() {
  if (!input_.fill()) leave_with(NETWORK, std::string("standard input: ") + std::strerror(errno));
}

void Client::send_input() {
  while (open_ && !blocked_ && !leaving_) {
    const auto message = input_.front();
    if (!message) break;
    if (!send_front(*message)) return;
    input_.pop();
  }
  if (open_ && input_.finished()) leave(settings_.close_code);
}

bool Client::send_front(std::string_view message) {
  const int32_t opcode = settings_.binary ? HWS_BINARY : HWS_TEXT;
  const hws_result result = hws_manager_send(manager_.get(), connection_, opcode, message.data(), message.size());
  if (result >= 0) return true;
  blocked_ = result == HWS_ERR_WOULD_BLOCK;
  if (blocked_ || result == HWS_ERR_CLOSED || result == HWS_ERR_STALE) return false;
  const std::string place =
      settings_.binary ? "standard input" : "line " + std::to_string(input_.popped() + 1) + " of standard input";
  leave_with(result == HWS_ERR_UTF8 ? USAGE : exit_status_of(result), place + ": " + hws_error_text(result));
  return false;
}

void Client::write_output() {
  if (!output_.write_ready()) {
    leave_with(NETWORK, std::string("standard output: ") + std::strerror(errno));
    hws_manager_abort(manager_.get(), connection_);
  }
  pause_or_resume();
}

// While leaving, the deadline of the close runs: then what comes is taken whatever standard output does.
void Client::pause_or_resume() {
  const bool pause = !leaving_ && output_.size() > (paused_ ? kOutputResumeBelow : kOutputPauseAbove);
  if (pause == paused_) return;
  paused_ = pause;
  if (pause)
    hws_manager_pause(manager_.get(), connection_);
  else
    hws_manager_resume(manager_.get(), connection_);
}

void Client::poll_and_handle() {
  const hws_result count = hws_manager_poll(manager_.get(), 0);
  if (count < 0) {
    status_ = fail(NETWORK, hws_manager_last_error(manager_.get()));
    done_ = true;
  }
  for (int32_t i = 0; i < count; i++)
    handle(*hws_manager_event(manager_.get(), i), hws_manager_event_text(manager_.get(), i));
}

void Client::handle(const hws_event &event, const char *words) {
  switch (event.kind) {
    case HWS_EVENT_OPEN:
      return on_open();
    case HWS_EVENT_MESSAGE:
      return on_message(event);
    case HWS_EVENT_DRAIN:
      blocked_ = false;
      return;
    case HWS_EVENT_CLOSE:
      return on_close(event, words);
    default:
      return;
  }
}

void Client::on_open() {
  open_ = true;
  if (!settings_.verbose) return;
  const std::string layers = describe_layers(manager_.get(), connection_);
  complain("open" + (layers.empty() ? "" : ", " + layers));
}

void Client::on_message(const hws_event &event) {
  if (settings_.echo) return echo(event);
  const std::string_view payload(static_cast<const char *>(event.data), static_cast<size_t>(event.size));
  if (settings_.binary) return output_.append(payload);
  output_.append(event.opcode == HWS_TEXT ? payload : binary_note(payload));
  output_.append("\n");
}

void Client::echo(const hws_event &event) {
  const hws_result result =
      hws_manager_send(manager_.get(), connection_, event.opcode, event.data, static_cast<size_t>(event.size));
  if (result >= 0 || result == HWS_ERR_CLOSED || result == HWS_ERR_STALE) return;
  leave_with(exit_status_of(result), std::string("a message could not be echoed: ") + hws_error_text(result));
}

void Client::on_close(const hws_event &event, const char *words) {
  done_ = true;
  if (status_ != SUCCESS) return;
  if (event.error != HWS_OK || (event.flags & HWS_CLEAN) == 0) {
    status_ = fail(event.error != HWS_OK ? exit_status_of(event.error) : NETWORK, words);
    return;
  }
  const bool ordinary = event.code == kNormalClosure || event.code == kGoingAway || event.code == kNoStatus;
  if (!ordinary && event.code != settings_.close_code) complain(words);
  if (input_.front()) complain("the connection was closed before all of standard input was sent");
}

void Client::leave(int32_t code) {
  if (leaving_) return;
  leaving_ = true;
  hws_manager_close(manager_.get(), connection_, code, nullptr);
}

// The first failure is the one that counts and is told.
void Client::leave_with(ExitStatus status, const std::string &words) {
  if (status_ == SUCCESS) status_ = fail(status, words);
  leave(status == USAGE ? kGoingAway : kInternalError);
}

}  // namespace

int run_connect(const ConnectSettings &settings) {
  return Client(settings).run();
}

}  // namespace hawser::tools
