// What is behind the opaque handles of hawser.h.
#pragma once

#include <memory>

#include "hawser.h"
#include "manager/manager.hpp"
#include "session/event_record.hpp"
#include "session/solo_session.hpp"

struct hws_options {
  hawser::Options values;
};

struct hws_manager {
  std::unique_ptr<hawser::Manager> manager;
  int32_t packed = 0;  // events of the batch that pack_events has written
  char last_error[512] = "";

  // Remembers why a call failed. Returns the code.
  [[gnu::cold]] hws_result fail(hawser::Error error, const char *words = nullptr, int32_t system = 0);
  [[gnu::cold]] hws_result fail(const hawser::Failure &failure);
  hws_result answer(hawser::Error error) { return error == hawser::Error::OK ? HWS_OK : fail(error); }
};

struct hws_session {
  std::unique_ptr<hawser::SoloSession> session;
};
