// TLS between the TCP connection and the WebSocket handshake: how long it may take, how many at a time, and who does
// not speak it. What hawser.h says of TLS is in tests/capi.
#include <cstring>

#include <openssl/err.h>
#include <unistd.h>

#include "desk.hpp"
#include "support/cmocka.hpp"
#include "support/raw_tls.h"

namespace {

using hawser::Error;
using hawser::EventKind;
using hawser::Options;

void trust(Options &options) {
  options.change().set_text("tls_certificate", raw_tls_certificate());
  options.change().set_text("tls_key", raw_tls_key());
  options.change().set_text("tls_ca", raw_tls_certificate());
}

Options with_tls(const char *name = "max_fragments", int64_t value = 1000) {
  Options options;
  trust(options);
  options.change().set_number(name, value);
  return options;
}

// A desk whose listener is a wss:// one.
class TlsDesk : public Desk {
 public:
  explicit TlsDesk(Options options = with_tls()) : Desk(&options), plain_port(port) {
    listener = *manager->listen("wss://127.0.0.1:0/", nullptr);
    port = std::atoi(std::string(manager->local_address(listener)).substr(10).c_str());
    raw_tls_note_port(port, 1);
    raw_tls_note_port(plain_port, 0);
  }

  // A peer that does not speak TLS, unlike those of connect().
  raw_peer *connect_plain() {
    peers.push_back(std::make_unique<raw_peer>());
    int fd = raw_connect(port);
    raw_tls_take_socket(fd);
    raw_peer_init(peers.back().get(), fd, 1, pump, this);
    return peers.back().get();
  }
  int64_t stat(const char *name) { return *manager->stat(name); }
  // Polls until a counter has come to a value.
  bool wait_stat(const char *name, int64_t value) {
    int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
    while (stat(name) != value) {
      if (raw_now_ms() > until || poll(10) < 0) return false;
    }
    return true;
  }
  std::string words_of_close() {
    for (int32_t i = 0; i < manager->batch().size(); i++) {
      if (manager->batch().at(i)->kind == EventKind::CLOSE) return manager->event_text(i);
    }
    return "";
  }

