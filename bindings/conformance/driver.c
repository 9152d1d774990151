/* The driver in C: see README.md. The drivers of all languages do the same in the same order. */
#define _POSIX_C_SOURCE 200809L
#include <hawser.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

enum { MAX_WORDS = 8, MAX_NAMES = 4096, MAX_LINE = 4096, SHOWN = 64 };

typedef struct Payload {
  unsigned char *data;
  size_t size;
} Payload;

static const char *url;
static hws_options *options;
static hws_manager *manager;
static hws_id listener, connections[MAX_NAMES];
static int connection_count;
static int32_t batch_size, taken; /* events of the batch, and those of them that were taken */

static void die(const char *why, const char *what) {
  fprintf(stderr, "driver: %s: %s\n", why, what);
  exit(2);
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

static hws_id id_of(const char *word) {
  char *end;
  if (strcmp(word, "l") == 0) return listener;
  if (word[0] == 'c') {
    long number = strtol(word + 1, &end, 10);
    if (*end != 0 || number < 1 || number > connection_count) die("no such connection", word);
    return connections[number - 1];
  }
  return strtoll(word, NULL, 10);
}

static const char *name_of(hws_id id) {
  static char name[16];
  if (id == listener) return "l";
  int index = 0;
  while (index < connection_count && connections[index] != id)
    index++;
  if (index == MAX_NAMES) die("too many connections", "");
  if (index == connection_count) connections[connection_count++] = id;
  snprintf(name, sizeof name, "c%d", index + 1);
  return name;
}

static int32_t kind_of(const char *word) {
  if (strcmp(word, "text") == 0) return HWS_TEXT;
  if (strcmp(word, "binary") == 0) return HWS_BINARY;
  return (int32_t)strtol(word, NULL, 10);
}

static Payload times(Payload one, size_t count) {
  Payload all = {malloc(one.size * count + 1), one.size * count};
  for (size_t i = 0; i < count; i++)
    memcpy(all.data + i * one.size, one.data, one.size);
  free(one.data);
  return all;
}

static Payload payload_of(const char *word) {
  char *rest;
  unsigned long count = strtoul(word, &rest, 10);
  if (rest != word && *rest == '*') return times(payload_of(rest + 1), count);
  Payload payload = {malloc(strlen(word) + 1), 0};
  if (strcmp(word, "-") == 0) return payload;
  if (strncmp(word, "hex:", 4) != 0) {
    payload.size = strlen(word);
    memcpy(payload.data, word, payload.size);
    return payload;
  }
  unsigned byte;
  for (word += 4; sscanf(word, "%2x", &byte) == 1; word += 2)
    payload.data[payload.size++] = (unsigned char)byte;
  return payload;
}

/* ---- what is printed --------------------------------------------------------------------------------------------- */

static void print_value(const char *command, const char *value) {
  printf("%s: %s\n", command, value ? value : "none");
}

static void print_number(const char *command, int64_t number) {
  if (number < 0)
    printf("%s: %s %" PRId64 "\n", command, hws_error_name((hws_result)number), number);
  else
    printf("%s: %" PRId64 "\n", command, number);
}

static void print_result(const char *command, int64_t result) {
  if (result < 0)
    print_number(command, result);
  else
    print_value(command, "ok");
}

/* Whole text that a terminal can show. */
static int is_shown(const hws_event *event) {
  const unsigned char *data = event->data;
  int whole = event->opcode == HWS_TEXT && (event->flags & HWS_FIRST) && (event->flags & HWS_FINAL);
  if (!whole && event->kind != HWS_EVENT_CLOSE) return 0;
  for (int64_t i = 0; i < event->size; i++)
    if (data[i] < 32) return 0;
  return 1;
}

static void print_payload(const hws_event *event) {
  const unsigned char *data = event->data;
  if (event->size == 0) {
    printf("-");
  } else if (event->size > SHOWN) {
    printf("crc32:%08lx", crc32(0, data, (uInt)event->size));
  } else if (is_shown(event)) {
    printf("%.*s", (int)event->size, (const char *)data);
  } else {
    printf("hex:");
    for (int64_t i = 0; i < event->size; i++)
      printf("%02x", data[i]);
  }
}

static const char *const event_names[] = {"", "OPEN", "MESSAGE", "DRAIN", "CLOSE", "REQUEST", "PONG"};

static const char *flag(const hws_event *event, uint32_t bit, const char *word) {
  return event->flags & bit ? word : "";
}

static void print_event(const hws_event *event) {
  printf("%s %s", name_of(event->connection), event_names[event->kind]);
  switch (event->kind) {
    case HWS_EVENT_OPEN:
      if (event->listener) printf(" l");
      break;
    case HWS_EVENT_REQUEST:
      printf(" l %s", event->flags & HWS_UPGRADE ? "upgrade" : "http");
      break;
    case HWS_EVENT_MESSAGE:
      printf(" %s%s%s %" PRId64 " ", event->opcode == HWS_TEXT ? "text" : "binary", flag(event, HWS_FIRST, " first"),
             flag(event, HWS_FINAL, " final"), event->size);
      print_payload(event);
      break;
    case HWS_EVENT_PONG:
      printf(" %" PRId64 " ", event->size);
      print_payload(event);
      break;
    case HWS_EVENT_CLOSE:
      printf(" %d %s %d%s%s ", event->code, hws_error_name(event->error), event->system,
             flag(event, HWS_BY_PEER, " by-peer"), flag(event, HWS_CLEAN, " clean"));
      print_payload(event);
      break;
  }
  if (event->tag) printf(" tag %" PRId64, event->tag);
  printf("\n");
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

/* Valid until the next call. */
static const hws_event *take(void) {
  while (taken == batch_size) {
    batch_size = hws_manager_poll(manager, -1);
    taken = 0;
    if (batch_size < 0) die("poll", hws_error_name(batch_size));
  }
  return hws_manager_event(manager, taken++);
}

static const hws_event *take_and_print(void) {
  const hws_event *event = take();
  print_event(event);
  return event;
}

static void take_many(const char *name, int count) {
  for (int seen = 0; seen < count;) {
    const hws_event *event = take();
    name_of(event->connection);
    seen += strcmp(event_names[event->kind], name) == 0;
  }
  printf("%s %d\n", name, count);
}

static void echo(int count) {
  while (count > 0) {
    const hws_event *event = take_and_print();
    if (event->kind != HWS_EVENT_MESSAGE) continue;
    print_result("send", hws_manager_send(manager, event->connection, event->opcode, event->data, (size_t)event->size));
    count--;
  }
}

static void skip(const char *word) {
  Payload payload = payload_of(word);
  for (;;) {
    const hws_event *event = take();
    if (event->kind != HWS_EVENT_MESSAGE || (size_t)event->size != payload.size ||
        memcmp(event->data, payload.data, payload.size) != 0)
      continue;
    print_event(event);
    break;
  }
  free(payload.data);
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static hws_options *given_options(void) {
  if (!options) options = hws_options_new();
  return options;
}

static void drop_options(void) {
  hws_options_free(options);
  options = NULL;
}

static void need_manager(void) {
  if (manager) return;
  manager = hws_manager_new(options);
  drop_options();
}

static int is_number(const char *word) {
  char *end;
  strtoll(word, &end, 10);
  return end != word && *end == 0;
}

static hws_result set_option(const char *name, const char *value) {
  if (is_number(value)) return hws_options_set_int(given_options(), name, strtoll(value, NULL, 10));
  return hws_options_set_text(given_options(), name, value);
}

static void do_listen(void) {
  char text[512];
  snprintf(text, sizeof text, "%s/", url);
  listener = hws_manager_listen(manager, text, options);
  if (listener < 0)
    print_number("listen", listener);
  else
    printf("listening %s\n", hws_manager_local_address(manager, listener));
}

static void do_connect(const char *path, int count) {
  char text[512];
  snprintf(text, sizeof text, "%s%s", strstr(path, "://") ? "" : url, path);
  hws_id id = 0;
  const char *name = "";
  for (int i = 0; i < count && id >= 0; i++) {
    id = hws_manager_connect(manager, text, options);
    if (id > 0) name = name_of(id);
  }
  if (id < 0)
    print_number("connect", id);
  else
    print_value("connect", name);
}

static hws_result call_send(char **words, int count) {
  int is_part = strcmp(words[0], "part") == 0;
  Payload payload = payload_of(words[count - 1 - is_part]);
  hws_id id = id_of(words[1]);
  hws_result result;
  if (strcmp(words[0], "ping") == 0)
    result = hws_manager_ping(manager, id, payload.data, payload.size);
  else if (is_part)
    result = hws_manager_send_part(manager, id, kind_of(words[2]), payload.data, payload.size,
                                   strcmp(words[4], "final") == 0);
  else
    do
      result = hws_manager_send(manager, id, kind_of(words[2]), payload.data, payload.size);
    while (result == 0 && strcmp(words[0], "fill") == 0);
  free(payload.data);
  return result;
}

static hws_result call_close(char **words, int count) {
  Payload reason = payload_of(count > 3 ? words[3] : "-");
  reason.data[reason.size] = 0;
  hws_result result = hws_manager_close(manager, id_of(words[1]), (int32_t)strtol(words[2], NULL, 10),
                                        count > 3 ? (const char *)reason.data : NULL);
  free(reason.data);
  return result;
}

/* What any thread may say; 1: another command. */
static hws_result call_of_any_thread(char **words, int count) {
  if (strcmp(words[0], "wake") == 0) return hws_manager_wake(manager);
  if (strcmp(words[0], "close") == 0) return call_close(words, count);
  if (strcmp(words[0], "send") == 0) return call_send(words, count);
  return 1;
}

static void do_broadcast(char **words) {
  Payload payload = payload_of(words[3]);
  print_number("broadcast", hws_manager_broadcast(manager, listener, id_of(words[1]), kind_of(words[2]), payload.data,
                                                  payload.size));
  free(payload.data);
}

static void do_respond(char **words) {
  Payload body = payload_of(words[3]);
  print_result("respond", hws_manager_respond(manager, id_of(words[1]), (int32_t)strtol(words[2], NULL, 10), options,
                                              body.data, body.size));
  free(body.data);
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

/* Those of one id, and no more. */
static int run_call(char **words) {
  static const struct {
    const char *name;
    hws_result (*call)(hws_manager *, hws_id);
  } calls[] = {{"abort", hws_manager_abort}, {"pause", hws_manager_pause}, {"resume", hws_manager_resume}};
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    if (strcmp(words[0], calls[i].name) != 0) continue;
    print_result(words[0], calls[i].call(manager, id_of(words[1])));
    return 1;
  }
  return 0;
}

static int run_reader(char **words) {
  static const struct {
    const char *name;
    const char *(*read)(hws_manager *, hws_id);
  } readers[] = {{"path", hws_manager_path},
                 {"status", hws_manager_status},
                 {"subprotocol", hws_manager_subprotocol},
                 {"extensions", hws_manager_extensions}};
  for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
    if (strcmp(words[0], readers[i].name) != 0) continue;
    print_value(words[0], readers[i].read(manager, id_of(words[1])));
    return 1;
  }
  return 0;
}

static int run_event_command(char **words) {
  const char *word = words[0];
  if (strcmp(word, "event") == 0)
    take_and_print();
  else if (strcmp(word, "events") == 0)
    take_many(words[1], atoi(words[2]));
  else if (strcmp(word, "echo") == 0)
    echo(atoi(words[1]));
  else if (strcmp(word, "skip") == 0)
    skip(words[1]);
  else if (strcmp(word, "poll") == 0)
    print_number(word, taken = batch_size = hws_manager_poll(manager, atoi(words[1])));
  else
    return 0;
  return 1;
}

/* What takes the options that were given. */
static int run_with_options(char **words, int count) {
  const char *word = words[0];
  if (strcmp(word, "listen") == 0)
    do_listen();
  else if (strcmp(word, "connect") == 0)
    do_connect(words[1], count > 2 ? atoi(words[2]) : 1);
  else if (strcmp(word, "accept") == 0)
    print_result(word, hws_manager_accept(manager, id_of(words[1]), count > 2 ? words[2] : NULL, options));
  else if (strcmp(word, "respond") == 0)
    do_respond(words);
  else
    return 0;
  drop_options();
  return 1;
}

static int run_other(char **words, int count) {
  const char *word = words[0];
  if (strcmp(word, "part") == 0 || strcmp(word, "fill") == 0 || strcmp(word, "ping") == 0)
    print_result(word, call_send(words, count));
  else if (strcmp(word, "flush") == 0)
    print_result(word, hws_manager_flush(manager));
  else if (strcmp(word, "tag") == 0)
    print_result(word, hws_manager_set_tag(manager, id_of(words[1]), strtoll(words[2], NULL, 10)));
  else if (strcmp(word, "queued") == 0)
    print_number(word, hws_manager_queued(manager, id_of(words[1])));
  else if (strcmp(word, "stat") == 0)
    print_number(word, hws_manager_stat(manager, words[1]));
  else if (strcmp(word, "broadcast") == 0)
    do_broadcast(words);
  else if (strcmp(word, "header") == 0)
    print_value(word, hws_manager_header(manager, id_of(words[1]), words[2], 0));
  else if (strcmp(word, "drain") == 0)
    print_result(word, hws_manager_drain(manager, atoi(words[1])));
  else
    return 0;
  return 1;
}

static int run(char **words, int count) {
  hws_result result = call_of_any_thread(words, count);
  if (result <= 0) {
    print_result(words[0], result);
    return 1;
  }
  return run_call(words) || run_reader(words) || run_event_command(words) || run_with_options(words, count) ||
         run_other(words, count);
}

static int run_setting(char **words) {
  if (strcmp(words[0], "option") == 0)
    print_result(words[0], set_option(words[1], words[2]));
  else if (strcmp(words[0], "add_header") == 0)
    print_result(words[0], hws_options_add_header(given_options(), words[1], words[2]));
  else
    return 0;
  return 1;
}

/* ---- the script -------------------------------------------------------------------------------------------------- */

typedef struct Later {
  pthread_t thread;
  char line[MAX_LINE], *words[MAX_WORDS];
  int count; /* 0: there is none */
  hws_result result;
} Later;

static void *run_later(void *argument) {
  Later *later = argument;
  nanosleep(&(struct timespec){0, 50000000}, NULL);
  later->result = call_of_any_thread(later->words, later->count);
  return NULL;
}

/* At spaces; the last of `most` words takes the rest. */
static int split(char *line, char **words, int most) {
  int count = 0;
  while (line && count < most) {
    words[count++] = line;
    line = count < most ? strchr(line, ' ') : NULL;
    if (line) *line++ = 0;
  }
  return count;
}

static void begin_later(Later *later, const char *line) {
  snprintf(later->line, sizeof later->line, "%s", line);
  later->count = split(later->line, later->words, MAX_WORDS);
  if (pthread_create(&later->thread, NULL, run_later, later) != 0) die("no thread", line);
}

static void end_later(Later *later) {
  if (later->count == 0) return;
  pthread_join(later->thread, NULL);
  print_result(later->words[0], later->result);
  later->count = 0;
}

static void run_line(char *line) {
  static Later later;
  char *words[MAX_WORDS] = {0};
  if (strncmp(line, "later ", 6) == 0) {
    begin_later(&later, line + 6);
    return;
  }
  int is_setting = strncmp(line, "option ", 7) == 0 || strncmp(line, "add_header ", 11) == 0;
  int count = split(line, words, is_setting ? 3 : MAX_WORDS);
  if (!is_setting) need_manager();
  if (!(is_setting ? run_setting(words) : run(words, count))) die("unknown command", line);
  end_later(&later);
  fflush(stdout);
}

static void run_script(FILE *file, const char *role) {
  static char line[MAX_LINE];
  int ours = 0;
  while (fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = 0;
    if (line[0] == 0 || line[0] == '#' || line[0] == '>') continue;
    if (strcmp(line, "client") == 0 || strcmp(line, "server") == 0)
      ours = strcmp(line, role) == 0;
    else if (ours)
      run_line(line);
  }
}

int main(int argc, char **argv) {
  if (argc < 4) die("usage", "driver FILE client|server URL [OPTION=VALUE ...]");
  FILE *file = fopen(argv[1], "r");
  if (!file) die("cannot be read", argv[1]);
  url = argv[3];
  for (int i = 4; i < argc; i++) {
    char *value = strchr(argv[i], '=');
    if (!value) die("not OPTION=VALUE", argv[i]);
    *value++ = 0;
    if (set_option(argv[i], value) < 0) die("no such option", argv[i]);
  }
  run_script(file, argv[2]);
  hws_manager_free(manager);
  drop_options();
  fclose(file);
  return 0;
}
