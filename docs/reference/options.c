/* Writes docs/reference/options.md from the table of options: options > docs/reference/options.md. A test compares the two. */
#include <hawser.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* max_connections has a default of the machine; its text says which. */
static int depends_on_machine(const char *name) {
  return strcmp(name, "max_connections") == 0;
}

static void print_number(int32_t i) {
  printf("Number");
  if (!depends_on_machine(hws_option_name(i))) printf(", %" PRId64 " by default", hws_option_default(i));
  printf(", %" PRId64, hws_option_min(i));
  if (hws_option_max(i) == INT64_MAX)
    printf(" or more");
  else
    printf(" to %" PRId64, hws_option_max(i));
}

static void print_kind(int32_t i) {
  switch (hws_option_kind(i)) {
    case HWS_OPTION_INT: print_number(i); break;
    case HWS_OPTION_FLAG: printf("Flag, %" PRId64 " by default", hws_option_default(i)); break;
    default: printf("Text"); break;
  }
}

int main(void) {
  printf("# Options\n\n"
         "What `hws_options_set_int` (numbers and flags) and `hws_options_set_text` take. Times are milliseconds, sizes are\n"
         "bytes. Where a range begins with -1, -1 means unlimited or never; 0 never does. What is not set on a connection or\n"
         "listener comes from its manager's options, and what is not set there is the default.\n");
  for (int32_t i = 0; i < hws_option_count(); i++) {
    printf("\n## `%s`\n\n", hws_option_name(i));
    print_kind(i);
    printf(".\n\n%s\n", hws_option_text(i));
  }
  return 0;
}