  int plain_port;
};

bool has(const std::string &words, const std::string &part) {
  if (words.find(part) != std::string::npos) return true;
  std::printf("\"%s\" is not in: %s\n", part.c_str(), words.c_str());
  return false;
}

// The first `size` bytes of a ClientHello, by OpenSSL; SIZE_MAX: all of it.
std::string client_hello(size_t size) {
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  SSL *client = SSL_new(context);
  SSL_set_bio(client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(client);
  SSL_do_handshake(client);
  char bytes[4096];
  int got = BIO_read(SSL_get_wbio(client), bytes, sizeof bytes);
  SSL_free(client);
  SSL_CTX_free(context);
  ERR_clear_error();
  return {bytes, std::min(size, static_cast<size_t>(got))};
}

// ---------------------------------------------------------------------------------------------------------------------
// Time

// The handshake's deadline is TLS's too.
void test_silent_clients(void **) {
  for (const std::string &said :
       {client_hello(0), client_hello(1), client_hello(5), client_hello(50), client_hello(SIZE_MAX)}) {
    TlsDesk desk(with_tls("handshake_timeout", 50));
    raw_peer *peer = desk.connect_plain();
    assert_int_equal(raw_write(peer, said.data(), said.size()), 0);
    assert_true(desk.wait_stat("tls_failures", 1));
    // Whatever it was answered, that is the end.
    int more = 1;
    while (more > 0)
      more = raw_read_more(peer);
    assert_true(peer->ended != 0 || peer->error == ECONNRESET);
    assert_true(desk.wait_stat("connections", 0));
    assert_int_equal(desk.stat("handshakes_failed"), 1);
    assert_int_equal(desk.stat("handshakes"), 0);
    assert_int_equal(desk.stat("tls_handshakes"), 0);
    assert_int_equal(desk.stat("memory"), 0);
    assert_int_equal(desk.seen.size(), 0);  // nobody was told of it
  }
}

// TLS stands, and then nothing is asked for: that is the same deadline, but no failure of TLS.
void test_silence_after_tls(void **) {
  TlsDesk desk(with_tls("handshake_timeout", 300));
  raw_peer *peer = desk.connect();
  char byte;
  while (SSL_get_state(peer->tls) != TLS_ST_OK) {
    SSL_read(peer->tls, &byte, 1);
    desk.poll(1);
  }
  assert_true(desk.wait_stat("handshakes_failed", 1));
  assert_int_equal(desk.stat("tls_handshakes"), 1);
  assert_int_equal(desk.stat("tls_failures"), 0);
}

// Of a server that says nothing, or half of its answer, the client is told.
void test_silent_servers(void **) {
  for (const char *said : {"", "\x16", "\x16\x03\x03\x01"}) {
    TlsDesk desk(with_tls("handshake_timeout", 50));
    int port = 0;
    int listener = raw_listen(&port);
    auto id = desk.manager->connect("wss://127.0.0.1:" + std::to_string(port) + "/", nullptr);
    assert_true(static_cast<bool>(id));
    raw_peer peer;
    raw_peer_init(&peer, raw_accept(listener, Desk::pump, &desk), 0, Desk::pump, &desk);
    raw_write_text(&peer, said);
    bool closed = desk.wait(EventKind::CLOSE);
    raw_peer_close(&peer);
    ::close(listener);
    assert_true(closed);
    assert_int_equal(desk.last(EventKind::CLOSE)->event.connection, *id);
    assert_int_equal(desk.last(EventKind::CLOSE)->event.error, static_cast<int32_t>(Error::TIMEOUT));
    assert_int_equal(desk.stat("tls_failures"), 1);
    assert_int_equal(desk.seen.size(), 1);
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// A flood

// Every round of the loop takes no more than so many steps of handshakes, however many wait, and who is open has its
// turn in each.
void check_flood(int64_t steps) {
  constexpr size_t kFlood = 200;
  TlsDesk desk(with_tls("tls_handshakes_per_poll", steps));
  raw_peer *open = nullptr;
  int64_t id = desk.join(open);
  assert_true(id > 0);
  std::vector<raw_peer *> flood;
  for (size_t i = 0; i < kFlood; i++)
    flood.push_back(desk.connect());
  int64_t done = 1;
  size_t rounds = 0;
  while (done < int64_t{kFlood} + 1) {
    for (raw_peer *peer : flood)
      SSL_do_handshake(peer->tls);
    size_t before = desk.count(EventKind::MESSAGE);
    std::string text = std::to_string(rounds++);
    assert_int_equal(raw_write_frame(open, RAW_FIN | RAW_TEXT, text.data(), text.size()), 0);
    assert_true(desk.poll() >= 0);
    assert_int_equal(desk.count(EventKind::MESSAGE), before + 1);
    assert_string_equal(desk.last(EventKind::MESSAGE)->data.c_str(), text.c_str());
    assert_int_equal(desk.last(EventKind::MESSAGE)->event.connection, id);
    int64_t now = desk.stat("tls_handshakes");
    assert_in_range(now - done, 0, steps);
    done = now;
    assert_true(rounds < 10'000);
  }
  // Each of them takes two steps.
  assert_true(rounds >= 2 * kFlood / static_cast<size_t>(steps));
  ERR_clear_error();
}

void test_flood(void **) {
  check_flood(8);
  check_flood(1);
}

// Half-open ones take no more places than there are for handshakes, and give them back.
void test_half_open(void **) {
  constexpr int kMost = 10;
  TlsDesk desk(with_tls("max_handshakes", kMost));
  std::vector<raw_peer *> flood;
  std::string half = client_hello(100);
  for (int i = 0; i < 3 * kMost; i++) {
    flood.push_back(desk.connect_plain());
    assert_int_equal(raw_write(flood.back(), half.data(), half.size()), 0);
    desk.poll();
    assert_in_range(desk.stat("handshakes"), 0, kMost);
  }
  assert_true(desk.wait_stat("accepted", kMost));
  for (int i = 0; i < 20; i++)
    desk.poll(1);
  assert_int_equal(desk.stat("accepted"), kMost);
  for (raw_peer *peer : flood)
    raw_peer_close(peer);
  assert_true(desk.wait_stat("tls_failures", 3 * kMost));
  assert_int_equal(desk.stat("handshakes"), 0);
  assert_int_equal(desk.stat("memory"), 0);
  raw_peer *peer = nullptr;
  assert_true(desk.join(peer) > 0);
}

// The budget has no room for another one: it is not taken, and the others go on.
void test_budget(void **) {
  TlsDesk desk(with_tls("memory_budget", 150'000));
  raw_peer *first = nullptr;
  int64_t id = desk.join(first);
  assert_true(id > 0);
  std::vector<raw_peer *> half_open;
  for (int i = 0; i < 4; i++)
    half_open.push_back(desk.connect_plain());
  assert_true(desk.wait_stat("refused_memory", 3));
  assert_int_equal(desk.stat("accepted"), 5);
  assert_int_equal(raw_write_frame(first, RAW_FIN | RAW_TEXT, "still here", 10), 0);
  assert_true(desk.wait(EventKind::MESSAGE));
  for (raw_peer *peer : half_open)
    raw_peer_close(peer);
  assert_true(desk.wait_stat("tls_failures", 1));
  raw_peer *next = nullptr;
  assert_true(desk.join(next) > 0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Who speaks something else

// Plain HTTP is answered in plain HTTP; HEAD without a body (RFC 9110 9.3.2).
void test_plain_http(void **) {
  for (const char *request :
       {"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n", "POST / HTTP/1.1\r\n\r\n", "HEAD /"}) {
    TlsDesk desk;
    raw_peer *peer = desk.connect_plain();
    assert_int_equal(raw_write_text(peer, request), 0);
    char head[1024];
    assert_true(raw_read_head(peer, head, sizeof head) > 0);
    assert_true(has(head, "HTTP/1.1 400 "));
    while (raw_read_more(peer) > 0)
      continue;
    assert_true(peer->ended != 0);
    assert_true(has(head, "wss://"));
    std::string body(reinterpret_cast<char *>(peer->bytes + peer->begin), peer->size);
    bool has_body = std::string_view(request).substr(0, 4) != "HEAD";
    assert_int_equal(has(body, "wss://"), has_body);
    assert_int_equal(body.empty(), !has_body);
    assert_int_equal(desk.stat("plain_on_tls"), 1);
    raw_peer_close(peer);
    assert_true(desk.wait_stat("connections", 0));
    assert_int_equal(desk.stat("handshakes_failed"), 1);
    assert_int_equal(desk.stat("tls_on_plain"), 0);
    assert_int_equal(desk.stat("memory"), 0);
    assert_int_equal(desk.seen.size(), 0);
  }
}

// What the client still sends does not take the answer away from it.
void test_plain_http_with_body(void **) {
  TlsDesk desk;
  raw_peer *peer = desk.connect_plain();
  assert_int_equal(raw_write_text(peer, "POST / HTTP/1.1\r\nContent-Length: 300000\r\n\r\n"), 0);
  std::string body(300'000, 'x');
  assert_int_equal(raw_write(peer, body.data(), body.size()), 0);
  char head[1024];
  assert_true(raw_read_head(peer, head, sizeof head) > 0);
  assert_true(has(head, "HTTP/1.1 400 "));
  assert_int_equal(desk.stat("plain_on_tls"), 1);
}

void test_garbage(void **) {
  TlsDesk desk;
  raw_peer *peer = desk.connect_plain();
  assert_int_equal(raw_write_text(peer, "hello, is anybody there?"), 0);
  assert_true(desk.wait_stat("tls_failures", 1));
  assert_int_equal(desk.stat("plain_on_tls"), 0);
  assert_int_equal(desk.stat("handshakes_failed"), 1);
}

void test_tls_on_plain(void **) {
  TlsDesk desk(with_tls("close_timeout", 50));
  desk.port = desk.plain_port;
  raw_peer *peer = desk.connect_plain();
  std::string hello = client_hello(SIZE_MAX);
  assert_int_equal(raw_write(peer, hello.data(), hello.size()), 0);
  assert_true(desk.wait_stat("tls_on_plain", 1));
  assert_int_equal(desk.stat("handshakes_failed"), 1);
  assert_int_equal(desk.stat("tls_failures"), 0);
  assert_int_equal(desk.stat("plain_on_tls"), 0);
  assert_int_equal(desk.seen.size(), 0);
}

// Our own client against our own server, with the wrong scheme.
void check_wrong_scheme(const char *scheme, bool to_plain, Error expected, const char *words) {
  TlsDesk desk;
  int port = to_plain ? desk.plain_port : desk.port;
  auto id = desk.manager->connect(std::string(scheme) + "://127.0.0.1:" + std::to_string(port) + "/", nullptr);
  assert_true(static_cast<bool>(id));
  assert_true(desk.wait(EventKind::CLOSE));
  assert_int_equal(desk.last(EventKind::CLOSE)->event.connection, *id);
  assert_int_equal(desk.last(EventKind::CLOSE)->event.error, static_cast<int32_t>(expected));
  assert_true(has(desk.words_of_close(), words));
}

void test_wrong_schemes(void **) {
  check_wrong_scheme("ws", false, Error::HTTP, "wss://");
  check_wrong_scheme("wss", true, Error::TLS, "is it a ws:// port?");
}

// A server that speaks TLS and answers our request with an alert, as most do.
void test_ws_client_of_tls_server(void **) {
  TlsDesk desk;
  int port = 0;
  int listener = raw_listen(&port);
  auto id = desk.manager->connect("ws://127.0.0.1:" + std::to_string(port) + "/", nullptr);
  raw_peer peer;
  raw_peer_init(&peer, raw_accept(listener, Desk::pump, &desk), 0, Desk::pump, &desk);
  raw_write(&peer, "\x15\x03\x01\x00\x02\x02\x0a", 7);  // fatal, unexpected_message
  bool closed = desk.wait(EventKind::CLOSE);
  raw_peer_close(&peer);
  ::close(listener);
  assert_true(closed);
  assert_int_equal(desk.last(EventKind::CLOSE)->event.connection, *id);
  assert_int_equal(desk.last(EventKind::CLOSE)->event.error, static_cast<int32_t>(Error::TLS));
  assert_true(has(desk.words_of_close(), "use wss://"));
}

// ---------------------------------------------------------------------------------------------------------------------
// Both ends in one manager

void test_both_ends(void **) {
  TlsDesk desk;
  std::string url = "wss://127.0.0.1:" + std::to_string(desk.port) + "/";
  for (int64_t n = 1; n <= 3; n++) {
    auto id = desk.manager->connect(url, nullptr);
    assert_true(static_cast<bool>(id));
    assert_true(desk.wait(EventKind::OPEN, static_cast<size_t>(2 * n)));
    assert_true(desk.manager->send(*id, hawser::Opcode::TEXT, reinterpret_cast<const uint8_t *>("hello"), 5) ==
                Error::OK);
    assert_true(desk.wait(EventKind::MESSAGE, static_cast<size_t>(n)));
    int64_t other = desk.last(EventKind::MESSAGE)->event.connection;
    for (int64_t end : {*id, other}) {
      assert_non_null(desk.manager->tls(end));
      assert_true(has(desk.manager->tls(end), "TLSv1.3 TLS_"));
    }
    assert_string_equal(desk.manager->tls_subject(*id), "CN=localhost");
    assert_null(desk.manager->tls_subject(other));
    assert_true(desk.manager->close(*id, 1000, "") == Error::OK);
    assert_true(desk.wait(EventKind::CLOSE, static_cast<size_t>(2 * n)));
    assert_true((desk.last(EventKind::CLOSE)->event.flags & hawser::event_flag::kClean) != 0);
    assert_null(desk.manager->tls(*id));
    assert_int_equal(desk.stat("tls_handshakes"), 2 * n);
    assert_int_equal(desk.stat("tls_resumed"), 2 * (n - 1));  // the tickets came with the answer
  }
  assert_int_equal(desk.stat("memory"), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_silent_clients), cmocka_unit_test(test_silence_after_tls),
      cmocka_unit_test(test_silent_servers), cmocka_unit_test(test_flood),
      cmocka_unit_test(test_half_open),      cmocka_unit_test(test_budget),
      cmocka_unit_test(test_plain_http),     cmocka_unit_test(test_plain_http_with_body),
      cmocka_unit_test(test_garbage),        cmocka_unit_test(test_tls_on_plain),
      cmocka_unit_test(test_wrong_schemes),  cmocka_unit_test(test_ws_client_of_tls_server),
      cmocka_unit_test(test_both_ends),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
