// All connections, and the epoll that tells which of them can go on.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include <sys/epoll.h>

#include "connection.hpp"
#include "options.hpp"

namespace load {

class Fleet {
 public:
  explicit Fleet(const Options &options);

  // Opens all; a server listens, says so on stdout, and accepts them.
  void open();
  // Closes all, and waits for it.
  void close();

  // Opens one, which may be in place of a closed one.
  Connection &connect(size_t number);
  Connection &operator[](size_t number) { return *connections_[number]; }

  // Waits for something to happen, and lets connections go on: handle(connection, replies that came) for each that did.
  template <typename Handler>
  void turn(Handler handle);

 private:
  static constexpr int kEvents = 512;

  int wait(epoll_event *events);
  void listen();
  void accept();
  void place(size_t number, int fd);

  const Options &options_;
  Shared shared_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::unique_ptr<Stream> listener_;
};

template <typename Handler>
void Fleet::turn(Handler handle) {
  epoll_event events[kEvents];
  const int count = wait(events);
  for (int i = 0; i < count; i++) {
    auto *connection = static_cast<Connection *>(events[i].data.ptr);
    if (connection == nullptr) {
      accept();
    } else {
      const size_t replies = connection->advance();
      handle(*connection, replies);
    }
  }
}

}  // namespace load
