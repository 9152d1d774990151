#include "support/heap.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>

#include <malloc.h>

// Of the sanitizers' <sanitizer/allocator_interface.h>; without one of them they are not there.
extern "C" {
[[gnu::weak]] int __sanitizer_install_malloc_and_free_hooks(void (*taken)(const volatile void *, size_t),
                                                            void (*given)(const volatile void *));
[[gnu::weak]] size_t __sanitizer_get_allocated_size(const volatile void *);
}

namespace hawser {

namespace {

std::atomic<int64_t> held_now = 0;
std::atomic<int64_t> held_most = 0;
std::atomic<int64_t> taken_so_far = 0;

void note_taken(const volatile void *, size_t size) {
  taken_so_far++;
  int64_t now = held_now += static_cast<int64_t>(size);
  int64_t most = held_most;
  while (now > most && !held_most.compare_exchange_weak(most, now)) {
  }
}

void note_given(const volatile void *memory) {
  if (memory != nullptr) held_now -= static_cast<int64_t>(__sanitizer_get_allocated_size(memory));
}

bool sees_allocations() {
  static const bool hooked = __sanitizer_install_malloc_and_free_hooks != nullptr &&
                             __sanitizer_install_malloc_and_free_hooks(note_taken, note_given) != 0;
  return hooked;
}

int64_t held() {
  if (sees_allocations()) return held_now;
  struct mallinfo2 info = mallinfo2();
  return static_cast<int64_t>(info.uordblks + info.hblkhd);
}

}  // namespace

HeapMeter::HeapMeter() : held_before_(hawser::held()), allocations_before_(taken_so_far) {
  held_most = held_before_;
}

void HeapMeter::look() {
  most_ = std::max(most_, held());
}

int64_t HeapMeter::held() const {
  return hawser::held() - held_before_;
}

int64_t HeapMeter::most() {
  look();
  return sees_allocations() ? held_most - held_before_ : most_;
}

int64_t HeapMeter::allocations() const {
  return taken_so_far - allocations_before_;
}

}  // namespace hawser
