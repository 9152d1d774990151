#include "signals.hpp"

#include <atomic>
#include <cerrno>
#include <initializer_list>

#include <signal.h>

namespace hawser::tools {

namespace {

std::atomic<hws_manager *> manager_to_wake = nullptr;
volatile sig_atomic_t stops = 0;
volatile sig_atomic_t reload = 0;

extern "C" void on_signal(int number) {
  const int saved_errno = errno;
  if (number == SIGHUP)
    reload = 1;
  else if (stops < 2)
    stops = stops + 1;
  hws_manager_wake(manager_to_wake.load());
  errno = saved_errno;
}

void install(void (*handler)(int), std::initializer_list<int> numbers) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  for (const int number : {SIGINT, SIGTERM, SIGHUP})
    sigaddset(&action.sa_mask, number);
  for (const int number : numbers)
    sigaction(number, &action, nullptr);
}

}  // namespace

Signals::Signals(hws_manager *manager) {
  manager_to_wake = manager;
  install(on_signal, {SIGINT, SIGTERM});
}

Signals::~Signals() {
  manager_to_wake = nullptr;
}

bool Signals::stop_requested() const {
  return stops != 0;
}

bool Signals::stop_requested_again() const {
  return stops > 1;
}

void Signals::restore_defaults() {
  install(SIG_DFL, {SIGINT, SIGTERM});
}

void Signals::expect_reload() {
  install(on_signal, {SIGHUP});
}

bool Signals::take_reload() {
  const bool requested = reload != 0;
  reload = 0;
  return requested;
}

}  // namespace hawser::tools
