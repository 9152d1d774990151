/* Many connections in both roles under the sends, closes and wakes of eight threads, while the polling one polls,
 * closes, aborts and sends itself: order is kept for each sender, and what was accepted has arrived, or the CLOSE tells
 * its bytes. Clean under ThreadSanitizer. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/log.h"

enum { THREADS = 8, POLLING = THREADS, BROADCASTS, SENDERS };
enum { MESSAGES = 1200, EARLY = 30, LARGE = 40000, LARGE_EVERY = 37 };

/* What becomes of a connection. Each is there once for each role. */
enum { BY_A_THREAD, BY_ABORT, BY_THE_POLLING_THREAD, TO_THE_LAST, FATES };
enum { LINES = 2 * FATES };

/* Begins every message. */
struct note {
  int64_t id; /* where it is to arrive */
  int32_t sender;
  int32_t count; /* of this sender to this connection, from 0 */
  int32_t size;  /* of the message */
  int32_t unused;
};

/* What was accepted for a connection, or has come out of it: messages, their payloads, and all bytes on the wire. */
struct tally {
  int32_t messages[SENDERS];
  int64_t payload;
  int64_t wire;
  int64_t headers;
};

struct line {
  hws_id id;
  struct raw_peer peer;
  pthread_t reader;
  struct tally arrived; /* the reader's until it is joined */
  int32_t expected;     /* bytes to come of a message that began; the reader's */
  int wrong;            /* the reader's: out of order, or not for this connection */
  int close_code;       /* the reader's: of the Close that came, 0 if none did */
  int early;            /* atomic: messages that came, up to EARLY */
  int drains;           /* atomic */
  int over;             /* atomic: CLOSE came */
  int64_t unsent;       /* as hws_manager_queued says in the batch of CLOSE */
};

struct storm {
  struct log log; /* first: `each` is called with it */
  struct line lines[LINES];
  int running; /* atomic: threads that still send */
  int ended;   /* atomic: connections that the polling thread has seen to in the midst */
  int drains;
};

struct sender {
  struct storm *storm;
  pthread_t thread;
  int number;
  int refused;
  int wrong; /* an answer that no send or close should have */
  int lost;  /* a DRAIN that never came */
  struct tally accepted[LINES];
};

static int is_client(int line) {
  return line % 2;
}

static int fate(int line) {
  return line / 2;
}

static int64_t header_size(int line, size_t size) {
  return (size < 126 ? 2 : size < 65536 ? 4 : 10) + (is_client(line) ? 4 : 0);
}

static void count_message(struct tally *tally, int line, int sender, size_t size) {
  tally->messages[sender]++;
  tally->payload += (int64_t)size;
  tally->headers += header_size(line, size);
  tally->wire += (int64_t)size + header_size(line, size);
}

/* ---------------------------------------------------------------------------------------------------------------------
 * The peers
 * ------------------------------------------------------------------------------------------------------------------ */

static int note_fits(struct line *line, const struct raw_frame *frame, struct note *note) {
  if (frame->size < sizeof *note) return 0;
  memcpy(note, frame->payload, sizeof *note);
  if (note->id != line->id || note->sender < 0 || note->sender >= SENDERS) return 0;
  return note->count == line->arrived.messages[note->sender] && note->size >= (int32_t)frame->size;
}

/* A frame of a message; those of the polling thread may be in several. */
static int take_data(struct line *line, int number, const struct raw_frame *frame) {
  struct note note;
  int begins = frame->first % 16 == RAW_BINARY;
  if (begins != (line->expected == 0)) return 0;
  if (begins) {
    if (!note_fits(line, frame, &note)) return 0;
    line->arrived.messages[note.sender]++;
    line->expected = note.size;
  }
  line->expected -= (int32_t)frame->size;
  line->arrived.payload += (int64_t)frame->size;
  line->arrived.headers += header_size(number, frame->size);
  if (__atomic_load_n(&line->early, __ATOMIC_RELAXED) < EARLY) __atomic_fetch_add(&line->early, 1, __ATOMIC_SEQ_CST);
  return ((frame->first & RAW_FIN) != 0) == (line->expected == 0);
}

struct reading {
  struct line *line;
  int number;
};

/* Reads to the end of the stream, and answers a Close. */
static void *read_line(void *with) {
  struct reading *reading = with;
  struct line *line = reading->line;
  struct raw_frame frame;
  while (raw_read_frame(&line->peer, &frame) == 1) {
    if (frame.first == (RAW_FIN | RAW_CLOSE)) {
      line->close_code = frame.size >= 2 ? frame.payload[0] << 8 | frame.payload[1] : 1005;
      raw_write_close(&line->peer, line->close_code, "");
      if (is_client(reading->number)) raw_peer_end(&line->peer);
    } else if (line->close_code != 0 || !take_data(line, reading->number, &frame)) {
      line->wrong = 1;
    }
  }
  /* All that came, with what is left of a frame that was cut off. */
  line->arrived.wire = line->arrived.payload + line->arrived.headers + (int64_t)line->peer.size;
  free(reading);
  return NULL;
}

