/* PHP loads extensions with RTLD_DEEPBIND, by which they would find another malloc than AddressSanitizer's, which ends
 * the process at once. Preloaded, this takes the flag away. */
#define _GNU_SOURCE
#include <dlfcn.h>

__attribute__((visibility("default"))) void *dlopen(const char *file, int mode) {
  void *(*next)(const char *, int);
  *(void **)&next = dlsym(RTLD_NEXT, "dlopen");
  return next(file, mode & ~RTLD_DEEPBIND);
}
