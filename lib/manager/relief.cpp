// What is done when memory is short (option memory_budget): whoever holds the most of it is closed, and nobody new is
// taken. That happens before the last of it is taken, so that those who hold little can go on.
#include "manager/manager.hpp"

namespace hawser {

void Manager::relieve() {
  while (surroundings_.memory_stays_short()) {
    Connection *greediest = nullptr;
    size_t most = 0;
    connections_.for_each([&](Connection &connection) {
      if (!can_be_shed(connection) || connection.held() <= most) return;
      greediest = &connection;
      most = connection.held();
    });
    if (greediest == nullptr) return;
    shed(*greediest, most);
  }
}

// Those that are about to end give back what they hold by themselves.
bool Manager::can_be_shed(const Connection &connection) {
  return connection.alive() && !connection.session->over() && !connection.session->needs_settling();
}

void Manager::shed(Connection &connection, size_t holds) {
  stats_.connections_shed++;
  // A Close would stand behind what the peer does not read.
  bool politely = connection.stage == Stage::RUNNING && connection.outbox == nullptr;
  connection.session->shed(holds, politely);
  if (connection.session->over()) return finish(connection);
  receiver_.forget(connection);
  connection.stash.reset();
  connection.routine = false;
  settling_.push(connection);
}

}  // namespace hawser
