// A Manager with a listener and raw peers, for the tests of its parts.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "manager/manager.hpp"
#include "support/backend.hpp"
#include "support/raw_peer.h"

struct Seen {
  hawser::Event event;
  std::string data;
};

inline std::unique_ptr<hawser::Manager> make_manager(hawser::Options *options) {
  hawser::Options own;
  hawser::Options &used = options != nullptr ? *options : own;
  if (used.change().set_text("backend", backend_under_test())) return nullptr;
  return std::move(*hawser::Manager::make(&used));
}

// What a test says when something does not come is an assertion of its own; nothing here fails.
class Desk {
 public:
  explicit Desk(hawser::Options *options = nullptr)
      : manager(make_manager(options)),
        listener(*manager->listen("ws://127.0.0.1:0/", nullptr)),
        port(std::atoi(std::string(manager->local_address(listener)).substr(10).c_str())) {}
  ~Desk() {
    for (auto &peer : peers)
      raw_peer_close(peer.get());
  }

  int poll(int timeout = 0) {
    int32_t count = manager->poll(timeout);
    for (int32_t i = 0; i < count; i++) {
      const hawser::Event &event = *manager->batch().at(i);
      Seen entry{event, {}};
      if (event.size != 0) entry.data.assign(static_cast<const char *>(event.data), static_cast<size_t>(event.size));
      seen.push_back(std::move(entry));
    }
    return count;
  }
  static void pump(void *desk) { static_cast<Desk *>(desk)->poll(); }

  // Polls until `count` events of the kind were seen.
  bool wait(hawser::EventKind kind, size_t count = 1) {
    int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
    while (this->count(kind) < count) {
      if (raw_now_ms() > until || poll(100) < 0) return false;
    }
    return true;
  }
  size_t count(hawser::EventKind kind) const {
    size_t found = 0;
    for (const Seen &entry : seen)
      found += entry.event.kind == kind;
    return found;
  }
  const Seen *last(hawser::EventKind kind) const {
    for (size_t i = seen.size(); i-- > 0;) {
      if (seen[i].event.kind == kind) return &seen[i];
    }
    return nullptr;
  }

  raw_peer *connect() {
    peers.push_back(std::make_unique<raw_peer>());
    raw_peer_init(peers.back().get(), raw_connect(port), 1, pump, this);
    return peers.back().get();
  }
  // An upgraded peer; its id, or 0.
  int64_t join(raw_peer *&peer) {
    peer = connect();
    size_t before = count(hawser::EventKind::OPEN);
    if (raw_ask(peer, "/", nullptr) != 101 || !wait(hawser::EventKind::OPEN, before + 1)) return 0;
    return last(hawser::EventKind::OPEN)->event.connection;
  }

  std::unique_ptr<hawser::Manager> manager;
  int64_t listener;
  int port;
  std::vector<Seen> seen;
  std::vector<std::unique_ptr<raw_peer>> peers;
};
