// Every allocation of the library fails once: each call answers HWS_ERR_NO_MEMORY or NULL, each id that was told gets
// its CLOSE, and the manager stays usable. So do those of OpenSSL, as far as the library calls it.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <pthread.h>
#include <unistd.h>

#include "support/cmocka.hpp"
#include "support/failing_new.hpp"

extern "C" {
#include "support/log.h"
#include "support/raw_tls.h"
}

using hawser::allocations_left;

namespace {

constexpr size_t kLarge = 8'000'000;                             // more than the kernel takes
constexpr char kCompressedHello[] = "\xf2\x48\xcd\xc9\xc9\x07";  // RFC 7692 7.2.3.1, with the 0 behind it
uint8_t large[kLarge];

// As allocations_left, for OpenSSL in the library; the raw peer has its own memory.
int64_t openssl_left = -1;
int64_t openssl_failed = 0;
thread_local bool inside = false;

struct Inside {
  Inside() { inside = true; }
  ~Inside() { inside = false; }
};

bool openssl_may_allocate() {
  if (!inside || openssl_left < 0) return true;
  if (openssl_left > 0) return openssl_left-- > 0;
  openssl_failed++;
  return false;
}

void *openssl_malloc(size_t size, const char *, int) {
  return openssl_may_allocate() ? std::malloc(size) : nullptr;
}

void *openssl_realloc(void *memory, size_t size, const char *, int) {
  return openssl_may_allocate() ? std::realloc(memory, size) : nullptr;
}

void openssl_free(void *memory, const char *, int) {
  std::free(memory);
}

// From here on `count` allocations succeed.
void allow(int64_t count) {
  hawser::allocations_failed = 0;
  allocations_left = count;
}

// From here on all of them do. True if none has failed.
bool allow_all() {
  allocations_left = -1;
  return hawser::allocations_failed == 0;
}

// Makes a call with no allocation, then with one, and so on, as long as that is too few. False if the answer to a
// failed one is not as `is_refusal` says, or if no allocation ever fails.
template <typename Call, typename IsRefusal>
bool fails_each(Call call, IsRefusal is_refusal) {
  for (int64_t n = 0;; n++) {
    allow(n);
    auto answer = call();
    if (allow_all()) return n > 0;
    if (!is_refusal(answer)) return false;
  }
}

bool is_no_memory(int64_t answer) {
  return answer == HWS_ERR_NO_MEMORY;
}

void test_options(void **) {
  hws_options *options = nullptr;
  assert_true(fails_each(
      [&] {
        hws_options_free(options);
        return options = hws_options_new();
      },
      [](hws_options *answer) { return answer == nullptr; }));
  // After a use each change makes a copy.
  hws_manager *manager = log_new_manager(options);
  const char *text = "a-subprotocol-that-does-not-fit-into-the-string-itself";
  auto again = [&](auto change) {
    return [&, change] {
      int64_t left = allocations_left.exchange(-1);
      hws_manager_listen(manager, "ws://127.0.0.1:0/", options);
      allocations_left = left;
      return int64_t{change()};
    };
  };
  assert_true(fails_each(again([&] { return hws_options_set_int(options, "max_fragments", 7); }), is_no_memory));
  assert_true(fails_each(again([&] { return hws_options_set_text(options, "subprotocols", text); }), is_no_memory));
  assert_true(fails_each(again([&] { return hws_options_add_header(options, "Name", text); }), is_no_memory));
  hws_manager_free(manager);
  hws_options_free(options);
}

void test_handles(void **) {
  hws_options *options = log_options("max_fragments", 7, nullptr);
  hws_manager *manager = nullptr;
  assert_true(fails_each(
      [&] {
        hws_manager_free(manager);
        return manager = hws_manager_new(options);
      },
      [](hws_manager *answer) { return answer == nullptr; }));
  assert_true(fails_each([&] { return hws_manager_listen(manager, "ws://127.0.0.1:0/", nullptr); }, is_no_memory));
  hws_manager_free(manager);
  auto make_session = [&](auto make) {
    hws_session *session = nullptr;
    bool fine = fails_each(
        [&] {
          hws_session_free(session);
          return session = make();
        },
        [](hws_session *answer) { return answer == nullptr; });
    hws_session_free(session);
    return fine;
  };
  assert_true(make_session([&] { return hws_session_new_client("ws://example.com/", options); }));
  assert_true(make_session([&] { return hws_session_new_server(options); }));
  assert_true(make_session([&] { return hws_session_new_open(HWS_SERVER, options); }));
  hws_options_free(options);
}

// What is received cannot be kept: the session ends, and says why.
void test_session(void **) {
  uint8_t frame[100];
  for (int64_t n = 0;; n++) {
    hws_session *session = hws_session_new_open(HWS_SERVER, nullptr);
    size_t size = raw_make_frame(frame, 1, RAW_BINARY, "in parts", 8);
    allow(n);
    int64_t used = hws_session_receive(session, frame, size);
    const hws_event *event = hws_session_event(session);
    const char *words = hws_session_event_text(session);
    bool enough = allow_all();
    if (!enough) {
      assert_int_equal(used, size);
      assert_non_null(event);
      assert_int_equal(event->kind, HWS_EVENT_CLOSE);
      assert_int_equal(event->error, HWS_ERR_NO_MEMORY);
      assert_true(words == nullptr || std::strstr(words, "memory") != nullptr);
    }
    hws_session_free(session);
    if (enough) break;
  }
}

// What lies between the application and the wire.
struct Layers {
  bool tls;
  const char *deflate;
};

void use(const Layers &layers) {
  if (layers.tls) {
    setenv("HAWSER_TEST_TLS", "1", 1);
  } else {
    unsetenv("HAWSER_TEST_TLS");
  }
}

constexpr Layers kPlain = {false, "off"};
constexpr Layers kTls = {true, "off"};
constexpr Layers kAll[] = {kPlain, kTls, {false, "shared"}, {false, "dedicated"}, {true, "dedicated"}};

// A conversation in which one allocation fails.
struct Scene {
  log diary = {};
  Layers layers = kPlain;
  hws_id listener = 0;
  hws_id id = 0;
  int port = 0;
  raw_peer peer = {};

