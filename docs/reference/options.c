/* Writes docs/reference/options.md from the table of options: options > docs/reference/options.md. A test compares the two. */
#include <hawser.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* max_connections has a default of the machine; its text says which. */
static int depends_on_machine(const char *name) {
  return strcmp(name, "max_connections") == 0;
}

static void print_number(int64_t value) {
  if (value == INT64_MAX)
    printf("no bound");
  else
    printf("%" PRId64, value);
}

static void print_default(int32_t i) {
  int32_t kind = hws_option_kind(i);
  if (kind == HWS_OPTION_TEXT || depends_on_machine(hws_option_name(i)))
    printf("see text");
  else
    print_number(hws_option_default(i));
}

static void print_range(int32_t i) {
  if (hws_option_kind(i) == HWS_OPTION_TEXT) return;
  print_number(hws_option_min(i));
  printf(" to ");
  print_number(hws_option_max(i));
}

int main(void) {
  static const char *const kinds[] = {"", "number", "flag", "text"};
  printf("# Options\n\n"
         "What `hws_options_set_int` (numbers and flags) and `hws_options_set_text` take. Times are milliseconds, sizes are\n"
         "bytes. Where a range begins with -1, -1 means unlimited or never; 0 never does. What is not set on a connection or\n"
         "listener comes from its manager's options, and what is not set there is the default.\n\n"
         "| name | kind | default | range | what it does |\n|---|---|---|---|---|\n");
  for (int32_t i = 0; i < hws_option_count(); i++) {
    printf("| `%s` | %s | ", hws_option_name(i), kinds[hws_option_kind(i)]);
    print_default(i);
    printf(" | ");
    print_range(i);
    printf(" | %s |\n", hws_option_text(i));
  }
  return 0;
}
