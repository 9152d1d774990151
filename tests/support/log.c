#define _GNU_SOURCE
#include "support/log.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/raw_tls.h"

static const char *backend_under_test(void) {
  const char *name = getenv("HAWSER_TEST_BACKEND");
  return name != NULL ? name : "auto";
}

int log_has_outer_loops(void) {
  return strcmp(backend_under_test(), "poll") != 0;
}

/* Everybody has the certificate and trusts it. */
static int use_tls(hws_options *options) {
  if (!raw_tls_wanted()) return 1;
  return hws_options_set_text(options, "tls_certificate", raw_tls_certificate()) == HWS_OK &&
         hws_options_set_text(options, "tls_key", raw_tls_key()) == HWS_OK &&
         hws_options_set_text(options, "tls_ca", raw_tls_certificate()) == HWS_OK &&
         hws_options_set_int(options, "tls_kernel", raw_tls_by_kernel()) == HWS_OK;
}

hws_manager *log_new_manager(hws_options *options) {
  hws_options *own = options != NULL ? options : hws_options_new();
  hws_manager *manager = NULL;
  if (hws_options_set_text(own, "backend", backend_under_test()) == HWS_OK && use_tls(own)) {
    manager = hws_manager_new(own);
  }
  if (own != options) hws_options_free(own);
  return manager;
}

void log_open(struct log *log, hws_options *options) {
  memset(log, 0, sizeof *log);
  log->manager = log_new_manager(options);
}

void log_close(struct log *log) {
  size_t i;
  hws_manager_free(log->manager);
  for (i = 0; i < log->count; i++)
    free(log->entries[i].data);
  free(log->entries);
  for (i = 0; i < log->port_count; i++)
    raw_tls_note_port(log->ports[i], 0);
  memset(log, 0, sizeof *log);
}

static void remember(struct log *log, int32_t index) {
  const hws_event *event = hws_manager_event(log->manager, index);
  struct log_entry *entry;
  if (log->count == log->capacity) {
    log->capacity = log->capacity * 2 + 64;
    log->entries = realloc(log->entries, log->capacity * sizeof *log->entries);
    if (log->entries == NULL) abort();
  }
  entry = &log->entries[log->count++];
  entry->event = *event;
  entry->data = malloc((size_t)event->size + 1);
  if (entry->data == NULL) abort();
  if (event->size != 0) memcpy(entry->data, event->data, (size_t)event->size);
  entry->data[event->size] = '\0';
  entry->event.data = NULL;
  entry->taken = 0;
  snprintf(entry->words, sizeof entry->words, "%s", hws_manager_event_text(log->manager, index));
}

hws_result log_poll(struct log *log, int32_t timeout_ms) {
  hws_result count = hws_manager_poll(log->manager, timeout_ms);
  int32_t i;
  for (i = 0; i < count; i++) {
    remember(log, i);
    if (log->each != NULL) log->each(log, hws_manager_event(log->manager, i));
  }
  return count;
}

void log_pump(void *log) {
  log_poll(log, 0);
}

static int is_it(const struct log_entry *entry, int32_t kind, hws_id id) {
  return entry->event.kind == kind && (id == 0 || entry->event.connection == id);
}

const struct log_entry *log_wait(struct log *log, int32_t kind, hws_id id) {
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  size_t i = 0;
  for (;;) {
    for (; i < log->count; i++) {
      if (log->entries[i].taken || !is_it(&log->entries[i], kind, id)) continue;
      log->entries[i].taken = 1;
      return &log->entries[i];
    }
    if (raw_now_ms() >= until || log_poll(log, 100) < 0) return NULL;
  }
}

size_t log_count(const struct log *log, int32_t kind, hws_id id) {
  size_t count = 0;
  size_t i;
  for (i = 0; i < log->count; i++)
    count += is_it(&log->entries[i], kind, id) ? 1 : 0;
  return count;
}

int log_wait_count(struct log *log, int32_t kind, hws_id id, size_t count) {
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  while (log_count(log, kind, id) < count) {
    if (raw_now_ms() >= until || log_poll(log, 100) < 0) return 0;
  }
  return 1;
}

void log_settle(struct log *log) {
  int i;
  for (i = 0; i < 10; i++)
    log_poll(log, 5);
}

int log_port(struct log *log, hws_id listener) {
  const char *address = hws_manager_local_address(log->manager, listener);
  const char *colon = address != NULL ? strrchr(address, ':') : NULL;
  return colon != NULL ? atoi(colon + 1) : 0;
}

hws_id log_listen(struct log *log, const hws_options *options, int *port) {
  const char *url = raw_tls_wanted() ? "wss://127.0.0.1:0/" : "ws://127.0.0.1:0/";
  hws_id listener = hws_manager_listen(log->manager, url, options);
  *port = log_port(log, listener);
  raw_tls_note_port(*port, raw_tls_wanted());
  if (log->port_count == sizeof log->ports / sizeof *log->ports) abort();
  log->ports[log->port_count++] = *port;
  return listener;
}

hws_id log_join(struct log *log, int port, struct raw_peer *peer, const char *headers) {
  const struct log_entry *entry;
  raw_peer_init(peer, raw_connect(port), 1, log_pump, log);
  if (peer->fd < 0 || raw_ask(peer, "/", headers) != 101) return 0;
  entry = log_wait(log, HWS_EVENT_OPEN, 0);
  return entry != NULL ? entry->event.connection : 0;
}

hws_id log_dial(struct log *log, const hws_options *options, struct raw_peer *peer) {
  char url[64];
  int port;
  int listener = raw_listen(&port);
  hws_id id;
  snprintf(url, sizeof url, "%s://127.0.0.1:%d/", raw_tls_wanted() ? "wss" : "ws", port);
  id = hws_manager_connect(log->manager, url, options);
  raw_peer_init(peer, raw_accept(listener, log_pump, log), 0, log_pump, log);
  close(listener);
  if (peer->fd < 0 || (raw_tls_wanted() && raw_peer_start_tls(peer) != 0)) return 0;
  if (raw_answer(peer, NULL) != 0) return 0;
  return log_wait(log, HWS_EVENT_OPEN, id) != NULL ? id : 0;
}

hws_options *log_options(const char *name, ...) {
  hws_options *options = hws_options_new();
  va_list rest;
  va_start(rest, name);
  while (name != NULL) {
    int64_t value = va_arg(rest, int);
    if (hws_options_set_int(options, name, value) != HWS_OK) abort();
    name = va_arg(rest, const char *);
  }
  va_end(rest);
  return options;
}

int log_descriptors(void) {
  DIR *folder = opendir("/proc/self/fd");
  int count = 0;
  if (folder == NULL) return -1;
  while (readdir(folder) != NULL)
    count++;
  closedir(folder);
  return count - 3; /* ".", ".." and the folder itself */
}
