/* Stays connected to an echo server and sends it a number every INTERVAL; what was not echoed before a connection ended
 * is sent again on the next one: reconnecting_client URL [INTERVAL [FIRST_DELAY [LONGEST_DELAY [SILENCE]]]], in ms */
#define _XOPEN_SOURCE 700
#include <hawser.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TLS_CUT_OFF = 294 }; /* SSL_R_UNEXPECTED_EOF_WHILE_READING of OpenSSL; a reset leaves no reason */

enum { INTERVAL, FIRST_DELAY, LONGEST_DELAY, SILENCE, SETTINGS };
static int64_t settings[SETTINGS] = {1000, 1000, 30000, 15000};

static hws_manager *manager;
static hws_options *options;
static volatile sig_atomic_t stopped;

static hws_id connection; /* 0 while there is none */
static int is_open, has_failed;
static int failures;                  /* since the server has answered something */
static int64_t next_attempt;          /* when to connect, while there is no connection */
static int64_t next_number;           /* when to make the next one */
static int64_t made, sent, confirmed; /* the last number of each kind: confirmed <= sent <= made */

static void on_signal(int number) {
  (void)number;
  stopped = 1;
  hws_manager_wake(manager);
}

static int64_t clock_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Whether waiting can help. What only a person can repair must be told to a person. */
static int is_worth_retrying(const hws_event *end) {
  switch (end->error) {
    case HWS_OK: /* the server has closed: RFC 6455 7.4.1, and the registry of IANA for 1012 to 1014 */
      return end->code == 1001 || (end->code >= 1011 && end->code <= 1014);
    case HWS_ERR_HTTP: /* it has refused the handshake: "system" is the HTTP status */
      return end->system == 408 || end->system == 429 || end->system >= 500;
    case HWS_ERR_TLS: /* a certificate that is no good stays so, but a connection may be cut at any time */
      return is_open || end->system == 0 || end->system == TLS_CUT_OFF;
    case HWS_ERR_HANDSHAKE:
    case HWS_ERR_PROTOCOL:
    case HWS_ERR_DEFLATE:
    case HWS_ERR_LIMIT:
      return 0;
    default: /* HWS_ERR_RESOLVE, _CONNECT, _EOF, _IO, _TIMEOUT ... */
      return 1;
  }
}

/* RFC 6455 7.2.3: a random time, so that not all clients come back at once, from a range that doubles each time. */
static int64_t backoff(void) {
  int64_t range = settings[FIRST_DELAY];
  for (int i = 0; i < failures && range < settings[LONGEST_DELAY]; i++)
    range *= 2;
  if (range > settings[LONGEST_DELAY]) range = settings[LONGEST_DELAY];
  return random() % (range + 1);
}

/* What a server that refuses may ask for (RFC 9110 10.2.3): seconds. The other form, a date, counts as 0 here. */
static int64_t retry_after(void) {
  const char *seconds = hws_manager_header(manager, connection, "Retry-After", 0);
  int64_t least = seconds != NULL ? strtol(seconds, NULL, 10) : 0;
  return least < 0 ? 0 : least < 3600 ? least * 1000 : 3600 * 1000;
}

static void send_numbers(void) {
  while (is_open && sent < made) {
    char text[32];
    int size = snprintf(text, sizeof text, "%" PRId64, sent + 1);
    /* HWS_ERR_WOULD_BLOCK: DRAIN will tell when to go on. HWS_ERR_CLOSED: CLOSE is on its way. */
    if (hws_manager_send(manager, connection, HWS_TEXT, text, (size_t)size) < 0) return;
    sent++;
  }
}

/* The server knows nothing of the connection before: what it has to know is said again. What was sent and not confirmed
 * may have got lost with that connection, and may have arrived: so the server must be able to tell a number that comes
 * twice. */
static void on_open(void) {
  static const char subscription[] = "subscribe: numbers";
  is_open = 1;
  hws_manager_send(manager, connection, HWS_TEXT, subscription, strlen(subscription));
  sent = confirmed;
  send_numbers();
}

