// One connection of the load: opened, driven and closed; in either role.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "messages.hpp"
#include "options.hpp"
#include "reply_checker.hpp"
#include "stream.hpp"

namespace load {

// What all connections have in common.
struct Shared {
  explicit Shared(const Options &options);

  const Options &options;
  const Messages messages;
  const std::string request;
  const std::string close_frame;
  SSL_CTX *const tls;
  const int epoll;
  std::vector<uint8_t> buffer;  // what is read, before it is checked
  size_t opened = 0;            // connections, so far
  size_t closed = 0;
};

class Connection {
 public:
  Connection(Shared &shared, int fd, size_t number);

  size_t number() const { return number_; }
  bool is_open() const { return state_ == State::OPEN; }
  bool is_closed() const { return state_ == State::CLOSED; }
  size_t due() const { return checker_.due(); }

  // A burst goes out, and as many replies are expected.
  void send_burst();
  // Another connection sends it, and the replies come here too.
  void expect_burst() { checker_.expect(shared_.options.depth); }
  // After epoll's word: reads and writes what can be. Returns how many replies have come.
  size_t advance();
  // is_closed() once the peer has answered.
  void close();

 private:
  enum class State { OPENING, OPEN, CLOSING, CLOSED };

  void become_open();
  void become_closed();
  void say(std::string_view bytes);
  void flush();
  void watch(bool output);
  size_t take(uint8_t *data, size_t size);
  void take_close();
  size_t take_head(const uint8_t *data, size_t size);
  void answer_head();
  void check_close() const;
  void handle_end();

  Shared &shared_;
  const size_t number_;
  std::unique_ptr<Stream> stream_;
  State state_ = State::OPENING;
  bool watches_output_ = false;
  size_t sent_ = 0;        // messages
  std::string_view rest_;  // of what is to be sent; it lies in messages, or in what is shared, or in answer_
  std::string head_;       // what came of it
  std::string answer_;
  ReplyChecker checker_;
};

}  // namespace load
