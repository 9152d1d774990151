// SIGINT and SIGTERM as a request to stop: they wake the manager, and its loop asks here.
#pragma once

#include <hawser.h>

namespace hawser::tools {

// Only one may live at a time, and no longer than the manager. After it signals are taken and have no effect.
class StopSignals {
 public:
  explicit StopSignals(hws_manager *manager);
  ~StopSignals();
  StopSignals(const StopSignals &) = delete;
  StopSignals &operator=(const StopSignals &) = delete;

  bool requested() const;
  bool requested_again() const;
  // From here on the signals end the process, as they do by default.
  void restore_defaults();
};

}  // namespace hawser::tools
