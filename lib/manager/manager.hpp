// The connection manager: listeners and connections, polled for events. The functions are those of hawser.h, where they
// are explained; they throw nothing but std::bad_alloc, before they have changed anything.
//
// Other threads come in by other_thread_*; everything else belongs to the one thread that ownership() admits.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "manager/connection.hpp"
#include "manager/dial.hpp"
#include "manager/drain.hpp"
#include "manager/id_table.hpp"
#include "manager/listener.hpp"
#include "manager/mailbox.hpp"
#include "manager/options.hpp"
#include "manager/output.hpp"
#include "manager/ownership.hpp"
#include "manager/receiver.hpp"
#include "manager/stats.hpp"
#include "net/alarm.hpp"
#include "net/poller.hpp"
#include "net/resolver.hpp"
#include "net/timers.hpp"
#include "net/wakeup.hpp"
#include "session/event_batch.hpp"

namespace hawser {

class Manager {
 public:
  // What the poller reports for descriptors that are no connection's or listener's, whose tokens are their ids.
  static constexpr uint64_t kWakeupToken = 0;
  static constexpr uint64_t kAlarmToken = 1;
  static constexpr uint64_t kResolverToken = uint64_t{1} << 62;
  static constexpr int64_t kMaxListeners = 1024;

  static Result<std::unique_ptr<Manager>> make(const Options *options);
  Manager(const Manager &) = delete;
  Manager &operator=(const Manager &) = delete;
  ~Manager();

  Ownership &ownership() { return ownership_; }

  // Ids, or a Failure for last_error.
  Result<int64_t> listen(std::string_view url, const Options *options);
  Result<int64_t> connect(std::string_view url, const Options *options);

  int32_t poll(int32_t timeout_ms);  // the number of events; Error::SYSTEM and errno if waiting failed
  void flush();
  void wake();  // any thread, signal handlers too
  Result<int64_t> outer_fd();

  const EventBatch &batch() const { return batch_; }
  const char *event_text(int32_t index);

  Error send(int64_t id, Opcode opcode, const uint8_t *data, size_t size);
  // The same for what nearly all sends are: a small message, TEXT or BINARY, with nothing in its way. False, and
  // nothing was done: it is send's.
  bool send_plainly(int64_t id, Opcode opcode, const uint8_t *data, size_t size);
  Error send_part(int64_t id, Opcode opcode, const uint8_t *data, size_t size, bool final);
  Error ping(int64_t id, const uint8_t *data, size_t size);
  Error close(int64_t id, int32_t code, std::string_view reason);
  Error abort(int64_t id);
  Error pause(int64_t id);
  Error resume(int64_t id);
  Error set_tag(int64_t id, int64_t tag);
  Result<int64_t> queued(int64_t id) const;
  Result<int32_t> broadcast(int64_t listener, int64_t except, Opcode opcode, const uint8_t *data, size_t size);
  Error accept(int64_t id, std::string_view subprotocol, std::string_view headers);
  Error respond(int64_t id, int32_t status, std::string_view headers, const uint8_t *body, size_t size);

  Error drain(int64_t time);
  Failure reload_tls(int64_t id, const Options *options);

  // From threads that are not the owner.
  [[gnu::noinline]] Error other_thread_send(int64_t id, Opcode opcode, const uint8_t *data, size_t size);
  Error other_thread_close(int64_t id, int32_t code, std::string_view reason);

  // Readers; nullptr where there is nothing.
  const Opening *handshake(int64_t id) const;
  const char *subprotocol(int64_t id) const;
  const char *extensions(int64_t id) const;
  const char *tls(int64_t id);
  const char *tls_subject(int64_t id);
  const char *peer_address(int64_t id);
  const char *local_address(int64_t id);
  Result<int64_t> stat(std::string_view name);

  // What only the moment can tell about the failure that a call has just answered; "" if nothing.
  std::string take_failure_detail() { return std::exchange(failure_detail_, {}); }

 private:
  Manager(std::shared_ptr<OptionValues> defaults, std::shared_ptr<const Settings> settings,
          std::unique_ptr<Poller> poller, Wakeup wakeup, std::optional<Alarm> alarm);

  std::shared_ptr<const Settings> settings_for(const Options *options);

