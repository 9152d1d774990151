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

  Letter(Kind of_kind, Opcode of_message, int64_t to, int32_t with_code, Budget &budget)
      : kind(of_kind), opcode(of_message), id(to), code(with_code), payload(budget) {}
  // False when there is no memory. A letter that says nothing takes some too.
  [[nodiscard]] bool write(const void *data, size_t size) {
    return own_.take(payload.budget(), own_size()) && payload.append(data, size);
  }
  // Bytes of the budget.
  size_t held() const { return own_size() + payload.held(); }

  Kind kind;
  Opcode opcode;
  int64_t id;
  int32_t code;
  Buffer payload;  // of a message, or the reason of a close

 private:
  // Letters stand in vectors, which are twice as large as they need to be when they have just grown.
  static size_t own_size() { return 2 * sizeof(Letter); }

  Claim own_;
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
