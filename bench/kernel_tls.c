/* What the option tls_kernel saves, where the kernel can: bench_kernel_tls CERTIFICATE KEY (PEM files for localhost).
 *
 * A server and a client, each with a manager of its own, echo messages over wss://, encrypted by OpenSSL and by the
 * kernel in turn. Prints the CPU time of both ends with the kernel over that with OpenSSL. */
#define _GNU_SOURCE
#include <hawser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { ROUNDS = 5, LARGEST = 1 << 20 };

struct load {
  const char *name;
  size_t size;
  int count;
};

static const struct load kLoads[] = {{"64 B", 64, 20000}, {"16 KiB", 16384, 4000}, {"1 MiB", LARGEST, 100}};
enum { LOADS = sizeof kLoads / sizeof kLoads[0] };

static void fail(const char *words) {
  fprintf(stderr, "bench_kernel_tls: %s\n", words);
  exit(1);
}

static hws_manager *new_manager(char **files, int kernel) {
  hws_options *options = hws_options_new();
  hws_manager *manager;
  hws_result worst = hws_options_set_text(options, "tls_certificate", files[0]);
  worst |= hws_options_set_text(options, "tls_key", files[1]);
  worst |= hws_options_set_text(options, "tls_ca_file", files[0]);
  worst |= hws_options_set_int(options, "tls_kernel", kernel);
  if (worst != HWS_OK) fail("the options are no good");
  manager = hws_manager_new(options);
  hws_options_free(options);
  return manager;
}

/* Handles what has come, and sends messages back. Returns their number. */
static int turn(hws_manager *manager, int64_t *opened) {
  int messages = 0;
  hws_result count = hws_manager_poll(manager, 0);
  for (int32_t i = 0; i < count; i++) {
    const hws_event *event = hws_manager_event(manager, i);
    if (event->kind == HWS_EVENT_CLOSE) fail(hws_manager_event_text(manager, i));
    if (event->kind == HWS_EVENT_OPEN) *opened = event->connection;
    if (event->kind != HWS_EVENT_MESSAGE) continue;
    messages++;
    hws_manager_send(manager, event->connection, event->opcode, event->data, (size_t)event->size);
  }
  hws_manager_flush(manager);
  return messages;
}

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* CPU seconds. Both ends send back what comes, so one message begins them all. */
static double measure(char **files, int kernel, const struct load *load) {
  static char payload[LARGEST];
  char url[64];
  int64_t client_id = 0, server_id = 0;
  hws_manager *server = new_manager(files, kernel);
  hws_manager *client = new_manager(files, kernel);
  hws_id listener = hws_manager_listen(server, "wss://localhost:0/", NULL);
  if (listener < 0) fail(hws_manager_last_error(server));
  snprintf(url, sizeof url, "wss://localhost%s/", strrchr(hws_manager_local_address(server, listener), ':'));
  hws_manager_connect(client, url, NULL);
  while (client_id == 0 || server_id == 0) {
    turn(server, &server_id);
    turn(client, &client_id);
  }
  if (kernel && hws_manager_stat(server, "tls_kernel") == 0) fail("neither OpenSSL nor the kernel offers it here");
  double begin = cpu_seconds();
  hws_manager_send(client, client_id, HWS_BINARY, payload, load->size);
  hws_manager_flush(client);
  for (int echoes = 0; echoes < load->count;) {
    turn(server, &server_id);
    echoes += turn(client, &client_id);
  }
  double seconds = cpu_seconds() - begin;
  hws_manager_free(client);
  hws_manager_free(server);
  return seconds;
}

static int compare(const void *a, const void *b) {
  double difference = *(const double *)a - *(const double *)b;
  return (difference > 0) - (difference < 0);
}

int main(int argc, char **argv) {
  if (argc != 3) fail("usage: bench_kernel_tls CERTIFICATE KEY");
  for (int i = 0; i < LOADS; i++) {
    double ratios[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
      double in_openssl = measure(argv + 1, 0, &kLoads[i]);
      ratios[round] = measure(argv + 1, 1, &kLoads[i]) / in_openssl;
    }
    qsort(ratios, ROUNDS, sizeof ratios[0], compare);
    printf("%-8s %.2f (%.2f to %.2f)\n", kLoads[i].name, ratios[ROUNDS / 2], ratios[0], ratios[ROUNDS - 1]);
  }
  return 0;
}
