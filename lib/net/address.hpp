// An IP address with a port, 24 bytes small.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sockaddr;
struct sockaddr_storage;

namespace hawser {

struct Address {
  enum class Family : uint8_t { NONE, IPV4, IPV6 };

  uint8_t bytes[16] = {};  // network order; IPv4 in the first four
  uint32_t scope = 0;      // IPv6 zone
  uint16_t port = 0;
  Family family = Family::NONE;

  // "127.0.0.1:80", "[::1]:80"; "" for NONE. An IPv4-mapped IPv6 address is written as IPv4.
  std::string text() const;
};

// An IPv4 or IPv6 literal, without brackets.
std::optional<Address> parse_address(std::string_view literal, uint16_t port);

// Conversions to and from the system's structures.
uint32_t to_sockaddr(const Address &address, sockaddr_storage &to);  // returns the length
Address from_sockaddr(const sockaddr_storage &from);

}  // namespace hawser