static void on_message(const hws_event *event) {
  char text[32];
  int size = snprintf(text, sizeof text, "%" PRId64, confirmed + 1);
  failures = 0; /* not in on_open: a server that is overloaded may accept us, only to close again */
  if (event->size != size || memcmp(event->data, text, (size_t)size) != 0) return;
  confirmed++;
  printf("confirmed: %s\n", text);
}

static void try_again(int64_t least) {
  int64_t delay = backoff() + least;
  fprintf(stderr, "the next attempt is in %" PRId64 " ms\n", delay);
  next_attempt = clock_ms() + delay;
  failures++;
}

static void on_close(const hws_event *event, const char *words) {
  fprintf(stderr, "%s; %" PRId64 " bytes were not sent\n", words, hws_manager_queued(manager, connection));
  if (!stopped && is_worth_retrying(event))
    try_again(retry_after());
  else
    has_failed = !stopped;
  connection = 0;
  is_open = 0;
}

static void handle(const hws_event *event, const char *words) {
  if (event->kind == HWS_EVENT_OPEN) on_open();
  if (event->kind == HWS_EVENT_DRAIN) send_numbers();
  if (event->kind == HWS_EVENT_MESSAGE) on_message(event);
  if (event->kind == HWS_EVENT_CLOSE) on_close(event, words);
}

static void connect_to(const char *url) {
  connection = hws_manager_connect(manager, url, options);
  if (connection >= 0) return; /* OPEN or CLOSE follows */
  fprintf(stderr, "%s: %s\n", url, hws_manager_last_error(manager));
  if (connection == HWS_ERR_NO_MEMORY)
    try_again(0);
  else
    has_failed = 1;
  connection = 0;
}

static void do_what_is_due(const char *url) {
  int64_t now = clock_ms();
  if (now >= next_number) {
    made++;
    next_number = now + settings[INTERVAL];
    send_numbers();
  }
  if (connection == 0 && now >= next_attempt) connect_to(url);
}

static int32_t time_to_wait(void) {
  if (stopped) return -1;
  int64_t due = connection == 0 && next_attempt < next_number ? next_attempt : next_number;
  int64_t left = due - clock_ms();
  return left < 0 ? 0 : (int32_t)left;
}

static void run(const char *url) {
  while (!has_failed && !(stopped && connection == 0)) {
    if (stopped)
      hws_manager_close(manager, connection, 1001, NULL); /* its CLOSE follows; said twice it does no harm */
    else
      do_what_is_due(url);
    hws_result count = hws_manager_poll(manager, time_to_wait());
    for (int32_t i = 0; i < count; i++)
      handle(hws_manager_event(manager, i), hws_manager_event_text(manager, i));
    fflush(stdout);
  }
}

int main(int argc, char **argv) {
  int is_valid = argc >= 2 && argc <= 2 + SETTINGS;
  for (int i = 2; i < argc && is_valid; i++) {
    settings[i - 2] = strtol(argv[i], NULL, 10);
    is_valid = settings[i - 2] > 0 && settings[i - 2] <= INT32_MAX; /* as a poll can wait */
  }
  if (!is_valid) {
    fprintf(stderr, "usage: reconnecting_client URL [INTERVAL [FIRST_DELAY [LONGEST_DELAY [SILENCE]]]]\n");
    return 1;
  }

  /* After this much silence the server is pinged, and after as much again it counts as gone. */
  options = hws_options_new();
  hws_options_set_int(options, "ping_interval", settings[SILENCE]);
  hws_options_set_int(options, "ping_timeout", settings[SILENCE]);
  manager = hws_manager_new(NULL);

  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);

  /* Clients that are started at the same time must not draw the same delays. */
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  srandom((unsigned)(now.tv_nsec ^ getpid()));

  run(argv[1]);
  hws_manager_free(manager);
  hws_options_free(options);
  return has_failed;
}
