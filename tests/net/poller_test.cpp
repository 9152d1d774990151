#include "net/poller.hpp"

#include "net/descriptors.hpp"
#include "support/cmocka.hpp"

using hawser::make_poller;

namespace {

void test_auto(void **) {
  auto poller = make_poller("auto");
  assert_true(bool(poller));
  hawser::Ready ready[1];
  assert_int_equal((*poller)->wait(ready, 0), 0);
}

#if defined(__linux__)
void test_epoll(void **) {
  auto poller = make_poller("epoll");
  assert_true(bool(poller));
  assert_true((*poller)->fd() >= 0);
}
#endif

void test_unknown(void **) {
  for (const char *name : {"", "AUTO", "epoll ", "nonsense"}) {
    auto poller = make_poller(name);
    assert_false(bool(poller));
    assert_true(poller.failure().error == hawser::Error::UNSUPPORTED);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
    DESCRIPTOR_TEST(test_auto),
#if defined(__linux__)
    DESCRIPTOR_TEST(test_epoll),
#endif
    DESCRIPTOR_TEST(test_unknown),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
