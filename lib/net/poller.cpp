#include "net/poller.hpp"

#if defined(__linux__)
#include "net/epoll_poller.hpp"
#endif

namespace hawser {

Result<std::unique_ptr<Poller>> make_poller([[maybe_unused]] std::string_view backend) {
#if defined(__linux__)
  if (backend == "auto" || backend == "epoll") return EpollPoller::make();
#endif
  return Failure{Error::UNSUPPORTED, 0, "this system has no such poller"};
}

}  // namespace hawser
