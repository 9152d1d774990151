// Waiting for what a poller reports.
#pragma once

#include "net/poller.hpp"

namespace hawser {

// Every readiness that is reported for `token` until `wanted` is among it; 0 if others come or none for ten seconds.
inline uint32_t wait_until(Poller &poller, uint64_t token, uint32_t wanted) {
  uint32_t seen = 0;
  Ready ready[4];
  while ((seen & wanted) != wanted) {
    int count = poller.wait(ready, 10'000);
    if (count != 1 || ready[0].token != token) return 0;
    seen |= ready[0].readiness;
  }
  return seen;
}

}  // namespace hawser