/* ---------------------------------------------------------------------------------------------------------------------
 * The senders
 * ------------------------------------------------------------------------------------------------------------------ */

/* Waits for the DRAIN that is due to a refused send. */
static int wait_for_drain(struct line *line, int before) {
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  while (__atomic_load_n(&line->drains, __ATOMIC_SEQ_CST) == before &&
         !__atomic_load_n(&line->over, __ATOMIC_SEQ_CST)) {
    if (raw_now_ms() >= until) return 0;
    sched_yield();
  }
  return 1;
}

/* Sends a message; false if it was not accepted. */
static int send_note(struct sender *self, int number, uint8_t *bytes, size_t size) {
  struct line *line = &self->storm->lines[number];
  struct note note = {0, 0, 0, 0, 0};
  note.id = line->id;
  note.sender = self->number;
  note.count = self->accepted[number].messages[self->number];
  note.size = (int32_t)size;
  memcpy(bytes, &note, sizeof note);
  for (;;) {
    int drains = __atomic_load_n(&line->drains, __ATOMIC_SEQ_CST);
    hws_result result = hws_manager_send(self->storm->log.manager, line->id, HWS_BINARY, bytes, size);
    if (result == HWS_OK) {
      count_message(&self->accepted[number], number, self->number, size);
      return 1;
    }
    if (result != HWS_ERR_WOULD_BLOCK) {
      self->wrong |= result != HWS_ERR_CLOSED && result != HWS_ERR_STALE;
      return 0;
    }
    self->refused++;
    if (!wait_for_drain(line, drains)) {
      self->lost = 1;
      return 0;
    }
  }
}

/* The second half is for ids that are stale by and by. */
static void wait_for_the_midst(struct storm *storm) {
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  while (__atomic_load_n(&storm->ended, __ATOMIC_SEQ_CST) < LINES && raw_now_ms() < until)
    sched_yield();
}

/* Sends to all connections in turn, wakes now and then, and closes one: the first two threads do. */
static void *send_all(void *with) {
  struct sender *self = with;
  hws_manager *manager = self->storm->log.manager;
  uint8_t *bytes = calloc(LARGE, 1);
  int i;
  for (i = 0; i < MESSAGES && !self->lost; i++) {
    int number = (i + self->number) % LINES;
    send_note(self, number, bytes, i % LARGE_EVERY == 0 ? LARGE : sizeof(struct note) + (size_t)(i % 300));
    if (i % 50 == 0) self->wrong |= hws_manager_wake(manager) != HWS_OK;
    if (i == MESSAGES / 2) wait_for_the_midst(self->storm);
    if (i == MESSAGES / 2 && self->number < 2) {
      /* What this thread has sent goes before its Close. */
      hws_id id = self->storm->lines[2 * BY_A_THREAD + self->number].id;
      self->wrong |= hws_manager_close(manager, id, 3000 + self->number, "by a thread") != HWS_OK;
    }
  }
  free(bytes);
  __atomic_fetch_sub(&self->storm->running, 1, __ATOMIC_SEQ_CST);
  hws_manager_wake(manager);
  return NULL;
}

/* ---------------------------------------------------------------------------------------------------------------------
 * The polling thread
 * ------------------------------------------------------------------------------------------------------------------ */

static struct line *line_of(struct storm *storm, hws_id id) {
  int i;
  for (i = 0; i < LINES - 1 && storm->lines[i].id != id; i++) {
  }
  return &storm->lines[i];
}

static void note_event(struct log *log, const hws_event *event) {
  struct storm *storm = (struct storm *)log;
  struct line *line = line_of(storm, event->connection);
  if (event->kind == HWS_EVENT_DRAIN) {
    __atomic_fetch_add(&line->drains, 1, __ATOMIC_SEQ_CST);
    storm->drains++;
  }
  if (event->kind == HWS_EVENT_CLOSE) {
    line->unsent = hws_manager_queued(log->manager, event->connection);
    __atomic_store_n(&line->over, 1, __ATOMIC_SEQ_CST);
  }
}

