/* Every system call of the library fails once, in every way that the kernel has for it: calls.h is the model. So does
 * every allocation.
 *
 * Two managers in one thread, one that serves and one that asks, with two connections between them. Each end writes a
 * story of its events. A transient fault (EINTR, EAGAIN, a short count, no descriptor to accept with) changes neither
 * story. A hard one ends one connection at most, whose story breaks off with a CLOSE that says why; the other, its
 * bystander, does not notice. A call that is refused says so with a documented code, and works when it is made again.
 *
 * calls_test [system_calls|allocations [SCENARIO]] */
#define _GNU_SOURCE
#include "calls.h"

#include <hawser.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "support/cmocka.h"
#include "support/log.h"
#include "support/name_server.h"
#include "support/raw_tls.h"

enum { PAIRS = 2, SIZES = 3, LARGEST = 1 << 20, EXTRA = 20000, MOST_TURNS = 3000, MOST_IDLE = 640 };

/* After messages of these sizes, which go to the server and back, each of these brings every client one more, of EXTRA
 * bytes. */
enum { BROADCAST = 1, MAIL = 2, PAUSE = 4, PARTS = 8, RELOAD = 16, LAST_ACT = RELOAD };

enum {
  OUTER_LOOP = 1,
  REQUESTS = 2, /* the server decides on each handshake */
  DRAINS = 4,   /* the server ends everything, and not the client */
  RESOLVES = 8  /* a third connect asks for a name that there is not */
};

struct scenario {
  const char *name;
  const char *scheme;
  const char *backend;
  const char *deflate;
  size_t sizes[SIZES];
  int acts;
  int properties;
};

static const struct scenario kScenarios[] = {
    {"ws", "ws", "epoll", "off", {5, 16384, LARGEST}, 0, 0},
    {"poll", "ws", "poll", "off", {5, 16384, 200000}, 0, 0},
    {"wss", "wss", "epoll", "off", {5, 16384, 50000}, RELOAD, 0},
    {"deflate", "ws", "epoll", "dedicated", {5, 200, 50000}, BROADCAST | PARTS, 0},
    {"deflate_shared", "ws", "poll", "shared", {5, 200, 50000}, BROADCAST, 0},
    {"outer_loop", "ws", "epoll", "off", {5, 6, 50000}, BROADCAST | MAIL | PAUSE, OUTER_LOOP},
    {"mail", "ws", "poll", "off", {5, 6, 7}, MAIL | PAUSE, 0},
    {"requests", "ws", "epoll", "off", {5, 6, 7}, BROADCAST | PAUSE | PARTS, REQUESTS},
    {"drain", "ws", "epoll", "off", {5, 6, 7}, 0, DRAINS},
    {"drain_wss", "wss", "poll", "off", {5, 6, 7}, 0, DRAINS},
    {"resolve", "ws", "epoll", "off", {5, 6, 7}, 0, RESOLVES},
    {"resolve_poll", "ws", "poll", "off", {5, 6, 7}, 0, RESOLVES},
};
enum { SCENARIOS = sizeof kScenarios / sizeof *kScenarios };

static int has(const struct scenario *scenario, int property) {
  return (scenario->properties & property) != 0;
}

struct end {
  hws_id id; /* 0: not told */
  char story[256];
  int messages;
  int closes;
  int32_t error; /* of the CLOSE */
};

struct stage {
  const struct scenario *scenario;
  hws_manager *managers[2];
  hws_id listener;
  struct end ends[2][PAIRS];
  struct end nameless; /* of the third connect */
  int listener_closes;
  int act;
  int wanted;  /* messages for each client before the next act */
  int refused; /* calls */
  char wrong[256];
};

enum { SERVER = 0, CLIENT = 1 };

static uint8_t bytes[LARGEST];
static char certificate_file[] = "/tmp/hawser-faults-XXXXXX";

