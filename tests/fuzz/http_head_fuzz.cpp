// HTTP heads (RFC 9112), as a server and as a client of the opening handshake reads them (RFC 6455 4), in any pieces.
// The input is a head and what follows it.
#include <vector>

#include "fuzz/fuzz.hpp"
#include "fuzz/reference.hpp"
#include "handshake/client_handshake.hpp"
#include "handshake/http_head.hpp"
#include "handshake/server_handshake.hpp"

using namespace hawser;

namespace {

constexpr HeadLimits kLimits{2048, 16};
const std::string kKey = "dGhlIHNhbXBsZSBub25jZQ==";  // RFC 6455 1.3

bool is_field_value(std::string_view text) {
  auto bad = [](char c) { return (static_cast<uint8_t>(c) < ' ' && c != '\t') || c == '\x7f'; };
  return std::none_of(text.begin(), text.end(), bad);
}

// RFC 9112 2.1 and 5, once more: the lines of a head, each with its CR LF; empty if they are none. What can be said of
// a head without knowing the role.
std::vector<std::string> lines_of(std::string_view head) {
  std::vector<std::string> lines;
  while (!head.empty()) {
    size_t end = head.find("\r\n");
    if (end == std::string_view::npos) return {};
    lines.emplace_back(head.substr(0, end));
    head.remove_prefix(end + 2);
  }
  if (lines.size() < 2 || !lines.back().empty()) return {};
  lines.pop_back();
  for (const std::string &line : lines) {
    if (line.empty() || line[0] == ' ' || line[0] == '\t' || !is_field_value(line)) return {};
  }
  return lines;
}

struct Scan {
  HeadScanner::Status status = HeadScanner::Status::INCOMPLETE;
  size_t size = 0;
  Error error = Error::OK;
  bool operator==(const Scan &) const = default;
};

Scan scan(std::string_view bytes, uint32_t salt) {
  fuzz::Pieces pieces(bytes, salt);
  HeadScanner scanner;
  Scan result;
  for (size_t size = 0; size < bytes.size() && result.status == HeadScanner::Status::INCOMPLETE;) {
    size += salt == 0 ? bytes.size() : salt == 1 ? 1 : pieces.next(bytes.size() - size);
    fuzz::Copy copy(bytes.substr(0, size));
    result.status = scanner.scan(copy.data(), copy.size(), kLimits);
    HOLDS(scanner.head_size() <= size && scanner.head_size() <= 2048);
  }
  result.error = scanner.failure().error;
  if (result.status == HeadScanner::Status::COMPLETE) result.size = scanner.head_size();
  return result;
}

// A head is found where it ends, as soon as it does; and no head is found that is none.
Scan check_scan(std::string_view bytes) {
  Scan found = scan(bytes, 0);
  for (uint32_t salt : {1, 2})
    HOLDS(scan(bytes, salt) == found);
  size_t end = bytes.find("\r\n\r\n");
  bool is_head = end != std::string_view::npos && end + 4 <= 2048 && !lines_of(bytes.substr(0, end + 4)).empty();
  HOLDS((found.status == HeadScanner::Status::COMPLETE) == is_head);
  if (is_head) HOLDS(found.size == end + 4);
  HOLDS((found.status == HeadScanner::Status::FAILED) == (found.error != Error::OK));
  return found;
}

std::string_view without_blanks(std::string_view text) {
  size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// The fields are those of the lines: RFC 9112 5.1, a token and a colon without a blank between them.
void check_fields(const HeaderList &headers, const std::vector<std::string> &lines) {
  HOLDS(headers.count() == static_cast<int32_t>(lines.size()) - 1 && headers.count() <= 16);
  size_t position = 0;
  HeaderField field;
  for (size_t i = 1; i < lines.size(); i++) {
    size_t colon = lines[i].find(':');
    HOLDS(headers.next(position, field) && colon != std::string::npos);
    HOLDS(field.name == lines[i].substr(0, colon) && fuzz::is_token(field.name));
    HOLDS(field.value == without_blanks(std::string_view(lines[i]).substr(colon + 1)));
    HOLDS(field.value.data()[field.value.size()] == '\0');
  }
  HOLDS(!headers.next(position, field));
}

void check_failure(const Failure &failure) {
  HOLDS(failure.error == Error::HANDSHAKE || failure.error == Error::LIMIT);
  HOLDS(failure.system == 400 || failure.system == 431 || failure.system == 505);
}

// RFC 6455 4.2.1: what must be there for an upgrade.
void check_upgrade(const RequestHead &head, const UpgradeRequest &request, const ServerPolicy &policy) {
  HOLDS(head.method == "GET" && head.minor_version >= 1);
  HOLDS(request.key.size() == 24 && request.key.ends_with("=="));
  HOLDS(head.headers.find("Host") != nullptr && head.headers.find("Host", 1) == nullptr);
  HOLDS(head.headers.find("Sec-WebSocket-Key", 1) == nullptr && head.headers.find("Sec-WebSocket-Key") == request.key);
  HOLDS(std::string_view(head.headers.find("Sec-WebSocket-Version")) == "13");
  HOLDS(head.headers.find("Content-Length") == nullptr);
  if (request.subprotocol.empty()) return;
  HOLDS(fuzz::is_token(request.subprotocol));
  HOLDS(offers_subprotocol(request.offered, request.subprotocol));
  HOLDS(offers_subprotocol(policy.subprotocols, request.subprotocol));
}

// An answer is a head again, whatever of the request it repeats.
void check_answer(std::string head, const std::string &begin) {
  HOLDS(head.starts_with(begin));
  std::vector<std::string> lines = lines_of(head);
  HOLDS(!lines.empty());
  fuzz::Copy copy(head);
  Result<ResponseHead> parsed = parse_response_head(copy.data(), copy.size(), kLimits);
  HOLDS(static_cast<bool>(parsed));
  check_fields(parsed->headers, lines);
}

void check_request_head(const RequestHead &head, bool plain_http) {
  ServerPolicy policy;
  policy.subprotocols = "superchat, chat";
  RequestCheck check = check_request(head, policy, plain_http);
  if (!check) {
    const Refusal &refusal = check.refusal();
    HOLDS(refusal.status >= 400 && refusal.status <= 505 && refusal.body.size() <= 1024);
    check_answer(write_response_head(refusal.status, "", refusal.body.size(), refusal.reason),
                 "HTTP/1.1 " + std::to_string(refusal.status) + " ");
    return;
  }
  HOLDS(head.headers.find("Transfer-Encoding") == nullptr);
  HOLDS(check.request().upgrade || plain_http);
  if (!check.request().upgrade) return;
  check_upgrade(head, check.request(), policy);
  check_answer(write_accept(check.request().key, check.request().subprotocol, "", "", ""), "HTTP/1.1 101 ");
}

void check_request_bytes(std::string_view bytes, const std::vector<std::string> &lines) {
  fuzz::Copy copy(bytes);
  Result<RequestHead> head = parse_request_head(copy.data(), copy.size(), kLimits);
  if (!head) return check_failure(head.failure());
  HOLDS(fuzz::is_token(head->method) && head->minor_version >= 0 && head->minor_version <= 9);
  HOLDS(head->target.find_first_of(" #\t") == std::string_view::npos && !head->target.empty());
  HOLDS(lines[0] ==
        std::string(head->method) + ' ' + std::string(head->target) + " HTTP/1." + std::to_string(head->minor_version));
  HOLDS(head->target.data()[head->target.size()] == '\0');
  check_fields(head->headers, lines);
  for (bool plain_http : {false, true})
    check_request_head(*head, plain_http);
}

// RFC 6455 4.1: what the answer must be.
void check_accepted(const ResponseHead &head, const Answer &answer, const ClientOffer &offer) {
  HOLDS(head.status == 101 && head.minor_version >= 1);
  HOLDS(std::string_view(head.headers.find("Sec-WebSocket-Accept")) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  HOLDS(answer.subprotocol.empty() || answer.subprotocol == "chat" || answer.subprotocol == "superchat");
  HOLDS(answer.extensions.empty() || !offer.extensions.empty());
}

void check_response_bytes(std::string_view bytes, const std::vector<std::string> &lines) {
  fuzz::Copy copy(bytes);
  Result<ResponseHead> head = parse_response_head(copy.data(), copy.size(), kLimits);
  if (!head) return check_failure(head.failure());
  HOLDS(lines[0].starts_with("HTTP/1." + std::to_string(head->minor_version) + ' ' + std::to_string(head->status)));
  HOLDS(head->status >= 100 && head->status <= 599 && head->status_text.data()[head->status_text.size()] == '\0');
  check_fields(head->headers, lines);
  for (const char *extensions : {"", "permessage-deflate"}) {
    ClientOffer offer{"", "chat, superchat", "", extensions};
    Result<Answer> answer = check_response(*head, offer, kKey);
    if (answer) check_accepted(*head, *answer, offer);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view bytes = fuzz::text_of(data, size);
  Scan found = check_scan(bytes);
  if (found.status != HeadScanner::Status::COMPLETE) return 0;
  std::string_view head = bytes.substr(0, found.size);
  std::vector<std::string> lines = lines_of(head);
  check_request_bytes(head, lines);
  check_response_bytes(head, lines);
  return 0;
}
