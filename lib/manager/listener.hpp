// A listening socket: a slot of the id table.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "manager/intrusive_queue.hpp"
#include "manager/options.hpp"
#include "net/address.hpp"
#include "net/socket.hpp"

namespace hawser {

struct Listener {
  std::atomic<int64_t> id{0};

  Descriptor socket;
  std::shared_ptr<const Settings> settings;
  std::shared_ptr<TlsContext> tls;  // of a wss:// listener
  Address local;
  int64_t tag = 0;
  bool paused = false;  // by the application
  bool silent = false;  // not polled: paused, or the manager has no room

  QueueLink closed_link;

  // Its CLOSE is in the batch.
  bool told() const { return !socket.open() && !closed_link.queued(); }
};

using ClosedListeners = IntrusiveQueue<Listener, &Listener::closed_link>;

}  // namespace hawser