static void blame(struct stage *stage, const char *words, int64_t number) {
  if (stage->wrong[0] != '\0') return;
  snprintf(stage->wrong, sizeof stage->wrong, "%s (%lld)", words, (long long)number);
}

/* ---------------------------------------------------------------------------------------------------------------------
 * Calls that may be refused
 * ------------------------------------------------------------------------------------------------------------------ */

static hws_options *make_options(const struct scenario *scenario) {
  hws_options *options = log_options("keep_handshake", 1, "requests", has(scenario, REQUESTS), "receive_arena", 65536,
                                     "send_arena", 65536, NULL);
  hws_options_set_text(options, "backend", scenario->backend);
  hws_options_set_text(options, "deflate", scenario->deflate);
  hws_options_set_text(options, "tls_certificate", certificate_file);
  hws_options_set_text(options, "tls_key", raw_tls_key());
  hws_options_set_text(options, "tls_ca_file", certificate_file);
  return options;
}

static hws_manager *make_manager(struct stage *stage, const hws_options *options) {
  hws_manager *manager = hws_manager_new(options);
  if (manager == NULL) {
    stage->refused++;
    manager = hws_manager_new(options);
  }
  return manager;
}

/* Where memory is out before the manager knows whose call it is, there are no words. */
static void note_refusal(struct stage *stage, hws_manager *manager, int64_t code) {
  stage->refused++;
  if (code != HWS_ERR_NO_MEMORY && hws_manager_last_error(manager)[0] == '\0')
    blame(stage, "a refusal without words", code);
}

/* Until it works, once more after a refusal with one of the codes that hawser.h tells of it. A listener whose address
 * could not be asked for is of no use. */
static int open_listener(struct stage *stage) {
  hws_manager *manager = stage->managers[SERVER];
  char url[64];
  const char *address;
  int i;
  snprintf(url, sizeof url, "%s://127.0.0.1:0/", stage->scenario->scheme);
  for (i = 0; i < 2; i++) {
    hws_id id = hws_manager_listen(manager, url, NULL);
    if (id > 0) {
      stage->listener = id;
      address = hws_manager_local_address(manager, id);
      if (address != NULL && strrchr(address, ':') != NULL) return atoi(strrchr(address, ':') + 1);
      hws_manager_close(manager, id, 0, NULL);
      stage->listener_closes--;
      stage->refused++;
      continue;
    }
    note_refusal(stage, manager, id);
    if (id != HWS_ERR_LISTEN && id != HWS_ERR_TLS && id != HWS_ERR_SYSTEM && id != HWS_ERR_NO_MEMORY) {
      blame(stage, "listen", id);
    }
  }
  blame(stage, "no listener", 0);
  return 0;
}

static void connect_one(struct stage *stage, struct end *end, const char *url, int64_t tag) {
  hws_manager *manager = stage->managers[CLIENT];
  int i;
  for (i = 0; i < 2 && end->id <= 0; i++) {
    end->id = hws_manager_connect(manager, url, NULL);
    if (end->id > 0) break;
    note_refusal(stage, manager, end->id);
    if (end->id != HWS_ERR_TLS && end->id != HWS_ERR_NO_MEMORY) blame(stage, "connect", end->id);
  }
  if (end->id <= 0) blame(stage, "no connection", end->id);
  hws_manager_set_tag(manager, end->id, tag);
}

static void connect_all(struct stage *stage, int port) {
  char url[64];
  int i;
  for (i = 0; i < PAIRS; i++) {
    snprintf(url, sizeof url, "%s://127.0.0.1:%d/%d", stage->scenario->scheme, port, i);
    connect_one(stage, &stage->ends[CLIENT][i], url, i);
  }
  if (has(stage->scenario, RESOLVES)) connect_one(stage, &stage->nameless, "ws://nowhere.example/", PAIRS);
}

