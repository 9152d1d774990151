#include "handshake/accept_key.hpp"

#include <algorithm>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "bytes/ascii.hpp"

namespace hawser {

namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 1.3
constexpr size_t kKeySize = 24;
constexpr size_t kSha1Size = 20;

// `data` has at most kSha1Size bytes.
std::string base64(std::span<const uint8_t> data) {
  uint8_t text[(kSha1Size + 2) / 3 * 4 + 1];
  int size = EVP_EncodeBlock(text, data.data(), static_cast<int>(data.size()));
  return std::string(reinterpret_cast<const char *>(text), static_cast<size_t>(size));
}

// Fetched once, because OpenSSL looks through its providers at every fetch; the process keeps it.
const EVP_MD *sha1() {
  static const EVP_MD *const kSha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  return kSha1;
}

bool is_base64_char(char c) {
  return is_alpha(c) || is_digit(c) || c == '+' || c == '/';
}

}  // namespace

std::string handshake_key(std::span<const uint8_t, 16> nonce) {
  return base64(nonce);
}

bool is_handshake_key(std::string_view key) {
  // 16 bytes are 21 characters and two bits of another. Some clients leave its other bits set, and they mean nothing.
  if (key.size() != kKeySize || !key.ends_with("==")) return false;
  return std::all_of(key.begin(), key.end() - 2, is_base64_char);
}

std::string accept_key(std::string_view key) {
  std::string text(key);
  text += kGuid;
  uint8_t digest[kSha1Size];
  ERR_set_mark();  // what OpenSSL says of a failure is taken off its queue again, and nothing of the application's
  bool made = sha1() != nullptr && EVP_Digest(text.data(), text.size(), digest, nullptr, sha1(), nullptr) == 1;
  ERR_pop_to_mark();
  return made ? base64(digest) : std::string();
}

}  // namespace hawser
