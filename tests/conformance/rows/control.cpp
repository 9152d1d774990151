// Pings, pongs, and what all control frames have in common (RFC 6455 5.5).
#include "conformance/row.hpp"

namespace conformance {

namespace {

std::vector<Row> good_controls() {
  const std::string full(125, 'p');
  const std::string odd("\0\xff\xc0\x80", 4);
  std::vector<Row> rows = {
      {"ping", "5.5.2", ping("Hello"), stays_open().with_pongs({"Hello"})},
      {"ping_in_bytes_of_the_rfc",
       "5.7",
       bytes("\x89\x05\x48\x65\x6c\x6c\x6f"),
       stays_open().with_pongs({"Hello"}),
       {},
       Tested::CLIENT},
      {"ping_empty", "5.5.2", ping(""), stays_open().with_pongs({""})},
      {"ping_of_125_bytes", "5.5", ping(full), stays_open().with_pongs({full})},
      {"ping_not_utf8", "5.5.2", ping(odd), stays_open().with_pongs({odd})},
      {"pings", "5.5.2", ping("1") + ping("2") + ping("3"), stays_open().with_pongs({"1", "2", "3"})},
      {"ping_between_messages", "5.5.2", text("a") + ping("p") + binary("b"),
       stays_open().with({text("a"), binary("b")}).with_pongs({"p"})},
      {"pong_unsolicited", "5.5.3", pong("Hello"), stays_open()},
      {"pong_unsolicited_and_empty", "5.5.3", pong(""), stays_open()},
      {"pong_of_125_bytes", "5.5", pong(full), stays_open()},
      {"pongs_between_messages", "5.5.3", pong("1") + text("a") + pong("2") + text("b"),
       stays_open().with({text("a"), text("b")})},
      {"pong_in_bytes_of_the_rfc",
       "5.7",
       bytes("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
       stays_open(),
       {},
       Tested::SERVER},
  };
  // More pongs than wait for a peer that does not read them.
  Wire flood = ping(full);
  for (int i = 1; i < 600; i++)
    flood += ping(full);
  rows.push_back({"ping_flood", "5.5.2", flood, stays_open().with_pongs(std::vector<std::string>(600, full))});
  return rows;
}

std::vector<Row> bad_controls() {
  const std::string long_payload(126, 'p');
  return {
      {"ping_of_126_bytes", "5.5", ping(long_payload), fails(1002)},
      {"pong_of_126_bytes", "5.5", pong(long_payload), fails(1002)},
      {"close_of_126_bytes", "5.5", closing(1000, std::string(124, 'r')), fails(1002)},
      {"ping_of_65536_bytes", "5.5", ping(std::string(65536, 'p')), fails(1002)},
      {"ping_of_2_to_the_63", "5.5", ping("").announcing(uint64_t{1} << 63), fails(1002)},
      {"ping_of_1_byte_in_16_bits", "5.2", ping("p").length_in(2), fails(1002)},
      {"close_of_2_bytes_in_64_bits", "5.2", closing(1000).length_in(8), fails(1002)},
      {"ping_of_126_bytes_in_a_message", "5.5", text("a").more() + ping(long_payload), fails(1002)},
      {"ping_fragmented", "5.5", ping("p").more(), fails(1002)},
      {"ping_fragmented_and_empty", "5.5", ping("").more(), fails(1002)},
      {"pong_fragmented", "5.5", pong("p").more(), fails(1002)},
      {"close_fragmented", "5.5", closing(1000).more(), fails(1002)},
      {"ping_fragmented_in_a_message", "5.5", text("a").more() + ping("p").more(), fails(1002)},
      {"ping_fragmented_behind_a_ping", "5.5", ping("1") + ping("2").more(), fails(1002).with_pongs({"1"})},
  };
}

}  // namespace

std::vector<Row> control_rows() {
  std::vector<Row> rows;
  for (const std::vector<Row> &some : {good_controls(), bad_controls()})
    rows.insert(rows.end(), some.begin(), some.end());
  for (Row &row : rows)
    row.name = "control/" + row.name;
  return rows;
}

}  // namespace conformance
