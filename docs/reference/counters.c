/* Writes docs/reference/counters.md from the table of counters: counters > docs/reference/counters.md. A test compares the two. */
#include <hawser.h>
#include <stdio.h>

int main(void) {
  printf(
      "# Counters\n\n"
      "What `hws_manager_stat` answers by name, for one manager. All of them begin at 0 when it is made. Those that "
      "say \"now\"\n"
      "go up and down; the others only grow. `hws_stat_count`, `hws_stat_name` and `hws_stat_text` list them.\n\n"
      "| name | what it counts |\n|---|---|\n");
  for (int32_t i = 0; i < hws_stat_count(); i++)
    printf("| `%s` | %s |\n", hws_stat_name(i), hws_stat_text(i));
  return 0;
}
