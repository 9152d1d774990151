// A session of the C API, and what it says to a peer that is the test.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/row.hpp"
#include "conformance/story.hpp"

namespace history {

using conformance::option;
using conformance::Setting;
using Settings = std::vector<Setting>;

constexpr int32_t kRoles[] = {HWS_SERVER, HWS_CLIENT};

std::unique_ptr<hws_options, conformance::Free> make_options(const Settings &settings);

class Talk {
 public:
  // Open, without a handshake.
  static Talk open(int32_t role, const Settings &settings = {});
  // Before the handshake.
  static Talk begin(int32_t role, const Settings &settings = {});
  // Open, with permessage-deflate.
  static Talk deflating(int32_t role, Settings settings = {});

  // Hands it bytes, of which no more than `piece` lie together, and takes its events. False: it takes no more.
  bool feed(std::string_view bytes, size_t piece = size_t{1} << 16);
  // The same, of frames as the peer writes them.
  bool say(const conformance::Wire &wire) { return feed(wire.written(masks())); }
  void end();

  // All that it has written since the last call.
  std::string take_output();
  std::vector<frames::Frame> take_frames() { return frames::take_all(take_output()); }

  hws_session *operator*() { return session_.get(); }
  bool masks() const { return role_ == HWS_SERVER; }  // the peer does

  // What was told.
  int64_t opens = 0;
  int64_t messages = 0;  // MESSAGE events
  int64_t bytes = 0;     // in them
  std::string last;      // the last of them, if it is not long
  bool closed = false;
  int32_t error = HWS_OK;
  int32_t system = 0;
  int32_t code = 0;
  std::string words;

 private:
  Talk(int32_t role, hws_session *session) : role_(role), session_(session) {}
  bool take_events();

  int32_t role_;
  std::unique_ptr<hws_session, conformance::Free> session_;
};

// The answer of a server to that request, with further lines.
std::string answer_to(const std::string &request, const std::string &lines = "");

}  // namespace history
