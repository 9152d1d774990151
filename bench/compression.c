/* What permessage-deflate costs and saves, on text of yours: bench_compression FILE...
 *
 * A server and a client, each with a manager of its own, echo the paragraphs of the files, one after the other, on many
 * connections at once. Prints a table: for each mode the memory that one more connection takes of the server, the bytes
 * on the wire for each byte of text, and the CPU time of both ends, over that without compression. */
#define _GNU_SOURCE
#include <hawser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { FEW = 50, MANY = 100, ROUNDS = 5 };

struct setting {
  const char *name;
  const char *mode;
  int level, window_bits, memory_level;
};

static const struct setting kSettings[] = {
    {"`off`", "off", 6, 15, 8},
    {"`shared`", "shared", 6, 15, 8},
    {"`shared`, level 1", "shared", 1, 15, 8},
    {"`dedicated`", "dedicated", 6, 15, 8},
    {"`dedicated`, level 1", "dedicated", 1, 15, 8},
    {"`dedicated`, window bits 12, memory level 5", "dedicated", 6, 12, 5},
    {"`dedicated`, window bits 10, memory level 2", "dedicated", 6, 10, 2},
};
enum { SETTINGS = sizeof kSettings / sizeof kSettings[0] };

struct text {
  char *data;
  size_t size;
};

/* What one run found out. */
struct result {
  double memory; /* bytes of one more connection */
  double wire;   /* bytes for each byte of text */
  double cpu;    /* seconds */
};

struct run {
  hws_manager *server, *client;
  hws_id connections[MANY];
  int opened, echoed;
};

static void fail(const char *words) {
  fprintf(stderr, "bench_compression: %s\n", words);
  exit(1);
}

static struct text read_file(const char *name) {
  struct text text = {NULL, 0};
  FILE *file = fopen(name, "rb");
  long size;
  if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0) fail(name);
  rewind(file);
  text.data = malloc((size_t)size + 1);
  if (text.data == NULL || fread(text.data, 1, (size_t)size, file) != (size_t)size) fail(name);
  text.data[size] = '\0';
  text.size = (size_t)size;
  fclose(file);
  return text;
}

static hws_options *options_of(const struct setting *setting) {
  hws_options *options = hws_options_new();
  hws_result worst = hws_options_set_text(options, "deflate", setting->mode);
  worst |= hws_options_set_int(options, "deflate_level", setting->level);
  worst |= hws_options_set_int(options, "deflate_memory_level", setting->memory_level);
  worst |= hws_options_set_int(options, "deflate_server_max_window_bits", setting->window_bits);
  worst |= hws_options_set_int(options, "deflate_client_max_window_bits", setting->window_bits);
  if (worst != HWS_OK) fail("the options are no good");
  return options;
}

static void turn(struct run *run) {
  hws_result count = hws_manager_poll(run->server, 0);
  for (int32_t i = 0; i < count; i++) {
    const hws_event *event = hws_manager_event(run->server, i);
    if (event->kind != HWS_EVENT_MESSAGE) continue;
    if (hws_manager_send(run->server, event->connection, event->opcode, event->data, (size_t)event->size) != HWS_OK)
      fail("an echo was refused");
  }
  hws_manager_flush(run->server);
  count = hws_manager_poll(run->client, 0);
  for (int32_t i = 0; i < count; i++) {
    const hws_event *event = hws_manager_event(run->client, i);
    if (event->kind == HWS_EVENT_OPEN) run->opened++;
    if (event->kind == HWS_EVENT_MESSAGE) run->echoed++;
    if (event->kind == HWS_EVENT_CLOSE) fail(hws_manager_event_text(run->client, i));
  }
}

/* Opens connections until there are so many. */
static void connect_up_to(struct run *run, int count, const hws_options *options, hws_id listener) {
  char url[64];
  snprintf(url, sizeof url, "ws://%s/", hws_manager_local_address(run->server, listener));
  for (int i = run->opened; i < count; i++)
    run->connections[i] = hws_manager_connect(run->client, url, options);
  while (run->opened < count)
    turn(run);
}

static void echo(struct run *run, const char *data, size_t size) {
  run->echoed = 0;
  for (int i = 0; i < run->opened; i++) {
    if (hws_manager_send(run->client, run->connections[i], HWS_TEXT, data, size) != HWS_OK) fail("a send was refused");
  }
  hws_manager_flush(run->client);
  while (run->echoed < run->opened)
    turn(run);
  turn(run); /* the last batch lets go of its messages */
}

/* Every paragraph, up to the next empty line. Returns the bytes of all. */
static size_t echo_paragraphs(struct run *run, const struct text *texts, int count) {
  size_t total = 0;
  for (int i = 0; i < count; i++) {
    for (const char *at = texts[i].data; *at != '\0';) {
      const char *end = strstr(at, "\n\n");
      size_t size = end != NULL ? (size_t)(end - at) + 2 : strlen(at);
      echo(run, at, size);
      total += size;
      at += size;
    }
  }
  return total;
}

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static struct result measure(const struct setting *setting, const struct text *texts, int count) {
  struct result result;
  struct run run = {hws_manager_new(NULL), hws_manager_new(NULL), {0}, 0, 0};
  hws_options *options = options_of(setting);
  hws_id listener = hws_manager_listen(run.server, "ws://127.0.0.1:0/", options);
  if (listener < 0) fail(hws_manager_last_error(run.server));
  connect_up_to(&run, FEW, options, listener);
  echo_paragraphs(&run, texts, 1);
  double few = (double)hws_manager_stat(run.server, "memory");
  connect_up_to(&run, MANY, options, listener);
  echo_paragraphs(&run, texts, 1);
  result.memory = ((double)hws_manager_stat(run.server, "memory") - few) / (MANY - FEW);
  double sent = (double)hws_manager_stat(run.server, "bytes_sent");
  result.cpu = cpu_seconds();
  double bytes = (double)echo_paragraphs(&run, texts, count) * MANY;
  result.cpu = cpu_seconds() - result.cpu;
  result.wire = ((double)hws_manager_stat(run.server, "bytes_sent") - sent) / bytes;
  hws_options_free(options);
  hws_manager_free(run.client);
  hws_manager_free(run.server);
  return result;
}

static int compare(const void *a, const void *b) {
  double difference = *(const double *)a - *(const double *)b;
  return (difference > 0) - (difference < 0);
}

int main(int argc, char **argv) {
  static double cpu[SETTINGS][ROUNDS];
  struct result results[SETTINGS];
  int count = argc - 1;
  struct text *texts = calloc((size_t)(count > 0 ? count : 1), sizeof *texts);
  if (count < 1 || texts == NULL) fail("usage: bench_compression FILE...");
  for (int i = 0; i < count; i++)
    texts[i] = read_file(argv[i + 1]);
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < SETTINGS; i++) {
      results[i] = measure(&kSettings[i], texts, count);
      cpu[i][round] = results[i].cpu / (i == 0 ? 1 : cpu[0][round]);
    }
  }
  printf(
      "| mode | bytes for each connection | bytes on the wire for each byte | CPU time, times `off` "
      "|\n|---|---|---|---|\n");
  for (int i = 0; i < SETTINGS; i++) {
    qsort(cpu[i], ROUNDS, sizeof cpu[i][0], compare);
    printf("| %s | %.0f | %.3f | %.1f |\n", kSettings[i].name, results[i].memory, results[i].wire,
           i == 0 ? 1.0 : cpu[i][ROUNDS / 2]);
  }
  for (int i = 0; i < count; i++)
    free(texts[i].data);
  free(texts);
  return 0;
}
