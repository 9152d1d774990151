// What the tests of descriptors have in common: their flags, a count that shows leaks, and waiting for one.
#pragma once

#include <cstdio>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "net/socket.hpp"
#include "support/cmocka.hpp"

namespace hawser {

inline bool closes_on_exec(int fd) {
  return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

inline bool is_non_blocking(int fd) {
  return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

inline int count_descriptors() {
  int count = 0;
  for (int fd = 0; fd < 4096; fd++) {
    count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  }
  return count;
}

// Set-up and tear-down of a test: it fails if it leaves a descriptor open.
inline int remember_descriptors(void **state) {
  static int before;
  before = count_descriptors();
  *state = &before;
  return 0;
}

inline int compare_descriptors(void **state) {
  int before = *static_cast<int *>(*state);
  int after = count_descriptors();
  if (before != after) std::printf("%d descriptors before the test, %d after it\n", before, after);
  return before == after ? 0 : -1;
}

// Waits until one of the poll(2) `events` comes; false after ten seconds without one.
inline bool wait_for(int fd, short events) {
  pollfd entry = {fd, events, 0};
  return poll(&entry, 1, 10'000) == 1;
}

inline bool is_readable_now(int fd) {
  pollfd entry = {fd, POLLIN, 0};
  return poll(&entry, 1, 0) == 1;
}

inline bool ipv6_available() {
  if (listen_tcp(*parse_address("::1", 0), {})) return true;
  std::printf("::1 is not available: the IPv6 part is skipped\n");
  return false;
}

// Both ends of a TCP connection on loopback; not open if it could not be made.
struct Connection {
  Descriptor client;
  Descriptor server;
  Address peer;  // of the server's end
};

inline Connection connect_loopback(const char *literal = "127.0.0.1") {
  Connection connection;
  auto listener = listen_tcp(*parse_address(literal, 0), {});
  if (!listener) return connection;
  auto client = connect_tcp(local_address(listener->get()));
  if (!client || !wait_for(listener->get(), POLLIN)) return connection;
  auto server = accept_tcp(listener->get(), connection.peer);
  if (!server || !wait_for(client->get(), POLLOUT)) return connection;
  connection.client = std::move(*client);
  connection.server = std::move(*server);
  return connection;
}

// Ends a connection by RST: the other end loses it without an end of stream.
inline void reset(Descriptor &descriptor) {
  linger at_once = {1, 0};
  setsockopt(descriptor.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  descriptor.close();
}

}  // namespace hawser

#define DESCRIPTOR_TEST(test) \
  cmocka_unit_test_setup_teardown(test, hawser::remember_descriptors, hawser::compare_descriptors)
