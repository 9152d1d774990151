#include "handshake/accept_key.hpp"

#include <random>
#include <string>
#include <vector>

#include <openssl/err.h>
#include <openssl/sha.h>

#include "support/cmocka.hpp"

using namespace hawser;

namespace {

constexpr uint32_t kSeed = 20111211;
const std::string kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// RFC 4648 4, bit by bit.
std::string naive_base64(const std::vector<uint8_t> &data) {
  std::string bits;
  for (uint8_t byte : data) {
    for (int bit = 7; bit >= 0; bit--)
      bits += static_cast<char>('0' + (byte >> bit & 1));
  }
  while (bits.size() % 6 != 0)
    bits += '0';
  std::string text;
  for (size_t at = 0; at < bits.size(); at += 6)
    text += kAlphabet[std::stoul(bits.substr(at, 6), nullptr, 2)];
  while (text.size() % 4 != 0)
    text += '=';
  return text;
}

std::string naive_accept(const std::string &key) {
  std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::vector<uint8_t> digest(SHA_DIGEST_LENGTH);
  SHA1(reinterpret_cast<const uint8_t *>(text.data()), text.size(), digest.data());
  return naive_base64(digest);
}

void the_examples_of_the_rfc_hold(void **) {
  // RFC 6455 1.3, and 4.1 for the nonce of the bytes 1 to 16.
  assert_string_equal(accept_key("dGhlIHNhbXBsZSBub25jZQ==").c_str(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  assert_string_equal(accept_key("dGhlIHhnbXBsZSBub25jZQ==").c_str(), "QZlxqpLPzrO8lyZ1oenQixj2oe8=");
  uint8_t nonce[16];
  for (uint8_t i = 0; i < 16; i++)
    nonce[i] = static_cast<uint8_t>(i + 1);
  assert_string_equal(handshake_key(nonce).c_str(), "AQIDBAUGBwgJCgsMDQ4PEA==");
}

void random_nonces_agree_with_a_naive_encoder(void **) {
  print_message("seed %u\n", kSeed);
  std::mt19937 random(kSeed);
  for (int round = 0; round < 2000; round++) {
    std::vector<uint8_t> nonce(16);
    for (uint8_t &byte : nonce)
      byte = static_cast<uint8_t>(random());
    std::string key = handshake_key(std::span<const uint8_t, 16>(nonce.data(), 16));
    assert_string_equal(key.c_str(), naive_base64(nonce).c_str());
    assert_true(is_handshake_key(key));
    assert_string_equal(accept_key(key).c_str(), naive_accept(key).c_str());
  }
}

void keys_of_any_size_are_answered(void **) {
  for (size_t size : {0, 1, 23, 25, 100, 5000})
    assert_string_equal(accept_key(std::string(size, 'k')).c_str(), naive_accept(std::string(size, 'k')).c_str());
}

void every_byte_is_a_key_character_or_not(void **) {
  for (int byte = 0; byte < 256; byte++) {
    char c = static_cast<char>(byte);
    bool expected = kAlphabet.find(c) != std::string::npos;
    for (size_t at = 0; at < 22; at++) {
      std::string key = "AQIDBAUGBwgJCgsMDQ4PEA==";
      key[at] = c;
      assert_int_equal(is_handshake_key(key), expected);
    }
  }
}

void other_sizes_are_no_key(void **) {
  for (const char *bad : {
           "",
           "=",
           "==",
           "dGhlIHNhbXBsZSBub25jZQ",        // no padding
           "dGhlIHNhbXBsZSBub25jZQ=",       // half of it
           "dGhlIHNhbXBsZSBub25jZQ===",     // too much
           "dGhlIHNhbXBsZSBub25jZWU=",      // 17 bytes
           "dGhlIHNhbXBsZSBub25jZWVl",      // 18 bytes
           "dGhlIHNhbXBsZSBub25j",          // 15 bytes
           "dGhlIHNhbXBsZSBub25jZQ== ",     // white space behind
           " dGhlIHNhbXBsZSBub25jZQ=",      // before
           "dGhlIHNhbXBsZSBub25jZ===",      // a = too early
           "dGhlIHNhbXBsZSBub25jZQ==dGhl",  // more behind the padding
           "dGhlIHNhbXBsZSBub25jZQ=A",
       }) {
    if (is_handshake_key(bad)) print_error("%s\n", bad);
    assert_false(is_handshake_key(bad));
  }
  assert_true(is_handshake_key("dGhlIHNhbXBsZSBub25jZR=="));  // unused bits set: still 16 bytes
}

void the_error_queue_of_openssl_stays_clean(void **) {
  ERR_clear_error();
  assert_int_equal(accept_key("dGhlIHNhbXBsZSBub25jZQ==").size(), 28);
  assert_int_equal(ERR_peek_error(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_examples_of_the_rfc_hold),  cmocka_unit_test(random_nonces_agree_with_a_naive_encoder),
      cmocka_unit_test(keys_of_any_size_are_answered), cmocka_unit_test(every_byte_is_a_key_character_or_not),
      cmocka_unit_test(other_sizes_are_no_key),        cmocka_unit_test(the_error_queue_of_openssl_stays_clean),
  };
  return cmocka_run_group_tests_name("handshake/accept_key", tests, nullptr, nullptr);
}
