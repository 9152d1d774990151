#include "manager/outbox.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace hawser {

Block *Block::make(size_t capacity, Budget &budget) {
  if (!budget.take(capacity)) return nullptr;
  void *memory = std::malloc(sizeof(Block) + capacity);
  if (memory == nullptr) {
    budget.give(capacity);
    return nullptr;
  }
  return new (memory) Block(capacity, budget);
}

void Block::release() {
  if (--references_ > 0) return;
  budget_.give(capacity_);
  this->~Block();
  std::free(this);
}

uint8_t *Block::extend(size_t size) {
  uint8_t *at = data() + size_;
  size_ += size;
  return at;
}

Outbox::~Outbox() {
  for (const Piece &piece : pieces_)
    piece.block->release();
}

uint8_t *Outbox::append(size_t size) {
  if (!pieces_.empty()) {
    Piece &last = pieces_.back();
    if (!last.block->shared() && last.end == last.block->size() && last.block->room() >= size) {
      last.end += size;
      return last.block->extend(size);
    }
  }
  Block *block = Block::make(std::max(size, kSmallestBlock), budget_);
  if (block == nullptr) return nullptr;
  uint8_t *at = block->extend(size);
  if (share(*block, 0)) {
    block->release();
    return at;
  }
  block->release();
  return nullptr;
}

bool Outbox::share(Block &block, size_t offset) try {
  pieces_.push_back({&block, offset, block.size()});
  block.hold();
  return true;
} catch (const std::bad_alloc &) {
  return false;
}

size_t Outbox::held() const {
  size_t all = 0;
  for (const Piece &piece : pieces_)
    all += piece.block->held();
  return all;
}

int Outbox::gather(iovec *pieces, int most) const {
  int count = std::min(most, static_cast<int>(std::min<size_t>(pieces_.size(), INT32_MAX)));
  for (int i = 0; i < count; i++) {
    const Piece &piece = pieces_[static_cast<size_t>(i)];
    pieces[i] = {piece.block->data() + piece.begin, piece.end - piece.begin};
  }
  return count;
}

size_t Outbox::consume(size_t size) {
  size_t left = size;
  while (left > 0 && !pieces_.empty()) {
    Piece &first = pieces_.front();
    size_t sent = std::min(left, first.end - first.begin);
    first.begin += sent;
    left -= sent;
    if (first.begin < first.end) break;
    first.block->release();
    pieces_.pop_front();
  }
  return size - left;
}

}  // namespace hawser
