// Sends and closes of other threads on their way to the polling thread, in order. Posting takes a lock; the polling
// thread pays one relaxed load to see that there is nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "bytes/buffer.hpp"
#include "framing/opcode.hpp"

namespace hawser {

struct Letter {
  enum class Kind : uint8_t { SEND, CLOSE, REFUSAL };  // REFUSAL: a send was answered with WOULD_BLOCK, DRAIN is due

  Kind kind;
  Opcode opcode = Opcode::CONTINUATION;
  int64_t id = 0;
  int32_t code = 0;
  Buffer payload;  // of a message, or the reason of a close
};

class Mailbox {
 public:
  bool empty() const { return !filled_.load(std::memory_order_relaxed); }

  // Held while a letter is posted, and while what it counts changes.
  std::mutex &mutex() { return mutex_; }
  // With the mutex held. True if the mailbox was empty: somebody has to wake the polling thread.
  bool post(Letter letter) {
    letters_.push_back(std::move(letter));
    return !filled_.exchange(true, std::memory_order_relaxed);
  }
  // All letters. Allocates nothing: in a poll there is nobody to whom a lack of memory could be told.
  std::vector<Letter> take() {
    std::vector<Letter> letters;
    std::lock_guard lock(mutex_);
    letters.swap(letters_);
    filled_.store(false, std::memory_order_relaxed);
    return letters;
  }

 private:
  std::atomic<bool> filled_{false};
  std::mutex mutex_;
  std::vector<Letter> letters_;
};

}  // namespace hawser
