// Sec-WebSocket-Key and Sec-WebSocket-Accept (RFC 6455 4.1, 4.2.2 step 5.4). SHA-1 and base64 are OpenSSL's.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace hawser {

// Base64 of a 16-byte nonce: 24 characters.
std::string handshake_key(std::span<const uint8_t, 16> nonce);
// True if a key is the base64 of exactly 16 bytes.
bool is_handshake_key(std::string_view key);
// Base64 of the SHA-1 of the key and the GUID of the RFC: 28 characters. Empty if the system's OpenSSL has no SHA-1.
std::string accept_key(std::string_view key);

}  // namespace hawser
