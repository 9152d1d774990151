#include "manager/outbox.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace hawser {

Block *Block::make(size_t capacity, Budget &budget) {
  if (!budget.take(sizeof(Block) + capacity)) return nullptr;
  void *memory = std::malloc(sizeof(Block) + capacity);
  if (memory == nullptr) {
    budget.give(sizeof(Block) + capacity);
    return nullptr;
  }
  return new (memory) Block(capacity, budget);
}

void Block::release() {
  if (--references_ > 0) return;
  budget_.give(sizeof(Block) + capacity_);
  this->~Block();
  std::free(this);
}

uint8_t *Block::extend(size_t size) {
  uint8_t *at = data() + size_;
  size_ += size;
  return at;
}

Outbox::~Outbox() {
  while (!pieces_.empty())
    remove_first();
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
  bool added = add({block, 0, size});
  block->release();
  return added ? at : nullptr;
}

bool Outbox::share(Block &block, size_t offset) {
  size_t size = block.size() - offset;
  if (size >= kLeastShared) return add({&block, offset, block.size()});
  uint8_t *at = append(size);
  if (at != nullptr) std::memcpy(at, block.data() + offset, size);
  return at != nullptr;
}

bool Outbox::add(const Piece &piece) try {
  if (!budget_.take(sizeof(Piece))) return false;
  pieces_.push_back(piece);
  piece.block->hold();
  return true;
} catch (const std::bad_alloc &) {
  budget_.give(sizeof(Piece));
  return false;
}

void Outbox::remove_first() {
  pieces_.front().block->release();
  pieces_.pop_front();
  budget_.give(sizeof(Piece));
}

size_t Outbox::held() const {
  size_t all = pieces_.size() * sizeof(Piece);
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
    remove_first();
  }
  return size - left;
}

}  // namespace hawser