/* A message in three parts, with a poll between them: what other threads send meanwhile waits. */
static void send_parts(struct sender *self, int number) {
  hws_manager *manager = self->storm->log.manager;
  struct tally *accepted = &self->accepted[number];
  struct note note = {0, 0, 0, 0, 0};
  note.id = self->storm->lines[number].id;
  note.sender = POLLING;
  note.count = accepted->messages[POLLING];
  note.size = (int32_t)sizeof note + 11;
  if (hws_manager_send_part(manager, note.id, HWS_BINARY, &note, sizeof note, 0) != HWS_OK) return;
  log_poll(&self->storm->log, 0);
  while (hws_manager_send_part(manager, note.id, HWS_BINARY, "0123456789", 10, 0) == HWS_ERR_WOULD_BLOCK)
    log_poll(&self->storm->log, 10);
  while (hws_manager_send_part(manager, note.id, HWS_BINARY, ".", 1, 1) == HWS_ERR_WOULD_BLOCK)
    log_poll(&self->storm->log, 10);
  count_message(accepted, number, POLLING, sizeof note);
  accepted->payload += 11;
  accepted->wire += 11 + 2 * header_size(number, 11);
}

static void broadcast(struct sender *self, hws_id listener) {
  int number = 2 * TO_THE_LAST; /* the only one of this listener */
  struct tally *accepted = &self->accepted[number];
  struct note note = {0, 0, 0, 0, 0};
  note.id = self->storm->lines[number].id;
  note.sender = BROADCASTS;
  note.count = accepted->messages[BROADCASTS];
  note.size = (int32_t)sizeof note;
  if (hws_manager_broadcast(self->storm->log.manager, listener, 0, HWS_BINARY, &note, sizeof note) == 1)
    count_message(accepted, number, BROADCASTS, sizeof note);
}

/* In the midst of it: an abort or a close of the polling thread's, if that is its fate. */
static void end_line(struct storm *storm, int number) {
  struct line *line = &storm->lines[number];
  if (fate(number) == BY_ABORT) hws_manager_abort(storm->log.manager, line->id);
  if (fate(number) == BY_THE_POLLING_THREAD) hws_manager_close(storm->log.manager, line->id, 4000, NULL);
}

static int has_begun(struct line *line) {
  return __atomic_load_n(&line->early, __ATOMIC_SEQ_CST) == EARLY;
}

/* Polls as long as the threads send, and has its own to say. */
static void weather(struct sender *self, hws_id listener) {
  struct storm *storm = self->storm;
  int next = 0;
  int turn = 0;
  while (__atomic_load_n(&storm->running, __ATOMIC_SEQ_CST) > 0) {
    log_poll(&storm->log, 100);
    while (next < LINES && has_begun(&storm->lines[next])) {
      end_line(storm, next++);
      __atomic_store_n(&storm->ended, next, __ATOMIC_SEQ_CST);
    }
    if (++turn % 4 == 0) send_parts(self, 2 * TO_THE_LAST + turn / 4 % 2);
    if (turn % 4 == 2) broadcast(self, listener);
  }
}

static void close_the_last(struct storm *storm) {
  hws_manager_close(storm->log.manager, storm->lines[2 * TO_THE_LAST].id, 1000, NULL);
  hws_manager_close(storm->log.manager, storm->lines[2 * TO_THE_LAST + 1].id, 1000, NULL);
}

/* ---------------------------------------------------------------------------------------------------------------------
 * What has to hold afterwards
 * ------------------------------------------------------------------------------------------------------------------ */

static void check_words(const struct line *line, const struct log_entry *end) {
  char words[64];
  snprintf(words, sizeof words, "; %lld bytes were not sent", (long long)line->unsent);
  if (line->unsent != 0) {
    assert_non_null(strstr(end->words, words));
  } else {
    assert_null(strstr(end->words, "not sent"));
  }
}

static void check_line(struct storm *storm, int number, const struct tally *accepted) {
  struct line *line = &storm->lines[number];
  const struct log_entry *end = log_wait(&storm->log, HWS_EVENT_CLOSE, line->id);
  int64_t missing = accepted->wire - line->arrived.wire;
  assert_non_null(end);
  assert_false(line->wrong);
  check_words(line, end);
  if (fate(number) == BY_ABORT) {
    /* Not sent: frames, of which a part may have gone, and the payloads that were never framed. */
    assert_int_equal(end->event.error, HWS_ERR_ABORTED);
    assert_int_equal(line->close_code, 0);
    assert_true(line->unsent <= missing);
    assert_true(line->unsent >= missing - (accepted->headers - line->arrived.headers));
    return;
  }
  /* What was accepted before the Close has arrived before it, and what came too late was never framed. */
  assert_int_equal(end->event.flags, HWS_CLEAN);
  assert_int_equal(end->event.code, line->close_code);
  assert_int_equal(line->unsent, accepted->payload - line->arrived.payload);
  if (fate(number) == TO_THE_LAST) assert_int_equal(line->unsent, 0);
}

