/* An echo for the tests of compression: deflate_echo [OPTION=VALUE]..., which are the manager's. It takes commands from
 * standard input, one a line, words separated by tabs, and answers in lines of the same kind:
 *
 *     listen URL OPTION=VALUE...    "listening ADDRESS"
 *     connect URL OPTION=VALUE...   "connecting ID", "open ID EXTENSIONS", and at last "close ID ERROR WORDS"
 *     stat NAME                     "stat NUMBER"
 *
 * A binary message goes back whole, a text in three parts with a ping behind the first. */
#define _POSIX_C_SOURCE 200809L
#include <hawser.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static hws_manager *manager;

static void need(int64_t result, const char *words) {
  if (result >= 0) return;
  fprintf(stderr, "deflate_echo: %s: %s\n", words, hws_error_name((hws_result)result));
  exit(1);
}

/* Of the other options the value is a number. */
static int is_text(const char *name) {
  for (int32_t i = 0; i < hws_option_count(); i++) {
    if (strcmp(hws_option_name(i), name) == 0) return hws_option_kind(i) == HWS_OPTION_TEXT;
  }
  return 0;
}

static void set_option(hws_options *options, char *word) {
  char *value = strchr(word, '=');
  if (value == NULL) need(HWS_ERR_OPTION, word);
  *value++ = '\0';
  need(is_text(word) ? hws_options_set_text(options, word, value) : hws_options_set_int(options, word, atoll(value)),
       word);
}

static void listen_at(const char *url, const hws_options *options) {
  hws_id listener = hws_manager_listen(manager, url, options);
  need(listener, hws_manager_last_error(manager));
  printf("listening\t%s\n", hws_manager_local_address(manager, listener));
}

static void connect_to(const char *url, const hws_options *options) {
  hws_id connection = hws_manager_connect(manager, url, options);
  need(connection, hws_manager_last_error(manager));
  printf("connecting\t%" PRId64 "\n", connection);
}

static void run_command(char *line) {
  char *rest = NULL;
  const char *command = strtok_r(line, "\t", &rest);
  const char *subject = strtok_r(NULL, "\t", &rest);
  hws_options *options = hws_options_new();
  if (command == NULL || subject == NULL) need(HWS_ERR_ARGUMENT, "a command");
  for (char *word; (word = strtok_r(NULL, "\t", &rest)) != NULL;)
    set_option(options, word);
  if (strcmp(command, "listen") == 0) {
    listen_at(subject, options);
  } else if (strcmp(command, "connect") == 0) {
    connect_to(subject, options);
  } else {
    printf("stat\t%" PRId64 "\n", hws_manager_stat(manager, subject));
  }
  hws_options_free(options);
}

/* 0 at the end of the input. */
static int read_commands(void) {
  static char text[8192];
  static size_t size;
  ssize_t got = read(STDIN_FILENO, text + size, sizeof text - size);
  if (got <= 0) return 0;
  size += (size_t)got;
  for (char *end; (end = memchr(text, '\n', size)) != NULL;) {
    *end++ = '\0';
    run_command(text);
    size -= (size_t)(end - text);
    memmove(text, end, size);
  }
  return 1;
}

static hws_result echo_in_parts(const hws_event *event) {
  const char *data = event->size > 0 ? event->data : "";
  size_t part = (size_t)event->size / 3;
  hws_result sent = hws_manager_send_part(manager, event->connection, event->opcode, data, part, 0);
  if (sent >= 0) sent = hws_manager_ping(manager, event->connection, "between", 7);
  if (sent >= 0) sent = hws_manager_send_part(manager, event->connection, event->opcode, data + part, part, 0);
  if (sent < 0) return sent;
  return hws_manager_send_part(manager, event->connection, event->opcode, data + 2 * part,
                               (size_t)event->size - 2 * part, 1);
}

static hws_result echo(const hws_event *event) {
  if (event->opcode == HWS_TEXT) return echo_in_parts(event);
  return hws_manager_send(manager, event->connection, event->opcode, event->data, (size_t)event->size);
}

static void handle(const hws_event *event, const char *words) {
  if (event->kind == HWS_EVENT_MESSAGE) {
    hws_result sent = echo(event);
    if (sent != HWS_ERR_CLOSED) need(sent, "echo");
  }
  if (event->listener != 0) return;
  if (event->kind == HWS_EVENT_OPEN) {
    const char *extensions = hws_manager_extensions(manager, event->connection);
    printf("open\t%" PRId64 "\t%s\n", event->connection, extensions != NULL ? extensions : "");
  }
  if (event->kind == HWS_EVENT_CLOSE)
    printf("close\t%" PRId64 "\t%s\t%s\n", event->connection, hws_error_name(event->error), words);
}

static void poll_manager(void) {
  hws_result count = hws_manager_poll(manager, 0);
  need(count, "poll");
  for (int32_t i = 0; i < count; i++)
    handle(hws_manager_event(manager, i), hws_manager_event_text(manager, i));
  hws_manager_flush(manager);
}

int main(int argc, char **argv) {
  hws_options *options = hws_options_new();
  struct pollfd sources[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.events = POLLIN}};
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (int i = 1; i < argc; i++)
    set_option(options, argv[i]);
  manager = hws_manager_new(options);
  hws_options_free(options);
  need(hws_manager_fd(manager), "the manager's descriptor");
  sources[1].fd = (int)hws_manager_fd(manager);
  do {
    poll_manager();
    need(poll(sources, 2, -1), "waiting");
  } while (sources[0].revents == 0 || read_commands());
  hws_manager_free(manager);
  return 0;
}
