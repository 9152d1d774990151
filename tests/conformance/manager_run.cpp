#include "conformance/manager_run.hpp"

#include <cerrno>
#include <memory>

#include <unistd.h>

#include "conformance/story.hpp"

extern "C" {
#include "support/log.h"
}

namespace conformance {

namespace {

// Sends of a connection that is closing or closed are refused: what it still delivers is not echoed.
void echo(struct log *log, const hws_event *event) {
  if (event->kind != HWS_EVENT_MESSAGE) return;
  hws_manager_send(log->manager, event->connection, event->opcode, event->data, static_cast<size_t>(event->size));
}

// An echo on a manager, and the peer of one connection of it.
class Conversation {
 public:
  Conversation(const Row &row, bool handshake, int32_t role, bool glued)
      : row_(row), handshake_(handshake), role_(role), glued_(glued) {
    std::unique_ptr<hws_options, Free> options(options_of(row));
    log_open(&log_, options.get());
    log_.each = echo;
    raw_peer_init(&peer_, -1, role == HWS_SERVER, log_pump, &log_);
  }
  Conversation(const Conversation &) = delete;
  Conversation &operator=(const Conversation &) = delete;
  ~Conversation() {
    raw_peer_close(&peer_);
    log_close(&log_);
  }

  std::string run() {
    if (!connect()) return "no connection";
    const std::string sent = written(row_, role_, handshake_, glued_, key_in(request_));
    const std::string behind = row_.answer.lost ? "" : probe(role_);
    bool wrote = raw_write(&peer_, (sent + behind).data(), sent.size() + behind.size()) == 0;
    // A client that gives up reads no further.
    if (!wrote && !gives_up()) return "the connection takes no more bytes";
    if (row_.answer.lost) raw_peer_end(&peer_);
    std::string trouble = read(sent);
    raw_peer_close(&peer_);
    if (trouble.empty() && !wait_for_end()) trouble = "the end is not told";
    return trouble.empty() ? compare() : trouble;
  }

 private:
  bool connect() {
    if (role_ == HWS_SERVER && handshake_) return connect_only();
    if (role_ == HWS_CLIENT && handshake_) return accept_only();
    int port = 0;
    if (role_ == HWS_SERVER) log_listen(&log_, nullptr, &port);
    hws_id id = role_ == HWS_SERVER ? log_join(&log_, port, &peer_, nullptr) : log_dial(&log_, nullptr, &peer_);
    if (row_.after_our_close && hws_manager_close(log_.manager, id, 1000, nullptr) != HWS_OK) return false;
    return id > 0;
  }

  bool connect_only() {
    int port = 0;
    log_listen(&log_, nullptr, &port);
    peer_.fd = raw_connect(port);
    return peer_.fd >= 0;
  }

  bool accept_only() {
    int port = 0;
    int listener = raw_listen(&port);
    const std::string url = "ws://127.0.0.1:" + std::to_string(port) + "/chat";
    hws_manager_connect(log_.manager, url.c_str(), nullptr);
    peer_.fd = raw_accept(listener, log_pump, &log_);
    close(listener);
    char head[4096];
    if (peer_.fd < 0 || raw_read_head(&peer_, head, sizeof head) < 0) return false;
    request_ = head;
    return true;
  }

  bool gives_up() const { return role_ == HWS_CLIENT && !row_.answer.opens; }
  bool is_told() const { return role_ == HWS_CLIENT || row_.answer.opens; }

  // Reads what we write, until there is all of it. A complaint, or "".
  std::string read(const std::string &sent) {
    std::string output;
    for (;;) {
      bool ended = raw_read_more(&peer_) <= 0;
      if (ended && !peer_.ended && !(gives_up() && peer_.error == ECONNRESET)) return "the connection breaks or hangs";
      output.append(reinterpret_cast<const char *>(peer_.bytes + peer_.begin), peer_.size);
      peer_.begin = peer_.size = 0;
      if (!ended && !may_be_all(output)) continue;
      std::string trouble = take_output(sent, output);
      if (ended || is_all()) return trouble;
    }
  }

  // The connection ends by itself, except where it goes on, and where a client waits for the server to end it.
  bool goes_on() const { return !row_.answer.ends || (role_ == HWS_CLIENT && (row_.answer.flags & HWS_CLEAN) != 0); }

  bool may_be_all(const std::string &output) const {
    return goes_on() && (!handshake_ || role_ == HWS_CLIENT || output.find("\r\n\r\n") != std::string::npos);
  }

  bool is_all() const {
    if (!goes_on()) return false;
    if (!row_.answer.ends) return story_.has_frame(std::string("text ") + kProbe) && story_.has_pong(kProbe);
    return !story_.frames.empty() && story_.frames.back().starts_with("close ");
  }

  std::string take_output(const std::string &sent, std::string output) {
    story_ = {};
    std::string trouble;
    if (handshake_ && role_ == HWS_SERVER) trouble = take_answer(row_, sent, output);
    return trouble.empty() ? story_.add_output(output, role_) : trouble;
  }

  // An inbound handshake that failed is only counted.
  bool wait_for_end() {
    if (!row_.answer.ends) return true;
    if (is_told()) return log_wait(&log_, HWS_EVENT_CLOSE, 0) != nullptr;
    int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
    while (hws_manager_stat(log_.manager, "handshakes_failed") == 0) {
      if (raw_now_ms() >= until || log_poll(&log_, 1) < 0) return false;
    }
    return true;
  }

  std::string compare() {
    for (size_t i = 0; i < log_.count; i++) {
      hws_event event = log_.entries[i].event;
      event.data = log_.entries[i].data;
      // Whoever made the connection for a row has waited for its OPEN.
      if (handshake_ || event.kind != HWS_EVENT_OPEN) story_.add_event(event);
    }
    std::string expected = expected_story(row_, handshake_, glued_, is_told()).str();
    std::string seen = story_.str();
    return seen == expected ? "" : "expected\n" + expected + " but there was\n" + seen;
  }

  const Row &row_;
  const bool handshake_;
  const int32_t role_;
  const bool glued_;
  struct log log_;
  struct raw_peer peer_;
  std::string request_;  // a client's
  Story story_;
};

}  // namespace

std::string run_on_manager(const Row &row, bool handshake, int32_t role) {
  std::string trouble = Conversation(row, handshake, role, false).run();
  if (!trouble.empty() || !may_be_glued(row)) return trouble;
  trouble = Conversation(row, handshake, role, true).run();
  return trouble.empty() ? "" : "glued: " + trouble;
}

}  // namespace conformance
