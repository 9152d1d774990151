#include "net/socket.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/descriptors.hpp"
#include "support/cmocka.hpp"

using hawser::accept_tcp;
using hawser::Address;
using hawser::connect_loopback;
using hawser::connect_tcp;
using hawser::Connection;
using hawser::Descriptor;
using hawser::Error;
using hawser::listen_tcp;
using hawser::ListenOptions;
using hawser::local_address;
using hawser::parse_address;
using hawser::read_socket;
using hawser::Transfer;
using hawser::wait_for;
using hawser::write_socket;

namespace {

const Address kLoopback = *parse_address("127.0.0.1", 0);

bool is_tame(const Descriptor &descriptor) {
  return hawser::closes_on_exec(descriptor.get()) && hawser::is_non_blocking(descriptor.get());
}

bool has_no_delay(const Descriptor &descriptor) {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(descriptor.get(), IPPROTO_TCP, TCP_NODELAY, &value, &size) == 0 && value != 0;
}

// Reads until `size` bytes, the end or an error came.
std::string read_all(int fd, size_t size) {
  std::string all(size, '\0');
  size_t done = 0;
  while (done < size && wait_for(fd, POLLIN)) {
    Transfer got = read_socket(fd, all.data() + done, size - done);
    if (got.size == 0) break;
    done += got.size;
  }
  all.resize(done);
  return all;
}

bool is_open(int fd) {
  return fcntl(fd, F_GETFD) >= 0;
}

void test_descriptor(void **) {
  int numbers[2];
  assert_int_equal(pipe(numbers), 0);
  Descriptor none;
  assert_false(none.open());
  assert_int_equal(none.release(), -1);
  none.close();

  Descriptor first(numbers[0]);
  Descriptor second(numbers[1]);
  Descriptor moved(std::move(first));
  assert_false(first.open());  // NOLINT: moved from on purpose
  assert_int_equal(moved.get(), numbers[0]);
  Descriptor &same = moved;
  moved = std::move(same);
  assert_true(is_open(numbers[0]));
  moved = std::move(second);
  assert_false(is_open(numbers[0]));
  assert_int_equal(moved.get(), numbers[1]);
  assert_int_equal(moved.release(), numbers[1]);
  assert_true(is_open(numbers[1]));
  { Descriptor last(numbers[1]); }
  assert_false(is_open(numbers[1]));
}

void test_closed_once(void **) {
  int numbers[2];
  assert_int_equal(pipe(numbers), 0);
  Descriptor descriptor(numbers[0]);
  descriptor.close();
  assert_int_equal(dup2(numbers[1], numbers[0]), numbers[0]);  // somebody else has the number now
  descriptor.close();
  { Descriptor gone(std::move(descriptor)); }
  assert_true(is_open(numbers[0]));
  close(numbers[0]);
  close(numbers[1]);
}

void check_connection(const char *literal) {
  auto listener = listen_tcp(*parse_address(literal, 0), {});
  assert_true(bool(listener));
  Address address = local_address(listener->get());
  assert_int_not_equal(address.port, 0);
  assert_string_equal(address.text().c_str(), parse_address(literal, address.port)->text().c_str());
  auto client = connect_tcp(address);
  assert_true(bool(client));
  assert_true(wait_for(listener->get(), POLLIN));
  Address peer;
  auto server = accept_tcp(listener->get(), peer);
  assert_true(bool(server));
  assert_true(wait_for(client->get(), POLLOUT));
  assert_int_equal(hawser::take_socket_error(client->get()), 0);
  assert_string_equal(peer.text().c_str(), local_address(client->get()).text().c_str());
  assert_string_equal(local_address(server->get()).text().c_str(), address.text().c_str());
  for (const Descriptor *each : {&*listener, &*client, &*server}) {
    assert_true(is_tame(*each));
    assert_true(has_no_delay(*each));
  }
  assert_int_equal(write_socket(client->get(), "hello", 5).size, 5);
  assert_string_equal(read_all(server->get(), 5).c_str(), "hello");
  assert_int_equal(write_socket(server->get(), "world", 5).size, 5);
  assert_string_equal(read_all(client->get(), 5).c_str(), "world");
}

void test_ipv4(void **) {
  check_connection("127.0.0.1");
}

void test_ipv6(void **) {
  if (!hawser::ipv6_available()) skip();
  check_connection("::1");
}

// Whether an IPv4 client reaches a listener at [::]; its address as the listener sees it.
std::string ipv4_client_of_ipv6(bool ipv6_only) {
  ListenOptions options;
  options.ipv6_only = ipv6_only;
  auto listener = listen_tcp(*parse_address("::", 0), options);
  if (!listener) return "no listener";
  Address to = kLoopback;
  to.port = local_address(listener->get()).port;
  auto client = connect_tcp(to);
  if (!client) return "no client";
  if (!wait_for(client->get(), POLLOUT) || hawser::take_socket_error(client->get()) != 0) return "refused";
  Address peer;
  if (!wait_for(listener->get(), POLLIN) || !accept_tcp(listener->get(), peer)) return "not accepted";
  return peer.text() == local_address(client->get()).text() ? "same" : peer.text();
}

void test_both_families(void **) {
  if (!hawser::ipv6_available()) skip();
  assert_string_equal(ipv4_client_of_ipv6(false).c_str(), "same");
  assert_string_equal(ipv4_client_of_ipv6(true).c_str(), "refused");
}

void test_refused(void **) {
  auto listener = listen_tcp(kLoopback, {});
  assert_true(bool(listener));
  Address address = local_address(listener->get());
  listener->close();
  auto client = connect_tcp(address);
  assert_true(bool(client));
  assert_true(wait_for(client->get(), POLLOUT));
  assert_int_equal(hawser::take_socket_error(client->get()), ECONNREFUSED);
  assert_int_equal(hawser::take_socket_error(client->get()), 0);
}

void test_connect_fails_at_once(void **) {
  auto nowhere = connect_tcp(Address());
  assert_false(bool(nowhere));
  assert_true(nowhere.failure().error == Error::CONNECT);
  assert_int_equal(nowhere.failure().system, EAFNOSUPPORT);
  auto broadcast = connect_tcp(*parse_address("255.255.255.255", 80));
  assert_false(bool(broadcast));
  assert_true(broadcast.failure().error == Error::CONNECT);
  assert_int_not_equal(broadcast.failure().system, 0);
}

void test_listen_fails(void **) {
  auto nowhere = listen_tcp(Address(), {});
  assert_false(bool(nowhere));
  assert_true(nowhere.failure().error == Error::LISTEN);
  assert_int_equal(nowhere.failure().system, EAFNOSUPPORT);
  auto foreign = listen_tcp(*parse_address("192.0.2.1", 0), {});  // RFC 5737: nobody's
  assert_false(bool(foreign));
  assert_int_equal(foreign.failure().system, EADDRNOTAVAIL);
  auto first = listen_tcp(kLoopback, {});
  assert_true(bool(first));
  auto second = listen_tcp(local_address(first->get()), {});
  assert_false(bool(second));
  assert_true(second.failure().error == Error::LISTEN);
  assert_int_equal(second.failure().system, EADDRINUSE);
}

void test_reuse_port(void **) {
  ListenOptions options;
  options.reuse_port = true;
  auto first = listen_tcp(kLoopback, options);
  assert_true(bool(first));
  auto second = listen_tcp(local_address(first->get()), options);
  assert_true(bool(second));
  assert_string_equal(local_address(second->get()).text().c_str(), local_address(first->get()).text().c_str());
}

void test_none_to_accept(void **) {
  auto listener = listen_tcp(kLoopback, {});
  assert_true(bool(listener));
  Address peer;
  auto none = accept_tcp(listener->get(), peer);
  assert_false(bool(none));
  assert_int_equal(none.failure().system, EAGAIN);
}

// In a child: accepting without a free descriptor. 0 if it fails with EMFILE, and succeeds once there is one again.
int accept_without_descriptors() {
  auto listener = listen_tcp(kLoopback, {});
  if (!listener) return 1;
  auto client = connect_tcp(local_address(listener->get()));
  if (!client || !wait_for(listener->get(), POLLIN)) return 2;
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 3;
  int spare = dup(client->get());
  limit.rlim_cur = static_cast<rlim_t>(spare);
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 4;
  Address peer;
  auto refused = accept_tcp(listener->get(), peer);
  // A number below the limit may have been free after all.
  std::vector<Descriptor> taken;
  while (refused) {
    taken.push_back(std::move(*refused));
    auto another = connect_tcp(local_address(listener->get()));
    if (another) taken.push_back(std::move(*another));
    refused = accept_tcp(listener->get(), peer);
  }
  if (refused.failure().system != EMFILE) return 5;
  limit.rlim_cur = static_cast<rlim_t>(spare) + 10;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 6;
  return accept_tcp(listener->get(), peer) ? 0 : 7;
}

void test_no_descriptor_to_accept(void **) {
  pid_t child = fork();
  if (child == 0) _exit(accept_without_descriptors());
  int status = -1;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

void test_nothing_to_read(void **) {
  auto connection = connect_loopback();
  char bytes[10];
  Transfer nothing = read_socket(connection.server.get(), bytes, sizeof bytes);
  assert_true(nothing.would_block);
  assert_int_equal(nothing.size, 0);
  assert_int_equal(nothing.error, 0);
  assert_false(nothing.end);

  assert_int_equal(write_socket(connection.client.get(), "abc", 3).size, 3);
  assert_true(wait_for(connection.server.get(), POLLIN));
  Transfer some = read_socket(connection.server.get(), bytes, sizeof bytes);
  assert_int_equal(some.size, 3);
  assert_false(some.would_block);  // however short
  assert_false(some.end);
}

// More than both socket buffers hold.
std::string make_much() {
  std::mt19937 random(7);
  std::string data(64 << 20, '\0');
  std::generate(data.begin(), data.end(), [&] { return static_cast<char>(random()); });
  return data;
}

void test_full_send_buffer(void **) {
  auto connection = connect_loopback();
  std::string data = make_much();
  Transfer sent = write_socket(connection.client.get(), data.data(), data.size());
  assert_true(sent.would_block);
  assert_true(sent.size > 0 && sent.size < data.size());
  assert_int_equal(sent.error, 0);
  size_t accepted = sent.size;
  while (sent.size != 0) {  // the peer's buffer may have grown meanwhile
    sent = write_socket(connection.client.get(), data.data() + accepted, data.size() - accepted);
    accepted += sent.size;
  }
  assert_true(sent.would_block);
  assert_int_equal(sent.error, 0);
  iovec pieces[2] = {{data.data() + accepted, 100}, {data.data() + accepted + 100, 100}};
  Transfer scattered = write_socket(connection.client.get(), pieces, 2);
  assert_true(scattered.would_block);
  assert_int_equal(scattered.size, 0);
  std::string received = read_all(connection.server.get(), accepted);
  assert_true(received == data.substr(0, accepted));
  assert_true(wait_for(connection.client.get(), POLLOUT));
}

// Much is written in two steps, of which either may find no room, or no peer.
void test_bulk(void **) {
  auto connection = connect_loopback();
  std::string data = make_much();
  size_t accepted = 0;
  Transfer sent;
  do {
    // The first piece is as small as a frame's header now, and as large as a payload then.
    size_t head = accepted % 2 == 0 ? 10 : 1 << 20;
    iovec pieces[2] = {{data.data() + accepted, head}, {data.data() + accepted + head, 2 << 20}};
    sent = hawser::write_bulk(connection.client.get(), pieces, 2);
    assert_int_equal(sent.error, 0);
    assert_int_equal(sent.would_block, sent.size < head + (2 << 20));
    accepted += sent.size;
    assert_true(accepted < data.size() - (4 << 20));
  } while (sent.size != 0);
  assert_true(read_all(connection.server.get(), accepted) == data.substr(0, accepted));
  assert_true(wait_for(connection.client.get(), POLLOUT));
  iovec few[2] = {{data.data(), 10}, {data.data() + 10, 1 << 20}};
  assert_int_equal(hawser::write_bulk(connection.client.get(), few, 2).size, 10 + (1 << 20));
  assert_true(read_all(connection.server.get(), 10 + (1 << 20)) == data.substr(0, 10 + (1 << 20)));
  connection.server.close();
  iovec late[2] = {{data.data(), 10}, {data.data() + 10, 1 << 20}};
  hawser::write_bulk(connection.client.get(), late, 2);  // answered with a reset
  assert_true(wait_for(connection.client.get(), POLLHUP));
  iovec none[2] = {{data.data(), 10}, {data.data() + 10, 1 << 20}};
  Transfer failed = hawser::write_bulk(connection.client.get(), none, 2);
  assert_true(failed.error == ECONNRESET || failed.error == EPIPE);
  assert_int_equal(failed.size, 0);
}

void test_end_of_stream(void **) {
  auto connection = connect_loopback();
  char bytes[10];
  assert_int_equal(write_socket(connection.client.get(), "last", 4).size, 4);
  hawser::shutdown_writing(connection.client.get());
  assert_string_equal(read_all(connection.server.get(), 4).c_str(), "last");
  assert_true(wait_for(connection.server.get(), POLLIN));
  Transfer nothing = read_socket(connection.server.get(), bytes, 0);
  assert_false(nothing.end);  // nothing was asked for
  Transfer end = read_socket(connection.server.get(), bytes, sizeof bytes);
  assert_true(end.end);
  assert_int_equal(end.size, 0);
  assert_false(end.would_block);
  iovec piece = {bytes, sizeof bytes};
  assert_true(read_socket(connection.server.get(), &piece, 1).end);
  // The other direction still works.
  assert_int_equal(write_socket(connection.server.get(), "answer", 6).size, 6);
  assert_string_equal(read_all(connection.client.get(), 6).c_str(), "answer");
}

volatile sig_atomic_t pipe_signals;

void on_pipe(int) {
  pipe_signals = pipe_signals + 1;
}

void test_reset(void **) {
  auto before = std::signal(SIGPIPE, on_pipe);
  auto connection = connect_loopback();
  hawser::reset(connection.server);
  assert_true(wait_for(connection.client.get(), POLLIN));
  char bytes[10];
  Transfer broken = read_socket(connection.client.get(), bytes, sizeof bytes);
  assert_int_equal(broken.error, ECONNRESET);
  assert_int_equal(broken.size, 0);
  assert_false(broken.would_block);
  assert_false(broken.end);
  iovec piece = {bytes, sizeof bytes};
  assert_int_equal(write_socket(connection.client.get(), "x", 1).error, EPIPE);
  Transfer scattered = write_socket(connection.client.get(), &piece, 1);
  assert_int_equal(scattered.error, EPIPE);
  assert_false(scattered.would_block);
  assert_int_equal(pipe_signals, 0);
  std::signal(SIGPIPE, before);
}

void test_closed_descriptor(void **) {
  char byte;
  assert_int_equal(read_socket(-1, &byte, 1).error, EBADF);
  assert_int_equal(write_socket(-1, &byte, 1).error, EBADF);
  assert_int_equal(hawser::take_socket_error(-1), EBADF);
  assert_true(local_address(-1).family == Address::Family::NONE);
}

// Writes `text` in pieces cut at `a` and `b`, and reads it into pieces cut at `c`.
std::string through_pieces(const Connection &connection, const std::string &text, size_t a, size_t b, size_t c) {
  std::string from = text;
  iovec out[3] = {{from.data(), a}, {from.data() + a, b - a}, {from.data() + b, from.size() - b}};
  if (write_socket(connection.client.get(), out, 3).size != from.size()) return "not written";
  if (!wait_for(connection.server.get(), POLLIN)) return "not come";
  std::string to(from.size(), '?');
  iovec in[2] = {{to.data(), c}, {to.data() + c, to.size() - c}};
  if (read_socket(connection.server.get(), in, 2).size != to.size()) return "not read";
  return to;
}

void test_pieces(void **) {
  auto connection = connect_loopback();
  const std::string text = "one two three";
  for (size_t a = 0; a <= text.size(); a++) {
    for (size_t b = a; b <= text.size(); b++) {
      assert_string_equal(through_pieces(connection, text, a, b, b - a).c_str(), text.c_str());
    }
  }
}

void test_too_many_pieces(void **) {
  auto connection = connect_loopback();
  std::string data(3000, 'x');
  std::vector<iovec> pieces;
  for (char &byte : data) {
    pieces.push_back({&byte, 1});
  }
  Transfer sent = write_socket(connection.client.get(), pieces.data(), static_cast<int>(pieces.size()));
  assert_int_equal(sent.size, 1024);
  assert_false(sent.would_block);
  assert_true(wait_for(connection.server.get(), POLLIN));
  assert_int_equal(read_socket(connection.server.get(), pieces.data(), static_cast<int>(pieces.size())).size, 1024);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      DESCRIPTOR_TEST(test_descriptor),
      DESCRIPTOR_TEST(test_closed_once),
      DESCRIPTOR_TEST(test_ipv4),
      DESCRIPTOR_TEST(test_ipv6),
      DESCRIPTOR_TEST(test_both_families),
      DESCRIPTOR_TEST(test_refused),
      DESCRIPTOR_TEST(test_connect_fails_at_once),
      DESCRIPTOR_TEST(test_listen_fails),
      DESCRIPTOR_TEST(test_reuse_port),
      DESCRIPTOR_TEST(test_none_to_accept),
      DESCRIPTOR_TEST(test_no_descriptor_to_accept),
      DESCRIPTOR_TEST(test_nothing_to_read),
      DESCRIPTOR_TEST(test_full_send_buffer),
      DESCRIPTOR_TEST(test_bulk),
      DESCRIPTOR_TEST(test_end_of_stream),
      DESCRIPTOR_TEST(test_reset),
      DESCRIPTOR_TEST(test_closed_descriptor),
      DESCRIPTOR_TEST(test_pieces),
      DESCRIPTOR_TEST(test_too_many_pieces),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
