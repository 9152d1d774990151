#include "stop_signals.hpp"

#include <atomic>
#include <cerrno>

#include <signal.h>

namespace hawser::tools {

namespace {

std::atomic<hws_manager *> manager_to_wake = nullptr;
volatile sig_atomic_t stop_requested = 0;

extern "C" void on_stop_signal(int) {
  const int saved_errno = errno;
  stop_requested = 1;
  hws_manager_wake(manager_to_wake.load());
  errno = saved_errno;
}

void install(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

StopSignals::StopSignals(hws_manager *manager) {
  manager_to_wake = manager;
  install(on_stop_signal);
}

StopSignals::~StopSignals() {
  manager_to_wake = nullptr;
}

bool StopSignals::requested() const {
  return stop_requested != 0;
}

void StopSignals::restore_defaults() {
  install(SIG_DFL);
}

}  // namespace hawser::tools