/* Only the fault can have refused it: then it works when it is said again. */
static int is_refused(struct stage *stage, int side, hws_result answer) {
  if (answer != HWS_ERR_NO_MEMORY) return 0;
  note_refusal(stage, stage->managers[side], answer);
  return 1;
}

static void send_to(struct stage *stage, int side, hws_id id, int32_t opcode, const void *data, size_t size) {
  hws_result sent = hws_manager_send(stage->managers[side], id, opcode, data, size);
  if (is_refused(stage, side, sent)) sent = hws_manager_send(stage->managers[side], id, opcode, data, size);
  if (sent != HWS_OK && sent != HWS_ERR_CLOSED && sent != HWS_ERR_STALE && sent != HWS_ERR_RANDOM) {
    blame(stage, "send", sent);
  }
}

/* ---------------------------------------------------------------------------------------------------------------------
 * Events
 * ------------------------------------------------------------------------------------------------------------------ */

static void tell(struct end *end, const char *words, int64_t number) {
  size_t used = strlen(end->story);
  snprintf(end->story + used, sizeof end->story - used, words, (long long)number);
}

static void get_message(struct stage *stage, int side, struct end *end, const hws_event *event) {
  if (memcmp(event->data, bytes, (size_t)event->size) != 0) blame(stage, "a message was changed", event->size);
  tell(end, " %lld", event->size);
  end->messages++;
  if (side == SERVER) {
    send_to(stage, SERVER, event->connection, event->opcode, event->data, (size_t)event->size);
  } else if (end->messages < SIZES) {
    send_to(stage, CLIENT, event->connection, HWS_BINARY, bytes, stage->scenario->sizes[end->messages]);
  }
}

static void get_close(struct stage *stage, int side, int32_t index, struct end *end, const hws_event *event) {
  const char *words = hws_manager_event_text(stage->managers[side], index);
  end->closes++;
  end->error = event->error;
  tell(end, " close %lld", event->code);
  if ((event->flags & HWS_CLEAN) == 0) tell(end, ", error %lld", event->error);
  if (strcmp(hws_error_name(event->error), "HWS_ERR_UNKNOWN") == 0) blame(stage, "an unknown error", event->error);
  if (words == NULL || words[0] == '\0') blame(stage, "a CLOSE without words", event->error);
}

/* The server learns from the path which one it is. */
static void get_path(struct stage *stage, const hws_event *event) {
  const char *path = hws_manager_path(stage->managers[SERVER], event->connection);
  int64_t tag = path != NULL && path[0] == '/' ? atoi(path + 1) : -1;
  if (tag < 0 || tag >= PAIRS || stage->ends[SERVER][tag].id != 0) return blame(stage, "a path", tag);
  stage->ends[SERVER][tag].id = event->connection;
  hws_manager_set_tag(stage->managers[SERVER], event->connection, tag);
  tell(&stage->ends[SERVER][tag], event->kind == HWS_EVENT_OPEN ? " open" : " asked", 0);
}

static void accept_one(struct stage *stage, hws_id id) {
  hws_result answer = hws_manager_accept(stage->managers[SERVER], id, NULL, NULL);
  if (is_refused(stage, SERVER, answer)) answer = hws_manager_accept(stage->managers[SERVER], id, NULL, NULL);
  if (answer != HWS_OK && answer != HWS_ERR_CLOSED) blame(stage, "accept", answer);
}

