#include "stop_signals.hpp"

#include <atomic>
#include <cerrno>

#include <signal.h>

namespace hawser::tools {

namespace {

std::atomic<hws_manager *> manager_to_wake = nullptr;
volatile sig_atomic_t requests = 0;

extern "C" void on_stop_signal(int) {
  const int saved_errno = errno;
  if (requests < 2) requests = requests + 1;
  hws_manager_wake(manager_to_wake.load());
  errno = saved_errno;
}

void install(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, SIGINT);
  sigaddset(&action.sa_mask, SIGTERM);
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
  return requests != 0;
}

bool StopSignals::requested_again() const {
  return requests > 1;
}

void StopSignals::restore_defaults() {
  install(SIG_DFL);
}

}  // namespace hawser::tools
