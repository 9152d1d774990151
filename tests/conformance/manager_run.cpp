#include "conformance/manager_run.hpp"

#include <cerrno>
#include <memory>

#include <unistd.h>

#include "conformance/story.hpp"

extern "C" {
#include "support/log.h"
#include "support/raw_tls.h"
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
  Conversation(const Row &row, Opening opening, int32_t role, bool glued)
      : row_(row), opening_(opening), role_(role), glued_(glued) {
    std::unique_ptr<hws_options, Free> options(options_of(row, opening));
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
    const std::string sent = written(row_, opening_, role_, glued_, key_in(request_));
    const std::string behind = row_.answer.lost ? "" : probe(opening_, role_);
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
  bool in_row() const { return opening_ == Opening::IN_ROW; }

  bool connect() {
    hws_id id = role_ == HWS_SERVER ? join() : dial();
    if (raw_tls_wanted() != (peer_.tls != nullptr)) return false;
    if (in_row()) return peer_.fd >= 0;
    if (has_deflate(opening_) && hws_manager_extensions(log_.manager, id) == nullptr) return false;
    if (row_.after_our_close && hws_manager_close(log_.manager, id, 1000, nullptr) != HWS_OK) return false;
    return id > 0;
  }

  // A raw client: only connected if the row has the handshake, else with an id.
  hws_id join() {
    int port = 0;
    log_listen(&log_, nullptr, &port);
    if (!in_row()) return log_join(&log_, port, &peer_, fields().c_str());
    raw_peer_init(&peer_, raw_connect(port), 1, log_pump, &log_);
    return 0;
  }

  // A raw server: only asked if the row has the handshake, else with an id.
  hws_id dial() {
    int port = 0;
    int listener = raw_listen(&port);
    const std::string scheme = raw_tls_wanted() ? "wss" : "ws";
    const std::string url = scheme + "://127.0.0.1:" + std::to_string(port) + "/chat";
    hws_id id = hws_manager_connect(log_.manager, url.c_str(), nullptr);
    raw_peer_init(&peer_, raw_accept(listener, log_pump, &log_), 0, log_pump, &log_);
    close(listener);
    if (peer_.fd < 0 || (raw_tls_wanted() && raw_peer_start_tls(&peer_) != 0)) return 0;
    if (!in_row()) return answer() && log_wait(&log_, HWS_EVENT_OPEN, id) != nullptr ? id : 0;
    char head[4096];
    if (raw_read_head(&peer_, head, sizeof head) < 0) raw_peer_close(&peer_);
    request_ = peer_.fd >= 0 ? head : "";
    return id;
  }

  bool answer() { return raw_answer(&peer_, fields().c_str()) == 0; }

  // Of the peer's handshake.
  std::string fields() const {
    return has_deflate(opening_) ? "Sec-WebSocket-Extensions: " + row_.extension + "\r\n" : "";
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
    return goes_on() && (!in_row() || role_ == HWS_CLIENT || output.find("\r\n\r\n") != std::string::npos);
  }

  bool is_all() const {
    if (!goes_on()) return false;
    if (!row_.answer.ends) return story_.has_frame(std::string("text ") + kProbe) && story_.has_pong(kProbe);
    return !story_.frames.empty() && story_.frames.back().starts_with("close ");
  }

  std::string take_output(const std::string &sent, std::string output) {
    story_ = {};
    std::string trouble;
    if (in_row() && role_ == HWS_SERVER) trouble = take_answer(row_, sent, output);
    return trouble.empty() ? story_.add_output(output, row_, opening_, role_) : trouble;
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
      if (in_row() || event.kind != HWS_EVENT_OPEN) story_.add_event(event);
    }
    std::string expected = expected_story(row_, opening_, glued_, is_told()).str();
    std::string seen = story_.str();
    return seen == expected ? "" : "expected\n" + expected + " but there was\n" + seen;
  }

  const Row &row_;
  const Opening opening_;
  const int32_t role_;
  const bool glued_;
  struct log log_;
  struct raw_peer peer_;
  std::string request_;  // a client's
  Story story_;
};

}  // namespace

std::string run_on_manager(const Row &row, Opening opening, int32_t role) {
  bool glued = may_be_glued(row, opening);
  // With TLS a connection takes its time: there is one for each row.
  if (!glued || !raw_tls_wanted()) {
    std::string trouble = Conversation(row, opening, role, false).run();
    if (!glued || !trouble.empty()) return trouble;
  }
  std::string trouble = Conversation(row, opening, role, true).run();
  return trouble.empty() ? "" : "glued: " + trouble;
}

}  // namespace conformance
