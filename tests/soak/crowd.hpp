// All peers: who is connected, who has to wait for that, and when half of them are thrown out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "peer.hpp"
#include "settings.hpp"
#include "shared.hpp"

namespace soak {

class Crowd {
 public:
  explicit Crowd(const Settings &settings);

  // All of it. A fault ends the program.
  void run();

 private:
  void begin_waiting();
  void turn();
  // Lets a peer do something, and sees what has become of it.
  template <typename Deed>
  void let(size_t number, Deed deed);
  void restart();
  bool is_over() const { return share() >= 1; }
  // Of the run that is over.
  double share() const;
  void say_farewell();
  void check_that_all_kinds_came() const;
  bool is_secure(size_t number) const;

  const Settings &settings_;
  Shared shared_;
  const int64_t begun_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::deque<size_t> waiting_;  // to connect
  std::deque<size_t> waiting_for_tls_;
  size_t opening_ = 0;
  size_t opening_tls_ = 0;
  size_t alive_ = 0;
  size_t rounds_ = 0;  // of all peers, up to what is asked of each
  size_t restarts_ = 0;
  bool is_leaving_ = false;
};

}  // namespace soak
