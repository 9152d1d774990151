// Makes operator new fail on demand. It replaces the global operators: include it in the one source file of a test
// program. (Inlined, GCC would take their malloc and free for a mismatch.)
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace hawser {

// How many allocations still succeed; negative: all.
inline std::atomic<int64_t> allocations_left = -1;
// How many have failed.
inline std::atomic<int64_t> allocations_failed = 0;

}  // namespace hawser

[[gnu::noinline]] void *operator new(size_t size) {
  int64_t left = hawser::allocations_left;
  if (left == 0) {
    hawser::allocations_failed++;
    throw std::bad_alloc();
  }
  if (left > 0) hawser::allocations_left = left - 1;
  void *memory = std::malloc(size != 0 ? size : 1);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

[[gnu::noinline]] void *operator new(size_t size, const std::nothrow_t &) noexcept try {
  return operator new(size);
} catch (const std::bad_alloc &) {
  return nullptr;
}

[[gnu::noinline]] void operator delete(void *memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void *memory, size_t) noexcept {
  std::free(memory);
}