static void get_event(struct stage *stage, int side, int32_t index) {
  const hws_event *event = hws_manager_event(stage->managers[side], index);
  struct end *end = event->tag == PAIRS ? &stage->nameless : &stage->ends[side][event->tag];
  if (event->kind == HWS_EVENT_CLOSE && side == SERVER && event->connection == event->listener) {
    stage->listener_closes++;
  } else if (event->kind == HWS_EVENT_REQUEST) {
    get_path(stage, event);
    accept_one(stage, event->connection);
  } else if (event->kind == HWS_EVENT_OPEN) {
    if (side == SERVER && !has(stage->scenario, REQUESTS))
      get_path(stage, event);
    else
      tell(end, " open", 0);
    if (side == CLIENT) send_to(stage, CLIENT, event->connection, HWS_BINARY, bytes, stage->scenario->sizes[0]);
  } else if (event->connection != end->id) {
    blame(stage, "an event of another id", event->kind);
  } else if (event->kind == HWS_EVENT_MESSAGE) {
    get_message(stage, side, end, event);
  } else if (event->kind == HWS_EVENT_CLOSE) {
    get_close(stage, side, index, end, event);
  } else {
    blame(stage, "an event", event->kind);
  }
}

/* ---------------------------------------------------------------------------------------------------------------------
 * The loop
 * ------------------------------------------------------------------------------------------------------------------ */

static int is_readable(int64_t fd) {
  struct pollfd one = {(int)fd, POLLIN, 0};
  return poll(&one, 1, 0) == 1;
}

/* One poll of a manager; an outer loop makes it only when the descriptor says so. Returns how many events came. */
static int poll_one(struct stage *stage, int side, int timeout_ms) {
  hws_manager *manager = stage->managers[side];
  hws_result count;
  int32_t i;
  if (has(stage->scenario, OUTER_LOOP) && !is_readable(hws_manager_fd(manager))) return 0;
  count = hws_manager_poll(manager, timeout_ms);
  if (count < 0 && count != HWS_ERR_SYSTEM && count != HWS_ERR_NO_MEMORY) blame(stage, "poll", count);
  if (count < 0) note_refusal(stage, manager, count);
  for (i = 0; i < count; i++)
    get_event(stage, side, i);
  if (ERR_peek_error() != 0) blame(stage, "OpenSSL's queue of errors is not empty", 0);
  return count > 0 ? count : 0;
}

/* Lets time pass when nothing else does: the more, the longer that lasts. */
static void turn(struct stage *stage, int *idle_ms) {
  int came = poll_one(stage, CLIENT, 0) + poll_one(stage, SERVER, 0);
  if (came > 0) {
    *idle_ms = 5;
    return;
  }
  if (has(stage->scenario, OUTER_LOOP)) {
    usleep(100); /* a moment for what is on its way, as in calls.c */
    clock_advance(*idle_ms);
  } else {
    poll_one(stage, CLIENT, 0);
    poll_one(stage, SERVER, *idle_ms);
  }
  if (*idle_ms < MOST_IDLE) *idle_ms *= 2;
}

/* Every client has what it waits for, or its end. */
static int all_have(const struct stage *stage, int messages) {
  int i;
  for (i = 0; i < PAIRS; i++) {
    const struct end *end = &stage->ends[CLIENT][i];
    if (end->messages < messages && end->closes == 0) return 0;
  }
  return 1;
}

static int all_ended(struct stage *stage) {
  if (!all_have(stage, INT32_MAX) || (has(stage->scenario, RESOLVES) && stage->nameless.closes == 0)) return 0;
  return hws_manager_stat(stage->managers[SERVER], "connections") == 0 &&
         hws_manager_stat(stage->managers[CLIENT], "connections") == 0;
}

/* ---------------------------------------------------------------------------------------------------------------------
 * Acts
 * ------------------------------------------------------------------------------------------------------------------ */

static void broadcast(struct stage *stage) {
  int32_t told = hws_manager_broadcast(stage->managers[SERVER], stage->listener, 0, HWS_BINARY, bytes, EXTRA);
  if (is_refused(stage, SERVER, told)) {
    told = hws_manager_broadcast(stage->managers[SERVER], stage->listener, 0, HWS_BINARY, bytes, EXTRA);
  }
  if (told < 0) blame(stage, "broadcast", told);
}

