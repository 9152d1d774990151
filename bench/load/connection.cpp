#include "connection.hpp"

#include <sys/epoll.h>

#include "fault.hpp"
#include "handshake.hpp"
#include "wire.hpp"

namespace load {

namespace {

constexpr size_t kBufferSize = 1024 * 1024;
constexpr size_t kLargestHead = 16 * 1024;
constexpr std::string_view kNormalClosure = "\x03\xE8";  // 1000
constexpr uint8_t kCloseKey[4] = {0x64, 0x55, 0x04, 0x4B};

SSL_CTX *make_tls(const Options &options) {
  if (!options.is_secure()) return nullptr;
  return options.is_server() ? make_server_tls(options.certificate, options.key) : make_client_tls();
}

// All see a broadcast's messages from the first on; else neighbours have different ones under way.
size_t first_message(const Options &options, size_t number) {
  return options.kind == Kind::BROADCAST ? 0 : number;
}

}  // namespace

Shared::Shared(const Options &options)
    : options(options),
      messages(options),
      request(make_request(options)),
      close_frame(make_frame(kFin | kClose, kNormalClosure, options.is_server() ? nullptr : kCloseKey)),
      tls(make_tls(options)),
      epoll(epoll_create1(EPOLL_CLOEXEC)),
      buffer(kBufferSize) {}

Connection::Connection(Shared &shared, int fd, size_t number)
    : shared_(shared),
      number_(number),
      stream_(std::make_unique<Stream>(fd, shared.tls, shared.options.is_server())),
      checker_(shared.options, shared.messages, number, first_message(shared.options, number)) {
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.ptr = this;
  if (epoll_ctl(shared.epoll, EPOLL_CTL_ADD, fd, &event) != 0) fail_with_errno("epoll_ctl");
  stream_->begin();
  if (!shared.options.begins_with_heads()) {
    if (stream_->is_secured()) become_open();
  } else if (!shared.options.is_server()) {
    say(shared.request);
  }
}

void Connection::become_open() {
  state_ = State::OPEN;
  shared_.opened++;
}

void Connection::become_closed() {
  state_ = State::CLOSED;
  shared_.closed++;
  stream_.reset();
}

void Connection::send_burst() {
  checker_.expect(shared_.options.depth);
  say(shared_.messages.burst(first_message(shared_.options, number_) + sent_));
  sent_ += shared_.options.depth;
}

void Connection::say(std::string_view bytes) {
  rest_ = bytes;
  flush();
}

void Connection::flush() {
  if (rest_.empty() && !watches_output_) return;
  rest_.remove_prefix(stream_->write(rest_));
  watch(stream_->waits_for_room());
}

// Only while there is something to write: a socket nearly always has room.
void Connection::watch(bool output) {
  if (output == watches_output_) return;
  epoll_event event = {};
  event.events = EPOLLIN | (output ? static_cast<uint32_t>(EPOLLOUT) : 0);
  event.data.ptr = this;
  epoll_ctl(shared_.epoll, EPOLL_CTL_MOD, stream_->fd(), &event);
  watches_output_ = output;
}

size_t Connection::advance() {
  std::vector<uint8_t> &buffer = shared_.buffer;
  size_t replies = 0, size = 0;
  flush();
  do {
    size = stream_->read(buffer.data(), buffer.size());
    replies += take(buffer.data(), size);
    if (state_ == State::CLOSED) return replies;
  } while (size == buffer.size());  // TLS may hold more, of which epoll knows nothing
  flush();                          // TLS may have had to read first
  if (stream_->has_ended()) handle_end();
  return replies;
}

size_t Connection::take(uint8_t *data, size_t size) {
  if (state_ == State::OPENING) {
    const size_t used = take_head(data, size);
    data += used;
    size -= used;
  }
  if (size == 0) return 0;
  const size_t replies = checker_.take(data, size);
  if (checker_.is_closed()) take_close();
  return replies;
}

// The server closes the connection first (RFC 6455 7.1.1).
void Connection::take_close() {
  check_close();
  if (shared_.options.is_server()) become_closed();
}

// How many bytes were the head's.
size_t Connection::take_head(const uint8_t *data, size_t size) {
  if (!shared_.options.begins_with_heads()) {
    if (stream_->is_secured()) become_open();
    return 0;
  }
  head_.append(reinterpret_cast<const char *>(data), size);
  const size_t end = head_.find("\r\n\r\n");
  if (end == std::string::npos) {
    if (head_.size() > kLargestHead) checker_.refuse("a head without an end");
    return size;
  }
  const size_t behind = head_.size() - (end + 4);
  head_.resize(end + 4);
  answer_head();
  become_open();
  return size - behind;
}

void Connection::answer_head() {
  const Options &options = shared_.options;
  if (options.is_server()) {
    check_request(options, head_);
    answer_ = make_answer(options, head_);
    say(answer_);
  } else if (options.is_framed()) {
    check_answer(options, head_);
  }
  std::string().swap(head_);
}

void Connection::close() {
  state_ = State::CLOSING;
  if (shared_.options.is_framed()) {
    say(shared_.close_frame);
  } else {
    stream_->end_output();
  }
}

// The peer's Close has to answer ours, and to repeat its code if it has one (RFC 6455 5.5.1).
void Connection::check_close() const {
  const std::string &payload = checker_.close_payload();
  if (state_ == State::CLOSING && (payload.empty() || payload == kNormalClosure)) return;
  std::string words = state_ == State::CLOSING ? "a Close of another kind than ours" : "the peer closes";
  if (payload.size() >= 2) {
    const int code = static_cast<uint8_t>(payload[0]) << 8 | static_cast<uint8_t>(payload[1]);
    words += ": " + std::to_string(code) + " " + payload.substr(2);
  }
  checker_.refuse(words);
}

void Connection::handle_end() {
  const bool is_expected = state_ == State::CLOSING && (checker_.is_closed() || !shared_.options.is_framed());
  if (!is_expected) {
    const std::string &why = stream_->why();
    checker_.refuse("the connection ended" + (why.empty() ? "" : ": " + why));
  }
  become_closed();
}

}  // namespace load
