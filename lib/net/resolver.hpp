// Host names to addresses, without blocking: literals and "localhost" at once, names through c-ares (hosts file and
// DNS), which is set up for the first name, ended with the last, and whose descriptors live in the manager's poller.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bytes/error.hpp"
#include "net/address.hpp"
#include "net/poller.hpp"

namespace hawser {

class Resolver {
 public:
  struct Answer {
    int64_t query = 0;
    Failure failure;                 // Error::RESOLVE, words from a constant table
    std::vector<Address> addresses;  // in the order in which to try them (RFC 6724), 1 to 16 unless it failed
  };

  // `token`: what the poller reports for the resolver's descriptors; their number is added to it in the low 32 bits.
  // `servers`: "127.0.0.1:5353" for tests; empty: the system's.
  Resolver(Poller &poller, uint64_t token, std::string servers = "");
  // Gives up what is under way. The poller is not told of the descriptors that are closed here: it goes at the same
  // time, and in a forked child it would take them from the parent's kernel interface, which both share.
  ~Resolver();

  // Starts a query; its answer is to be taken later, perhaps at once. `query` is the caller's name for it, used by one
  // query at a time. After a Failure no answer follows: Error::RESOLVE (no host can have this name, or c-ares cannot be
  // set up), Error::NO_MEMORY.
  Failure start(std::string_view host, uint16_t port, int64_t query);
  // No answer is wanted any more; nothing happens if it was taken, or never started.
  void cancel(int64_t query);
  // The next answer; false if there is none.
  bool take(Answer &answer);

  // A descriptor of the resolver is ready.
  void ready(uint64_t token, uint32_t readiness);
  // When `advance` is to be called, -1: no query is under way.
  int64_t deadline() const;
  void advance();

 private:
  struct Query;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hawser