static void *send_mail(void *with) {
  struct stage *stage = with;
  int i;
  for (i = 0; i < PAIRS; i++)
    send_to(stage, SERVER, stage->ends[SERVER][i].id, HWS_BINARY, bytes, EXTRA);
  if (hws_manager_wake(stage->managers[SERVER]) != HWS_OK) blame(stage, "wake", 0);
  return NULL;
}

static void mail(struct stage *stage) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, send_mail, stage) != 0) abort();
  pthread_join(thread, NULL);
}

static void check_answer(struct stage *stage, const char *call, hws_result answer) {
  if (answer != HWS_OK && answer != HWS_ERR_CLOSED && answer != HWS_ERR_STALE) blame(stage, call, answer);
}

/* What is said during the pause is heard after it. */
static void pause_all(struct stage *stage) {
  int before[PAIRS];
  int idle_ms = 1;
  int i;
  for (i = 0; i < PAIRS; i++) {
    check_answer(stage, "pause", hws_manager_pause(stage->managers[SERVER], stage->ends[SERVER][i].id));
    before[i] = stage->ends[SERVER][i].messages;
    send_to(stage, CLIENT, stage->ends[CLIENT][i].id, HWS_BINARY, bytes, EXTRA);
  }
  for (i = 0; i < 3; i++)
    turn(stage, &idle_ms);
  for (i = 0; i < PAIRS; i++) {
    if (stage->ends[SERVER][i].messages != before[i]) blame(stage, "a message during the pause", i);
    check_answer(stage, "resume", hws_manager_resume(stage->managers[SERVER], stage->ends[SERVER][i].id));
  }
}

static void send_part_to(struct stage *stage, hws_id id, const uint8_t *part, size_t size, int final) {
  hws_manager *manager = stage->managers[SERVER];
  hws_result sent = hws_manager_send_part(manager, id, HWS_BINARY, part, size, final);
  if (is_refused(stage, SERVER, sent)) sent = hws_manager_send_part(manager, id, HWS_BINARY, part, size, final);
  check_answer(stage, "send_part", sent);
}

/* With a ping between the parts. */
static void send_in_parts(struct stage *stage) {
  int i;
  for (i = 0; i < PAIRS; i++) {
    hws_id id = stage->ends[SERVER][i].id;
    hws_result pinged;
    send_part_to(stage, id, bytes, EXTRA / 2, 0);
    pinged = hws_manager_ping(stage->managers[SERVER], id, "ping", 4);
    if (is_refused(stage, SERVER, pinged)) pinged = hws_manager_ping(stage->managers[SERVER], id, "ping", 4);
    check_answer(stage, "ping", pinged);
    send_part_to(stage, id, bytes + EXTRA / 2, EXTRA - EXTRA / 2, 1);
  }
}

/* What is there goes on with the certificate that it knows. */
static void reload(struct stage *stage) {
  hws_manager *manager = stage->managers[SERVER];
  hws_result answer = hws_manager_reload_tls(manager, stage->listener, NULL);
  if (answer == HWS_ERR_NO_MEMORY || answer == HWS_ERR_TLS || answer == HWS_ERR_SYSTEM) {
    note_refusal(stage, manager, answer);
    answer = hws_manager_reload_tls(manager, stage->listener, NULL);
  }
  check_answer(stage, "reload_tls", answer);
  broadcast(stage);
}

static void end_all(struct stage *stage) {
  int i;
  if (has(stage->scenario, DRAINS)) {
    check_answer(stage, "drain", hws_manager_drain(stage->managers[SERVER], 4000));
    return;
  }
  for (i = 0; i < PAIRS; i++) {
    hws_id id = stage->ends[CLIENT][i].id;
    hws_result answer = hws_manager_close(stage->managers[CLIENT], id, 1000, "over");
    if (is_refused(stage, CLIENT, answer)) answer = hws_manager_close(stage->managers[CLIENT], id, 1000, "over");
    check_answer(stage, "close", answer);
  }
}

