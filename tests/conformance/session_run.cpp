#include "conformance/session_run.hpp"

#include <algorithm>
#include <memory>

#include "conformance/story.hpp"

namespace conformance {

namespace {

constexpr char kUrl[] = "ws://server.example.com/chat";
constexpr size_t kAllCuts = 2000;  // bytes of a row that is cut everywhere

// An echo on a session.
class Conversation {
 public:
  Conversation(const Row &row, bool handshake, int32_t role) {
    std::unique_ptr<hws_options, Free> options(options_of(row));
    if (!handshake) {
      session_.reset(hws_session_new_open(role, options.get()));
    } else if (role == HWS_CLIENT) {
      session_.reset(hws_session_new_client(kUrl, options.get()));
    } else {
      session_.reset(hws_session_new_server(options.get()));
    }
    take_output();
    if (role == HWS_CLIENT && handshake) request_ = std::exchange(output_, {});
    if (row.after_our_close) hws_session_close(session_.get(), 1000, nullptr);
  }

  // Sends of a connection that is closing or closed are refused: what it still delivers is not echoed.
  void feed(const std::string &piece) {
    // A piece of its own size, so that a sanitizer sees what is read beyond it.
    std::unique_ptr<uint8_t[]> data(new uint8_t[piece.size()]);
    std::copy(piece.begin(), piece.end(), data.get());
    size_t used = 0;
    while (used < piece.size()) {
      int64_t got = hws_session_receive(session_.get(), data.get() + used, piece.size() - used);
      bool progress = got > 0;
      if (got > 0) used += static_cast<size_t>(got);
      progress |= take_events();
      progress |= take_output();
      if (!progress) {
        trouble_ = "the session takes no more bytes";
        return;
      }
    }
  }

  void end() {
    hws_session_receive_end(session_.get());
    take_events();
    take_output();
  }

  const std::string &request() const { return request_; }
  std::string &output() { return output_; }
  Story &story() { return story_; }
  const std::string &trouble() const { return trouble_; }
  bool should_close_transport() { return hws_session_should_close_transport(session_.get()) != 0; }

 private:
  bool take_events() {
    const hws_event *event;
    bool any = false;
    while ((event = hws_session_event(session_.get())) != nullptr) {
      any = true;
      story_.add_event(*event);
      if (event->kind != HWS_EVENT_MESSAGE) continue;
      hws_session_send(session_.get(), event->opcode, event->data, static_cast<size_t>(event->size));
    }
    return any;
  }

  bool take_output() {
    int64_t size = hws_session_output_size(session_.get());
    if (size <= 0) return false;
    output_.append(static_cast<const char *>(hws_session_output(session_.get())), static_cast<size_t>(size));
    hws_session_output_sent(session_.get(), static_cast<size_t>(size));
    return true;
  }

  std::unique_ptr<hws_session, Free> session_;
  std::string request_;  // a client's
  std::string output_;
  Story story_;
  std::string trouble_;
};

// How the bytes of a row come.
struct Variant {
  bool glued = false;
  size_t cut = 0;     // the size of the first piece; 0: one piece
  bool drip = false;  // byte by byte

  std::string name() const {
    std::string name = drip ? "byte by byte" : cut != 0 ? "cut at " + std::to_string(cut) : "whole";
    return glued ? name + ", glued" : name;
  }
};

void feed(Conversation &conversation, const std::string &sent, const Variant &variant) {
  size_t first = variant.drip ? 1 : variant.cut != 0 ? variant.cut : sent.size();
  size_t next = variant.drip ? 1 : sent.size();
  for (size_t at = 0; at < sent.size();) {
    size_t size = std::min(at == 0 ? first : next, sent.size() - at);
    conversation.feed(sent.substr(at, size));
    at += size;
  }
}

// RFC 6455 7.1.1: after both Closes a client waits for the server to end the transport.
std::string judge_transport(const Row &row, int32_t role, Conversation &conversation) {
  bool waits = role == HWS_CLIENT && (row.answer.flags & HWS_CLEAN) != 0;
  if (conversation.should_close_transport() != (row.answer.ends && !waits))
    return "the transport is to be closed wrongly";
  if (!waits) return "";
  conversation.end();
  return conversation.should_close_transport() ? "" : "the transport stays open behind the server's end";
}

std::string judge(const Row &row, bool handshake, int32_t role, const std::string &sent, bool glued,
                  Conversation &conversation) {
  if (!conversation.trouble().empty()) return conversation.trouble();
  if (handshake && role == HWS_SERVER) {
    std::string trouble = take_answer(row, sent, conversation.output());
    if (!trouble.empty()) return trouble;
  }
  std::string trouble = conversation.story().add_output(conversation.output(), role);
  if (!trouble.empty()) return trouble;
  std::string expected = expected_story(row, handshake, glued, true).str();
  std::string seen = conversation.story().str();
  if (seen != expected) return "expected\n" + expected + " but there was\n" + seen;
  return judge_transport(row, role, conversation);
}

std::string run_variant(const Row &row, bool handshake, int32_t role, const Variant &variant) {
  Conversation conversation(row, handshake, role);
  std::string sent = written(row, role, handshake, variant.glued, key_in(conversation.request()));
  feed(conversation, sent, variant);
  if (row.answer.lost) {
    conversation.end();
  } else {
    conversation.feed(probe(role));
  }
  std::string trouble = judge(row, handshake, role, sent, variant.glued, conversation);
  return trouble.empty() ? "" : variant.name() + ": " + trouble;
}

// Every cut of a short row; of a long one those near the ends, and some between them.
std::vector<size_t> cuts_of(size_t size) {
  constexpr size_t kNearEnds = 24;
  constexpr size_t kBetween = 12;
  std::vector<size_t> cuts;
  for (size_t cut = 1; cut < size; cut++) {
    bool near_end = cut <= kNearEnds || size - cut <= kNearEnds;
    if (size <= kAllCuts || near_end || cut % (size / kBetween) == 0) cuts.push_back(cut);
  }
  return cuts;
}

}  // namespace

std::string run_on_session(const Row &row, bool handshake, int32_t role) {
  std::vector<Variant> variants = {{}, {.drip = true}};
  if (may_be_glued(row)) variants.insert(variants.end(), {{.glued = true}, {.glued = true, .drip = true}});
  size_t size = written(row, role, handshake, false, "0123456789012345678901==").size();
  for (size_t cut : cuts_of(size))
    variants.push_back({.cut = cut});
  for (const Variant &variant : variants) {
    std::string trouble = run_variant(row, handshake, role, variant);
    if (!trouble.empty()) return trouble;
  }
  return "";
}

}  // namespace conformance
