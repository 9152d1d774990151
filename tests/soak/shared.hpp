// What all peers have in common.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <tuple>
#include <vector>

#include <openssl/ssl.h>

#include "report.hpp"
#include "settings.hpp"

namespace soak {

inline int64_t milliseconds() {
  using namespace std::chrono;
  return duration_cast<std::chrono::milliseconds>(steady_clock::now().time_since_epoch()).count();
}

struct Shared {
  // When, and which peer in which of its lives. A peer that needs it no more finds nothing to do.
  using Timer = std::tuple<int64_t, size_t, uint64_t>;

  explicit Shared(const Settings &settings);

  const Settings &settings;
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX *)> tls;
  const int epoll;
  std::vector<uint8_t> buffer;  // what is read, before it is taken
  int64_t now;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers;
  Report report;
};

}  // namespace soak
