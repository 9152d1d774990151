// SIGINT and SIGTERM as a request to stop, SIGHUP as one to reload: they wake the manager, and its loop asks here.
#pragma once

#include <hawser.h>

namespace hawser::tools {

// Only one may live at a time, and no longer than the manager. After it signals are taken and have no effect.
class Signals {
 public:
  explicit Signals(hws_manager *manager);
  ~Signals();
  Signals(const Signals &) = delete;
  Signals &operator=(const Signals &) = delete;

  bool stop_requested() const;
  bool stop_requested_again() const;
  // From here on SIGINT and SIGTERM end the process, as they do by default.
  void restore_defaults();

  // From here on SIGHUP does not end the process.
  void expect_reload();
  // Whether one was asked for since the last call.
  bool take_reload();
};

}  // namespace hawser::tools
