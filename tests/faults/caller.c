#define _GNU_SOURCE
#include "caller.h"

#include <link.h>
#include <stdint.h>
#include <string.h>

enum { MOST = 16 };

struct range {
  uintptr_t begin, end;
};

static struct range ranges[MOST];
static int count;

static int note(struct dl_phdr_info *module, size_t size, void *with) {
  int i;
  (void)size, (void)with;
  if (strstr(module->dlpi_name, "libhawser") == NULL && strstr(module->dlpi_name, "libcares") == NULL) return 0;
  for (i = 0; i < module->dlpi_phnum && count < MOST; i++) {
    const ElfW(Phdr) *part = &module->dlpi_phdr[i];
    if (part->p_type != PT_LOAD || (part->p_flags & PF_X) == 0) continue;
    ranges[count].begin = module->dlpi_addr + part->p_vaddr;
    ranges[count].end = ranges[count].begin + part->p_memsz;
    count++;
  }
  return 0;
}

/* Before main, and behind what a sanitizer does first: that is not the library's. */
__attribute__((constructor)) static void note_all(void) {
  dl_iterate_phdr(note, NULL);
}

int caller_is_library(const void *address) {
  uintptr_t at = (uintptr_t)address;
  int i;
  for (i = 0; i < count; i++) {
    if (at >= ranges[i].begin && at < ranges[i].end) return 1;
  }
  return 0;
}
