// What very many hold, each by a plain pointer: 8 bytes where a std::shared_ptr takes 16. A std::shared_ptr has to own
// it. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

namespace hawser {

template <typename T>
class Held : public std::enable_shared_from_this<T> {
 public:
  Held() = default;
  Held(const Held &) = delete;
  Held &operator=(const Held &) = delete;

  // It stays until as many have released it as hold it.
  void hold() const {
    if (holders_++ == 0) self_ = this->shared_from_this();
  }
  void release() const {
    if (--holders_ == 0) std::exchange(self_, nullptr);
  }

 private:
  mutable int64_t holders_ = 0;
  mutable std::shared_ptr<const T> self_;  // where there are holders
};

}  // namespace hawser
