// The events of one poll, or of one piece of received bytes: an array that is filled once and then stands still until
// all of them were taken.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bytes/buffer.hpp"
#include "session/event.hpp"

namespace hawser {

class EventBatch {
 public:
  explicit EventBatch(size_t capacity) : capacity_(capacity), events_(new Event[capacity]), texts_(capacity) {
    kept_.reserve(2 * capacity);
  }

  bool full() const { return size_ == capacity_; }
  int32_t size() const { return static_cast<int32_t>(size_); }
  // The next one to be filled in; commit makes it part of the batch. Not when full.
  Event &next() { return events_[size_]; }
  void commit(size_t count = 1) { size_ += count; }
  // All that are left to be filled in.
  std::span<Event> left() { return {&events_[size_], capacity_ - size_}; }
  const Event *at(int32_t index) const {
    size_t position = static_cast<size_t>(index);  // a negative one is larger than any
    return position < size_ ? &events_[position] : nullptr;
  }

  // Holds what an event points to and is not in the receive arena: the payload of a message, or received bytes that had
  // been put aside; at most both for each event.
  void keep(Buffer payload) {
    kept_bytes_ += static_cast<int64_t>(payload.size());
    kept_.push_back(std::move(payload));
    untidy_ = true;
  }
  int64_t kept_bytes() const { return kept_bytes_; }

  // The batch has an event that is no MESSAGE: one after which its connection is to be looked at.
  void note_news() { news_ = untidy_ = true; }
  bool has_news() const { return news_; }

  // Where the words about an event are put when they are asked for.
  std::string &text(int32_t index) { return texts_[static_cast<size_t>(index)]; }

  void clear() {
    size_ = 0;
    if (untidy_) [[unlikely]]
      tidy_up();
  }

 private:
  void tidy_up() {
    untidy_ = news_ = false;
    kept_.clear();
    kept_bytes_ = 0;
  }

  const size_t capacity_;
  const std::unique_ptr<Event[]> events_;
  std::vector<std::string> texts_;
  std::vector<Buffer> kept_;
  int64_t kept_bytes_ = 0;
  size_t size_ = 0;
  bool news_ = false;
  bool untidy_ = false;  // there is news, or something is kept
};

}  // namespace hawser