/* The next act, each after the one before. */
static void act(struct stage *stage) {
  int next = stage->act == 0 ? 1 : stage->act * 2;
  while (next <= LAST_ACT && (stage->scenario->acts & next) == 0)
    next *= 2;
  stage->act = next;
  stage->wanted++;
  if (next == BROADCAST) broadcast(stage);
  if (next == MAIL) mail(stage);
  if (next == PAUSE) pause_all(stage);
  if (next == PARTS) send_in_parts(stage);
  if (next == RELOAD) reload(stage);
  if (next <= LAST_ACT) return;
  stage->wanted = INT32_MAX;
  end_all(stage);
}

static void play(struct stage *stage) {
  int idle_ms = 5;
  int turns;
  connect_all(stage, open_listener(stage));
  stage->wanted = SIZES;
  for (turns = 0; !all_ended(stage); turns++) {
    if (turns > MOST_TURNS) return blame(stage, "no end of turns", turns);
    turn(stage, &idle_ms);
    if (has(stage->scenario, RESOLVES)) name_server_deny();
    if (stage->wanted != INT32_MAX && all_have(stage, stage->wanted)) act(stage);
  }
  if (!has(stage->scenario, DRAINS)) hws_manager_close(stage->managers[SERVER], stage->listener, 0, NULL);
  for (turns = 0; stage->listener_closes < 1 && turns < 10; turns++)
    turn(stage, &idle_ms);
}

/* ---------------------------------------------------------------------------------------------------------------------
 * What is to come of it
 * ------------------------------------------------------------------------------------------------------------------ */

static void expect_story(const struct scenario *scenario, int side, char *story, size_t size) {
  char extra[64] = "";
  int acts;
  for (acts = 1; acts <= LAST_ACT; acts *= 2) {
    int heard = side == CLIENT || acts == PAUSE; /* the server says the others of its own accord */
    if ((scenario->acts & acts) != 0 && heard) strcat(extra, " 20000");
  }
  snprintf(story, size, "%s %zu %zu %zu%s close %d",
           side == SERVER && has(scenario, REQUESTS) ? " asked open" : " open", scenario->sizes[0], scenario->sizes[1],
           scenario->sizes[2], extra, has(scenario, DRAINS) ? 1001 : 1000);
}

/* It is as it should be, but breaks off with a CLOSE. */
static int is_cut(const struct end *end, const char *expected) {
  const char *close = strstr(end->story, " close");
  if (end->id == 0) return end->story[0] == '\0';
  return close != NULL && strncmp(end->story, expected, (size_t)(close - end->story)) == 0;
}

/* Returns true if one of the two ends has another story than it should. */
static int is_harmed(struct stage *stage, int pair) {
  char expected[256];
  int harmed = 0;
  int side;
  for (side = SERVER; side <= CLIENT; side++) {
    const struct end *end = &stage->ends[side][pair];
    expect_story(stage->scenario, side, expected, sizeof expected);
    if (end->closes != (end->id != 0)) blame(stage, "CLOSEs of one id", end->closes);
    if (strcmp(end->story, expected) == 0) continue;
    if (!is_cut(end, expected)) blame(stage, "an end that is no cut", side);
    harmed = 1;
  }
  return harmed;
}

static void check_stage(struct stage *stage, const struct fault *fault) {
  int harmed = is_harmed(stage, 0) + is_harmed(stage, 1);
  if (stage->listener_closes != 1) blame(stage, "CLOSEs of the listener", stage->listener_closes);
  if (has(stage->scenario, RESOLVES) && (stage->nameless.closes != 1 || stage->nameless.error == 0)) {
    blame(stage, "the end of the name", stage->nameless.closes);
  }
  if (harmed == PAIRS) blame(stage, "the bystander was harmed", 0);
  if (fault != NULL && (fault->effects & FAULT_TRANSIENT) == 0) return;
  if (harmed != 0) blame(stage, "a transient fault has done harm", harmed);
  if (stage->refused != 0) blame(stage, "a transient fault was an error", stage->refused);
  if (has(stage->scenario, RESOLVES) && strcmp(stage->nameless.story, " close 1006, error -20") != 0) {
    blame(stage, "not HWS_ERR_RESOLVE", stage->nameless.error);
  }
}

