// Listening and connecting through Manager, against raw sockets.
#include <cerrno>
#include <cstring>

#include <unistd.h>

#include "desk.hpp"
#include "support/cmocka.hpp"

namespace {

using hawser::Error;
using hawser::EventKind;
using hawser::Options;

void test_urls(void **) {
  Desk desk;
  assert_true(desk.manager->listen("ws://example.com:1/", nullptr).failure().error == Error::URL);
  assert_true(desk.manager->listen("wss://127.0.0.1:0/", nullptr).failure().error == Error::TLS);
  assert_true(desk.manager->listen("nonsense", nullptr).failure().error == Error::URL);
  assert_true(desk.manager->connect("ws://127.0.0.1:0/", nullptr).failure().error == Error::URL);
  Options distrustful;
  distrustful.change().set_text("tls_ca_file", "/nowhere/ca.pem");
  assert_true(desk.manager->connect("wss://127.0.0.1/", &distrustful).failure().error == Error::TLS);
  assert_true(desk.manager->take_failure_detail().find("/nowhere/ca.pem") == 0);
  auto taken = desk.manager->listen("ws://127.0.0.1:" + std::to_string(desk.port) + "/", nullptr);
  assert_true(taken.failure().error == Error::LISTEN);
  assert_int_equal(taken.failure().system, EADDRINUSE);
}

void test_reuse_port(void **) {
  Options options;
  options.change().set_number("reuse_port", 1);
  Desk desk;
  auto first = desk.manager->listen("ws://127.0.0.1:0/", &options);
  assert_true(static_cast<bool>(first));
  std::string address = desk.manager->local_address(*first);
  assert_true(static_cast<bool>(desk.manager->listen("ws://" + address + "/", &options)));
}

// To ourselves, both ends in one manager.
void test_both_ends(void **) {
  Desk desk;
  auto id = desk.manager->connect("ws://127.0.0.1:" + std::to_string(desk.port) + "/both", nullptr);
  assert_true(static_cast<bool>(id));
  assert_true(desk.wait(EventKind::OPEN, 2));
  int64_t other = 0;
  for (const Seen &entry : desk.seen) {
    if (entry.event.connection != *id) other = entry.event.connection;
  }
  assert_true(desk.manager->send(*id, hawser::Opcode::TEXT, reinterpret_cast<const uint8_t *>("to"), 2) == Error::OK);
  assert_true(desk.wait(EventKind::MESSAGE));
  assert_int_equal(desk.last(EventKind::MESSAGE)->event.connection, other);
  assert_true(desk.manager->close(other, 1001, "bye") == Error::OK);
  assert_true(desk.wait(EventKind::CLOSE, 2));
  for (const Seen &entry : desk.seen) {
    if (entry.event.kind != EventKind::CLOSE) continue;
    assert_int_equal(entry.event.code, 1001);
    assert_true((entry.event.flags & hawser::event_flag::kClean) != 0);
  }
}

// The server accepts TCP and says nothing, or rubbish, or ends.
void check_bad_server(const char *answer, bool ends, Error expected) {
  Options options;
  options.change().set_number("handshake_timeout", 100);
  Desk desk(&options);
  int port = 0;
  int listener = raw_listen(&port);
  auto id = desk.manager->connect("ws://127.0.0.1:" + std::to_string(port) + "/", nullptr);
  assert_true(static_cast<bool>(id));
  raw_peer peer;
  raw_peer_init(&peer, raw_accept(listener, Desk::pump, &desk), 0, Desk::pump, &desk);
  assert_int_equal(raw_write_text(&peer, answer), 0);
  if (ends) raw_peer_end(&peer);
  assert_true(desk.wait(EventKind::CLOSE));
  const hawser::Event &event = desk.last(EventKind::CLOSE)->event;
  raw_peer_close(&peer);
  ::close(listener);
  assert_int_equal(event.error, static_cast<int32_t>(expected));
  assert_int_equal(event.connection, *id);
  assert_int_equal(desk.seen.size(), 1);
}

void test_bad_servers(void **) {
  check_bad_server("", false, Error::TIMEOUT);
  check_bad_server("", true, Error::END);
  check_bad_server("SSH-2.0-server\r\n\r\n", false, Error::HANDSHAKE);
  check_bad_server("HTTP/1.1 404 Not Found\r\n\r\n", false, Error::HTTP);
  check_bad_server(
      "HTTP/1.1 101 Fine\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
      false, Error::HANDSHAKE);
}

// The peer has gone before it was accepted.
void test_peer_gone_before_accept(void **) {
  Desk desk;
  for (int i = 0; i < 20; i++)
    raw_peer_reset(desk.connect());
  raw_peer *peer;
  assert_true(desk.join(peer) > 0);
  for (int i = 0; i < 20; i++)
    desk.poll(1);
  assert_int_equal(*desk.manager->stat("connections"), 1);
  assert_int_equal(desk.seen.size(), 1);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_urls),
      cmocka_unit_test(test_reuse_port),
      cmocka_unit_test(test_both_ends),
      cmocka_unit_test(test_bad_servers),
      cmocka_unit_test(test_peer_gone_before_accept),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
