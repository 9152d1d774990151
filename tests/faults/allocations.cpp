// Allocations of the library fail as its system calls do: calls.h. malloc is the C library's or a sanitizer's all the
// same, and so is free.
#include <cerrno>
#include <cstdlib>
#include <new>

#include <dlfcn.h>

extern "C" {
#include "caller.h"
#include "calls.h"
}

namespace {

template <typename Function>
Function *next(const char *name) {
  return reinterpret_cast<Function *>(dlsym(RTLD_NEXT, name));
}

void *real_malloc(size_t size) {
  static auto *const real = next<void *(size_t)>("malloc");
  return real(size);
}

void *allocate(size_t size, bool by_library) {
  return by_library && calls_fail_allocation() ? nullptr : real_malloc(size != 0 ? size : 1);
}

}  // namespace

extern "C" INSTEAD void *malloc(size_t size) noexcept {
  return allocate(size, CALLED_BY_LIBRARY);
}

extern "C" INSTEAD void *realloc(void *memory, size_t size) noexcept {
  static auto *const real = next<void *(void *, size_t)>("realloc");
  return CALLED_BY_LIBRARY && calls_fail_allocation() ? nullptr : real(memory, size);
}

INSTEAD void *operator new(size_t size) {
  void *memory = allocate(size, CALLED_BY_LIBRARY);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

INSTEAD void *operator new(size_t size, const std::nothrow_t &) noexcept {
  return allocate(size, CALLED_BY_LIBRARY);
}

INSTEAD void operator delete(void *memory) noexcept {
  std::free(memory);
}

INSTEAD void operator delete(void *memory, size_t) noexcept {
  std::free(memory);
}