static void add_up(struct tally *sum, const struct tally *more) {
  int i;
  for (i = 0; i < SENDERS; i++)
    sum->messages[i] += more->messages[i];
  sum->payload += more->payload;
  sum->wire += more->wire;
  sum->headers += more->headers;
}

static void check_lines(struct storm *storm, const struct sender *senders) {
  int number;
  int i;
  for (number = 0; number < LINES; number++) {
    struct tally accepted;
    memset(&accepted, 0, sizeof accepted);
    for (i = 0; i <= THREADS; i++)
      add_up(&accepted, &senders[i].accepted[number]);
    check_line(storm, number, &accepted);
  }
  /* The thread that closed had its own messages before its Close. */
  for (i = 0; i < 2; i++) {
    const struct line *line = &storm->lines[2 * BY_A_THREAD + i];
    assert_int_equal(line->close_code, 3000 + i);
    assert_true(line->arrived.messages[i] >= MESSAGES / 2 / LINES);
  }
}

static void check_senders(struct storm *storm, const struct sender *senders) {
  int64_t refused = hws_manager_stat(storm->log.manager, "sends_refused");
  int i;
  for (i = 0; i < THREADS; i++) {
    assert_false(senders[i].wrong);
    assert_false(senders[i].lost);
    refused -= senders[i].refused;
  }
  assert_true(refused >= 0); /* the rest are the polling thread's */
  assert_true(storm->drains <= hws_manager_stat(storm->log.manager, "sends_refused"));
}

static void start_reader(struct storm *storm, int number) {
  struct line *line = &storm->lines[number];
  struct reading *reading = malloc(sizeof *reading);
  reading->line = line;
  reading->number = number;
  line->peer.pump = NULL;
  pthread_create(&line->reader, NULL, read_line, reading);
}

/* The connections: two of every fate. The listener of the last of them is returned. */
static hws_id open_lines(struct storm *storm, const hws_options *options) {
  hws_id listener;
  int port;
  int last;
  int i;
  log_listen(&storm->log, options, &port);
  listener = log_listen(&storm->log, options, &last);
  for (i = 0; i < LINES; i++) {
    struct line *line = &storm->lines[i];
    line->id = is_client(i) ? log_dial(&storm->log, options, &line->peer)
                            : log_join(&storm->log, fate(i) == TO_THE_LAST ? last : port, &line->peer, NULL);
    assert_true(line->id > 0);
  }
  for (i = 0; i < LINES; i++)
    start_reader(storm, i);
  return listener;
}

static void start_senders(struct storm *storm, struct sender *senders) {
  int i;
  memset(senders, 0, (THREADS + 1) * sizeof *senders);
  __atomic_store_n(&storm->running, THREADS, __ATOMIC_SEQ_CST);
  for (i = 0; i <= THREADS; i++) {
    senders[i].storm = storm;
    senders[i].number = i;
    if (i < THREADS) pthread_create(&senders[i].thread, NULL, send_all, &senders[i]);
  }
}

static void check_storm(hws_options *options) {
  struct storm storm;
  struct sender senders[THREADS + 1];
  hws_id listener;
  int all;
  int i;
  memset(&storm, 0, sizeof storm);
  hws_options_set_text(options, "slow_reader", "skip");
  log_open(&storm.log, options);
  listener = open_lines(&storm, options);
  storm.log.each = note_event;
  start_senders(&storm, senders);
  weather(&senders[POLLING], listener);
  for (i = 0; i < THREADS; i++)
    pthread_join(senders[i].thread, NULL);
  close_the_last(&storm);
  all = log_wait_count(&storm.log, HWS_EVENT_CLOSE, 0, LINES);
  for (i = 0; i < LINES; i++)
    pthread_join(storm.lines[i].reader, NULL);
  assert_true(all);
  check_lines(&storm, senders);
  check_senders(&storm, senders);
  log_settle(&storm.log);
  assert_int_equal(log_count(&storm.log, HWS_EVENT_CLOSE, 0), LINES);
  assert_int_equal(hws_manager_stat(storm.log.manager, "memory"), 0);
  for (i = 0; i < LINES; i++)
    raw_peer_close(&storm.lines[i].peer);
  log_close(&storm.log);
  hws_options_free(options);
}

static void test_storm(void **state) {
  (void)state;
  check_storm(log_options("max_send_queue", 16 << 20, NULL));
}

/* With queues that are full all the time: each refusal is followed by its DRAIN, or the sender would wait for ever. */
static void test_storm_with_full_queues(void **state) {
  (void)state;
  check_storm(log_options("max_send_queue", 3000, NULL));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_storm),
      cmocka_unit_test(test_storm_with_full_queues),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
