#include "loads.hpp"

#include <algorithm>
#include <vector>

#include "fleet.hpp"
#include "measurement.hpp"

namespace load {

namespace {

class Echo {
 public:
  explicit Echo(const Options &options)
      : options_(options), fleet_(options), measurement_(options.signal), progress_(options.connections) {}

  void run();

 private:
  struct Progress {
    size_t left = 0;  // messages that are not yet sent
    Clock::time_point sent_at;
  };

  void warm_up();
  void exchange_all(size_t messages);
  void exchange(size_t messages);
  bool go_on(Connection &connection, size_t replies);
  void send_burst(Connection &connection, Clock::time_point now);

  const Options &options_;
  Fleet fleet_;
  Measurement measurement_;
  std::vector<Progress> progress_;
};

void Echo::run() {
  fleet_.open();
  warm_up();
  measurement_.begin();
  exchange_all(options_.messages);
  measurement_.end();
  fleet_.close();
  measurement_.print("messages", options_.messages * options_.connections);
}

void Echo::warm_up() {
  const Clock::time_point end = Clock::now() + std::chrono::milliseconds(options_.warmup_time);
  do {
    exchange_all(options_.warmup);
  } while (options_.warmup > 0 && Clock::now() < end);
}

// In lock-step the next bursts go out when all have all replies, and so the peer sees the same in each run.
void Echo::exchange_all(size_t messages) {
  const size_t step = options_.lockstep ? options_.depth : messages;
  for (size_t done = 0; done < messages; done += step)
    exchange(step);
}

// So many on each connection.
void Echo::exchange(size_t messages) {
  size_t busy = options_.connections;
  for (size_t i = 0; i < options_.connections; i++) {
    progress_[i].left = messages;
    send_burst(fleet_[i], Clock::now());
  }
  while (busy > 0) {
    fleet_.turn([&](Connection &connection, size_t replies) {
      if (replies > 0 && !go_on(connection, replies)) busy--;
    });
  }
}

// False: the connection has all of its replies.
bool Echo::go_on(Connection &connection, size_t replies) {
  const Progress &progress = progress_[connection.number()];
  const Clock::time_point now = Clock::now();
  measurement_.add(now - progress.sent_at, replies);
  if (connection.due() > 0) return true;
  if (progress.left == 0) return false;
  send_burst(connection, now);
  return true;
}

void Echo::send_burst(Connection &connection, Clock::time_point now) {
  Progress &progress = progress_[connection.number()];
  progress.left -= options_.depth;
  progress.sent_at = now;
  connection.send_burst();
}

}  // namespace

void run_echo(const Options &options) {
  Echo(options).run();
}

void run_open(const Options &options) {
  Fleet fleet(options);
  Measurement measurement(options.signal);
  size_t begun = 0, closed = 0;
  measurement.begin();
  while (begun < std::min(options.parallel, options.count))
    fleet.connect(begun++);
  while (closed < options.count) {
    fleet.turn([&](Connection &connection, size_t) {
      if (connection.is_open()) connection.close();
      if (!connection.is_closed()) return;
      closed++;
      if (begun++ < options.count) fleet.connect(connection.number());
    });
  }
  measurement.end();
  measurement.print("connections", options.count);
}

void run_idle(const Options &options) {
  Fleet fleet(options);
  Measurement measurement(options.signal);
  fleet.open();
  measurement.begin();
  fleet.close();
  measurement.print("connections", options.connections);
}

void run_broadcast(const Options &options) {
  Fleet fleet(options);
  Measurement measurement(options.signal);
  fleet.open();
  const auto send_to_all = [&] {
    const Clock::time_point sent_at = Clock::now();
    size_t left = options.connections;
    for (size_t i = 1; i < options.connections; i++)
      fleet[i].expect_burst();
    fleet[0].send_burst();
    while (left > 0) {
      fleet.turn([&](const Connection &, size_t replies) {
        if (replies == 0) return;
        measurement.add(Clock::now() - sent_at, replies);
        left -= replies;
      });
    }
  };
  for (size_t i = 0; i < options.warmup; i++)
    send_to_all();
  measurement.begin();
  for (size_t i = 0; i < options.messages; i++)
    send_to_all();
  measurement.end();
  fleet.close();
  measurement.print("messages", options.messages);
}

}  // namespace load
