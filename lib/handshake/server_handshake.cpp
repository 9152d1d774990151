#include "handshake/server_handshake.hpp"

#include <algorithm>
#include <optional>

#include "bytes/ascii.hpp"
#include "handshake/accept_key.hpp"
#include "handshake/extension_list.hpp"
#include "handshake/url.hpp"

namespace hawser {

namespace {

constexpr int kBadRequest = 400;
constexpr int kForbidden = 403;
constexpr int kMethodNotAllowed = 405;
constexpr int kUpgradeRequired = 426;
constexpr int kVersionNotSupported = 505;

using Objection = std::optional<Refusal>;

Refusal refuse(int status, std::string words) {
  return {status, std::move(words) + "\n", false};
}

struct Occurrences {
  std::string_view value;  // of the last one
  int count = 0;
};

// What check_request looks at, gathered in one walk over the fields.
struct Fields {
  Occurrences host;
  Occurrences origin;
  Occurrences key;
  Occurrences version;
  Occurrences content_length;
  Occurrences transfer_encoding;
  Occurrences subprotocol;
  Occurrences extension;
  bool upgrade_websocket = false;
  bool connection_upgrade = false;
  std::string subprotocols;  // of all fields
  std::string extensions;
};

struct CountedName {
  std::string_view name;
  Occurrences Fields::*field;
};

constexpr CountedName kCounted[] = {
    {"Host", &Fields::host},
    {"Origin", &Fields::origin},
    {"Sec-WebSocket-Key", &Fields::key},
    {"Sec-WebSocket-Version", &Fields::version},
    {"Content-Length", &Fields::content_length},
    {"Transfer-Encoding", &Fields::transfer_encoding},
    {"Sec-WebSocket-Protocol", &Fields::subprotocol},
    {"Sec-WebSocket-Extensions", &Fields::extension},
};

void count(const HeaderField &field, Fields &fields) {
  for (const CountedName &counted : kCounted) {
    if (!equal_ignoring_case(field.name, counted.name)) continue;
    (fields.*counted.field).value = field.value;
    (fields.*counted.field).count++;
  }
}

// RFC 6455 11.3.2 and 11.3.4: several fields are one whose value is all of theirs.
void append_to_list(std::string &list, std::string_view value) {
  if (!list.empty() && !value.empty()) list += ", ";
  list += value;
}

Fields gather(const HeaderList &headers) {
  Fields fields;
  size_t position = 0;
  HeaderField field;
  while (headers.next(position, field)) {
    count(field, fields);
    if (equal_ignoring_case(field.name, "Upgrade")) fields.upgrade_websocket |= list_contains(field.value, "websocket");
    if (equal_ignoring_case(field.name, "Connection"))
      fields.connection_upgrade |= list_contains(field.value, "upgrade");
    if (equal_ignoring_case(field.name, "Sec-WebSocket-Protocol")) append_to_list(fields.subprotocols, field.value);
    if (equal_ignoring_case(field.name, "Sec-WebSocket-Extensions")) append_to_list(fields.extensions, field.value);
  }
  return fields;
}

// A key without an Upgrade is a WebSocket handshake that a proxy has damaged: better told than answered as plain HTTP.
bool means_upgrade(const Fields &fields) {
  return fields.upgrade_websocket || fields.key.count > 0;
}

// The authority that the request is for. RFC 9112 3.2.2: the one of a target in absolute-form rules out the Host.
std::string_view requested_host(const RequestHead &head, const Fields &fields) {
  if (head.target.starts_with('/')) return fields.host.value;
  constexpr std::string_view kSeparator = "://";
  std::string_view rest = head.target.substr(head.target.find(kSeparator) + kSeparator.size());
  return rest.substr(0, rest.find_first_of("/?"));
}

Objection check_host(const RequestHead &head, const Fields &fields) {
  // RFC 9112 3.2: 400 for a request that lacks Host, has more than one, or an invalid one.
  if (fields.host.count == 0) return refuse(kBadRequest, "The request has no Host.");
  if (fields.host.count > 1) return refuse(kBadRequest, "The request has more than one Host.");
  for (std::string_view host : {fields.host.value, requested_host(head, fields)}) {
    Result<Authority> authority = parse_authority(host);
    if (!authority)
      return refuse(kBadRequest, std::string("The request has a bad Host: ") + authority.failure().words + ".");
  }
  return {};
}

// Nothing here reads a body; one that is not read would be taken for frames, or for the next request. A length of 0 is
// none: Java's own client sends it with every upgrade.
Objection check_body(const Fields &fields) {
  if (fields.transfer_encoding.count > 0) return refuse(kBadRequest, "The request has a body.");
  if (fields.content_length.count == 0) return {};
  bool is_empty = fields.content_length.count == 1 && fields.content_length.value == "0";
  if (!is_empty) return refuse(kBadRequest, "The request has a body.");
  return {};
}

// What holds for every request.
Objection check_message(const RequestHead &head, const Fields &fields) {
  // RFC 6455 4.2.1 item 1: HTTP/1.1 or higher.
  if (head.minor_version == 0) return refuse(kVersionNotSupported, "This server speaks HTTP/1.1.");
  if (head.method != "GET" && head.method != "HEAD") return refuse(kMethodNotAllowed, "The method is not GET.");
  if (Objection objection = check_host(head, fields)) return objection;
  if (fields.origin.count > 1) return refuse(kBadRequest, "The request has more than one Origin.");
  return check_body(fields);
}

// RFC 6455 4.2.1 items 5 and 6.
Objection check_version_and_key(const Fields &fields) {
  // RFC 6455 11.3.5: it must not appear more than once in a request.
  if (fields.version.count > 1) return refuse(kBadRequest, "The request has more than one Sec-WebSocket-Version.");
  // RFC 6455 4.4: 426 with the versions that the server speaks.
  if (fields.version.value != "13") return refuse(kUpgradeRequired, "The Sec-WebSocket-Version is not 13.");
  if (fields.key.count == 0) return refuse(kBadRequest, "The request has no Sec-WebSocket-Key.");
  if (fields.key.count > 1) return refuse(kBadRequest, "The request has more than one Sec-WebSocket-Key.");
  if (!is_handshake_key(fields.key.value)) {
    return refuse(kBadRequest, "The Sec-WebSocket-Key is not the base64 of 16 bytes.");
  }
  return {};
}

// RFC 6455 4.3: where the field is, its list has an element. 4.2.1: a violation of the grammar is a bad request.
Objection check_subprotocols(const Fields &fields) {
  std::string_view list = fields.subprotocols;
  std::string_view element;
  int count = 0;
  for (; next_list_element(list, element); count++) {
    if (!is_token(element)) return refuse(kBadRequest, "A subprotocol in Sec-WebSocket-Protocol is no token.");
  }
  if (count == 0 && fields.subprotocol.count > 0) return refuse(kBadRequest, "Sec-WebSocket-Protocol is empty.");
  return {};
}

// RFC 6455 9.1: who sends a malformed value is failed at once, though no extension is spoken.
Objection check_extensions(const Fields &fields) {
  if (fields.extension.count == 0 || is_extension_list(fields.extensions)) return {};
  return refuse(kBadRequest, "Sec-WebSocket-Extensions is no list of extensions.");
}

// What a peer sent, fit for a text: printable ASCII, and not much of it.
std::string quote(std::string_view text) {
  constexpr size_t kMaxQuote = 200;
  std::string quoted(text.substr(0, kMaxQuote));
  std::replace_if(
      quoted.begin(), quoted.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return "\"" + quoted + (text.size() > kMaxQuote ? "..." : "") + "\"";
}

Objection check_origin(const RequestHead &head, const Fields &fields, const std::string &origins) {
  // RFC 6455 4.2.1 item 7: who is not a browser need not send one.
  if (fields.origin.count == 0) return {};
  std::string_view host = requested_host(head, fields);
  if (origin_is_allowed(fields.origin.value, host, origins)) return {};
  return refuse(kForbidden, "The origin " + quote(fields.origin.value) + " may not connect to the host " + quote(host) +
                                ": the option \"origins\" of this server does not allow it.");
}

// What holds for a WebSocket handshake.
Objection check_upgrade(const RequestHead &head, const Fields &fields, const ServerPolicy &policy) {
  // RFC 6455 4.2.1 item 1: a GET.
  if (head.method != "GET") return refuse(kMethodNotAllowed, "A WebSocket handshake is a GET.");
  if (!fields.upgrade_websocket) {
    return refuse(kUpgradeRequired, "The request has no Upgrade: websocket; perhaps a proxy has removed it.");
  }
  if (!fields.connection_upgrade) {
    return refuse(kBadRequest, "The request has no Connection: Upgrade; perhaps a proxy has removed it.");
  }
  if (Objection objection = check_version_and_key(fields)) return objection;
  if (Objection objection = check_subprotocols(fields)) return objection;
  if (Objection objection = check_extensions(fields)) return objection;
  return check_origin(head, fields, policy.origins);
}

Objection judge(const RequestHead &head, const Fields &fields, const ServerPolicy &policy, bool plain_http) {
  if (Objection objection = check_message(head, fields)) return objection;
  if (means_upgrade(fields)) return check_upgrade(head, fields, policy);
  if (plain_http) return {};
  return refuse(kUpgradeRequired, "This is a WebSocket server: the request has no Upgrade: websocket.");
}

// Where an offered subprotocol stands in the head.
std::string_view find_offer(const HeaderList &headers, std::string_view subprotocol) {
  size_t position = 0;
  HeaderField field;
  while (headers.next(position, field)) {
    if (!equal_ignoring_case(field.name, "Sec-WebSocket-Protocol")) continue;
    std::string_view element;
    while (next_list_element(field.value, element)) {
      if (element == subprotocol) return element;
    }
  }
  return {};
}

std::string_view pick_subprotocol(const HeaderList &headers, std::string_view offered, std::string_view spoken) {
  std::string_view element;
  while (!offered.empty() && next_list_element(spoken, element)) {
    if (offers_subprotocol(offered, element)) return find_offer(headers, element);
  }
  return {};
}

// True if one of `lines`, each of which ends with CR LF, is a field of this name.
bool has_field(std::string_view lines, std::string_view name) {
  while (!lines.empty()) {
    if (equal_ignoring_case(lines.substr(0, lines.find(':')), name)) return true;
    lines.remove_prefix(std::min(lines.find('\n'), lines.size() - 1) + 1);
  }
  return false;
}

// RFC 9110 15.3.5, 15.4.5: these statuses have no content, and 204 must not have a Content-Length either (8.6).
bool has_content(int status) {
  return status != 204 && status != 304;
}

struct StatusReason {
  int status;
  std::string_view reason;
};

// RFC 9110 15, RFC 6585, RFC 7725, RFC 8297, RFC 8470.
constexpr StatusReason kReasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {511, "Network Authentication Required"},
};

}  // namespace

RequestCheck check_request(const RequestHead &head, const ServerPolicy &policy, bool plain_http) {
  Fields fields = gather(head.headers);
  if (Objection objection = judge(head, fields, policy, plain_http)) {
    objection->head_only = head.method == "HEAD";
    return *objection;
  }
  UpgradeRequest request;
  request.head_only = head.method == "HEAD";
  request.upgrade = means_upgrade(fields);
  if (!request.upgrade) return request;
  request.key = fields.key.value;
  request.subprotocol = pick_subprotocol(head.headers, fields.subprotocols, policy.subprotocols);
  request.offered = std::move(fields.subprotocols);
  request.extensions = std::move(fields.extensions);
  return request;
}

std::string write_accept(std::string_view key, std::string_view subprotocol, std::string_view extensions,
                         std::string_view policy_headers, std::string_view headers) {
  std::string accept = accept_key(key);
  if (accept.empty()) return {};
  std::string head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  head.append("Sec-WebSocket-Accept: ").append(accept).append("\r\n");
  if (!subprotocol.empty()) head.append("Sec-WebSocket-Protocol: ").append(subprotocol).append("\r\n");
  if (!extensions.empty()) head.append("Sec-WebSocket-Extensions: ").append(extensions).append("\r\n");
  return head.append(policy_headers).append(headers).append("\r\n");
}

std::string write_response_head(int status, std::string_view headers, size_t body_size, std::string_view reason) {
  std::string head = "HTTP/1.1 " + std::to_string(status) + " ";
  head.append(reason.empty() ? reason_phrase(status) : reason).append("\r\n");
  if (has_content(status)) {
    if (!has_field(headers, "Content-Type")) head += "Content-Type: text/plain; charset=utf-8\r\n";
    head += "Content-Length: " + std::to_string(body_size) + "\r\n";
  }
  // RFC 9110 15.5.6: 405 tells the methods that there are. 7.8: who sends Upgrade names it in Connection.
  if (status == kMethodNotAllowed && !has_field(headers, "Allow")) head += "Allow: GET\r\n";
  bool upgrade = status == kUpgradeRequired;
  if (upgrade) head += "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
  head += upgrade ? "Connection: Upgrade, close\r\n" : "Connection: close\r\n";
  return head.append(headers).append("\r\n");
}

std::string_view reason_phrase(int status) {
  for (const StatusReason &known : kReasons) {
    if (known.status == status) return known.reason;
  }
  return {};
}

}  // namespace hawser