  // The poll (poll_loop.cpp)
  [[gnu::always_inline]] void begin_batch();
  [[gnu::noinline]] void retire_all();
  void retire(const Event &event);
  int32_t poll_any(int32_t timeout_ms);
  [[gnu::noinline]] int32_t poll_timed(int32_t timeout_ms);
  [[gnu::always_inline]] int poll_once(int64_t until);
  [[gnu::noinline]] int poll_with_chores(int64_t until);
  template <bool calm>
  [[gnu::always_inline]] int wait_and_read(int64_t until);
  [[gnu::noinline]] int wait_timed(int timeout);
  [[gnu::noinline]] bool do_chores();
  [[gnu::noinline]] void do_late_chores();
  [[gnu::always_inline]] int wait_time(int64_t until, int64_t due);
  int64_t next_deadline() const;
  [[gnu::noinline]] int64_t chores_due() const;
  void note_routine();
  void dispatch(const Ready &ready);
  [[gnu::noinline]] void dispatch_other(const Ready &ready);
  [[gnu::noinline]] void dispatch_any(Connection &connection, uint32_t readiness);
  void dispatch_connection(Connection &connection, uint32_t readiness);
  [[gnu::noinline]] void read_ready();
  void give_turn(Connection &connection);
  [[gnu::noinline]] void note_turn(Connection &connection);
  [[gnu::noinline]] void stop_reading(Connection &connection);
  [[gnu::noinline]] void run_timers();
  [[gnu::noinline]] void settle_all();
  [[gnu::noinline]] void attend_all();
  bool has_unread(const Connection &connection) const;
  bool attend(Connection &connection);
  bool tell(Connection &connection);
  void tell_event(Connection &connection, EventKind kind);
  static bool drained(const Connection &connection);
  [[gnu::noinline]] void tell_listeners();
  void signal_outer_loop() {
    if (signals_) attend_outer_loop();
  }
  void attend_outer_loop();
  bool work_is_left() const;

  // The life of a connection (manager.cpp)
  Connection *claim(const Settings &settings, Role role);
  void conclude(Connection &connection);
  void finish(Connection &connection);
  void release(Connection &connection);
  void rouse(Connection &connection);
  void schedule(Connection &connection);
  void watch(Connection &connection);
  void leave_handshake(Connection &connection);
  static void note_local_address(Connection &connection);
  void note_failed_handshake(const Connection &connection);
  int64_t &count_of_refusals(const Event &close);
  void touch(Connection &connection);
  template <bool masked>
  [[gnu::always_inline]] bool put_plainly(Connection &connection, Opcode opcode, const uint8_t *data, size_t size);
  [[gnu::noinline]] bool begin_to_write(Connection &connection, size_t size);
  Result<Connection *> living(int64_t id) const;
  bool lacks_memory(const Connection &connection, size_t size) const;
  [[gnu::noinline]] Error refuse(Connection &connection);
  Error refuse_part(Connection &connection);
  Error close_listener(int64_t id);
  std::string describe(const Event &event) const;
  void note_memory();
  int64_t count_queued();

  // Listening and connecting (dialing.cpp)
  [[gnu::noinline]] bool accept_from(Listener &listener);
  void accept_one(Listener &listener, Descriptor socket, const Address &peer);
  void stop_listening(Listener &listener);
  void stop_accepting(Listener &listener, int64_t until);
  void release_listener(Listener &listener);
  void silence(Listener &listener, bool silent);
  [[gnu::noinline]] void listen_again();
  bool has_room_to_accept() const;
  [[gnu::noinline]] void take_answers();
  void dial_next(Connection &connection);
  [[gnu::noinline]] void dial_ready(Connection &connection, uint32_t readiness);
  void fail_dial(Connection &connection, const Failure &failure);

  // Broadcast (broadcasting.cpp)
  class SharedFrames;
  bool broadcast_to(Connection &connection, SharedFrames &frames);
  bool fail_broadcast(Connection &connection);
  void refuse_broadcast(Connection &connection);

  // TLS (securing.cpp)
  std::shared_ptr<TlsContext> make_server_tls(const Settings &settings);
  std::shared_ptr<TlsContext> client_tls(const Settings &settings);
  void begin_tls(Connection &connection, std::shared_ptr<TlsContext> context, const std::string &host);
  [[gnu::noinline]] void securing_ready(Connection &connection, uint32_t readiness);
  [[gnu::noinline]] void secure(Connection &connection);
  void begin_session(Connection &connection);
  void fail_tls(Connection &connection);
  void refuse_plain_http(Connection &connection);

