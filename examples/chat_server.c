/* A chat in the browser: the page and the WebSocket on one port: chat_server URL PAGE [CERTIFICATE KEY]
 * ws://127.0.0.1:9001/ serves chat.html at http://127.0.0.1:9001/; with a certificate both are encrypted. */
#define _DEFAULT_SOURCE
#include <hawser.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_TEXT = 2000 };

static hws_manager *manager;
static hws_id listener;
static volatile sig_atomic_t stopped;

static char page[64 << 10];
static size_t page_size;
static hws_options *page_headers;
static char cookie[64]; /* "chat=...": who has it has loaded the page */

static void on_signal(int number) {
  (void)number;
  stopped = 1;
  hws_manager_wake(manager);
}

/* The value of a Cookie header is "name=value; name=value". */
static int has_cookie(hws_id connection) {
  const char *cookies = hws_manager_header(manager, connection, "Cookie", 0);
  size_t size = strlen(cookie);
  while (cookies != NULL) {
    if (strncmp(cookies, cookie, size) == 0 && (cookies[size] == '\0' || cookies[size] == ';')) return 1;
    cookies = strchr(cookies, ';');
    if (cookies != NULL) cookies += strspn(cookies, "; ");
  }
  return 0;
}

static void refuse(hws_id connection, int32_t status, const char *words) {
  hws_manager_respond(manager, connection, status, NULL, words, strlen(words));
}

/* The browser wants the page. */
static void answer_http(hws_id connection, const char *path) {
  if (strcmp(path, "/") == 0)
    hws_manager_respond(manager, connection, 200, page_headers, page, page_size);
  else
    refuse(connection, 404, "The page is at /.\n");
}

/* The page wants a WebSocket. Its Origin was checked already (the option "origins"). */
static void answer_upgrade(hws_id connection, const char *path) {
  const char *subprotocol = hws_manager_subprotocol(manager, connection);
  if (strcmp(path, "/chat") != 0)
    refuse(connection, 404, "The chat is at /chat.\n");
  else if (subprotocol == NULL)
    refuse(connection, 400, "The chat speaks the subprotocol chat.v1.\n");
  else if (!has_cookie(connection))
    refuse(connection, 401, "Load the page first.\n");
  else
    hws_manager_accept(manager, connection, subprotocol, NULL);
}

static void on_request(const hws_event *event) {
  const char *path = hws_manager_path(manager, event->connection);
  if (path == NULL) return;
  if (event->flags & HWS_UPGRADE)
    answer_upgrade(event->connection, path);
  else
    answer_http(event->connection, path);
}

/* To everybody: what a guest has said, behind ": ", or what we tell of a guest, behind " ". A guest that does not read
 * is closed with 1013: that is "slow_reader" = "close", the default. */
static void say(int64_t guest, const char *sign, const char *text, size_t size) {
  char line[MOST_TEXT + 64];
  int used = snprintf(line, sizeof line, "guest %" PRId64 "%s", guest, sign);
  memcpy(line + used, text, size);
  hws_manager_broadcast(manager, listener, 0, HWS_TEXT, line, (size_t)used + size);
}

/* The tag is the number of the guest, and comes with all events. */
static void on_open(const hws_event *event) {
  static int64_t guests;
  hws_manager_set_tag(manager, event->connection, ++guests);
  say(guests, " ", "has come", strlen("has come"));
}

static void on_message(const hws_event *event) {
  if (event->opcode == HWS_TEXT)
    say(event->tag, ": ", event->data, (size_t)event->size);
  else
    hws_manager_close(manager, event->connection, 1003, "text only");
}

/* Requests that were answered by respond end in CLOSE as well: their tag is the listener's, 0. */
static void on_close(const hws_event *event) {
  if (event->tag != 0) say(event->tag, " ", "has gone", strlen("has gone"));
}