static void describe(const struct stage *stage, int64_t position) {
  const struct fault *fault = calls_injected();
  int i;
  print_error("%s, call %lld, %s: %s\n", stage->scenario->name, (long long)position,
              fault != NULL ? fault_name(fault) : "no fault", stage->wrong);
  for (i = 0; i < PAIRS; i++)
    print_error("  server: %s\n  client: %s\n", stage->ends[SERVER][i].story, stage->ends[CLIENT][i].story);
  print_error("  nameless: %s\n", stage->nameless.story);
}

/* Plays a scenario with one fault. False if something was wrong. */
static int check_play(const struct scenario *scenario, int64_t position, int which) {
  struct stage stage;
  hws_options *options = make_options(scenario);
  int before = log_descriptors();
  memset(&stage, 0, sizeof stage);
  stage.scenario = scenario;
  clock_take();
  if (has(scenario, RESOLVES) && name_server_open() != 0) abort();
  calls_arm(position, which);
  stage.managers[SERVER] = make_manager(&stage, options);
  stage.managers[CLIENT] = make_manager(&stage, options);
  if (stage.managers[SERVER] == NULL || stage.managers[CLIENT] == NULL) {
    blame(&stage, "no manager", 0);
  } else {
    play(&stage);
    check_stage(&stage, calls_injected());
  }
  hws_manager_free(stage.managers[SERVER]);
  hws_manager_free(stage.managers[CLIENT]);
  hws_options_free(options);
  if (has(scenario, RESOLVES)) name_server_close();
  if (log_descriptors() != before) blame(&stage, "descriptors are left", log_descriptors() - before);
  clock_release();
  if (stage.wrong[0] != '\0') describe(&stage, position);
  return stage.wrong[0] == '\0';
}

/* Each fault at each call, as long as the scenario makes that many calls. */
static void test_scenario(void **state) {
  const struct scenario *scenario = *state;
  int64_t position = 0;
  int injected = 0;
  int wrong = 0;
  int which = 0;
  assert_true(check_play(scenario, -1, 0));
  do {
    wrong += !check_play(scenario, position, which);
    if (calls_injected() != NULL) {
      injected++;
      which++;
    } else {
      position++;
      which = 0;
    }
  } while (calls_count() >= position);
  print_message("%s: %d faults at %lld calls\n", scenario->name, injected, (long long)position);
  assert_int_equal(wrong, 0);
  assert_true(injected > 50);
}

static int make_certificate(void **state) {
  int fd = mkstemp(certificate_file);
  size_t size = strlen(raw_tls_certificate());
  size_t i;
  (void)state;
  for (i = 0; i < sizeof bytes; i++)
    bytes[i] = (uint8_t)(i * i >> 7);
  if (fd < 0 || write(fd, raw_tls_certificate(), size) != (ssize_t)size) return -1;
  return close(fd);
}

static int remove_certificate(void **state) {
  (void)state;
  return unlink(certificate_file);
}

int main(int count, char **arguments) {
  struct CMUnitTest tests[SCENARIOS];
  size_t i;
  memset(tests, 0, sizeof tests);
  for (i = 0; i < SCENARIOS; i++) {
    tests[i].name = kScenarios[i].name;
    tests[i].test_func = test_scenario;
    tests[i].initial_state = (void *)&kScenarios[i];
  }
  if (count > 1 && strcmp(arguments[1], "allocations") == 0) calls_choose(ALLOCATIONS);
  if (count > 2) cmocka_set_test_filter(arguments[2]);
  return cmocka_run_group_tests(tests, make_certificate, remove_certificate);
}
