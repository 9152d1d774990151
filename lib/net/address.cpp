#include "net/address.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace hawser {

namespace {

constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // RFC 4291 2.5.5.2

bool is_mapped(const Address &address) {
  return std::memcmp(address.bytes, kMappedPrefix, sizeof kMappedPrefix) == 0;
}

// A zone is a number or the name of an interface (RFC 4007 11.2); 0 if it is neither.
uint32_t parse_scope(const char *zone, const char *end) {
  uint32_t scope = 0;
  auto [stop, error] = std::from_chars(zone, end, scope);
  if (error == std::errc() && stop == end) return scope;
  return if_nametoindex(zone);
}

std::string ipv4_text(const uint8_t *bytes) {
  char text[INET_ADDRSTRLEN];
  return inet_ntop(AF_INET, bytes, text, sizeof text);
}

std::string ipv6_text(const Address &address) {
  char text[INET6_ADDRSTRLEN];
  std::string whole = "[";
  whole += inet_ntop(AF_INET6, address.bytes, text, sizeof text);
  if (address.scope != 0) whole += "%" + std::to_string(address.scope);
  return whole + "]";
}

}  // namespace

std::string Address::text() const {
  if (family == Family::NONE) return "";
  std::string host;
  if (family == Family::IPV4) {
    host = ipv4_text(bytes);
  } else if (is_mapped(*this)) {
    host = ipv4_text(bytes + sizeof kMappedPrefix);
  } else {
    host = ipv6_text(*this);
  }
  return host + ":" + std::to_string(port);
}

std::optional<Address> parse_address(std::string_view literal, uint16_t port) {
  char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
  // inet_pton would stop at a NUL and take "127.0.0.1\0.example".
  if (literal.size() >= sizeof text || literal.find('\0') != std::string_view::npos) return std::nullopt;
  *std::copy(literal.begin(), literal.end(), text) = '\0';

  Address address;
  address.port = port;
  if (inet_pton(AF_INET, text, address.bytes) == 1) {
    address.family = Address::Family::IPV4;
    return address;
  }
  if (char *zone = std::strchr(text, '%'); zone != nullptr) {
    *zone++ = '\0';
    address.scope = parse_scope(zone, text + literal.size());
    if (address.scope == 0) return std::nullopt;
  }
  if (inet_pton(AF_INET6, text, address.bytes) != 1) return std::nullopt;
  address.family = Address::Family::IPV6;
  return address;
}

uint32_t to_sockaddr(const Address &address, sockaddr_storage &to) {
  std::memset(&to, 0, sizeof to);
  if (address.family == Address::Family::IPV4) {
    auto &ipv4 = reinterpret_cast<sockaddr_in &>(to);
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(address.port);
    std::memcpy(&ipv4.sin_addr, address.bytes, sizeof ipv4.sin_addr);
    return sizeof ipv4;
  }
  if (address.family == Address::Family::IPV6) {
    auto &ipv6 = reinterpret_cast<sockaddr_in6 &>(to);
    ipv6.sin6_family = AF_INET6;
    ipv6.sin6_port = htons(address.port);
    ipv6.sin6_scope_id = address.scope;
    std::memcpy(&ipv6.sin6_addr, address.bytes, sizeof ipv6.sin6_addr);
    return sizeof ipv6;
  }
  return 0;
}

Address from_sockaddr(const sockaddr_storage &from) {
  Address address;
  if (from.ss_family == AF_INET) {
    const auto &ipv4 = reinterpret_cast<const sockaddr_in &>(from);
    address.family = Address::Family::IPV4;
    address.port = ntohs(ipv4.sin_port);
    std::memcpy(address.bytes, &ipv4.sin_addr, sizeof ipv4.sin_addr);
  } else if (from.ss_family == AF_INET6) {
    const auto &ipv6 = reinterpret_cast<const sockaddr_in6 &>(from);
    address.family = Address::Family::IPV6;
    address.port = ntohs(ipv6.sin6_port);
    address.scope = ipv6.sin6_scope_id;
    std::memcpy(address.bytes, &ipv6.sin6_addr, sizeof ipv6.sin6_addr);
  }
  return address;
}

}  // namespace hawser
