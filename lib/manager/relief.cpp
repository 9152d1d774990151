// What is done when memory is short (option memory_budget): whoever holds the most of it is closed, and nobody new is
// taken. That happens before the last of it is taken, so that those who hold little can go on.
#include "manager/manager.hpp"

namespace hawser {

// One that was shed and is not read by its peer does not leave by itself: it is cut off, when its turn comes again.
//
// Each closing pays for a walk over all connections. A walk after which there is nothing to be done is not repeated in
// the same poll.
void Manager::relieve() {
  while (!relieved_ && surroundings_.memory_stays_short()) {
    Connection *greediest = nullptr;
    size_t most = 0;
    int64_t leaving = 0;  // held by those that are closed, or have been shed: it comes back by itself
    connections_.for_each([&](Connection &connection) {
      size_t held = connection.held();
      bool leaves = !connection.alive() || (connection.shed && connection.outbox() == nullptr);
      if (leaves) leaving += static_cast<int64_t>(held);
      if (leaves || held <= most) return;
      greediest = &connection;
      most = held;
    });
    int64_t staying = budget_.used() - surroundings_.memory.delivered.used() - leaving;
    relieved_ = greediest == nullptr || staying <= budget_.comfortable();
    if (!relieved_) shed(*greediest, most);
  }
}

void Manager::shed(Connection &connection, size_t holds) {
  if (!connection.shed) stats_.connections_shed++;
  connection.shed = true;
  // A Close would stand behind what the peer does not read, or what another thread has said.
  const Extras *extras = connection.extras.get();
  bool waits = extras != nullptr && (extras->outbox || !extras->held_letters.empty());
  bool politely = connection.session->is_open() && !waits;
  connection.session->shed(holds, politely);
  if (!politely) return finish(connection);
  receiver_.forget(connection);
  connection.drop(&Extras::stash);
  connection.routine = false;
  settling_.push(connection);
}

}  // namespace hawser
