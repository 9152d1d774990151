#include "output.hpp"

#include <random>

#include <signal.h>
#include <unistd.h>

#include "support/cmocka.hpp"

namespace {

using hawser::tools::Output;

std::string read_up_to(int fd, size_t size) {
  std::string data(size, '\0');
  const ssize_t count = read(fd, data.data(), size);
  data.resize(count > 0 ? static_cast<size_t>(count) : 0);
  return data;
}

// More than a pipe holds, so that a blocking write would hang the test.
void a_full_pipe_does_not_block(void **) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  std::mt19937 random(7);
  std::string expected;
  for (int i = 0; i < 3 << 20; i++)
    expected += static_cast<char>(random());

  Output output(ends[1]);
  std::string received;
  size_t appended = 0;
  while (received.size() < expected.size()) {
    const std::string piece = expected.substr(appended, random() % 300000);
    output.append(piece);
    appended += piece.size();
    const size_t before = output.size();
    assert_true(output.write_ready());
    assert_true(output.size() <= before);
    received += read_up_to(ends[0], 1 + random() % 100000);
    if (appended == expected.size() && output.size() == 0) break;
  }
  close(ends[1]);
  for (std::string piece; !(piece = read_up_to(ends[0], 65536)).empty();)
    received += piece;
  assert_true(received == expected);
  close(ends[0]);
}

void write_all_leaves_nothing(void **) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  Output output(ends[1]);
  output.append("hello ");
  output.append("world");
  assert_int_equal(output.size(), 11);
  assert_true(output.write_all());
  assert_int_equal(output.size(), 0);
  assert_true(read_up_to(ends[0], 100) == "hello world");
  close(ends[0]);
  close(ends[1]);
}

void failure_to_write_is_told(void **) {
  signal(SIGPIPE, SIG_IGN);
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  close(ends[0]);
  Output output(ends[1]);
  assert_true(output.write_ready());
  output.append("nobody reads");
  assert_false(output.write_ready());
  assert_false(output.write_all());
  close(ends[1]);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_full_pipe_does_not_block),
      cmocka_unit_test(write_all_leaves_nothing),
      cmocka_unit_test(failure_to_write_is_told),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
