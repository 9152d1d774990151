#include "conformance/session_run.hpp"

#include <algorithm>
#include <memory>

#include "conformance/story.hpp"

namespace conformance {

namespace {

constexpr char kUrl[] = "ws://server.example.com/chat";

// An echo on a session.
class Conversation {
 public:
  Conversation(const Row &row, Opening opening, int32_t role) {
    std::unique_ptr<hws_options, Free> options(options_of(row, opening));
    if (opening == Opening::PLAIN) {
      session_.reset(hws_session_new_open(role, options.get()));
    } else if (role == HWS_CLIENT) {
      session_.reset(hws_session_new_client(kUrl, options.get()));
    } else {
      session_.reset(hws_session_new_server(options.get()));
    }
    take_output();
    request_ = std::exchange(output_, {});
    if (has_deflate(opening)) agree(agreeing_head(row, role, key_in(request_)));
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
  // The handshake goes before the row, and is no part of its story.
  void agree(const std::string &head) {
    feed(head);
    if (hws_session_extensions(session_.get()) == nullptr) trouble_ = "permessage-deflate is not agreed on";
    output_.clear();
    story_ = {};
  }

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

std::string judge(const Row &row, Opening opening, int32_t role, const std::string &sent, bool glued,
                  Conversation &conversation) {
  if (!conversation.trouble().empty()) return conversation.trouble();
  if (opening == Opening::IN_ROW && role == HWS_SERVER) {
    std::string trouble = take_answer(row, sent, conversation.output());
    if (!trouble.empty()) return trouble;
  }
  std::string trouble = conversation.story().add_output(conversation.output(), row, opening, role);
  if (!trouble.empty()) return trouble;
  std::string expected = expected_story(row, opening, glued, true).str();
  std::string seen = conversation.story().str();
  if (seen != expected) return "expected\n" + expected + " but there was\n" + seen;
  return judge_transport(row, role, conversation);
}

std::string run_variant(const Row &row, Opening opening, int32_t role, const Variant &variant) {
  Conversation conversation(row, opening, role);
  std::string sent = written(row, opening, role, variant.glued, key_in(conversation.request()));
  feed(conversation, sent, variant);
  if (row.answer.lost) {
    conversation.end();
  } else {
    conversation.feed(probe(opening, role));
  }
  std::string trouble = judge(row, opening, role, sent, variant.glued, conversation);
  return trouble.empty() ? "" : variant.name() + ": " + trouble;
}

// Which cuts there are: every one of a short row; of a long one those near the ends, and some between them.
struct Cuts {
  size_t all;  // bytes of a row that is cut everywhere
  size_t near_ends;
  size_t between;
};

constexpr Cuts kCuts = {2000, 24, 12};
// A connection with permessage-deflate takes longer to make, and most rows run on two of them; of heads there are many.
constexpr Cuts kFewCuts = {40, 6, 6};

std::vector<size_t> cuts_of(size_t size, const Cuts &which) {
  std::vector<size_t> cuts;
  for (size_t cut = 1; cut < size; cut++) {
    bool near_end = cut <= which.near_ends || size - cut <= which.near_ends;
    if (size <= which.all || near_end || cut % (size / which.between) == 0) cuts.push_back(cut);
  }
  return cuts;
}

}  // namespace

std::string run_on_session(const Row &row, Opening opening, int32_t role) {
  std::vector<Variant> variants = {{}, {.drip = true}};
  if (may_be_glued(row, opening)) variants.insert(variants.end(), {{.glued = true}, {.glued = true, .drip = true}});
  size_t size = written(row, opening, role, false, "0123456789012345678901==").size();
  bool few = has_deflate(opening) || row.rfc == 7692;
  for (size_t cut : cuts_of(size, few ? kFewCuts : kCuts))
    variants.push_back({.cut = cut});
  for (const Variant &variant : variants) {
    std::string trouble = run_variant(row, opening, role, variant);
    if (!trouble.empty()) return trouble;
  }
  return "";
}

}  // namespace conformance
