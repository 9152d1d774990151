#include "net/address.hpp"

#include <cstdio>
#include <cstring>
#include <random>
#include <string>

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "support/cmocka.hpp"

using hawser::Address;
using hawser::from_sockaddr;
using hawser::parse_address;
using hawser::to_sockaddr;

namespace {

struct Spelling {
  const char *literal;
  const char *text;
};

std::string text_of(std::string_view literal, uint16_t port) {
  auto address = parse_address(literal, port);
  return address ? address->text() : "not an address";
}

// RFC 5952 section 4, word for word and slowly.
std::string recommended_text(const uint16_t (&words)[8]) {
  int run_start = -1;
  int run_length = 1;  // 4.2.2: a single zero word is not shortened
  for (int start = 0; start < 8; start++) {
    int length = 0;
    while (start + length < 8 && words[start + length] == 0) {
      length++;
    }
    if (length > run_length) {  // 4.2.3: the longest run, the first among equals
      run_start = start;
      run_length = length;
    }
  }
  std::string text;
  for (int i = 0; i < 8; i++) {
    if (i == run_start) {
      text += "::";
      i += run_length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ":";
    char word[8];
    std::snprintf(word, sizeof word, "%x", static_cast<unsigned>(words[i]));
    text += word;
  }
  return text;
}

void test_text(void **) {
  const Spelling spellings[] = {
      {"127.0.0.1", "127.0.0.1:80"},
      {"255.255.255.255", "255.255.255.255:80"},
      {"::", "[::]:80"},
      {"::1", "[::1]:80"},
      // RFC 5952 2.1, 4.1 to 4.3
      {"2001:db8:0:0:1:0:0:1", "[2001:db8::1:0:0:1]:80"},
      {"2001:0db8::0001", "[2001:db8::1]:80"},
      {"2001:db8:0:0:0:0:2:1", "[2001:db8::2:1]:80"},
      {"2001:db8:0:1:1:1:1:1", "[2001:db8:0:1:1:1:1:1]:80"},
      {"2001:0:0:1:0:0:0:1", "[2001:0:0:1::1]:80"},
      {"2001:DB8:AAAA:BBBB:CCCC:DDDD:EEEE:AAAA", "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:aaaa]:80"},
      // IPv4-mapped (RFC 4291 2.5.5.2)
      {"::ffff:192.0.2.1", "192.0.2.1:80"},
      {"::ffff:c000:201", "192.0.2.1:80"},
  };
  for (const Spelling &spelling : spellings) {
    assert_string_equal(text_of(spelling.literal, 80).c_str(), spelling.text);
  }
  assert_string_equal(text_of("::1", 0).c_str(), "[::1]:0");
  assert_string_equal(text_of("::1", 65535).c_str(), "[::1]:65535");
  assert_string_equal(Address().text().c_str(), "");
}

void test_random_ipv6(void **) {
  std::mt19937 random(5952);
  for (int round = 0; round < 20'000; round++) {
    uint16_t words[8];
    Address address;
    address.family = Address::Family::IPV6;
    address.port = 443;
    for (int i = 0; i < 8; i++) {
      words[i] = random() % 2 != 0 ? 0 : static_cast<uint16_t>(random() >> (random() % 16));
      address.bytes[2 * i] = static_cast<uint8_t>(words[i] >> 8);
      address.bytes[2 * i + 1] = static_cast<uint8_t>(words[i]);
    }
    // What embeds an IPv4 address is written in other ways.
    if (words[0] == 0 && words[1] == 0 && words[2] == 0 && words[3] == 0 && words[4] == 0) continue;
    std::string expected = recommended_text(words);
    assert_string_equal(address.text().c_str(), ("[" + expected + "]:443").c_str());
    auto parsed = parse_address(expected, 443);
    assert_true(parsed.has_value());
    assert_memory_equal(parsed->bytes, address.bytes, sizeof address.bytes);
  }
}

void test_not_an_address(void **) {
  using namespace std::string_view_literals;
  const std::string_view literals[] = {
      ""sv,
      "localhost"sv,
      "1.2.3"sv,
      "1.2.3.4.5"sv,
      "256.1.1.1"sv,
      "01.2.3.4"sv,
      "1.2.3.4 "sv,
      " 1.2.3.4"sv,
      "0x7f.0.0.1"sv,
      "127.1"sv,
      "2130706433"sv,
      "1.2.3.-4"sv,
      "[::1]"sv,
      ":::"sv,
      "::1::"sv,
      "1:2:3:4:5:6:7"sv,
      "::12345"sv,
      "::g"sv,
      "::1%"sv,
      "127.0.0.1%lo"sv,
      "1.2.3.4\0"sv,
      "::1\0x"sv,
      "\0"sv,
      "::1%0"sv,
      "fe80::1%nosuch"sv,
      "fe80::1%-1"sv,
      "fe80::1%1x"sv,
      "fe80::1%99999999999"sv,
      "1:2:3:4:5:6:7:8:9"sv,
  };
  for (std::string_view literal : literals) {
    assert_false(parse_address(literal, 1).has_value());
  }
  assert_false(parse_address(std::string(100'000, ':'), 1).has_value());
  assert_false(parse_address("fe80::1%" + std::string(64, '1'), 1).has_value());
}

void test_scope(void **) {
  assert_string_equal(text_of("fe80::1%7", 80).c_str(), "[fe80::1%7]:80");
  uint32_t loopback = if_nametoindex("lo");
  if (loopback == 0) skip();
  auto address = parse_address("fe80::1%lo", 80);
  assert_true(address.has_value());
  assert_int_equal(address->scope, loopback);
}

void test_sockaddr_ipv4(void **) {
  auto address = parse_address("192.0.2.33", 0x1234);
  sockaddr_storage storage;
  assert_int_equal(to_sockaddr(*address, storage), sizeof(sockaddr_in));
  sockaddr_in ipv4;
  std::memcpy(&ipv4, &storage, sizeof ipv4);
  assert_int_equal(ipv4.sin_family, AF_INET);
  assert_int_equal(ntohs(ipv4.sin_port), 0x1234);
  assert_int_equal(ntohl(ipv4.sin_addr.s_addr), 0xc0000221);
  assert_string_equal(from_sockaddr(storage).text().c_str(), "192.0.2.33:4660");
}

void test_sockaddr_ipv6(void **) {
  auto address = parse_address("fe80::abcd%3", 80);
  sockaddr_storage storage;
  assert_int_equal(to_sockaddr(*address, storage), sizeof(sockaddr_in6));
  sockaddr_in6 ipv6;
  std::memcpy(&ipv6, &storage, sizeof ipv6);
  assert_int_equal(ipv6.sin6_family, AF_INET6);
  assert_int_equal(ntohs(ipv6.sin6_port), 80);
  assert_int_equal(ipv6.sin6_scope_id, 3);
  assert_int_equal(ipv6.sin6_addr.s6_addr[0], 0xfe);
  assert_int_equal(ipv6.sin6_addr.s6_addr[15], 0xcd);
  assert_string_equal(from_sockaddr(storage).text().c_str(), "[fe80::abcd%3]:80");
}

void test_sockaddr_of_another_family(void **) {
  sockaddr_storage storage;
  assert_int_equal(to_sockaddr(Address(), storage), 0);
  assert_int_equal(storage.ss_family, AF_UNSPEC);
  storage.ss_family = AF_UNIX;
  assert_true(from_sockaddr(storage).family == Address::Family::NONE);
}

void test_small(void **) {
  assert_true(sizeof(Address) == 24);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_text),
      cmocka_unit_test(test_random_ipv6),
      cmocka_unit_test(test_not_an_address),
      cmocka_unit_test(test_scope),
      cmocka_unit_test(test_sockaddr_ipv4),
      cmocka_unit_test(test_sockaddr_ipv6),
      cmocka_unit_test(test_sockaddr_of_another_family),
      cmocka_unit_test(test_small),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
