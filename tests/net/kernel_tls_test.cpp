// What can be seen without a kernel that has TLS: that nothing is taken for encrypted, and that the BIO's calls are
// understood. Where the kernel has it, net/tls_stream and capi/echo/kernel_tls run through it.
#include "net/kernel_tls.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <openssl/bio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/cmocka.hpp"

namespace {

using hawser::KernelTls;
using hawser::Transfer;

constexpr int kSetRecordType = 74;  // as bio.h has it in a comment
constexpr int kClearRecordType = 75;

// Two connected sockets that do not block, and the first one's KernelTls.
struct Pair {
  int fds[2] = {-1, -1};
  std::unique_ptr<KernelTls> kernel;

  Pair() {
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) return;
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    kernel = KernelTls::make(fds[0]);
  }
  ~Pair() {
    kernel.reset();
    ::close(fds[0]);
    ::close(fds[1]);
  }
};

void nothing_is_encrypted_before_keys_are_handed_over(void **) {
  Pair pair;
  assert_non_null(pair.kernel.get());
  assert_false(pair.kernel->encrypts());
  assert_false(pair.kernel->decrypts());
  assert_true(pair.kernel->control(BIO_CTRL_GET_KTLS_SEND, 0, nullptr) <= 0);
}

void a_record_type_is_for_the_next_write(void **) {
  Pair pair;
  assert_false(pair.kernel->record_is_due());
  pair.kernel->control(kSetRecordType, 21, nullptr);
  assert_true(pair.kernel->record_is_due());
  pair.kernel->control(kClearRecordType, 0, nullptr);
  assert_false(pair.kernel->record_is_due());

  pair.kernel->control(kSetRecordType, 21, nullptr);
  Transfer done = pair.kernel->write_record("ab", 2);
  assert_int_equal(done.error, 0);
  assert_int_equal(done.size, 2);
  assert_false(pair.kernel->record_is_due());
  char got[4];
  assert_int_equal(recv(pair.fds[1], got, sizeof got, 0), 2);
  assert_memory_equal(got, "ab", 2);
}

void a_write_that_fails_leaves_the_record_due_and_raises_no_signal(void **) {
  Pair pair;
  shutdown(pair.fds[1], SHUT_RD);
  pair.kernel->control(kSetRecordType, 21, nullptr);
  Transfer done = pair.kernel->write_record("ab", 2);
  assert_int_equal(done.error, EPIPE);
  assert_true(pair.kernel->record_is_due());
}

void reads_tell_what_there_is(void **) {
  Pair pair;
  char got[8];
  Transfer none = pair.kernel->read(got, sizeof got);
  assert_true(none.would_block);
  assert_int_equal(none.size, 0);

  assert_int_equal(send(pair.fds[1], "abc", 3, 0), 3);
  Transfer some = pair.kernel->read(got, sizeof got);
  assert_int_equal(some.size, 3);
  assert_memory_equal(got, "abc", 3);

  shutdown(pair.fds[1], SHUT_WR);
  Transfer end = pair.kernel->read(got, sizeof got);
  assert_true(end.end);
  assert_int_equal(end.error, 0);
}

void the_socket_stays_the_callers(void **) {
  Pair pair;
  pair.kernel.reset();
  assert_true(fcntl(pair.fds[0], F_GETFD) >= 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(nothing_is_encrypted_before_keys_are_handed_over),
      cmocka_unit_test(a_record_type_is_for_the_next_write),
      cmocka_unit_test(a_write_that_fails_leaves_the_record_due_and_raises_no_signal),
      cmocka_unit_test(reads_tell_what_there_is),
      cmocka_unit_test(the_socket_stays_the_callers),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
