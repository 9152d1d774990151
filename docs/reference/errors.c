/* Writes docs/reference/errors.md from the table of errors: errors > docs/reference/errors.md. A test compares the two. */
#include <hawser.h>
#include <stdio.h>
#include <string.h>

static int is_error(hws_result code) {
  return strcmp(hws_error_name(code), "HWS_ERR_UNKNOWN") != 0;
}

int main(void) {
  printf("# Errors\n\n"
         "What calls answer, and what `error` of a CLOSE event says (0: no error). `hws_error_name` and `hws_error_text` tell\n"
         "names and sentences. The [reference](api.md#hws_result) says more about each, and at each function which of them it\n"
         "answers. `hws_manager_last_error` and `hws_manager_event_text` have words about the very case: which file, which limit,\n"
         "which layer.\n\n"
         "| name | number | what it means |\n|---|---|---|\n");
  for (hws_result code = -1; is_error(code); code--)
    printf("| `%s` | %d | %s |\n", hws_error_name(code), (int)code, hws_error_text(code));
  return 0;
}
