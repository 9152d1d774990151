// Connections on socket pairs, without a manager, for the tests of what writes and reads them.
#pragma once

#include <memory>
#include <string>

#include <sys/socket.h>
#include <unistd.h>

#include "manager/dial.hpp"
#include "manager/mailbox.hpp"
#include "manager/output.hpp"
#include "manager/receiver.hpp"
#include "session/event_batch.hpp"
#include "support/backend.hpp"

struct Bench {
  explicit Bench(int64_t memory = hawser::Budget::kUnlimited, size_t send_arena = 1 << 16, size_t max_events = 16)
      : budget(memory), batch(max_events), output(send_arena, surroundings, batch, attention, stats) {}
  ~Bench() {
    for (int end : ends) {
      if (end >= 0) ::close(end);
    }
  }

  // An open server connection whose peer is ends[index]. To be opened in the order of their numbers.
  bool open(int index) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) return false;
    ends[index] = pair[1];
    hawser::Connection &connection = *table.claim();
    if (&connection != &connections[index]) return false;
    connection.begin(*settings, hawser::Role::SERVER, surroundings);
    connection.session->assume_open();
    connection.stage = hawser::Stage::RUNNING;
    uint64_t token = static_cast<uint64_t>(index);
    return !connection.transport.attach(hawser::Descriptor(pair[0]), *poller, token, hawser::READABLE);
  }
  // What the peer can read at once.
  std::string read(int index, size_t most = SIZE_MAX) {
    std::string all;
    std::string bytes(65536, '\0');
    while (all.size() < most) {
      ssize_t got = recv(ends[index], bytes.data(), std::min(bytes.size(), most - all.size()), 0);
      if (got <= 0) break;
      all.append(bytes, 0, static_cast<size_t>(got));
    }
    return all;
  }
  // Notes what the kernel reports.
  void note() {
    hawser::Ready ready[8];
    for (int i = 0; i < 4; i++) {
      hawser::Connection &connection = connections[i];
      if (!connection.transport.open()) continue;
      bool writes = connection.outbox() != nullptr;
      connection.transport.watch(*poller, writes ? hawser::READABLE | hawser::WRITABLE : uint32_t{hawser::READABLE});
    }
    int count = poller->wait(ready, 0);
    for (int i = 0; i < count; i++) {
      hawser::Connection &connection = connections[ready[i].token];
      connection.transport.note(ready[i].readiness);
      if ((ready[i].readiness & hawser::WRITABLE) != 0 && connection.outbox() != nullptr) output.flush(connection);
    }
  }

  std::unique_ptr<hawser::Poller> poller = std::move(*hawser::make_poller(backend_under_test()));
  std::shared_ptr<const hawser::Settings> settings = hawser::make_settings(nullptr, nullptr);
  hawser::Budget budget;
  hawser::OsRandom random;
  hawser::Surroundings surroundings{random, budget, output, 0};
  hawser::Stats stats;
  bool work = false;
  hawser::IdTable<hawser::Connection> table{4, 0, false};
  hawser::AttentionQueue attention{table, work};
  hawser::SettlingQueue settling{table, work};
  hawser::EventBatch batch;
  hawser::Output output;
  int ends[4] = {-1, -1, -1, -1};
  hawser::Connection *const connections = all_slots();

 private:
  hawser::Connection *all_slots() {
    table.release(*table.claim());
    return table.at(0);
  }
};
