#include "net/poller.hpp"

#include "net/epoll_poller.hpp"
#include "net/kqueue_poller.hpp"
#include "net/poll_poller.hpp"

namespace hawser {

namespace {

struct Backend {
  std::string_view name;
  Result<std::unique_ptr<Poller>> (*make)();
};

// The best one first.
constexpr Backend kBackends[] = {
#if defined(HAWSER_HAS_EPOLL)
    {"epoll", EpollPoller::make},
#endif
#if defined(HAWSER_HAS_KQUEUE)
    {"kqueue", KqueuePoller::make},
#endif
    {"poll", PollPoller::make},
};

}  // namespace

Result<std::unique_ptr<Poller>> make_poller(std::string_view backend) {
  for (const Backend &own : kBackends) {
    if (backend == own.name || backend == "auto") return own.make();
  }
  return Failure{Error::UNSUPPORTED, 0, "this system has no such poller"};
}

}  // namespace hawser
