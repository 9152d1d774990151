// What was seen of a connection, in words that can be compared: the story that a row tells, and the one that came true.
#pragma once

#include <string>
#include <vector>

#include "conformance/row.hpp"

namespace conformance {

// A message that goes before a row, or behind its handshake, in the same piece.
inline constexpr char kGlued[] = "glued";
// A message and a ping behind everything: they are answered by a connection that goes on, and by no other.
inline constexpr char kProbe[] = "probe";

struct Story {
  std::vector<std::string> events;  // "OPEN", "text Hello compressed", "CLOSE 1006 HWS_ERR_PROTOCOL ..."
  std::vector<std::string> frames;  // of ours but pongs: "text Hello", "close 1002"
  std::vector<std::string> pongs;   // their payloads: when they come between the others depends on how the bytes do

  void add_event(const hws_event &event);
  // Takes apart all that we have written since the handshake. A complaint, or "".
  std::string add_output(const std::string &output, const Row &row, Opening opening, int32_t role);
  bool has_frame(const std::string &sketch) const;
  bool has_pong(const std::string &payload) const;
  std::string str() const;
};

struct Free {
  void operator()(hws_options *options) const { hws_options_free(options); }
  void operator()(hws_session *session) const { hws_session_free(session); }
};

// The settings of a row, to be freed.
hws_options *options_of(const Row &row, Opening opening);
// What stands behind half a head is no message, and what stands behind the end is never delivered.
bool may_be_glued(const Row &row, Opening opening);

// "text Hello", "close 1002", "ping": opcode and payload, a long one by its size and a hash.
std::string sketch(int opcode, const std::string &payload);

// `told`: the application knows of the connection, so that it gets a CLOSE.
Story expected_story(const Row &row, Opening opening, bool glued, bool told);
// The bytes of a row as its peer writes them. `key`: what a client's request has, for its answer.
std::string written(const Row &row, Opening opening, int32_t role, bool glued, const std::string &key);
std::string probe(Opening opening, int32_t role);
// The peer's handshake before a row that has none, where permessage-deflate is to be agreed on.
std::string agreeing_head(const Row &row, int32_t role, const std::string &key);

// Sec-WebSocket-Key in a request; the Sec-WebSocket-Accept for it (RFC 6455 4.2.2 step 5.4).
std::string key_in(const std::string &request);
std::string accept_for(const std::string &key);
// Takes what a server under test has answered to the row's request off the front of `output`. A complaint, or "".
std::string take_answer(const Row &row, const std::string &sent, std::string &output);

}  // namespace conformance
