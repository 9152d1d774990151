// The opening handshake (RFC 6455 4) of a session, in both roles.
#include "session/chopping.hpp"
#include "support/cmocka.hpp"
#include "support/failing_new.hpp"

using namespace hawser;
using namespace lab;

namespace {

// RFC 6455 1.3.
const std::string kKey = "dGhlIHNhbXBsZSBub25jZQ==";
const std::string kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

int as_int(Error error) {
  return static_cast<int>(error);
}

std::string request(const std::string &more = "", const std::string &first = "GET /chat?room=1 HTTP/1.1",
                    const std::string &version = "13") {
  return first +
         "\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + kKey +
         "\r\nSec-WebSocket-Version: " + version + "\r\n" + more + "\r\n";
}

// "Name: value" of a head, without the line's end; "" if there is none.
std::string line_of(const std::string &head, const std::string &name) {
  size_t begin = head.find("\r\n" + name + ": ");
  return begin == std::string::npos ? "" : head.substr(begin + 2, head.find("\r\n", begin + 2) - begin - 2);
}

std::string first_line(const std::string &head) {
  return head.substr(0, head.find("\r\n"));
}

bool is_101(const std::string &head) {
  return first_line(head) == "HTTP/1.1 101 Switching Protocols" && line_of(head, "Upgrade") == "Upgrade: websocket" &&
         line_of(head, "Connection") == "Connection: Upgrade" &&
         line_of(head, "Sec-WebSocket-Accept") == "Sec-WebSocket-Accept: " + kAccept && head.ends_with("\r\n\r\n");
}

std::string view(const char *text) {
  return text != nullptr ? text : "(null)";
}

// ---------------------------------------------------------------------------------------------------------------------
// Servers

// Frames may come right behind the request.
void a_server_accepts_at_every_cut(void **) {
  for (bool keep : {false, true}) {
    Config config;
    config.keep_handshake = keep;
    frames::Peer peer(true);
    std::string bytes = request() + peer.text("early") + peer.bytes(9, "p");
    std::vector<Chop> chops = {bytewise};
    for (size_t cut = 0; cut < bytes.size(); cut++)
      chops.push_back(at(cut));
    for (const Chop &chop : chops) {
      Lab lab(Role::SERVER, config);
      lab.feed(bytes, chop);
      assert_string_equal(lab.told().c_str(), "OPEN M1:early");
      assert_true(lab->is_open());
      size_t end = lab.sink.written.find("\r\n\r\n") + 4;
      assert_true(is_101(lab.sink.written.substr(0, end)));
      assert_string_equal(frames::sketch(lab.sink.written.substr(end)).c_str(), "10:p");
      assert_null(lab->subprotocol());
      lab->forget_handshake();
      assert_int_equal(lab->opening() != nullptr, keep);
      if (keep) assert_string_equal(view(lab->opening()->headers().find("host")).c_str(), "server.example.com");
      assert_int_equal(lab.leak(), 0);
    }
  }
}

void a_head_that_came_whole_costs_nothing(void **) {
  Lab lab(Role::SERVER);
  lab.feed(request());
  assert_int_equal(lab.budget.used(), 0);
  Lab pieces(Role::SERVER);
  pieces.feed(request().substr(0, 100));
  assert_true(pieces.budget.used() > 0);
  pieces.feed(request().substr(100));
  pieces->forget_handshake();
  assert_int_equal(pieces.budget.used(), 0);
}

void a_server_picks_a_subprotocol(void **) {
  Config config;
  config.policy.subprotocols = "superchat, chat";
  config.policy.headers = "Server: hawser\r\n";
  Lab lab(Role::SERVER, config);
  lab.feed(request("Sec-WebSocket-Protocol: v1, chat\r\nSec-WebSocket-Protocol: superchat\r\n"));
  assert_true(is_101(lab.sink.written));
  assert_string_equal(line_of(lab.sink.written, "Sec-WebSocket-Protocol").c_str(), "Sec-WebSocket-Protocol: superchat");
  assert_string_equal(line_of(lab.sink.written, "Server").c_str(), "Server: hawser");
  lab->forget_handshake();
  assert_string_equal(view(lab->subprotocol()).c_str(), "superchat");

  Lab none(Role::SERVER, config);
  none.feed(request("Sec-WebSocket-Protocol: v1\r\n"));
  assert_true(is_101(none.sink.written));
  assert_string_equal(line_of(none.sink.written, "Sec-WebSocket-Protocol").c_str(), "");
  assert_null(none->subprotocol());
}

// The answer has this status, then it is over, and nothing that still comes matters.
bool refuses(const std::string &bytes, const std::string &status, Error error, const Config &config = {}) {
  for (const Chop &chop : {Chop(whole), Chop(bytewise)}) {
    Lab lab(Role::SERVER, config);
    lab.feed(bytes, chop);
    std::string answer = lab.sink.take();
    lab.feed(request());
    Told close = lab.close();
    bool right = first_line(answer) == "HTTP/1.1 " + status &&
                 line_of(answer, "Connection").find("close") != std::string::npos && lab.events.empty() &&
                 lab->over() && !lab->abandoned() && lab.sink.written.empty() && close.code == 1006 &&
                 close.error == error && close.flags == event_flag::kByPeer && close.system == std::stoi(status) &&
                 lab->deadline() == -1;
    size_t end = answer.find("\r\n\r\n");
    std::string body = end == std::string::npos ? "" : answer.substr(end + 4);
    right = right && line_of(answer, "Content-Length") == "Content-Length: " + std::to_string(body.size());
    // CLOSE tells as much as the peer was told.
    right = right && lab->words_of_close().find(body.substr(0, body.find('\n'))) != std::string::npos;
    lab->output_flushed();
    right = right && lab->deadline() == 5000;
    if (!right)
      print_error("%s\n%s\n%d %s\n", bytes.c_str(), answer.c_str(), close.system, lab->words_of_close().c_str());
    if (!right || lab.leak() != 0) return false;
  }
  return true;
}

void a_server_refuses(void **) {
  assert_true(refuses("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "426 Upgrade Required", Error::HANDSHAKE));
  assert_true(refuses(request("", "POST / HTTP/1.1"), "405 Method Not Allowed", Error::HANDSHAKE));
  assert_true(refuses(request("", "GET / HTTP/1.1", "8"), "426 Upgrade Required", Error::HANDSHAKE));
  assert_true(refuses(request("Host: b\r\n"), "400 Bad Request", Error::HANDSHAKE));
  assert_true(refuses(request("Content-Length: 3\r\n"), "400 Bad Request", Error::HANDSHAKE));
  assert_true(refuses(request("Origin: http://evil.example\r\n"), "403 Forbidden", Error::HANDSHAKE));
  assert_true(refuses(request("no colon\r\n"), "400 Bad Request", Error::HANDSHAKE));
  assert_true(refuses("G\x01", "400 Bad Request", Error::HANDSHAKE));
  assert_true(refuses("\x81\x85zzzzhello\r\r", "400 Bad Request", Error::HANDSHAKE));
  assert_true(refuses(request("", "GET / HTTP/1.0"), "505 HTTP Version Not Supported", Error::HANDSHAKE));
}

void a_server_limits_heads(void **) {
  Config config;
  config.head.max_size = 300;
  std::string exact = request("X: " + std::string(300 - request().size() - 5, 'x') + "\r\n");
  assert_int_equal(exact.size(), 300);
  for (const Chop &chop : {Chop(whole), Chop(bytewise), at(100)}) {
    Lab lab(Role::SERVER, config);
    lab.feed(exact, chop);
    assert_string_equal(lab.told().c_str(), "OPEN");
  }
  std::string larger = request("X: " + std::string(300 - request().size() - 4, 'x') + "\r\n");
  assert_true(refuses(larger, "431 Request Header Fields Too Large", Error::LIMIT, config));
  assert_true(refuses("GET /" + std::string(1000, 'x'), "431 Request Header Fields Too Large", Error::LIMIT, config));
  for (int64_t max_size : {int64_t{-1}, int64_t{1} << 32, INT64_MAX}) {
    config.head.max_size = max_size;
    Lab lab(Role::SERVER, config);
    lab.feed(larger, bytewise);
    assert_string_equal(lab.told().c_str(), "OPEN");
  }
  config.head.max_headers = 6;
  assert_true(refuses(request("A: 1\r\nB: 2\r\n"), "431 Request Header Fields Too Large", Error::LIMIT, config));
}

void a_server_without_memory(void **) {
  Lab lab(Role::SERVER, {}, 50);
  lab.feed(request().substr(0, 100));
  assert_true(lab->abandoned() && lab.sink.written.empty());
  assert_int_equal(as_int(lab.close().error), as_int(Error::NO_MEMORY));
  assert_int_equal(lab.close().flags, 0);
  Lab full(Role::SERVER);
  full.sink.full = true;
  full.feed(request());
  assert_true(full->abandoned() && full.events.empty());
  assert_int_equal(as_int(full.close().error), as_int(Error::NO_MEMORY));
}

// ---------------------------------------------------------------------------------------------------------------------
// Requests

Config asking() {
  Config config;
  config.requests = true;
  return config;
}
Config asking_with_deflate() {
  Config config = asking();
  config.deflate.mode = DeflateMode::SHARED;
  return config;
}

void a_request_waits_for_its_answer(void **) {
  frames::Peer peer(true);
  std::string bytes = request("Sec-WebSocket-Protocol: a, b\r\nX-Token: 42\r\n") + peer.text("early");
  for (const Chop &chop : {Chop(whole), Chop(bytewise), at(50), at(bytes.size() - 3)}) {
    Lab lab(Role::SERVER, asking());
    lab.feed(bytes, chop);
    assert_string_equal(lab.told().c_str(), "REQUEST");
    assert_int_equal(lab.events[0].flags, event_flag::kUpgrade);
    assert_true(lab->blocked() && lab->is_opening() && lab.sink.written.empty());
    assert_string_equal(std::string(lab->opening()->target()).c_str(), "/chat?room=1");
    assert_string_equal(view(lab->opening()->headers().find("x-token")).c_str(), "42");
    assert_int_equal(as_int(lab.send("x")), as_int(Error::STATE));
    assert_int_equal(as_int(lab->accept("c", "")), as_int(Error::ARGUMENT));
    assert_true(lab.sink.written.empty());
    assert_int_equal(as_int(lab->accept("b", "X-Mine: yes\r\n")), as_int(Error::OK));
    assert_true(is_101(lab.sink.written));
    assert_string_equal(line_of(lab.sink.written, "Sec-WebSocket-Protocol").c_str(), "Sec-WebSocket-Protocol: b");
    assert_string_equal(line_of(lab.sink.written, "X-Mine").c_str(), "X-Mine: yes");
    assert_true(lab->is_open());
    lab.feed("");
    assert_string_equal(lab.told().c_str(), "REQUEST M1:early");
    assert_string_equal(view(lab->subprotocol()).c_str(), "b");
    assert_int_equal(as_int(lab->accept("b", "")), as_int(Error::STATE));
    assert_int_equal(lab.leak(), 0);
  }
}

void a_request_may_be_accepted_without_a_subprotocol(void **) {
  Lab lab(Role::SERVER, asking());
  lab.feed(request("Sec-WebSocket-Protocol: a\r\n"));
  assert_int_equal(as_int(lab->accept("", "")), as_int(Error::OK));
  assert_string_equal(line_of(lab.sink.written, "Sec-WebSocket-Protocol").c_str(), "");
  assert_null(lab->subprotocol());
}

void an_accept_that_cannot_be_written_may_be_tried_again(void **) {
  Lab lab(Role::SERVER, asking_with_deflate());
  lab.feed(request("Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"));
  lab.sink.full = true;
  assert_int_equal(as_int(lab->accept("a", "")), as_int(Error::NO_MEMORY));
  assert_false(lab->is_open());
  assert_int_equal(as_int(lab->can_send()), as_int(Error::STATE));
  lab.sink.full = false;
  assert_int_equal(as_int(lab->accept("", "")), as_int(Error::OK));
  assert_null(lab->subprotocol());
  assert_non_null(lab->extensions());
  assert_true(is_101(lab.sink.written));
  assert_int_equal(lab.leak(), 0);
}

void an_accept_that_could_not_be_written_agreed_on_nothing(void **) {
  Lab lab(Role::SERVER, asking_with_deflate());
  lab.feed(request("Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"));
  lab.sink.full = true;
  assert_int_equal(as_int(lab->accept("a", "")), as_int(Error::NO_MEMORY));
  lab.sink.full = false;
  assert_int_equal(as_int(lab.respond(403, "")), as_int(Error::OK));
  assert_null(lab->subprotocol());
  assert_null(lab->extensions());
  assert_int_equal(lab.leak(), 0);
}

void plain_http_is_responded_to(void **) {
  Lab lab(Role::SERVER, asking());
  lab.feed("GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
  assert_string_equal(lab.told().c_str(), "REQUEST");
  assert_int_equal(lab.events[0].flags, 0);
  assert_int_equal(as_int(lab->accept("", "")), as_int(Error::STATE));
  assert_int_equal(as_int(lab.respond(200, "fine", "Content-Type: text/x\r\n")), as_int(Error::OK));
  assert_string_equal(first_line(lab.sink.written).c_str(), "HTTP/1.1 200 OK");
  assert_string_equal(line_of(lab.sink.written, "Content-Length").c_str(), "Content-Length: 4");
  assert_string_equal(line_of(lab.sink.written, "Content-Type").c_str(), "Content-Type: text/x");
  assert_true(lab.sink.written.ends_with("\r\n\r\nfine"));
  assert_true(lab->over() && !lab->abandoned());
  Told close = lab.close();
  assert_int_equal(as_int(close.error), as_int(Error::ABORTED));
  assert_int_equal(close.system, 200);
  assert_int_equal(close.flags, 0);
  assert_false(lab->words_of_close().empty());
  assert_int_equal(as_int(lab.respond(200, "again")), as_int(Error::STATE));
}

void an_answer_to_head_has_no_body(void **) {
  Lab head(Role::SERVER, asking());
  head.feed("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert_int_equal(as_int(head.respond(200, "fine")), as_int(Error::OK));
  assert_string_equal(line_of(head.sink.written, "Content-Length").c_str(), "Content-Length: 4");
  assert_true(head.sink.written.ends_with("\r\n\r\n"));
  Lab empty(Role::SERVER, asking());
  empty.feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert_int_equal(as_int(empty.respond(204, "ignored")), as_int(Error::OK));
  assert_true(empty.sink.written.ends_with("\r\n\r\n"));
}

void large_bodies_are_sent_whole(void **) {
  Lab lab(Role::SERVER, asking());
  lab.feed(request());
  std::string body(100'000, 'b');
  assert_int_equal(as_int(lab.respond(404, body)), as_int(Error::OK));
  assert_true(lab.sink.written.ends_with("\r\n\r\n" + body));
}

void a_request_may_end_otherwise(void **) {
  Lab late(Role::SERVER, asking());
  late.feed(request());
  assert_int_equal(late->deadline(), 10'000);
  late.advance_to(10'000);
  assert_true(late->abandoned());
  assert_int_equal(as_int(late.close().error), as_int(Error::TIMEOUT));
  assert_int_equal(late.close().flags, 0);  // it was the application that was late
  assert_int_equal(as_int(late->accept("", "")), as_int(Error::STATE));

  Lab gone(Role::SERVER, asking());
  gone.feed(request());
  gone->receive_end();
  assert_true(gone->abandoned());
  assert_int_equal(as_int(gone.close().error), as_int(Error::END));

  Lab closed(Role::SERVER, asking());
  closed.feed(request());
  assert_int_equal(as_int(closed->close(1000, "")), as_int(Error::OK));
  assert_true(closed->abandoned());
  assert_int_equal(as_int(closed.close().error), as_int(Error::ABORTED));

  Lab full(Role::SERVER, asking());
  full.feed(request());
  full.sink.full = true;
  assert_int_equal(as_int(full.respond(404, "")), as_int(Error::NO_MEMORY));
  assert_true(full->abandoned());
}

void bad_requests_are_not_asked_about(void **) {
  assert_true(refuses(request("Origin: http://evil.example\r\n"), "403 Forbidden", Error::HANDSHAKE, asking()));
  assert_true(refuses("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "405 Method Not Allowed", Error::HANDSHAKE, asking()));
}

// ---------------------------------------------------------------------------------------------------------------------
// Clients

Url url() {
  return {false, "server.example.com", false, 80, "/chat?room=1"};
}

// A client that has sent its request; what a server would answer to its key comes from another session.
struct Client : Lab {
  std::string sent;
  std::string answer;  // the 101

  explicit Client(const Config &with = {}, const Config &servers = {}) : Lab(Role::CLIENT, with) {
    session->start(url());
    sent = sink.take();
    Lab server(Role::SERVER, servers);
    server.feed(sent);
    answer = server.sink.written;
  }
};

void a_client_asks(void **) {
  Config config;
  config.offer.subprotocols = "a,b";
  config.offer.origin = "http://origin.example";
  config.offer.headers = "X-Mine: yes\r\n";
  Client client(config);
  assert_string_equal(first_line(client.sent).c_str(), "GET /chat?room=1 HTTP/1.1");
  assert_string_equal(line_of(client.sent, "Host").c_str(), "Host: server.example.com");
  assert_string_equal(line_of(client.sent, "Sec-WebSocket-Version").c_str(), "Sec-WebSocket-Version: 13");
  assert_string_equal(line_of(client.sent, "Sec-WebSocket-Protocol").c_str(), "Sec-WebSocket-Protocol: a, b");
  assert_string_equal(line_of(client.sent, "Origin").c_str(), "Origin: http://origin.example");
  assert_string_equal(line_of(client.sent, "X-Mine").c_str(), "X-Mine: yes");
  assert_true(client.sent.ends_with("\r\n\r\n"));
  assert_int_equal(line_of(client.sent, "Sec-WebSocket-Key").size(), 19 + 24);
  Lab another(Role::CLIENT, config);
  another.recorded = false;  // the random bytes that are used up here are in no record
  uint8_t used[8];
  static_cast<void>(another.random.fill(used));
  another->start(url());
  assert_string_not_equal(line_of(another.sink.written, "Sec-WebSocket-Key").c_str(),
                          line_of(client.sent, "Sec-WebSocket-Key").c_str());
}

void a_client_opens_at_every_cut(void **) {
  for (bool keep : {false, true}) {
    Config config;
    config.keep_handshake = keep;
    std::string bytes = Client(config).answer + frames::Peer(false).text("early");
    std::vector<Chop> chops = {bytewise};
    for (size_t cut = 0; cut < bytes.size(); cut++)
      chops.push_back(at(cut));
    for (const Chop &chop : chops) {
      Client client(config);
      client.feed(bytes, chop);
      assert_string_equal(client.told().c_str(), "OPEN M1:early");
      assert_string_equal(std::string(client->opening()->status()).c_str(), "101 Switching Protocols");
      assert_string_equal(std::string(client->opening()->target()).c_str(), "/chat?room=1");
      client->forget_handshake();
      assert_int_equal(client->opening() != nullptr, keep);
      if (keep) assert_string_equal(view(client->opening()->headers().find("upgrade")).c_str(), "websocket");
      assert_int_equal(client.leak(), 0);
    }
  }
}

void a_client_takes_a_subprotocol(void **) {
  Config offers;
  offers.offer.subprotocols = "a, b";
  Config speaks;
  speaks.policy.subprotocols = "b";
  Client client(offers, speaks);
  client.feed(client.answer);
  client->forget_handshake();
  assert_string_equal(view(client->subprotocol()).c_str(), "b");
  Client foreign(offers, speaks);
  foreign.answer.replace(foreign.answer.find("Protocol: b"), 11, "Protocol: c");
  foreign.feed(foreign.answer);
  assert_true(foreign->abandoned());
}

void a_client_passes_over_interim_answers(void **) {
  const std::string early = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
  const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  std::string bytes = early + go_on + early + Client().answer + frames::Peer(false).text("early");
  for (size_t cut = 0; cut < bytes.size(); cut++) {
    Client client;
    client.feed(bytes, at(cut));
    assert_string_equal(client.told().c_str(), "OPEN M1:early");
    assert_null(client->opening()->headers().find("link"));
  }
  Client client;
  client.feed(bytes, bytewise);
  assert_string_equal(client.told().c_str(), "OPEN M1:early");
}

void interim_answers_have_an_end(void **) {
  std::string many;
  while (many.size() < 20'000)
    many += "HTTP/1.1 100 Continue\r\n\r\n";
  Client client;
  client.feed(many, at(10'000));
  assert_true(client->abandoned());
  assert_int_equal(as_int(client.close().error), as_int(Error::LIMIT));
  assert_int_equal(client.close().flags, event_flag::kByPeer);
}

// Each piece that a client copies of an answer belongs to its head: what is behind it is neither copied nor counted.
void a_client_keeps_only_the_head(void **) {
  Client client;
  std::string behind = client.peer.binary(std::string(12'000, 'x'));
  client.feed(client.answer + behind);
  assert_true(client.budget.used() < 1000);
}

bool fails_with(const std::string &bytes, Error error, int system = 0) {
  for (const Chop &chop : {Chop(whole), Chop(bytewise)}) {
    Client client;
    std::string answer = bytes;
    size_t key = answer.find("ACCEPT");
    if (key != std::string::npos) answer.replace(key, 6, line_of(client.answer, "Sec-WebSocket-Accept").substr(22));
    client.feed(answer, chop);
    Told close = client.close();
    bool right = client->abandoned() && client.events.empty() && client.sink.written.empty() && close.error == error &&
                 close.system == system && close.code == 1006 && close.flags == event_flag::kByPeer &&
                 !client->words_of_close().empty();
    if (!right) print_error("%s\n%d %d\n", answer.c_str(), as_int(close.error), close.system);
    if (!right || client.leak() != 0) return false;
  }
  return true;
}

std::string switching(const std::string &upgrade, const std::string &connection, const std::string &accept,
                      const std::string &more = "") {
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: " + upgrade + "\r\nConnection: " + connection +
         "\r\nSec-WebSocket-Accept: " + accept + "\r\n" + more + "\r\n";
}

void a_client_refuses_bad_answers(void **) {
  Client good;
  std::string accept = line_of(good.answer, "Sec-WebSocket-Accept").substr(22);
  good.feed(switching("WebSocket", "keep-alive, upgrade", accept));
  assert_string_equal(good.told().c_str(), "OPEN");
  assert_true(fails_with(switching("h2c", "Upgrade", "ACCEPT"), Error::HANDSHAKE));
  assert_true(fails_with(switching("websocket", "close", "ACCEPT"), Error::HANDSHAKE));
  assert_true(fails_with(switching("websocket", "Upgrade", kAccept), Error::HANDSHAKE));
  assert_true(
      fails_with(switching("websocket", "Upgrade", "ACCEPT", "Sec-WebSocket-Extensions: x\r\n"), Error::HANDSHAKE));
  assert_true(
      fails_with(switching("websocket", "Upgrade", "ACCEPT", "Sec-WebSocket-Protocol: x\r\n"), Error::HANDSHAKE));
  assert_true(fails_with("HTTP/1.1 banana\r\n\r\n", Error::HANDSHAKE));
  assert_true(fails_with("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", Error::HANDSHAKE));
  assert_true(fails_with("SSH-2.0-OpenSSH_9.2\r\n\r\n", Error::HANDSHAKE));
  assert_true(fails_with("HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x'), Error::LIMIT));
  assert_true(fails_with("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", Error::HTTP, 403));
  assert_true(fails_with("HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", Error::HTTP, 302));
  assert_true(fails_with("HTTP/1.1 200 OK\r\n\r\n", Error::HTTP, 200));
}

void a_refused_client_can_read_why(void **) {
  Client client;
  client.feed("HTTP/1.1 403 Not You\r\nX-Why: no\r\n\r\nbody");
  assert_string_equal(std::string(client->opening()->status()).c_str(), "403 Not You");
  assert_string_equal(view(client->opening()->headers().find("X-Why")).c_str(), "no");
  assert_true(client->words_of_close().find("403 Not You") != std::string::npos);
}

void a_client_without_randomness_or_memory(void **) {
  Lab random(Role::CLIENT);
  random.random.break_down();
  assert_int_equal(as_int(random->start(url()).error), as_int(Error::RANDOM));
  assert_true(random.sink.written.empty());
  Lab memory(Role::CLIENT);
  memory.sink.full = true;
  assert_int_equal(as_int(memory->start(url()).error), as_int(Error::NO_MEMORY));
  Lab budget(Role::CLIENT, {}, 10);
  budget->start(url());
  budget.feed("HTTP/1.1 101 Switching");
  assert_true(budget->abandoned());
  assert_int_equal(as_int(budget.close().error), as_int(Error::NO_MEMORY));
  assert_int_equal(budget.close().flags, 0);
}

// Whichever of its allocations fails, a client's start says so and does not throw.
void a_start_that_runs_out_of_memory(void **) {
  bool started = false;
  for (int64_t left = 0; !started; left++) {
    Lab lab(Role::CLIENT);
    lab.recorded = false;  // recording would take memory
    lab.sink.written.reserve(4096);
    Url target = url();
    hawser::allocations_left = left;
    Failure failure = lab->Session::start(target);
    hawser::allocations_left = -1;
    started = !failure;
    if (failure) assert_int_equal(as_int(failure.error), as_int(Error::NO_MEMORY));
    if (left == 0) assert_false(started);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      lab_unit_test(a_server_accepts_at_every_cut),
      lab_unit_test(a_head_that_came_whole_costs_nothing),
      lab_unit_test(a_server_picks_a_subprotocol),
      lab_unit_test(a_server_refuses),
      lab_unit_test(a_server_limits_heads),
      lab_unit_test(a_server_without_memory),
      lab_unit_test(a_request_waits_for_its_answer),
      lab_unit_test(a_request_may_be_accepted_without_a_subprotocol),
      lab_unit_test(an_accept_that_cannot_be_written_may_be_tried_again),
      lab_unit_test(an_accept_that_could_not_be_written_agreed_on_nothing),
      lab_unit_test(plain_http_is_responded_to),
      lab_unit_test(an_answer_to_head_has_no_body),
      lab_unit_test(large_bodies_are_sent_whole),
      lab_unit_test(a_request_may_end_otherwise),
      lab_unit_test(bad_requests_are_not_asked_about),
      lab_unit_test(a_client_asks),
      lab_unit_test(a_client_opens_at_every_cut),
      lab_unit_test(a_client_takes_a_subprotocol),
      lab_unit_test(a_client_passes_over_interim_answers),
      lab_unit_test(interim_answers_have_an_end),
      lab_unit_test(a_client_keeps_only_the_head),
      lab_unit_test(a_client_refuses_bad_answers),
      lab_unit_test(a_refused_client_can_read_why),
      lab_unit_test(a_client_without_randomness_or_memory),
      lab_unit_test(a_start_that_runs_out_of_memory),
  };
  return cmocka_run_group_tests_name("session/session_handshake", tests, nullptr, nullptr);
}
