/* Listens on a free port, and ends: the library is here, and finds what it needs. */
#include <hawser.h>
#include <stdio.h>

int main(void) {
  hws_manager *manager = hws_manager_new(NULL);
  hws_id listener = hws_manager_listen(manager, "ws://127.0.0.1:0/", NULL);
  printf("hawser %s listens at %s\n", hws_version(), hws_manager_local_address(manager, listener));
  hws_manager_free(manager);
  return listener > 0 ? 0 : 1;
}