static void handle(const hws_event *event) {
  if (event->kind == HWS_EVENT_REQUEST) on_request(event);
  if (event->kind == HWS_EVENT_OPEN) on_open(event);
  if (event->kind == HWS_EVENT_MESSAGE) on_message(event);
  if (event->kind == HWS_EVENT_CLOSE) on_close(event);
}

static int read_page(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return 0;
  page_size = fread(page, 1, sizeof page, file);
  int is_whole = feof(file) && !ferror(file);
  fclose(file);
  return is_whole;
}

/* 128 random bits. Here they are the same for all who load the page; after a login each user gets bits of their own. */
static int make_cookie(void) {
  unsigned char random[16];
  if (getentropy(random, sizeof random) != 0) return 0;
  int used = snprintf(cookie, sizeof cookie, "chat=");
  for (size_t i = 0; i < sizeof random; i++)
    used += snprintf(cookie + used, sizeof cookie - (size_t)used, "%02x", random[i]);
  return 1;
}

/* HttpOnly: no script reads it. SameSite: pages of other sites do not make the browser send it. */
static void make_page_headers(int is_secure) {
  char value[128];
  snprintf(value, sizeof value, "%s; Path=/; HttpOnly; SameSite=Strict%s", cookie, is_secure ? "; Secure" : "");
  page_headers = hws_options_new();
  hws_options_add_header(page_headers, "Set-Cookie", value);
  hws_options_add_header(page_headers, "Content-Type", "text/html; charset=utf-8");
  hws_options_add_header(page_headers, "Cache-Control", "no-store");
  hws_options_add_header(page_headers, "X-Content-Type-Options", "nosniff");
  hws_options_add_header(page_headers, "Content-Security-Policy",
                         "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
                         "connect-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'");
}

static hws_options *listener_options(const char *certificate, const char *key) {
  hws_options *options = hws_options_new();
  hws_options_set_int(options, "requests", 1);
  hws_options_set_text(options, "subprotocols", "chat.v1");
  hws_options_set_int(options, "max_message_size", MOST_TEXT);
  hws_options_set_int(options, "max_send_queue", 256 << 10);
  hws_options_set_text(options, "deflate", "shared");
  if (certificate == NULL) return options;
  hws_options_set_text(options, "tls_certificate", certificate);
  hws_options_set_text(options, "tls_key", key);
  return options;
}

static hws_result poll_and_handle(void) {
  hws_result count = hws_manager_poll(manager, -1);
  for (int32_t i = 0; i < count; i++)
    handle(hws_manager_event(manager, i));
  return count;
}

int main(int argc, char **argv) {
  int is_secure = argc == 5;
  if (argc != 3 && argc != 5) {
    fprintf(stderr, "usage: chat_server URL PAGE [CERTIFICATE KEY]\n");
    return 1;
  }
  if (!read_page(argv[2]) || !make_cookie()) {
    fprintf(stderr, "chat_server: %s cannot be read, or is too large\n", argv[2]);
    return 1;
  }
  make_page_headers(is_secure);

  manager = hws_manager_new(NULL);
  hws_options *options = listener_options(is_secure ? argv[3] : NULL, is_secure ? argv[4] : NULL);
  listener = hws_manager_listen(manager, argv[1], options);
  hws_options_free(options);
  if (listener < 0) {
    fprintf(stderr, "chat_server: %s\n", hws_manager_last_error(manager));
    return 1;
  }
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  printf("listening on %s://%s/\n", is_secure ? "https" : "http", hws_manager_local_address(manager, listener));
  fflush(stdout);

  hws_result count = 0;
  while (!stopped && count >= 0)
    count = poll_and_handle();

  hws_manager_drain(manager, 2000); /* the browsers see 1001 */
  while (count >= 0 && hws_manager_stat(manager, "connections") > 0)
    count = poll_and_handle();
  hws_manager_free(manager);
  hws_options_free(page_headers);
  return count < 0;
}
