#include "handshake/server_handshake.hpp"

#include <string>
#include <vector>

#include "handshake/client_handshake.hpp"
#include "support/cmocka.hpp"

using namespace hawser;

namespace {

// RFC 6455 1.3.
const char kKey[] = "dGhlIHNhbXBsZSBub25jZQ==";

// The lines of a good handshake, of which a test changes one.
struct Lines {
  std::string start = "GET /chat HTTP/1.1";
  std::string host = "Host: server.example.com";
  std::string upgrade = "Upgrade: websocket";
  std::string connection = "Connection: Upgrade";
  std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
  std::string version = "Sec-WebSocket-Version: 13";
  std::string more;

  // An empty line is left out.
  std::string text() const {
    std::string text;
    for (const std::string &line : {start, host, upgrade, connection, key, version, more}) {
      if (!line.empty()) text += line + "\r\n";
    }
    return text + "\r\n";
  }
};

Lines plain(const std::string &start) {
  Lines lines;
  lines.start = start;
  lines.upgrade = lines.connection = lines.key = lines.version = "";
  return lines;
}

struct Judgement {
  int status = 0;  // of the refusal; 0: accepted
  std::string body;
  bool upgrade = false;
  bool head_only = false;
  std::string key, offered, subprotocol;
  bool inside_head = true;  // what was picked points into it
};

Judgement judge(const std::string &text, const ServerPolicy &policy = {}, bool plain_http = false) {
  std::vector<uint8_t> data(text.begin(), text.end());
  Result<RequestHead> head = parse_request_head(data.data(), data.size(), {});
  Judgement judgement;
  if (!head) {
    judgement.status = -head.failure().system;
    return judgement;
  }
  RequestCheck check = check_request(*head, policy, plain_http);
  judgement.head_only = check ? check.request().head_only : check.refusal().head_only;
  if (!check) {
    judgement.status = check.refusal().status;
    judgement.body = check.refusal().body;
    return judgement;
  }
  const UpgradeRequest &request = check.request();
  judgement.upgrade = request.upgrade;
  judgement.key = request.key;
  judgement.offered = request.offered;
  judgement.subprotocol = request.subprotocol;
  auto *begin = reinterpret_cast<const char *>(data.data());
  judgement.inside_head = request.subprotocol.empty() ||
                          (request.subprotocol.data() > begin && request.subprotocol.data() < begin + data.size());
  return judgement;
}

bool is_refused(const Lines &lines, int status, const char *words, bool plain_http = false) {
  Judgement judgement = judge(lines.text(), {}, plain_http);
  if (judgement.status == status && judgement.body.find(words) != std::string::npos) return true;
  print_error("%s-> %d %s\n", lines.text().c_str(), judgement.status, judgement.body.c_str());
  return false;
}

bool is_upgraded(const Lines &lines) {
  Judgement judgement = judge(lines.text());
  if (judgement.status == 0 && judgement.upgrade && judgement.key == kKey) return true;
  print_error("%s-> %d %s\n", lines.text().c_str(), judgement.status, judgement.body.c_str());
  return false;
}

// The line of a handshake that is replaced by each of `values`.
using Line = std::string Lines::*;

bool are_upgraded(Line line, const std::vector<std::string> &values) {
  for (const std::string &value : values) {
    Lines lines;
    lines.*line = value;
    if (!is_upgraded(lines)) return false;
  }
  return true;
}

bool are_refused(Line line, int status, const char *words, const std::vector<std::string> &values) {
  for (const std::string &value : values) {
    Lines lines;
    lines.*line = value;
    if (!is_refused(lines, status, words)) return false;
  }
  return true;
}

void the_handshake_of_the_rfc_is_accepted(void **) {
  Judgement judgement = judge(Lines().text());
  assert_int_equal(judgement.status, 0);
  assert_true(judgement.upgrade);
  assert_false(judgement.head_only);
  assert_string_equal(judgement.key.c_str(), kKey);
  assert_string_equal(judgement.offered.c_str(), "");
  assert_string_equal(judgement.subprotocol.c_str(), "");
}

void every_way_to_say_it_is_understood(void **) {
  assert_true(
      are_upgraded(&Lines::start, {"GET / HTTP/1.1", "GET /?x HTTP/1.2", "GET http://server.example.com/chat HTTP/1.1",
                                   "GET ws://[::1]:9?x HTTP/1.1"}));
  assert_true(
      are_upgraded(&Lines::host, {"host:h", "HOST: h:80", "Host: [::1]:80", "Host: 127.0.0.1", "Host: a_b.c.:0"}));
  assert_true(are_upgraded(&Lines::upgrade, {"upgrade:WEBSOCKET", "Upgrade: h2c, WebSocket", "Upgrade: ,websocket,",
                                             "Upgrade: h2c\r\nUpgrade: websocket"}));
  assert_true(are_upgraded(&Lines::connection, {"connection:upgrade", "Connection: keep-alive, UPGRADE",
                                                "Connection: keep-alive\r\nConnection: Upgrade"}));
  assert_true(are_upgraded(&Lines::key, {"sec-websocket-KEY:  dGhlIHNhbXBsZSBub25jZQ== "}));
  assert_true(are_upgraded(&Lines::version, {"SEC-websocket-version:13"}));
  assert_true(are_upgraded(&Lines::more, {"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
                                          "Sec-WebSocket-Extensions: x\r\nSec-WebSocket-Extensions:", "Cookie: a=b",
                                          "Expect: 100-continue"}));
}

void a_bad_host_is_a_bad_request(void **) {
  assert_true(are_refused(&Lines::host, 400, "no Host", {"", "X-Host: h"}));
  assert_true(are_refused(&Lines::host, 400, "more than one Host", {"Host: h\r\nHost: h", "Host: h\r\nhost: i"}));
  assert_true(are_refused(&Lines::host, 400, "bad Host",
                          {"Host:", "Host: :80", "Host: a b", "Host: a, b", "Host: u@h", "Host: h:x", "Host: h:65536",
                           "Host: [::1", "Host: http://h", "Host: h/", "Host: \xc3\xa9", "Host: a..b"}));
  assert_true(are_refused(
      &Lines::start, 400, "bad Host",
      {"GET http:///x HTTP/1.1", "GET ws://u@h/ HTTP/1.1", "GET ws://h:x/ HTTP/1.1", "GET http://?x HTTP/1.1"}));
}

void other_methods_are_not_allowed(void **) {
  for (const char *method : {"POST", "PUT", "OPTIONS", "DELETE", "get", "GETS", "TRACE"}) {
    const std::string start = std::string(method) + " / HTTP/1.1";
    assert_true(are_refused(&Lines::start, 405, "GET", {start}));
    assert_true(is_refused(plain(start), 405, "GET", true));
    assert_true(is_refused(plain(start), 405, "GET", false));
  }
  assert_true(are_refused(&Lines::start, 405, "is a GET", {"HEAD / HTTP/1.1"}));
}

void old_http_is_not_supported(void **) {
  assert_true(are_refused(&Lines::start, 505, "HTTP/1.1", {"GET / HTTP/1.0"}));
  assert_true(is_refused(plain("GET / HTTP/1.0"), 505, "HTTP/1.1", true));
}

void a_damaged_handshake_is_told(void **) {
  assert_true(are_refused(&Lines::upgrade, 426, "Upgrade: websocket", {"", "Upgrade: h2c", "Upgrade: websockets"}));
  assert_true(
      are_refused(&Lines::connection, 400, "Connection: Upgrade", {"", "Connection: close", "Connection: upgraded"}));
  // Even where the application answers plain HTTP.
  Lines lines;
  lines.upgrade = "";
  assert_true(is_refused(lines, 426, "Upgrade: websocket", true));
}

void another_version_is_told_the_right_one(void **) {
  assert_true(are_refused(&Lines::version, 426, "not 13",
                          {"", "Sec-WebSocket-Version:", "Sec-WebSocket-Version: 8", "Sec-WebSocket-Version: 14",
                           "Sec-WebSocket-Version: 013", "Sec-WebSocket-Version: 13, 8", "Sec-WebSocket-Version: 8, 13",
                           "Sec-WebSocket-Version: 13.0", "Sec-WebSocket-Version: +13", "Sec-WebSocket-Version: x"}));
  assert_true(are_refused(&Lines::version, 400, "more than one",
                          {"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13",
                           "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Version: 13"}));
}

void a_bad_key_is_a_bad_request(void **) {
  assert_true(are_refused(&Lines::key, 400, "no Sec-WebSocket-Key", {""}));
  assert_true(
      are_refused(&Lines::key, 400, "base64",
                  {"Sec-WebSocket-Key:", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=",
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWU=", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j",
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ*==", "Sec-WebSocket-Key: dGhlIHNhbX sZSBub25jZQ=="}));
  const std::string key = Lines().key;
  assert_true(are_refused(&Lines::key, 400, "more than one Sec-WebSocket-Key", {key + "\r\n" + key}));
}

void a_body_is_a_bad_request(void **) {
  assert_true(are_refused(&Lines::more, 400, "body",
                          {"Content-Length: 5", "Content-Length: x", "Content-Length: 00", "Content-Length: 0, 0",
                           "Content-Length: 0\r\nContent-Length: 0", "Transfer-Encoding: chunked",
                           "transfer-encoding:", "Content-Length: 0\r\nTransfer-Encoding: chunked"}));
  Lines upgrade;
  upgrade.more = "Content-Length: 0";
  assert_int_equal(judge(upgrade.text()).status, 0);
  Lines lines = plain("GET / HTTP/1.1");
  for (const char *more : {"Content-Length: 5", "Content-Length: 00", "Content-Length:", "Content-Length: 0, 0",
                           "Content-Length: 0\r\nContent-Length: 0", "Content-Length: -0",
                           "Transfer-Encoding: identity", "Content-Length: 0\r\nTransfer-Encoding: chunked"}) {
    lines.more = more;
    assert_true(is_refused(lines, 400, "body", true));
    assert_true(is_refused(lines, 400, "body", false));
  }
  lines.more = "Content-Length: 0";
  assert_int_equal(judge(lines.text(), {}, true).status, 0);
}

void plain_http_is_the_applications_or_refused(void **) {
  for (const char *method : {"GET", "HEAD"}) {
    Lines lines = plain(std::string(method) + " /healthz HTTP/1.1");
    for (const char *more :
         {"", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings", "Connection: keep-alive, Upgrade",
          "Origin: http://evil.example", "Sec-WebSocket-Version: 13"}) {
      lines.more = more;
      Judgement judgement = judge(lines.text(), {}, true);
      assert_int_equal(judgement.status, 0);
      assert_false(judgement.upgrade);
      assert_int_equal(judgement.head_only, method == std::string("HEAD"));
      assert_true(judgement.key.empty());
      assert_true(is_refused(lines, 426, "Upgrade: websocket"));
      assert_int_equal(judge(lines.text()).head_only, method == std::string("HEAD"));
    }
  }
}

void the_origin_policy_is_applied(void **) {
  Lines lines;
  lines.host = "Host: h:8080";
  lines.more = "Origin: http://H:8080";
  assert_true(is_upgraded(lines));
  lines.more = "Origin: http://evil.example";
  assert_true(is_refused(lines, 403, "\"http://evil.example\""));
  assert_true(is_refused(lines, 403, "\"h:8080\""));
  assert_true(is_refused(lines, 403, "\"origins\""));
  ServerPolicy policy;
  policy.origins = "*";
  assert_int_equal(judge(lines.text(), policy).status, 0);
  policy.origins = "https://a.example, http://evil.example";
  assert_int_equal(judge(lines.text(), policy).status, 0);
  policy.origins = "https://a.example";
  assert_int_equal(judge(lines.text(), policy).status, 403);
  for (const char *more : {"Origin: null", "Origin:", "Origin: http://h", "Origin: x"}) {
    lines.more = more;
    assert_true(is_refused(lines, 403, "origin"));
  }
  lines.more = "Origin: http://h:8080\r\nOrigin: http://h:8080";
  assert_true(is_refused(lines, 400, "more than one Origin"));
}

void a_target_with_an_authority_rules_out_the_host(void **) {
  // RFC 9112 3.2.2.
  Lines lines;
  lines.host = "Host: evil.example";
  lines.start = "GET http://h/x HTTP/1.1";
  lines.more = "Origin: http://evil.example";
  assert_true(is_refused(lines, 403, "\"h\""));
  lines.more = "Origin: http://h";
  assert_true(is_upgraded(lines));
}

void what_a_refusal_quotes_is_short_and_printable(void **) {
  Lines lines;
  lines.more = "Origin: http://\xc3\xa9\tscript>" + std::string(5000, 'x');
  Judgement judgement = judge(lines.text());
  assert_int_equal(judgement.status, 403);
  assert_true(judgement.body.size() < 400);
  for (char c : judgement.body)
    assert_true((c >= ' ' && c <= '~') || c == '\n');
  assert_true(judgement.body.find("\"http://???script>xxx") != std::string::npos);
  assert_true(judgement.body.find("xxx...\"") != std::string::npos);
}

void subprotocols_are_picked_in_the_servers_order(void **) {
  struct Case {
    const char *offer, *spoken, *offered, *picked;
  };
  const Case kCases[] = {
      {"Sec-WebSocket-Protocol: chat, superchat", "superchat, chat", "chat, superchat", "superchat"},
      {"Sec-WebSocket-Protocol: chat, superchat", "chat", "chat, superchat", "chat"},
      {"Sec-WebSocket-Protocol: chat,superchat", "Chat, other", "chat,superchat", ""},
      {"Sec-WebSocket-Protocol: chat", "", "chat", ""},
      {"", "chat", "", ""},
      {"Sec-WebSocket-Protocol: a\r\nX: y\r\nsec-websocket-protocol: b , c", "c, b", "a, b , c", "c"},
      {"Sec-WebSocket-Protocol:\r\nSec-WebSocket-Protocol: b\r\nSec-WebSocket-Protocol:", "b", "b", "b"},
      {"Sec-WebSocket-Protocol: x, x", "x", "x, x", "x"},
  };
  for (const Case &c : kCases) {
    Lines lines;
    lines.more = c.offer;
    ServerPolicy policy;
    policy.subprotocols = c.spoken;
    Judgement judgement = judge(lines.text(), policy);
    assert_int_equal(judgement.status, 0);
    assert_string_equal(judgement.offered.c_str(), c.offered);
    assert_string_equal(judgement.subprotocol.c_str(), c.picked);
    assert_true(judgement.inside_head);
  }
  assert_true(
      are_refused(&Lines::more, 400, "no token",
                  {"Sec-WebSocket-Protocol: a b", "Sec-WebSocket-Protocol: a;q=1", "Sec-WebSocket-Protocol: a, \"b\"",
                   "Sec-WebSocket-Protocol: \xc3\xa9", "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b c"}));
  assert_true(are_refused(
      &Lines::more, 400, "Sec-WebSocket-Protocol is empty",
      {"Sec-WebSocket-Protocol:", "Sec-WebSocket-Protocol: ,,", "Sec-WebSocket-Protocol:\r\nSec-WebSocket-Protocol:"}));
}

void malformed_extensions_are_a_bad_request(void **) {
  assert_true(are_refused(&Lines::more, 400, "Sec-WebSocket-Extensions",
                          {"Sec-WebSocket-Extensions:", "Sec-WebSocket-Extensions: ;;=,\"",
                           "Sec-WebSocket-Extensions: x\r\nsec-websocket-extensions: y;"}));
}

void the_101_has_the_lines_of_the_rfc(void **) {
  assert_string_equal(write_accept(kKey, "", "", "", "").c_str(),
                      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
  assert_string_equal(write_accept(kKey, "chat", "", "Server: x\r\n", "Set-Cookie: a\r\nSet-Cookie: b\r\n").c_str(),
                      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n"
                      "Server: x\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n");
}

struct ParsedAnswer {
  bool parsed = false;
  int status = 0;
  std::string status_text;
  std::vector<std::string> lines;

  bool has(const std::string &line) const {
    for (const std::string &other : lines) {
      if (other == line) return true;
    }
    return false;
  }
  size_t count(const std::string &name) const {
    size_t count = 0;
    for (const std::string &line : lines)
      count += line.starts_with(name + ":");
    return count;
  }
};

ParsedAnswer parse_answer(const std::string &text) {
  std::vector<uint8_t> data(text.begin(), text.end());
  Result<ResponseHead> head = parse_response_head(data.data(), data.size(), {});
  ParsedAnswer answer;
  if (!head) return answer;
  answer.parsed = true;
  answer.status = head->status;
  answer.status_text = head->status_text;
  for (int32_t i = 0; i < head->headers.count(); i++)
    answer.lines.push_back(head->headers.line(i));
  return answer;
}

void answers_say_what_their_status_demands(void **) {
  ParsedAnswer answer = parse_answer(write_response_head(403, "X: y\r\n", 17));
  assert_true(answer.parsed);
  assert_int_equal(answer.status, 403);
  assert_string_equal(answer.status_text.c_str(), "403 Forbidden");
  assert_true(answer.has("Content-Type: text/plain; charset=utf-8"));
  assert_true(answer.has("Content-Length: 17"));
  assert_true(answer.has("Connection: close"));
  assert_true(answer.has("X: y"));
  assert_int_equal(answer.lines.size(), 4);

  answer = parse_answer(write_response_head(426, "", 0));
  assert_true(answer.has("Upgrade: websocket"));
  assert_true(answer.has("Sec-WebSocket-Version: 13"));
  assert_true(answer.has("Connection: Upgrade, close"));
  assert_true(answer.has("Content-Length: 0"));

  answer = parse_answer(write_response_head(405, "", 1));
  assert_true(answer.has("Allow: GET"));
  answer = parse_answer(write_response_head(405, "X: allow\r\nALLOW: GET, HEAD\r\n", 1));
  assert_true(answer.has("ALLOW: GET, HEAD"));
  assert_false(answer.has("Allow: GET"));

  answer = parse_answer(write_response_head(200, "X: Content-Type\r\ncontent-type: text/html\r\n", 1));
  assert_true(answer.has("content-type: text/html"));
  assert_int_equal(answer.count("Content-Type"), 0);
}

void a_status_without_content_announces_none(void **) {
  for (int status : {204, 304}) {
    ParsedAnswer answer = parse_answer(write_response_head(status, "", 0));
    assert_int_equal(answer.count("Content-Length") + answer.count("Content-Type"), 0);
    assert_true(answer.has("Connection: close"));
  }
}

void every_status_makes_a_head(void **) {
  for (int status = 200; status <= 599; status++) {
    ParsedAnswer answer = parse_answer(write_response_head(status, "", 5));
    assert_true(answer.parsed);
    assert_int_equal(answer.status, status);
    std::string expected = std::to_string(status);
    if (!reason_phrase(status).empty()) expected += " " + std::string(reason_phrase(status));
    assert_string_equal(answer.status_text.c_str(), expected.c_str());
  }
  assert_true(reason_phrase(101) == "Switching Protocols");
  assert_true(reason_phrase(404) == "Not Found");
  assert_true(reason_phrase(503) == "Service Unavailable");
  for (int unknown : {-1, 0, 99, 299, 418, 600})
    assert_true(reason_phrase(unknown).empty());
}

// One round of both sides: "" or what went wrong.
std::string shake_hands(const char *url_text, const ClientOffer &offer, const ServerPolicy &policy) {
  Result<Url> url = parse_url(url_text);
  if (!url) return url.failure().words;
  Judgement judgement = judge(write_request(*url, offer, kKey), policy);
  if (judgement.status != 0) return judgement.body;
  std::string answer = write_accept(judgement.key, judgement.subprotocol, "", policy.headers, "");
  std::vector<uint8_t> data(answer.begin(), answer.end());
  Result<ResponseHead> head = parse_response_head(data.data(), data.size(), {});
  if (!head) return head.failure().words;
  Result<Answer> checked = check_response(*head, offer, kKey);
  if (!checked) return checked.failure().words;
  return checked->subprotocol == judgement.subprotocol ? "" : "the two sides disagree on the subprotocol";
}

void both_sides_understand_each_other(void **) {
  ServerPolicy policy;
  policy.subprotocols = "b, c";
  policy.headers = "Server: x\r\n";
  for (const char *url : {"ws://h", "ws://h:8080/a?b", "wss://[::1]:1?x", "ws://127.0.0.1:80/%20[]|"}) {
    for (const char *subprotocols : {"", "a", "a,b", "c,b"}) {
      ClientOffer offer;
      offer.subprotocols = subprotocols;
      offer.headers = "Cookie: a\r\n";
      offer.origin = "http://" + parse_url(url)->authority();
      std::string trouble = shake_hands(url, offer, policy);
      if (!trouble.empty()) print_error("%s: %s\n", url, trouble.c_str());
      assert_true(trouble.empty());
    }
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_handshake_of_the_rfc_is_accepted),
      cmocka_unit_test(every_way_to_say_it_is_understood),
      cmocka_unit_test(a_bad_host_is_a_bad_request),
      cmocka_unit_test(other_methods_are_not_allowed),
      cmocka_unit_test(old_http_is_not_supported),
      cmocka_unit_test(a_damaged_handshake_is_told),
      cmocka_unit_test(another_version_is_told_the_right_one),
      cmocka_unit_test(a_bad_key_is_a_bad_request),
      cmocka_unit_test(a_body_is_a_bad_request),
      cmocka_unit_test(plain_http_is_the_applications_or_refused),
      cmocka_unit_test(the_origin_policy_is_applied),
      cmocka_unit_test(a_target_with_an_authority_rules_out_the_host),
      cmocka_unit_test(what_a_refusal_quotes_is_short_and_printable),
      cmocka_unit_test(subprotocols_are_picked_in_the_servers_order),
      cmocka_unit_test(malformed_extensions_are_a_bad_request),
      cmocka_unit_test(the_101_has_the_lines_of_the_rfc),
      cmocka_unit_test(answers_say_what_their_status_demands),
      cmocka_unit_test(a_status_without_content_announces_none),
      cmocka_unit_test(every_status_makes_a_head),
      cmocka_unit_test(both_sides_understand_each_other),
  };
  return cmocka_run_group_tests_name("handshake/server_handshake", tests, nullptr, nullptr);
}
