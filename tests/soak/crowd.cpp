#include "crowd.hpp"

#include <algorithm>

#include <sys/epoll.h>
#include <sys/resource.h>

#include "bench/load/fault.hpp"

namespace soak {

namespace {

constexpr int kEvents = 512;
constexpr size_t kBufferSize = 256 * 1024;
// TLS handshakes take so long that they come in waves: or the last of them would come behind the server's
// handshake_timeout.
constexpr size_t kMostOpening = 2000, kMostOpeningTls = 256;

void raise_descriptor_limit() {
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

Shared::Shared(const Settings &settings)
    : settings(settings),
      tls(load::make_client_tls(), SSL_CTX_free),
      epoll(epoll_create1(EPOLL_CLOEXEC)),
      buffer(kBufferSize),
      now(milliseconds()) {}

Crowd::Crowd(const Settings &settings) : settings_(settings), shared_(settings), begun_(shared_.now) {
  raise_descriptor_limit();
  for (size_t number = 0; number < settings.connections; number++) {
    peers_.push_back(std::make_unique<Peer>(shared_, number));
    (is_secure(number) ? waiting_for_tls_ : waiting_).push_back(number);
  }
}

bool Crowd::is_secure(size_t number) const {
  return door_of(settings_, number).layer == load::Layer::WSS;
}

void Crowd::run() {
  while (!is_over()) {
    begin_waiting();
    turn();
    const size_t due = static_cast<size_t>(share() * static_cast<double>(settings_.restarts + 1));
    if (restarts_ < std::min(due, settings_.restarts)) restart();
  }
  say_farewell();
  check_that_all_kinds_came();
  shared_.report.print();
}

double Crowd::share() const {
  if (settings_.seconds > 0) {
    return static_cast<double>(shared_.now - begun_) / (1000.0 * static_cast<double>(settings_.seconds));
  }
  return static_cast<double>(rounds_) / static_cast<double>(settings_.rounds * settings_.connections);
}

void Crowd::begin_waiting() {
  const auto begin = [&](std::deque<size_t> &queue, const size_t &opening, size_t most) {
    for (size_t left = queue.size(); left > 0 && opening < most; left--) {
      const size_t number = queue.front();
      queue.pop_front();
      let(number, [](Peer &peer) { peer.begin(); });
    }
  };
  begin(waiting_, opening_, kMostOpening);
  begin(waiting_for_tls_, opening_tls_, kMostOpeningTls);
}

template <typename Deed>
void Crowd::let(size_t number, Deed deed) {
  Peer &peer = *peers_[number];
  const bool was_over = peer.is_over(), was_opening = peer.is_opening();
  const size_t rounds = peer.rounds();
  deed(peer);
  const auto asked = [&](size_t count) { return std::min(count, settings_.rounds); };
  rounds_ += asked(peer.rounds()) - asked(rounds);
  (is_secure(number) ? opening_tls_ : opening_) +=
      static_cast<size_t>(peer.is_opening()) - static_cast<size_t>(was_opening);
  alive_ += static_cast<size_t>(was_over) - static_cast<size_t>(peer.is_over());
  // One whose life is short is over at once.
  if (peer.is_over() && !is_leaving_) (is_secure(number) ? waiting_for_tls_ : waiting_).push_back(number);
}

void Crowd::turn() {
  epoll_event events[kEvents];
  const int64_t next = shared_.timers.empty() ? shared_.now + 1000 : std::get<0>(shared_.timers.top());
  const bool has_waiting = !is_leaving_ && opening_ < kMostOpening && !waiting_.empty();
  const int64_t wait = has_waiting ? 0 : std::clamp<int64_t>(next - milliseconds(), 0, 1000);
  const int count = epoll_wait(shared_.epoll, events, kEvents, static_cast<int>(wait));
  shared_.now = milliseconds();
  for (int i = 0; i < count; i++) {
    const size_t number = events[i].data.u64 & UINT32_MAX;
    if (peers_[number]->lives() != events[i].data.u64 >> 32 || peers_[number]->is_over()) continue;
    const bool has_hung_up = (events[i].events & (EPOLLHUP | EPOLLERR)) != 0;
    let(number, [&](Peer &peer) { peer.advance(has_hung_up); });
  }
  while (!shared_.timers.empty() && std::get<0>(shared_.timers.top()) <= shared_.now) {
    const auto [due, number, life] = shared_.timers.top();
    shared_.timers.pop();
    if (peers_[number]->lives() != life || peers_[number]->is_over()) continue;
    let(number, [](Peer &peer) { peer.wake(); });
  }
}

// Half of them are cut off at one moment, and all come back as soon as they can.
void Crowd::restart() {
  restarts_++;
  for (size_t number = 0; number < peers_.size(); number++) {
    Random random(settings_.seed + restarts_, number, 0);
    if (peers_[number]->is_over() || random.is_one_in(2)) continue;
    shared_.report.restarted++;
    let(number, [](Peer &peer) { peer.reset(); });
  }
}

void Crowd::say_farewell() {
  is_leaving_ = true;
  for (size_t number = 0; number < peers_.size(); number++)
    let(number, [](Peer &peer) { peer.leave(); });
  while (alive_ > 0)
    turn();
}

void Crowd::check_that_all_kinds_came() const {
  for (size_t group = 0; group < kGroups; group++) {
    for (size_t kind = 0; kind < kind_count(static_cast<Group>(group)); kind++) {
      const char *name = kind_name(static_cast<Group>(group), kind);
      if (shared_.report.kinds.count(name) == 0) load::fail(std::string("too few connections or rounds: no ") + name);
    }
  }
}

}  // namespace soak
