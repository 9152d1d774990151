// Close frames and the closing handshake (RFC 6455 5.5.1 and 7).
#include "conformance/row.hpp"

namespace conformance {

namespace {

Piece closing_with(const std::string &payload) {
  return frame(frames::kClose, payload);
}

std::vector<Row> good_closes() {
  const std::string longest(123, 'r');
  const std::string greek("\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5");
  std::vector<Row> rows = {
      {"empty", "7.1.5", closing_with(""), closes(1005)},
      {"reason", "7.1.6", closing(1000, "bye"), closes(1000, "bye")},
      {"reason_of_123_bytes", "5.5.1", closing(1000, longest), closes(1000, longest)},
      {"reason_not_ascii", "7.1.6", closing(4000, greek), closes(4000, greek)},
      {"reason_with_nul", "7.1.6", closing(1000, std::string("a\0b", 3)), closes(1000, std::string("a\0b", 3))},
      {"behind_messages", "5.5.1", text("a") + text("b") + closing(1000), closes(1000).with({text("a"), text("b")})},
      {"behind_a_ping", "5.5.2", ping("p") + closing(1001), closes(1001).with_pongs({"p"})},
      {"within_a_message", "5.5.1", text("never whole").more() + closing(1000), closes(1000)},
      {"message_behind", "5.5.1", closing(1000) + text("x"), closes(1000)},
      {"ping_behind", "5.5.2", closing(1000) + ping("x"), closes(1000)},
      {"close_behind", "7.1.5", closing(1000, "first") + closing(1001, "second"), closes(1000, "first")},
      {"bad_frame_behind", "7.1.1", closing(1000) + text("x").rsv(7), closes(1000)},
      {"noise_behind", "7.1.1", closing(1000) + bytes("GET / HTTP/1.1\r\n\r\n"), closes(1000)},
  };
  for (int code : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999}) {
    rows.push_back({"code_" + std::to_string(code), "7.4", closing(code), closes(code)});
  }
  return rows;
}

std::vector<Row> bad_closes() {
  std::vector<Row> rows = {
      {"one_byte", "5.5.1", closing_with("\x03"), fails(1002)},
      {"one_byte_behind_a_message", "5.5.1", text("a") + closing_with("\x03"), fails(1002).with({text("a")})},
      {"reason_not_utf8", "8.1", closing(1000, "\xff"), fails(1007)},
      {"reason_with_half_a_character", "8.1", closing(1000, "bye\xc3"), fails(1007)},
      {"reason_overlong", "8.1", closing(1000, "\xc0\xaf"), fails(1007)},
      {"reason_with_surrogate", "8.1", closing(1000, "\xed\xa0\x80"), fails(1007)},
      {"reason_beyond_unicode", "8.1", closing(1000, "\xf4\x90\x80\x80"), fails(1007)},
      {"bad_frame_and_a_message", "7.1.7", text("a") + text("x").rsv(1) + text("b"), fails(1002).with({text("a")})},
      {"bad_frame_and_a_close", "7.1.7", frame(3, "") + closing(1000), fails(1002)},
      {"bad_frame_and_a_ping", "7.1.7", frame(11, "") + ping("x"), fails(1002)},
  };
  for (int code : {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 65535})
    rows.push_back({"code_" + std::to_string(code), "7.4", closing(code), fails(1002)});
  return rows;
}

// What comes behind our own Close with 1000.
std::vector<Row> behind_ours() {
  std::vector<Row> rows = {
      {"ours_answered", "7.1.2", closing(1000), closes_after_our_close(1000)},
      {"ours_answered_with_another_code", "7.1.5", closing(4001, "mine"), closes_after_our_close(4001, "mine")},
      {"ours_answered_without_code", "7.1.5", closing_with(""), closes_after_our_close(1005)},
      {"ours_and_messages", "5.5.1", text("a") + binary("b").more() + continuation("c") + closing(1000),
       closes_after_our_close(1000).with({text("a"), binary("bc")})},
      {"ours_and_a_ping", "5.5.1", ping("x") + closing(1000), closes_after_our_close(1000)},
      {"ours_answered_and_a_message", "7.1.1", closing(1000) + text("x"), closes_after_our_close(1000)},
      {"ours_and_a_bad_frame", "7.1.7", text("x").rsv(2) + closing(1000), fails_after_our_close(HWS_ERR_PROTOCOL)},
      {"ours_answered_with_a_bad_code", "7.4.1", closing(1006), fails_after_our_close(HWS_ERR_PROTOCOL)},
      {"ours_answered_with_a_bad_reason", "8.1", closing(1000, "\x80"), fails_after_our_close(HWS_ERR_UTF8)},
      {"ours_and_bad_text", "8.1", text("\x80") + closing(1000), fails_after_our_close(HWS_ERR_UTF8)},
      {"ours_and_the_end", "7.1.4", text("a"), is_lost().with({text("a")})},
  };
  for (Row &row : rows)
    row.after_our_close = true;
  return rows;
}

}  // namespace

std::vector<Row> close_rows() {
  std::vector<Row> rows;
  for (const std::vector<Row> &some : {good_closes(), bad_closes(), behind_ours()})
    rows.insert(rows.end(), some.begin(), some.end());
  for (Row &row : rows)
    row.name = "close/" + row.name;
  return rows;
}

}  // namespace conformance