  // Draining (draining.cpp)
  void accept_all(Listener &listener);
  bool drain_opening(Connection &connection);
  void drain_on();
  void cut_off();
  void end_drain();

  // When memory is short (relief.cpp)
  [[gnu::noinline]] void relieve();
  void shed(Connection &connection, size_t holds);

  // The mailbox (mail.cpp)
  [[gnu::noinline]] void deliver_mail();
  void deliver(Letter letter);
  void apply(Connection &connection, Letter &letter);
  bool hold(Connection &connection, Letter letter);
  void deliver_held(Connection &connection);

  const std::shared_ptr<OptionValues> defaults_;
  const std::shared_ptr<const Settings> settings_;
  std::vector<std::pair<std::shared_ptr<OptionValues>, std::shared_ptr<const Settings>>> known_settings_;

  Budget budget_;
  OsRandom random_;
  Surroundings surroundings_;
  Stats stats_;
  Ownership ownership_;
  Mailbox mailbox_;
  std::atomic<int64_t> refused_elsewhere_{0};  // sends of other threads that were refused

  std::unique_ptr<Poller> poller_;
  Wakeup wakeup_;
  std::optional<Alarm> alarm_;  // for the timers; none on systems that have no such thing
  bool outer_ = false;          // an outer loop drives the manager
  bool signals_ = false;        // and is told what calls leave to do: it need not flush by itself
  bool signalled_ = false;      // the wakeup is set for the outer loop
  std::atomic<bool> woken_{false};
  Resolver resolver_;
  int64_t names_asked_ = 0;  // queries of the resolver without an answer
  Timers timers_;
  // What the poller's last wait told: no more than a batch can hold, if each brings an event, so that those that are
  // told need not wait for their turn in a queue.
  const size_t most_reported_;
  const std::unique_ptr<Ready[]> reported_;

  const uint32_t number_;  // tells ids of different managers apart
  IdTable<Connection> connections_;
  IdTable<Listener> listeners_;
  bool work_ = false;  // something has joined a queue since do_chores looked at them, or stands there
  ReadyQueue ready_{connections_, work_};
  SettlingQueue settling_{connections_, work_};
  AttentionQueue attention_{connections_, work_};
  ClosedListeners closed_listeners_{listeners_, work_};
  int64_t listen_again_at_ = -1;  // when listeners that ran out of descriptors try again
  bool listeners_silent_ = false;
  Drain drain_;
  bool out_of_routine_ = false;  // one of: listeners are silent, the manager drains, names are asked for

  EventBatch batch_;
  Output output_;
  Receiver receiver_;
  std::string address_;         // what an address reader answered last
  std::string tls_words_;       // what a reader about TLS answered last
  std::string failure_detail_;  // see take_failure_detail
  bool relieved_ = false;       // as far as is possible in this poll
  bool timed_ = false;          // the poll that is going on is measured
  int64_t waited_ = 0;          // microseconds of it in the kernel
  int64_t full_waits_ = 0;      // of the poller, one after the other, that had no room to report all
  int64_t tls_steps_ = 0;       // steps of TLS handshakes in this round of the loop
};

inline bool Manager::send_plainly(int64_t id, Opcode opcode, const uint8_t *data, size_t size) {
  if (!mailbox_.empty() || signals_ || size >= Sink::kBorrowed) return false;
  // Who answers many messages of one connection is looked up once.
  Connection *connection = output_.writer(id);
  if (connection == nullptr) connection = connections_.find(id);
  if (connection == nullptr || !connection->session->sends_plainly()) return false;
  if (opcode == Opcode::TEXT && !utf8_is_valid(data, size)) return false;
  return connection->session->role() == Role::SERVER ? put_plainly<false>(*connection, opcode, data, size)
                                                     : put_plainly<true>(*connection, opcode, data, size);
}

template <bool masked>
inline bool Manager::put_plainly(Connection &connection, Opcode opcode, const uint8_t *data, size_t size) {
  const Session &session = *connection.session;
  if (masked && !session.can_mask()) return false;
  size_t frame_size = Session::short_frame_size<masked>(size);
  if (!output_.may_extend(connection, frame_size) && !begin_to_write(connection, frame_size)) return false;
  session.put_message<masked>(output_.extend(connection, frame_size), opcode, data, size);
  surroundings_.traffic.messages_sent++;
  surroundings_.traffic.frames_sent++;
  return true;
}

}  // namespace hawser
