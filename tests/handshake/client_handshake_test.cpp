#include "handshake/client_handshake.hpp"

#include <string>
#include <vector>

#include "support/cmocka.hpp"

using namespace hawser;

namespace {

// RFC 6455 1.3.
const char kKey[] = "dGhlIHNhbXBsZSBub25jZQ==";
const char kAnswerStart[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

Url url_of(const char *text) {
  Result<Url> url = parse_url(text);
  return url ? *url : Url{};
}

struct Verdict {
  Failure failure;
  std::string subprotocol;
  bool inside_head = true;  // the subprotocol points into it
};

Verdict check(const std::string &text, const std::string &subprotocols = "", const char *key = kKey) {
  std::vector<uint8_t> data(text.begin(), text.end());
  Result<ResponseHead> head = parse_response_head(data.data(), data.size(), {});
  if (!head) return {head.failure(), "", true};
  ClientOffer offer;
  offer.subprotocols = subprotocols;
  Result<Answer> answer = check_response(*head, offer, key);
  if (!answer) return {answer.failure(), "", true};
  std::string_view subprotocol = answer->subprotocol;
  auto *begin = reinterpret_cast<const char *>(data.data());
  bool inside_head = subprotocol.empty() || (subprotocol.data() > begin && subprotocol.data() < begin + data.size());
  return {{}, std::string(subprotocol), inside_head};
}

bool is_refused(const std::string &text, const char *words, const char *key = kKey) {
  Failure failure = check(text, "chat, superchat", key).failure;
  if (failure.error == Error::HANDSHAKE && std::string(failure.words).find(words) != std::string::npos) return true;
  print_error("%s\n-> %d %s\n", text.c_str(), static_cast<int>(failure.error), failure.words);
  return false;
}

void a_request_has_the_lines_of_the_rfc(void **) {
  std::string request = write_request(url_of("ws://example.com/chat?x=%20"), {}, kKey);
  assert_string_equal(request.c_str(),
                      "GET /chat?x=%20 HTTP/1.1\r\n"
                      "Host: example.com\r\n"
                      "Upgrade: websocket\r\n"
                      "Connection: Upgrade\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                      "Sec-WebSocket-Version: 13\r\n"
                      "\r\n");
}

void a_request_has_what_the_application_adds(void **) {
  ClientOffer offer;
  offer.origin = "http://example.com";
  offer.subprotocols = " chat,,superchat ";
  offer.headers = "Cookie: a=b\r\nX: y\r\n";
  std::string request = write_request(url_of("wss://[::1]:8443?x"), offer, kKey);
  assert_string_equal(request.c_str(),
                      "GET /?x HTTP/1.1\r\n"
                      "Host: [::1]:8443\r\n"
                      "Upgrade: websocket\r\n"
                      "Connection: Upgrade\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                      "Origin: http://example.com\r\n"
                      "Sec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Protocol: chat, superchat\r\n"
                      "Cookie: a=b\r\nX: y\r\n"
                      "\r\n");
}

void good_answers_are_taken(void **) {
  const std::string start = kAnswerStart;
  for (const std::string &text : {
           start + "\r\n",
           start + "Server: x\r\nSec-WebSocket-Version: 13\r\n\r\n",
           // RFC 9112 6.3: a 1xx ends with its empty line, whatever the fields say.
           start + "Content-Length: 0\r\n\r\n",
           std::string("HTTP/1.1 101\r\nupgrade:WebSocket\r\nCONNECTION: keep-alive, UPGRADE\r\n"
                       "sec-websocket-ACCEPT:\t s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \r\n\r\n"),
           std::string("HTTP/1.1 101 x\r\nConnection: a\r\nConnection: ,upgrade,\r\nUpgrade: websocket\r\n"
                       "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
       }) {
    Verdict verdict = check(text);
    if (verdict.failure) print_error("%s\n-> %s\n", text.c_str(), verdict.failure.words);
    assert_false(static_cast<bool>(verdict.failure));
    assert_string_equal(verdict.subprotocol.c_str(), "");
  }
}

void the_subprotocol_agreed_on_is_told(void **) {
  for (const char *chosen : {"chat", "superchat"}) {
    Verdict verdict =
        check(kAnswerStart + std::string("Sec-WebSocket-Protocol:  ") + chosen + " \r\n\r\n", "chat, superchat");
    assert_false(static_cast<bool>(verdict.failure));
    assert_string_equal(verdict.subprotocol.c_str(), chosen);
    assert_true(verdict.inside_head);
  }
  assert_false(static_cast<bool>(check(kAnswerStart + std::string("\r\n"), "chat").failure));
}

void bad_answers_are_refused_with_their_reason(void **) {
  const std::string status = "HTTP/1.1 101 Switching Protocols\r\n";
  const std::string upgrade = "Upgrade: websocket\r\n";
  const std::string connection = "Connection: Upgrade\r\n";
  const std::string accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
  const std::string good = status + upgrade + connection + accept;
  assert_true(is_refused("HTTP/1.0 101 x\r\n" + upgrade + connection + accept + "\r\n", "HTTP/1.0"));
  assert_true(is_refused(status + connection + accept + "\r\n", "Upgrade: websocket"));
  assert_true(is_refused(status + "Upgrade: h2c\r\n" + connection + accept + "\r\n", "Upgrade: websocket"));
  assert_true(is_refused(status + "Upgrade: websockets\r\n" + connection + accept + "\r\n", "Upgrade: websocket"));
  assert_true(is_refused(status + "Upgrade: websocket, h2c\r\n" + connection + accept + "\r\n", "Upgrade: websocket"));
  assert_true(is_refused(good + upgrade + "\r\n", "Upgrade: websocket"));
  assert_true(is_refused(status + upgrade + accept + "\r\n", "Connection: Upgrade"));
  assert_true(is_refused(status + upgrade + "Connection: close\r\n" + accept + "\r\n", "Connection: Upgrade"));
  assert_true(is_refused(status + upgrade + "Connection: upgraded\r\n" + accept + "\r\n", "Connection: Upgrade"));
  assert_true(is_refused(status + upgrade + connection + "\r\n", "no Sec-WebSocket-Accept"));
  assert_true(is_refused(good + accept + "\r\n", "more than one Sec-WebSocket-Accept"));
  for (const char *extensions : {"permessage-deflate", "x, y", "permessage-deflate; a=b", ""})
    assert_true(is_refused(good + "Sec-WebSocket-Extensions: " + extensions + "\r\n\r\n", "extension"));
  for (const char *subprotocol : {"", "other", "Chat", "chat, superchat", "chat,", "chat superchat"})
    assert_true(is_refused(good + "Sec-WebSocket-Protocol: " + subprotocol + "\r\n\r\n", "not offered"));
  assert_true(is_refused(good + "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n\r\n",
                         "more than one Sec-WebSocket-Protocol"));
  assert_false(static_cast<bool>(check(good + "\r\n").failure));  // so each of them was refused for its difference
}

void a_subprotocol_without_an_offer_is_refused(void **) {
  for (const char *subprotocol : {"chat", ""}) {
    std::string text = kAnswerStart + std::string("Sec-WebSocket-Protocol: ") + subprotocol + "\r\n\r\n";
    assert_true(check(text).failure.error == Error::HANDSHAKE);
  }
}

void another_accept_is_refused(void **) {
  const std::string start = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ";
  const std::string right = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
  for (size_t at = 0; at < right.size(); at++) {
    std::string wrong = right;
    wrong[at] = wrong[at] == 'x' ? 'y' : 'x';
    assert_true(is_refused(start + wrong + "\r\n\r\n", "does not answer the key"));
  }
  for (const char *wrong :
       {"", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo==", "S3PPLMBITXAQ9KYGZZHZRBK+XOO=",
        "dGhlIHNhbXBsZSBub25jZQ==", "\"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\""}) {
    assert_true(is_refused(start + wrong + "\r\n\r\n", "does not answer the key"));
  }
  assert_true(is_refused(start + "s3pPLMBiTxaQ9kYGzzhZRbK+x0o=\r\n\r\n", "does not answer the key",
                         "dGhlIHhnbXBsZSBub25jZQ=="));
  assert_false(
      static_cast<bool>(check(start + "QZlxqpLPzrO8lyZ1oenQixj2oe8=\r\n\r\n", "", "dGhlIHhnbXBsZSBub25jZQ==").failure));
}

void other_statuses_are_told(void **) {
  for (int status : {100, 200, 301, 401, 403, 404, 426, 500, 503, 599}) {
    // Even where the rest of the answer would do, or the version is old.
    for (const char *version : {"HTTP/1.1 ", "HTTP/1.0 "}) {
      std::string text = kAnswerStart;
      text.replace(0, 12, version + std::to_string(status));
      Failure failure = check(text + "\r\n").failure;
      assert_int_equal(static_cast<int>(failure.error), static_cast<int>(Error::HTTP));
      assert_int_equal(failure.system, status);
    }
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_request_has_the_lines_of_the_rfc),
      cmocka_unit_test(a_request_has_what_the_application_adds),
      cmocka_unit_test(good_answers_are_taken),
      cmocka_unit_test(the_subprotocol_agreed_on_is_told),
      cmocka_unit_test(bad_answers_are_refused_with_their_reason),
      cmocka_unit_test(a_subprotocol_without_an_offer_is_refused),
      cmocka_unit_test(another_accept_is_refused),
      cmocka_unit_test(other_statuses_are_told),
  };
  return cmocka_run_group_tests_name("handshake/client_handshake", tests, nullptr, nullptr);
}
