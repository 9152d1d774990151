// The events of one poll, or of one piece of received bytes: an array that is filled once and then stands still until all
// of them were taken.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bytes/buffer.hpp"
#include "session/event.hpp"

namespace hawser {

class EventBatch {
 public:
  explicit EventBatch(size_t capacity) : events_(capacity), texts_(capacity) { kept_.reserve(capacity); }

  bool full() const { return size_ == events_.size(); }
  int32_t size() const { return static_cast<int32_t>(size_); }
  // The next one to be filled in; commit makes it part of the batch. Not when full.
  Event &next() { return events_[size_]; }
  void commit() { size_++; }
  const Event *at(int32_t index) const {
    return index >= 0 && static_cast<size_t>(index) < size_ ? &events_[static_cast<size_t>(index)] : nullptr;
  }

  // Holds the payload of a message that is not in the receive arena; at most one for each event.
  void keep(Buffer payload) {
    kept_bytes_ += static_cast<int64_t>(payload.size());
    kept_.push_back(std::move(payload));
  }
  int64_t kept_bytes() const { return kept_bytes_; }

  // Where the words about an event are put when they are asked for.
  std::string &text(int32_t index) { return texts_[static_cast<size_t>(index)]; }

  void clear() {
    size_ = 0;
    if (kept_.empty()) return;
    kept_.clear();
    kept_bytes_ = 0;
  }

 private:
  std::vector<Event> events_;
  std::vector<std::string> texts_;
  std::vector<Buffer> kept_;
  int64_t kept_bytes_ = 0;
  size_t size_ = 0;
};

}  // namespace hawser
