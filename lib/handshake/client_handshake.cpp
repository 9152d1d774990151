#include "handshake/client_handshake.hpp"

#include "bytes/ascii.hpp"
#include "handshake/accept_key.hpp"
#include "handshake/header_field.hpp"

namespace hawser {

namespace {

constexpr int kSwitchingProtocols = 101;

Failure bad_answer(const char *words) {
  return {Error::HANDSHAKE, 0, words};
}

void append_line(std::string &head, std::string_view name, std::string_view value) {
  head.append(name).append(": ").append(value).append("\r\n");
}

// The elements of a list with one comma and one space between them.
std::string tidy_list(std::string_view list) {
  std::string tidy;
  std::string_view element;
  while (next_list_element(list, element)) {
    if (!tidy.empty()) tidy += ", ";
    tidy += element;
  }
  return tidy;
}

// What check_response looks at, gathered in one walk over the fields.
struct Fields {
  std::string_view upgrade;
  std::string_view accept;
  std::string_view subprotocol;
  int upgrades = 0;
  int accepts = 0;
  int subprotocols = 0;
  bool connection_upgrade = false;
  std::string_view extensions;
  int extension_fields = 0;
};

void keep(std::string_view value, std::string_view &kept, int &count) {
  kept = value;
  count++;
}

Fields gather(const HeaderList &headers) {
  Fields answer;
  size_t position = 0;
  HeaderField field;
  while (headers.next(position, field)) {
    if (equal_ignoring_case(field.name, "Upgrade")) keep(field.value, answer.upgrade, answer.upgrades);
    if (equal_ignoring_case(field.name, "Connection"))
      answer.connection_upgrade |= list_contains(field.value, "upgrade");
    if (equal_ignoring_case(field.name, "Sec-WebSocket-Accept")) keep(field.value, answer.accept, answer.accepts);
    if (equal_ignoring_case(field.name, "Sec-WebSocket-Extensions")) {
      keep(field.value, answer.extensions, answer.extension_fields);
    }
    if (equal_ignoring_case(field.name, "Sec-WebSocket-Protocol")) {
      keep(field.value, answer.subprotocol, answer.subprotocols);
    }
  }
  return answer;
}

Failure check_accept(const Fields &answer, std::string_view key) {
  if (answer.accepts == 0) return bad_answer("the answer has no Sec-WebSocket-Accept");
  // RFC 6455 11.3.3: it must not appear more than once.
  if (answer.accepts > 1) return bad_answer("the answer has more than one Sec-WebSocket-Accept");
  std::string expected = accept_key(key);
  if (expected.empty()) return {Error::UNSUPPORTED, 0, "OpenSSL has no SHA-1"};
  if (!equal_in_constant_time(answer.accept, expected)) {
    return bad_answer("Sec-WebSocket-Accept does not answer the key of the request");
  }
  return {};
}

Failure check_subprotocol(const Fields &answer, std::string_view offered) {
  if (answer.subprotocols == 0) return {};
  // RFC 6455 11.3.4: it must not appear more than once in an HTTP response.
  if (answer.subprotocols > 1) return bad_answer("the answer has more than one Sec-WebSocket-Protocol");
  if (!offers_subprotocol(offered, answer.subprotocol))
    return bad_answer("the server chose a subprotocol that was not offered");
  return {};
}

// The numbered rules of RFC 6455 4.1, "Once the client's opening handshake has been sent".
Failure check_answer(const Fields &answer, const ClientOffer &offer, std::string_view key) {
  // Rule 2 wants the value itself, not a list that contains it.
  if (answer.upgrades != 1 || !equal_ignoring_case(answer.upgrade, "websocket")) {
    return bad_answer("the answer has no Upgrade: websocket");
  }
  if (!answer.connection_upgrade) return bad_answer("the answer has no Connection: Upgrade");
  if (Failure failure = check_accept(answer, key)) return failure;
  // RFC 6455 4.2.2: an empty value is not the same as none, and 9.1: not one of the grammar.
  if (answer.extension_fields != 0 && offer.extensions.empty()) {
    return bad_answer("the server chose an extension that was not offered");
  }
  // RFC 6455 11.3.2: it must not appear more than once in an HTTP response.
  if (answer.extension_fields > 1) return bad_answer("the answer has more than one Sec-WebSocket-Extensions");
  if (answer.extension_fields == 1 && answer.extensions.empty()) {
    return bad_answer("the answer's Sec-WebSocket-Extensions is malformed");
  }
  return check_subprotocol(answer, offer.subprotocols);
}

}  // namespace

std::string write_request(const Url &url, const ClientOffer &offer, std::string_view key) {
  std::string head = "GET " + url.target + " HTTP/1.1\r\n";
  append_line(head, "Host", url.authority());
  append_line(head, "Upgrade", "websocket");
  append_line(head, "Connection", "Upgrade");
  append_line(head, "Sec-WebSocket-Key", key);
  if (!offer.origin.empty()) append_line(head, "Origin", offer.origin);
  append_line(head, "Sec-WebSocket-Version", "13");
  if (!offer.extensions.empty()) append_line(head, "Sec-WebSocket-Extensions", offer.extensions);
  std::string subprotocols = tidy_list(offer.subprotocols);
  if (!subprotocols.empty()) append_line(head, "Sec-WebSocket-Protocol", subprotocols);
  return head + offer.headers + "\r\n";
}

Result<Answer> check_response(const ResponseHead &head, const ClientOffer &offer, std::string_view key) {
  if (head.status != kSwitchingProtocols) return Failure{Error::HTTP, head.status, "the server did not answer 101"};
  // RFC 9110 7.8: there is no Upgrade in HTTP/1.0.
  if (head.minor_version == 0) return bad_answer("the server answered 101 in HTTP/1.0");
  Fields answer = gather(head.headers);
  if (Failure failure = check_answer(answer, offer, key)) return failure;
  return Answer{answer.subprotocol, answer.extensions};
}

}  // namespace hawser