  bool deflates() const { return std::strcmp(layers.deflate, "off") != 0; }
};

// Whether a call may be answered so after memory has run out once.
bool is_expected(int64_t answer) {
  return answer >= 0 || answer == HWS_ERR_NO_MEMORY || answer == HWS_ERR_CLOSED || answer == HWS_ERR_STALE ||
         answer == HWS_ERR_STATE;
}

void pump(void *with) {
  Inside inside;
  hws_manager_flush(static_cast<log *>(with)->manager);
  log_poll(static_cast<log *>(with), 0);
}

void poll_some(Scene &scene) {
  for (int i = 0; i < 5; i++)
    pump(&scene.diary);
}

void remember_id(Scene &scene) {
  for (size_t i = 0; i < scene.diary.count; i++) {
    const hws_event &event = scene.diary.entries[i].event;
    if (event.kind == HWS_EVENT_REQUEST || event.kind == HWS_EVENT_OPEN) scene.id = event.connection;
  }
}

struct Mail {
  Scene *scene;
  hws_result sent;
  hws_result closed;
};

void *send_mail(void *with) {
  Mail *mail = static_cast<Mail *>(with);
  hws_manager *manager = mail->scene->diary.manager;
  mail->sent = hws_manager_send(manager, mail->scene->id, HWS_TEXT, "by another thread", 17);
  mail->closed = hws_manager_close(manager, mail->scene->id, 1000, "by another thread");
  return nullptr;
}

void *send_held(void *with) {
  Mail *mail = static_cast<Mail *>(with);
  mail->sent = hws_manager_send(mail->scene->diary.manager, mail->scene->id, HWS_TEXT, "held", 4);
  return nullptr;
}

// By another thread, from its beginning to its end.
bool run_thread(void *(*routine)(void *), Mail &mail) {
  pthread_t thread;
  return pthread_create(&thread, nullptr, routine, &mail) == 0 && pthread_join(thread, nullptr) == 0;
}

// Whatever a server may do; returns false if an answer was none of the expected ones.
bool converse(Scene &scene) {
  hws_manager *manager = scene.diary.manager;
  bool fine = true;
  auto check = [&](auto call) {
    Inside in;
    fine = fine && is_expected(call());
  };
  raw_write_request(&scene.peer, "/",
                    scene.deflates()
                        ? "Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"
                        : "Sec-WebSocket-Protocol: a, b\r\n");
  poll_some(scene);
  remember_id(scene);
  check([&] { return hws_manager_accept(manager, scene.id, "b", nullptr); });
  poll_some(scene);
  raw_write_frame(&scene.peer, RAW_TEXT, "in ", 3);
  poll_some(scene);
  raw_write_frame(&scene.peer, RAW_FIN | RAW_CONTINUATION, "parts", 5);
  raw_write_frame(&scene.peer, RAW_FIN | RAW_PING, "ping", 4);
  if (scene.deflates()) raw_write_frame(&scene.peer, RAW_FIN | 0x40 | RAW_TEXT, kCompressedHello, 7);
  poll_some(scene);
  check([&] { return hws_manager_send(manager, scene.id, HWS_TEXT, "small", 5); });
  check([&] { return hws_manager_send(manager, scene.id, HWS_BINARY, large, kLarge); });
  check([&] { return hws_manager_send(manager, scene.id, HWS_BINARY, large, 100'000); });
  check([&] { return hws_manager_broadcast(manager, scene.listener, 0, HWS_BINARY, large, 50'000); });
  check([&] { return hws_manager_send_part(manager, scene.id, HWS_TEXT, "a ", 2, 0); });
  check([&] { return hws_manager_broadcast(manager, scene.listener, 0, HWS_TEXT, "behind it", 9); });
  Mail held = {&scene, HWS_OK, HWS_OK};
  if (!run_thread(send_held, held)) return false;
  check([&] { return held.sent; });
  poll_some(scene);  // it waits behind the unfinished message
  check([&] { return hws_manager_send_part(manager, scene.id, HWS_TEXT, "part", 4, 1); });
  check([&] { return hws_manager_ping(manager, scene.id, "p", 1); });
  poll_some(scene);
  Mail mail = {&scene, HWS_OK, HWS_OK};
  if (!run_thread(send_mail, mail)) return false;
  check([&] { return mail.sent; });
  check([&] { return mail.closed; });
  poll_some(scene);
  return fine;
}

bool serves_again(Scene &scene) {
  raw_peer_init(&scene.peer, raw_connect(scene.port), 1, log_pump, &scene.diary);
  size_t before = log_count(&scene.diary, HWS_EVENT_REQUEST, 0);
  if (raw_write_request(&scene.peer, "/", nullptr) != 0) return false;
  if (!log_wait_count(&scene.diary, HWS_EVENT_REQUEST, 0, before + 1)) return false;
  remember_id(scene);
  char head[4096];
  return hws_manager_accept(scene.diary.manager, scene.id, nullptr, nullptr) == HWS_OK &&
         raw_read_head(&scene.peer, head, sizeof head) > 0 && std::strncmp(head, "HTTP/1.1 101", 12) == 0;
}

// A conversation with the memory that `let` allows: every id gets one CLOSE, and after it the manager serves on.
template <typename Let>
void check_server(const Layers &layers, int memory_budget, Let let) {
  Scene scene;
  scene.layers = layers;
  use(layers);
  hws_options *options =
      log_options("requests", 1, "keep_handshake", 1, "memory_budget", memory_budget, static_cast<char *>(nullptr));
  assert_int_equal(hws_options_set_text(options, "deflate", layers.deflate), HWS_OK);
  log_open(&scene.diary, options);
  scene.listener = log_listen(&scene.diary, nullptr, &scene.port);
  raw_peer_init(&scene.peer, raw_connect(scene.port), 1, pump, &scene.diary);
  let();
  bool fine = converse(scene);
  allocations_left = openssl_left = -1;
  assert_true(fine);
  raw_peer_close(&scene.peer);
  // An undecided request would wait for its deadline.
  bool opened = log_count(&scene.diary, HWS_EVENT_OPEN, 0) == 1;
  if (scene.id != 0 && !opened) assert_true(is_expected(hws_manager_abort(scene.diary.manager, scene.id)));
  if (scene.id != 0) assert_true(log_wait_count(&scene.diary, HWS_EVENT_CLOSE, scene.id, 1));
  assert_true(serves_again(scene));
  raw_peer_close(&scene.peer);
  assert_true(log_wait_count(&scene.diary, HWS_EVENT_CLOSE, scene.id, 1));
  // One for each that was told.
  assert_int_equal(log_count(&scene.diary, HWS_EVENT_CLOSE, 0), log_count(&scene.diary, HWS_EVENT_REQUEST, 0));
  log_poll(&scene.diary, 0);
  // The compressor and the inflater that all share stay.
  int64_t shared = std::strcmp(layers.deflate, "shared") == 0 ? 400'000 : 0;
  assert_in_range(hws_manager_stat(scene.diary.manager, "memory"), 0, shared);
  assert_int_equal(hws_manager_stat(scene.diary.manager, "connections"), 0);
  log_close(&scene.diary);
  hws_options_free(options);
}

void test_server(void **) {
  for (const Layers &layers : kAll) {
    int64_t n = 0;
    do {
      check_server(layers, -1, [n] { allow(n); });
      n++;
    } while (hawser::allocations_failed != 0);
    assert_true(n > 10);
  }
}

// An answer other than 101: it is refused or goes out, and the end comes once.
void test_respond(void **) {
  constexpr char kBody[] = "a body that no string holds in itself, nor a small buffer";
  use(kPlain);
  hws_options *options = log_options("requests", 1, static_cast<char *>(nullptr));
  hws_options *headers = hws_options_new();
  assert_int_equal(hws_options_add_header(headers, "Cache-Control", "no-store, of which no string has room"), HWS_OK);
  bool enough = false;
  for (int64_t n = 0; !enough; n++) {
    Scene scene;
    log_open(&scene.diary, options);
    scene.listener = log_listen(&scene.diary, nullptr, &scene.port);
    raw_peer_init(&scene.peer, raw_connect(scene.port), 1, pump, &scene.diary);
    assert_int_equal(raw_write_request(&scene.peer, "/", nullptr), 0);
    assert_true(log_wait_count(&scene.diary, HWS_EVENT_REQUEST, 0, 1));
    remember_id(scene);
    allow(n);
    hws_result answer = hws_manager_respond(scene.diary.manager, scene.id, 404, headers, kBody, sizeof kBody - 1);
    poll_some(scene);
    enough = allow_all();
    assert_true(answer == HWS_OK || answer == HWS_ERR_NO_MEMORY);
    if (enough) assert_int_equal(answer, HWS_OK);
    if (answer != HWS_OK) assert_true(is_expected(hws_manager_abort(scene.diary.manager, scene.id)));
    raw_peer_close(&scene.peer);
    assert_true(log_wait_count(&scene.diary, HWS_EVENT_CLOSE, scene.id, 1));
    log_poll(&scene.diary, 0);
    assert_int_equal(hws_manager_stat(scene.diary.manager, "memory"), 0);
    log_close(&scene.diary);
  }
  hws_options_free(headers);
  hws_options_free(options);
}

// The certificates of a listener: the old ones stay where there is no memory for new ones.
void test_reload(void **) {
  use(kTls);
  hws_manager *manager = log_new_manager(nullptr);
  hws_id listener = hws_manager_listen(manager, "wss://127.0.0.1:0/", nullptr);
  assert_true(listener > 0);
  assert_true(fails_each([&] { return hws_manager_reload_tls(manager, listener, nullptr); }, is_no_memory));
  hws_manager_free(manager);
}

// From what a newcomer has to find free, of which a sixteenth is not to be had, to more than all of it.
void test_budget(void **) {
  for (const Layers &layers : kAll) {
    constexpr int kRequest = (16 + 2) * 1024;  // what has to be free when its head has come
    constexpr int kHandshake = 64 * 1024;      // of TLS
    int least = layers.tls ? kHandshake : kRequest;
    for (int budget = least + least / 15 + 1; budget < 10'000'000; budget += budget / 6)
      check_server(layers, budget, [] {});
  }
}

// OpenSSL needs thousands of them: some of each kind fail.
void test_openssl_in_server(void **) {
  int64_t n = 0;
  do {
    openssl_failed = 0;
    check_server(kTls, -1, [n] { openssl_left = n; });
    n += n < 40 ? 1 : 37;
  } while (openssl_failed != 0);
  assert_true(n > 500);
}

void check_client(const Layers &layers, int64_t n, int64_t openssl, bool &enough) {
  Scene scene;
  use(layers);
  int server = raw_listen(&scene.port);
  char url[128];
  std::snprintf(url, sizeof url, "%s://localhost:%d/a/path/that/no/string/holds/in/itself", layers.tls ? "wss" : "ws",
                scene.port);
  hws_options *options = hws_options_new();
  assert_int_equal(hws_options_set_text(options, "deflate", layers.deflate), HWS_OK);
  log_open(&scene.diary, options);
  raw_peer_init(&scene.peer, -1, 0, pump, &scene.diary);
  allow(n);
  openssl_left = openssl;
  openssl_failed = 0;
  inside = true;
  scene.id = hws_manager_connect(scene.diary.manager, url, nullptr);
  inside = false;
  for (int i = 0; i < 20; i++)
    pump(&scene.diary);
  bool refused = scene.id < 0;
  bool ended = !refused && log_count(&scene.diary, HWS_EVENT_CLOSE, scene.id) == 1;
  if (!refused && !ended) raw_peer_init(&scene.peer, raw_accept(server, pump, &scene.diary), 0, pump, &scene.diary);
  if (scene.peer.fd >= 0 && layers.tls) raw_peer_start_tls(&scene.peer);
  const char *extension =
      std::strcmp(layers.deflate, "off") != 0 ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : nullptr;
  bool answered = scene.peer.fd >= 0 && raw_answer(&scene.peer, extension) == 0;
  poll_some(scene);
  inside = true;
  hws_result sent = hws_manager_send(scene.diary.manager, scene.id, HWS_BINARY, large, kLarge);
  inside = false;
  poll_some(scene);
  bool all = allow_all();
  openssl_left = -1;
  enough = all && openssl_failed == 0;
  if (enough) assert_true(answered);
  if (refused) assert_true(scene.id == HWS_ERR_NO_MEMORY || scene.id == HWS_ERR_TLS);
  assert_true(is_expected(sent));
  if (scene.peer.fd >= 0) raw_peer_close(&scene.peer);
  if (!refused) assert_true(log_wait_count(&scene.diary, HWS_EVENT_CLOSE, scene.id, 1));
  poll_some(scene);
  assert_int_equal(log_count(&scene.diary, HWS_EVENT_CLOSE, 0), refused ? 0 : 1);
  assert_int_equal(hws_manager_stat(scene.diary.manager, "memory"), 0);
  log_close(&scene.diary);
  hws_options_free(options);
  close(server);
}

void test_client(void **) {
  for (const Layers &layers : {kPlain, kTls, Layers{false, "dedicated"}, Layers{true, "dedicated"}}) {
    bool enough = false;
    for (int64_t n = 0; !enough; n++)
      check_client(layers, n, -1, enough);
  }
}

void test_openssl_in_client(void **) {
  bool enough = false;
  for (int64_t n = 0; !enough; n += n < 40 ? 1 : 37)
    check_client(kTls, -1, n, enough);
}

// Setting up: a listener, and its reload.
void test_openssl_in_setup(void **) {
  use(kTls);
  hws_manager *manager = log_new_manager(nullptr);
  hws_id listener = HWS_ERR_TLS;
  for (int64_t n = 0; listener < 0; n += n < 40 ? 1 : 37) {
    Inside in;
    openssl_left = n;
    listener = hws_manager_listen(manager, "wss://127.0.0.1:0/", nullptr);
    openssl_left = -1;
    assert_true(listener > 0 || listener == HWS_ERR_TLS || listener == HWS_ERR_NO_MEMORY);
    assert_int_equal(ERR_peek_error(), 0);
  }
  hws_result reloaded = HWS_ERR_TLS;
  for (int64_t n = 0; reloaded != HWS_OK; n += n < 40 ? 1 : 37) {
    Inside in;
    openssl_left = n;
    reloaded = hws_manager_reload_tls(manager, listener, nullptr);
    openssl_left = -1;
    assert_true(reloaded == HWS_OK || reloaded == HWS_ERR_TLS || reloaded == HWS_ERR_NO_MEMORY);
  }
  hws_manager_free(manager);
}

}  // namespace

int main() {
  if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1) return 1;
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_options),
      cmocka_unit_test(test_handles),
      cmocka_unit_test(test_session),
      cmocka_unit_test(test_server),
      cmocka_unit_test(test_respond),
      cmocka_unit_test(test_reload),
      cmocka_unit_test(test_budget),
      cmocka_unit_test(test_client),
      cmocka_unit_test(test_openssl_in_setup),
      cmocka_unit_test(test_openssl_in_server),
      cmocka_unit_test(test_openssl_in_client),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
