#include "bytes/random.hpp"

#include <algorithm>
#include <cerrno>

#include <openssl/crypto.h>
#include <pthread.h>
#include <sys/random.h>
#include <unistd.h>

namespace hawser {

constinit std::atomic<uint32_t> Random::fork_generation_{0};
const bool Random::forks_are_counted_ = pthread_atfork(nullptr, nullptr, count_fork) == 0;

void Random::count_fork() {
  fork_generation_.fetch_add(1, std::memory_order_relaxed);
}

Random::~Random() {
  OPENSSL_cleanse(pool_, sizeof(pool_));
}

bool Random::fill(std::span<uint8_t> to) {
  if (to.empty()) return true;
  // Without word of a fork no byte may be kept for later.
  bool pooled = to.size() <= kPoolSize && forks_are_counted_;
  bool ready = pooled ? available() >= to.size() || refill_pool() : refill(to);
  if (!ready) {
    std::memset(to.data(), 0, to.size());
    return false;
  }
  if (pooled) take(to.data(), to.size());
  return true;
}

bool Random::refill_pool() {
  left_ = 0;
  if (!refill(pool_)) return false;
  left_ = kPoolSize;
  generation_ = fork_generation_.load(std::memory_order_relaxed);
  return true;
}

#if defined(__linux__)

bool OsRandom::refill(std::span<uint8_t> to) {
  while (!to.empty()) {
    ssize_t size = getrandom(to.data(), to.size(), 0);
    if (size < 0 && errno != EINTR) return false;
    if (size > 0) to = to.subspan(static_cast<size_t>(size));
  }
  return true;
}

#else

bool OsRandom::refill(std::span<uint8_t> to) {
  constexpr size_t kMost = 256;  // the most that getentropy gives at once
  while (!to.empty()) {
    size_t size = std::min(to.size(), kMost);
    if (getentropy(to.data(), size) != 0) return false;
    to = to.subspan(size);
  }
  return true;
}

#endif

}  // namespace hawser
