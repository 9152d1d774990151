// Manager's end of its own accord: hws_manager_drain.
#include <new>

#include "manager/manager.hpp"

namespace hawser {

Error Manager::drain(int64_t time) {
  deliver_mail();
  surroundings_.now = now_ms();
  listeners_.for_each([this](Listener &listener) {
    if (!listener.socket.open()) return;
    accept_all(listener);
    stop_listening(listener);
  });
  surroundings_.draining = true;  // from here on a handshake is answered with 503
  int64_t open = 0;
  connections_.for_each([&](Connection &connection) { open += drain_opening(connection) ? 1 : 0; });
  drain_.begin(surroundings_.now, time, open);
  note_routine();
  drain_on();
  signal_outer_loop();
  return Error::OK;
}

// What the kernel has accepted for us gets an answer too, as far as there is room.
void Manager::accept_all(Listener &listener) {
  const Settings &settings = *listener.settings;
  int64_t left = settings.backlog;
  while (left > 0 && accept_from(listener))
    left -= settings.accepts_per_poll;
}

// Ends what is not open yet. True if the connection is open: its turn comes.
bool Manager::drain_opening(Connection &connection) try {
  if (!connection.alive()) return false;
  Session &session = *connection.session;
  if (session.is_open()) return true;
  constexpr std::string_view kWords = "the server is shutting down\n";
  if (connection.listener == 0 && session.is_opening()) {
    session.close(close_code::kGoingAway, "");
  } else if (session.is_deciding()) {
    session.respond(503, "", reinterpret_cast<const uint8_t *>(kWords.data()), kWords.size());
  }
  attention_.push(connection);
  return false;
} catch (const std::bad_alloc &) {
  connection.session->abandon({Error::NO_MEMORY, 0, "no memory for an answer to the request"}, false);
  attention_.push(connection);
  return false;
}

// Goes on with the plan.
void Manager::drain_on() {
  if (connections_.live() == 0 && listeners_.live() == 0) return end_drain();
  int64_t now = surroundings_.now;
  for (int64_t due = drain_.due(now); due > 0 && drain_.cursor() < connections_.slots(); drain_.advance()) {
    Connection &connection = *connections_.at(drain_.cursor());
    if (connection.stage != Stage::RUNNING || !connection.session->is_open()) continue;
    connection.session->close(close_code::kGoingAway, "");
    attention_.push(connection);
    drain_.note_closed();
    due--;
  }
  if (drain_.cursor() >= connections_.slots()) drain_.exhaust();
}

void Manager::cut_off() {
  output_.flush_all();  // a Close that was just written still has its chance
  connections_.for_each([this](Connection &connection) {
    if (!connection.alive()) return;
    connection.session->abandon({Error::TIMEOUT, 0, "the deadline of hws_manager_drain passed"}, true);
    attention_.push(connection);
  });
}

// The last CLOSE was taken. The poll must not wait: the application would, for nothing.
void Manager::end_drain() {
  drain_.end();
  surroundings_.draining = false;
  note_routine();
  wake();
}

}  // namespace hawser
