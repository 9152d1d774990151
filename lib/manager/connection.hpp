// A WebSocket on a transport, as the manager sees it: a slot of the id table that is used again and again.
#pragma once

#include <atomic>
#include <cassert>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "bytes/buffer.hpp"
#include "manager/id_table.hpp"
#include "manager/intrusive_queue.hpp"
#include "manager/options.hpp"
#include "manager/outbox.hpp"
#include "manager/transport.hpp"
#include "net/address.hpp"
#include "session/session.hpp"

namespace hawser {

struct Dial;
struct Letter;

// What a connection has for a while, at different times of its life.
struct Extras {
  Extras();
  ~Extras();
  bool empty() const;
  // Bytes of the budget.
  size_t held() const;

  std::unique_ptr<Dial> dial;        // while connecting
  std::optional<Outbox> outbox;      // what the kernel refused
  std::optional<Buffer> stash;       // bytes that were read and cannot be parsed yet
  std::vector<Letter> held_letters;  // wait for the end of an unfinished message
  int32_t skipped = 0;               // broadcasts since the last DRAIN
  Address local;                     // once the transport is closed
};

enum class Stage : uint8_t {
  FREE,
  CONNECTING,  // a name is being resolved or a TCP connection made
  SECURING,    // TLS is being agreed on
  RUNNING,     // the session has the transport
  CLOSED,      // the transport is gone, CLOSE is still to be told
  TOLD,        // CLOSE is in the batch
};

// Room for a session, which is made anew for each id.
class SessionPlace {
 public:
  SessionPlace() {}
  ~SessionPlace() {}

  Session &operator*() { return session_; }
  Session *operator->() { return &session_; }
  const Session &operator*() const { return session_; }
  const Session *operator->() const { return &session_; }

  void make(Role role, const Config &config, Surroundings &surroundings) {
    std::construct_at(&session_, role, config, surroundings);
  }
  void end() { std::destroy_at(&session_); }

 private:
  union {
    Session session_;
  };
};

// What any thread may look at is atomic. All else is the polling thread's.
struct Connection {
  SessionPlace session;  // first: see of. There is one from begin to end

  std::atomic<int64_t> id{0};
  std::atomic<int64_t> waiting{0};  // bytes that were written and have not been sent
  std::atomic<int64_t> mailed{0};   // bytes in the mailbox; changed under its lock

  Transport transport;
  int64_t tag = 0;
  int64_t listener = 0;
  Address peer;
  std::unique_ptr<Extras> extras;  // null nearly always

  QueueLink ready_link;      // has bytes to be read
  QueueLink settling_link;   // its session has a Close to write
  QueueLink attention_link;  // has something to be concluded or told

  // Output that waits in the arena.
  uint16_t first_segment = UINT16_MAX;
  uint16_t last_segment = UINT16_MAX;

  int16_t write_error = 0;  // errno of a write that failed: nothing more is written

  std::atomic<Error> sendable{Error::STATE};  // what a send would answer
  std::atomic<bool> refusal_mailed{false};    // another thread's send was refused: the manager will hear of it
  Stage stage = Stage::FREE;
  bool routine = false;           // see in_routine
  bool told : 1 = false;          // the application knows the id
  bool paused : 1 = false;        // by the application
  bool handshaking : 1 = false;   // counted among the inbound handshakes
  bool refused : 1 = false;       // a send was answered with WOULD_BLOCK: DRAIN is due
  bool part_refused : 1 = false;  // during an unfinished message: what waits behind that does not count
  bool open_due : 1 = false;      // OPEN is due
  bool half_closed : 1 = false;   // our direction of the transport is shut down
  bool shed : 1 = false;          // for the memory that it held

  Connection();
  ~Connection();

  // A life begins: the slot is taken, and gets a session. end() forgets all of it; the slot may be free already.
  void begin(const Settings &its_settings, Role role, Surroundings &surroundings);
  void end();

  // Whose session it is.
  static Connection &of(Session &session) {
    auto &owner = reinterpret_cast<Connection &>(session);
    assert(&*owner.session == &session);
    return owner;
  }

  // What it was begun with. Other threads read them with the mailbox locked, where sendable is OK.
  const Settings &settings() const { return static_cast<const Settings &>(session->config()); }
  uint32_t slot() const { return slot_of(id.load(std::memory_order_relaxed)); }
  bool alive() const { return stage == Stage::CONNECTING || stage == Stage::SECURING || stage == Stage::RUNNING; }

  Dial *dial() const { return extras ? extras->dial.get() : nullptr; }
  Outbox *outbox() const { return extras && extras->outbox ? &*extras->outbox : nullptr; }
  Buffer *stash() const { return extras && extras->stash ? &*extras->stash : nullptr; }
  // Throws std::bad_alloc.
  Extras &need_extras();
  // Frees one of the extras: drop(&Extras::stash).
  template <typename T>
  void drop(T Extras::*which) {
    if (extras) (*extras.*which).reset();
    trim_extras();
  }
  int32_t take_skipped();
  // Where nothing is left of them, they go.
  void trim_extras();

  // Written by one thread, read by any.
  int64_t queued() const { return waiting.load(std::memory_order_relaxed); }
  void count(int64_t size) { waiting.store(queued() + size, std::memory_order_relaxed); }

  // How many bytes more are below the option max_send_queue, if `held` are there already.
  int64_t queue_room(int64_t held) const {
    return settings().max_send_queue < 0 ? INT64_MAX : settings().max_send_queue - held;
  }
  int64_t queue_left() const { return queue_room(queued() + mailed.load(std::memory_order_relaxed)); }
  bool queue_full() const { return queue_left() <= 0; }
  // The same for the thread that has begun a message: what is in the mailbox waits for the end of it.
  bool part_queue_full() const { return session->in_part() ? queue_room(queued()) <= 0 : queue_full(); }
  // Bytes of the budget that closing it would give back.
  size_t held() const;
  // When the kernel took nothing any more; -1: it takes.
  int64_t stalled_since() const { return outbox() != nullptr ? outbox()->stalled_since : -1; }
  // A queue that nothing leaves any more holds nothing back.
  bool held_back() const {
    return settings().pause_above >= 0 && queued() > settings().pause_above && write_error == 0;
  }
  // Once the session is over its bytes are only read to find the end of them.
  bool may_read() const { return session->over() || (!paused && !held_back() && !session->blocked()); }
  // It reads and writes a bare socket, and nothing has to be looked after. Whatever ends that sets `routine` to false;
  // note_routine looks whether it has come back.
  bool in_routine() const {
    assert(!routine || is_calm());
    return routine && session->is_routine();
  }
  void note_routine() {
    session->note_routine();
    routine = is_calm();
  }
  bool is_calm() const {
    bool waits =
        paused || stash() != nullptr || outbox() != nullptr || ready_link.queued() || write_error != 0 || refused;
    return stage == Stage::RUNNING && !waits && !transport.special();
  }
  // Tells other threads what their sends would be answered.
  void publish() { sendable.store(session->can_send(), std::memory_order_release); }
};

using ReadyQueue = IntrusiveQueue<Connection, &Connection::ready_link>;
using SettlingQueue = IntrusiveQueue<Connection, &Connection::settling_link>;
using AttentionQueue = IntrusiveQueue<Connection, &Connection::attention_link>;

}  // namespace hawser
