#include "manager/transport.hpp"

#include <cstring>
#include <memory>

#include <sys/socket.h>
#include <unistd.h>

#include "support/backend.hpp"
#include "support/cmocka.hpp"

namespace {

using hawser::Descriptor;
using hawser::Poller;
using hawser::Transfer;
using hawser::Transport;

// A transport on one end of a socket pair, watched by a real poller.
struct Pair {
  std::unique_ptr<Poller> poller = std::move(*hawser::make_poller(backend_under_test()));
  Transport transport;
  int other = -1;

  Pair() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return;
    other = ends[1];
    transport.attach(Descriptor(ends[0]), *poller, 5, hawser::READABLE);
  }
  ~Pair() { end(); }
  void end() {
    if (other >= 0) ::close(other);
    other = -1;
  }
  void wait() {
    hawser::Ready ready[4];
    int count = poller->wait(ready, 1000);
    for (int i = 0; i < count; i++)
      transport.note(ready[i].readiness);
  }
  Transfer read(size_t size) {
    char bytes[100];
    iovec piece = {bytes, size};
    return transport.read(&piece, 1, size);
  }
};

void test_short_read_drains(void **) {
  Pair pair;
  assert_false(pair.transport.readable());
  assert_int_equal(::write(pair.other, "abcdef", 6), 6);
  pair.wait();
  assert_true(pair.transport.readable());
  assert_int_equal(pair.read(4).size, 4);
  assert_true(pair.transport.readable());  // a full read: there may be more
  assert_int_equal(pair.read(4).size, 2);
  assert_false(pair.transport.readable());
  assert_int_equal(::write(pair.other, "g", 1), 1);
  pair.wait();
  assert_true(pair.transport.readable());
  assert_int_equal(pair.read(1).size, 1);
  assert_true(pair.transport.readable());
  assert_true(pair.read(1).would_block);
  assert_false(pair.transport.readable());
}

// Once the peer has hung up, which is reported once, a short read is not the end: only the end is.
void test_short_read_after_hangup(void **) {
  Pair pair;
  assert_int_equal(::write(pair.other, "abc", 3), 3);
  pair.end();
  pair.wait();
  assert_int_equal(pair.read(50).size, 3);
  assert_true(pair.transport.readable());
  assert_false(pair.transport.ended());
  assert_true(pair.read(50).end);
  assert_false(pair.transport.readable());
  assert_true(pair.transport.ended());
}

void test_close(void **) {
  Pair pair;
  int fd = pair.transport.fd();
  assert_true(pair.transport.open());
  pair.transport.close(*pair.poller);
  assert_false(pair.transport.open());
  assert_int_equal(::write(fd, "x", 1), -1);
  pair.transport.close(*pair.poller);
}

void test_attach_again(void **) {
  Pair pair;
  pair.end();
  pair.wait();
  assert_true(pair.read(10).end);
  int ends[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  pair.transport.close(*pair.poller);
  pair.other = ends[1];
  assert_true(pair.transport.attach(Descriptor(ends[0]), *pair.poller, 6, hawser::READABLE).error == hawser::Error::OK);
  assert_false(pair.transport.ended());
  assert_int_equal(::write(pair.other, "new", 3), 3);
  pair.wait();
  assert_int_equal(pair.read(10).size, 3);
  assert_false(pair.transport.readable());  // the hang-up was the old socket's
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_short_read_drains),
      cmocka_unit_test(test_short_read_after_hangup),
      cmocka_unit_test(test_close),
      cmocka_unit_test(test_attach_again),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
