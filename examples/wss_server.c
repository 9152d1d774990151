/* An echo server over wss:// that takes a renewed certificate on SIGHUP: wss_server URL CERTIFICATE KEY */
#define _POSIX_C_SOURCE 200809L
#include <hawser.h>
#include <signal.h>
#include <stdio.h>

static hws_manager *manager;
static volatile sig_atomic_t renewed;

/* Waking a manager is one of the few things that a signal handler may do. */
static void on_hangup(int number) {
  (void)number;
  renewed = 1;
  hws_manager_wake(manager);
}

/* The files are read again. If they are no good the listener keeps what it has. */
static void reload(hws_id listener, const hws_options *options) {
  renewed = 0;
  if (hws_manager_reload_tls(manager, listener, options) == HWS_OK) return;
  fprintf(stderr, "the old certificate stays: %s\n", hws_manager_last_error(manager));
}

static void echo(const hws_event *event) {
  if (event->kind != HWS_EVENT_MESSAGE) return;
  if (hws_manager_send(manager, event->connection, event->opcode, event->data, (size_t)event->size) < 0)
    hws_manager_close(manager, event->connection, 1013, "too much at once");
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: wss_server URL CERTIFICATE KEY\n");
    return 1;
  }
  hws_options *options = hws_options_new();
  hws_options_set_text(options, "tls_certificate", argv[2]);
  hws_options_set_text(options, "tls_key", argv[3]);
  hws_options_set_text(options, "deflate", "shared");
  hws_options_set_int(options, "pause_above", 1 << 20); /* read no further from a peer that does not read */

  manager = hws_manager_new(NULL);
  hws_id listener = hws_manager_listen(manager, argv[1], options);
  if (listener < 0) {
    fprintf(stderr, "%s\n", hws_manager_last_error(manager));
    return 1;
  }
  struct sigaction action = {.sa_handler = on_hangup};
  sigaction(SIGHUP, &action, NULL);
  printf("listening on %s\n", hws_manager_local_address(manager, listener));
  fflush(stdout);

  hws_result count;
  while ((count = hws_manager_poll(manager, -1)) >= 0) {
    for (int32_t i = 0; i < count; i++)
      echo(hws_manager_event(manager, i));
    if (renewed) reload(listener, options);
  }
  hws_manager_free(manager);
  return 1;
}
