// What other threads say: Manager's end of the mailbox.
#include "manager/manager.hpp"

namespace hawser {

namespace {

// What a call on this id is answered. With the mailbox locked: else the slot may be another connection's by now, and
// the answer be about that.
Error answer_for(const Connection &connection, int64_t id) {
  if (connection.id.load(std::memory_order_relaxed) != id) return Error::STALE;
  return connection.sendable.load(std::memory_order_acquire);  // OK: its settings are there
}

}  // namespace

Error Manager::other_thread_send(int64_t id, Opcode opcode, const uint8_t *data, size_t size) {
  Connection *connection = connections_.find(id);
  if (connection == nullptr) return Error::STALE;
  if (!begins_message(without_mark(opcode))) return Error::OPCODE;
  if (connection->sendable.load(std::memory_order_relaxed) != Error::OK) {
    std::lock_guard lock(mailbox_.mutex());
    if (Error error = answer_for(*connection, id); error != Error::OK) return error;
  }
  if (without_mark(opcode) == Opcode::TEXT && !utf8_is_valid(data, size)) return Error::UTF8;
  if (surroundings_.memory_is_short(size)) return Error::NO_MEMORY;
  Letter letter(Letter::Kind::SEND, opcode, id, 0, surroundings_.memory.queued);
  if (!letter.write(data, size)) return Error::NO_MEMORY;
  Error answer = Error::OK;
  bool first = false;
  {
    std::lock_guard lock(mailbox_.mutex());
    if (Error error = answer_for(*connection, id); error != Error::OK) return error;
    if (!connection->queue_full()) {
      first = mailbox_.post(std::move(letter));
      connection->mailed.fetch_add(static_cast<int64_t>(size), std::memory_order_relaxed);
    } else {
      answer = Error::WOULD_BLOCK;
      refused_elsewhere_.fetch_add(1, std::memory_order_relaxed);
      // The manager has to know that a DRAIN is due: once.
      if (connection->refusal_mailed.load(std::memory_order_relaxed)) return answer;
      first = mailbox_.post({Letter::Kind::REFUSAL, Opcode::CONTINUATION, id, 0, surroundings_.memory.queued});
      connection->refusal_mailed.store(true, std::memory_order_relaxed);
    }
  }
  if (first) wakeup_.signal();
  return answer;
}

Error Manager::other_thread_close(int64_t id, int32_t code, std::string_view reason) {
  if (Error error = check_close(code, reason); error != Error::OK) return error;
  const Connection *connection = connections_.find(id);
  if (connection == nullptr && listeners_.find(id) == nullptr) return Error::STALE;
  Letter letter(Letter::Kind::CLOSE, Opcode::CLOSE, id, code, surroundings_.memory.queued);
  if (!letter.write(reason.data(), reason.size())) return Error::NO_MEMORY;
  bool first = false;
  {
    std::lock_guard lock(mailbox_.mutex());
    Error answer = connection != nullptr ? answer_for(*connection, id) : Error::OK;
    if (answer == Error::STALE || answer == Error::CLOSED) return answer;  // STATE: not open yet, it gives up
    first = mailbox_.post(std::move(letter));
  }
  if (first) wakeup_.signal();
  return Error::OK;
}

void Manager::deliver_mail() {
  if (mailbox_.empty()) return;
  for (Letter &letter : mailbox_.take())
    deliver(std::move(letter));
}

void Manager::deliver(Letter letter) {
  if (is_listener_id(letter.id)) {
    close_listener(letter.id);
    return;
  }
  Connection *connection = connections_.find(letter.id);
  if (connection == nullptr || connection->stage == Stage::CLOSED || connection->stage == Stage::TOLD) return;
  // During an unfinished message of the polling thread everything of other threads waits, in order.
  if (connection->session->in_part() && letter.kind != Letter::Kind::REFUSAL) {
    hold(*connection, std::move(letter));
    return;
  }
  apply(*connection, letter);
}

bool Manager::hold(Connection &connection, Letter letter) try {
  connection.need_extras().held_letters.push_back(std::move(letter));
  return true;
} catch (const std::bad_alloc &) {
  // It was accepted and cannot be kept.
  connection.session->abandon({Error::NO_MEMORY, 0, "no memory for a message of another thread"}, false);
  attention_.push(connection);
  return false;
}

void Manager::deliver_held(Connection &connection) {
  if (connection.extras == nullptr) return;
  std::vector<Letter> letters = std::move(connection.extras->held_letters);
  connection.trim_extras();
  for (Letter &letter : letters)
    apply(connection, letter);
}

void Manager::apply(Connection &connection, Letter &letter) {
  const uint8_t *data = letter.payload.data();
  size_t size = letter.payload.size();
  if (letter.kind == Letter::Kind::SEND) {
    Error error = connection.session->send(letter.opcode, data, size, true);
    // What was accepted and comes too late stays counted, so that CLOSE tells that it was not sent.
    if (error == Error::OK) connection.mailed.fetch_sub(static_cast<int64_t>(size), std::memory_order_relaxed);
    if (error == Error::NO_MEMORY) {
      connection.session->abandon({Error::NO_MEMORY, 0, "no memory for a message of another thread"}, false);
    }
    if (connection.session->over()) attention_.push(connection);
  } else if (letter.kind == Letter::Kind::CLOSE) {
    connection.session->close(letter.code, {reinterpret_cast<const char *>(data), size});
    attention_.push(connection);
  } else {
    connection.refusal_mailed.store(false, std::memory_order_relaxed);
    connection.refused = true;
    connection.routine = false;
    attention_.push(connection);
  }
}

}  // namespace hawser
