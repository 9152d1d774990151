#include "handshake.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>

#include <openssl/evp.h>

#include "fault.hpp"

namespace load {

namespace {

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";          // RFC 6455 1.3
constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";   // and the answer to it
constexpr const char *kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 4.2.2
// Each message by itself, in both directions (RFC 7692 7.1.1).
constexpr const char *kOffer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

std::string lower(std::string_view text) {
  std::string copy(text);
  std::transform(copy.begin(), copy.end(), copy.begin(), [](unsigned char c) { return std::tolower(c); });
  return copy;
}

std::string_view first_line(std::string_view head) {
  return head.substr(0, head.find("\r\n"));
}

// The value of a header field, without the space before it; empty if there is none. `name` is in lower case.
std::string_view field(std::string_view head, std::string_view name) {
  while (true) {
    const size_t end = head.find("\r\n");
    if (end == std::string_view::npos) return {};
    head.remove_prefix(end + 2);
    const std::string_view line = first_line(head);
    if (lower(line.substr(0, name.size() + 1)) != std::string(name) + ":") continue;
    const std::string_view value = line.substr(name.size() + 1);
    return value.substr(std::min(value.find_first_not_of(" \t"), value.size()));
  }
}

bool contains(std::string_view text, std::string_view part) {
  return lower(text).find(part) != std::string::npos;
}

// What a request and its answer have in common.
void check_upgrade(std::string_view head, const char *whose) {
  if (contains(field(head, "upgrade"), "websocket") && contains(field(head, "connection"), "upgrade")) return;
  fail(std::string(whose) + " without \"Upgrade: websocket\" and \"Connection: Upgrade\"");
}

std::string accept_of(std::string_view key) {
  const std::string text = std::string(key) + kGuid;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha1(), nullptr);
  unsigned char encoded[2 * EVP_MAX_MD_SIZE];
  const int length = EVP_EncodeBlock(encoded, digest, static_cast<int>(size));
  return {reinterpret_cast<const char *>(encoded), static_cast<size_t>(length)};
}

}  // namespace

std::string make_request(const Options &options) {
  std::string request = "GET / HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(options.port) +
                        "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + std::string(kKey) +
                        "\r\nSec-WebSocket-Version: 13\r\n";
  if (options.is_compressed()) request += std::string("Sec-WebSocket-Extensions: ") + kOffer + "\r\n";
  return request + "\r\n";
}

void check_answer(const Options &options, std::string_view head) {
  if (head.substr(0, 13) != "HTTP/1.1 101 ") fail("refused: " + std::string(first_line(head)));
  check_upgrade(head, "an answer");
  if (field(head, "sec-websocket-accept") != kAccept) fail("a wrong Sec-WebSocket-Accept");
  const std::string_view extensions = field(head, "sec-websocket-extensions");
  const bool is_right = options.is_compressed() ? contains(extensions, "permessage-deflate") &&
                                                      contains(extensions, "server_no_context_takeover")
                                                : extensions.empty();
  if (!is_right) fail("not the extensions that were offered: \"" + std::string(extensions) + "\"");
}

void check_request(const Options &options, std::string_view head) {
  const std::string_view line = first_line(head);
  if (line.substr(0, 4) != "GET " || !line.ends_with(" HTTP/1.1")) fail("not a request: " + std::string(line));
  check_upgrade(head, "a request");
  if (field(head, "host").empty()) fail("a request without Host");
  if (field(head, "sec-websocket-version") != "13") fail("a request whose Sec-WebSocket-Version is not 13");
  const std::string_view key = field(head, "sec-websocket-key");
  if (key.size() != kKey.size() || !key.ends_with("==")) fail("a request whose Sec-WebSocket-Key has not 16 bytes");
  if (options.is_compressed() && !contains(field(head, "sec-websocket-extensions"), "permessage-deflate")) {
    fail("a request that doesn't offer permessage-deflate");
  }
}

std::string make_answer(const Options &options, std::string_view request) {
  std::string answer =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
      accept_of(field(request, "sec-websocket-key")) + "\r\n";
  if (options.is_compressed()) answer += std::string("Sec-WebSocket-Extensions: ") + kOffer + "\r\n";
  return answer + "\r\n";
}

}  // namespace load
