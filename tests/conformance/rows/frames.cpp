// The base framing (RFC 6455 5.1 to 5.3), and the limits of messages.
#include "conformance/row.hpp"

namespace conformance {

namespace {

// Bytes that no shift of the masking key leaves as they are.
std::string payload_of(size_t size) {
  std::string payload;
  for (size_t i = 0; i < size; i++)
    payload += static_cast<char>('!' + i % 93);
  return payload;
}

std::vector<Row> good_frames() {
  std::vector<Row> rows = {
      {"text", "5.7", text("Hello"), stays_open().with({text("Hello")})},
      {"text_in_bytes_of_the_rfc",
       "5.7",
       bytes("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
       stays_open().with({text("Hello")}),
       {},
       Tested::SERVER},
      {"unmasked_text_in_bytes_of_the_rfc",
       "5.7",
       bytes("\x81\x05\x48\x65\x6c\x6c\x6f"),
       stays_open().with({text("Hello")}),
       {},
       Tested::CLIENT},
      {"empty_text", "5.2", text(""), stays_open().with({text("")})},
      {"empty_binary", "5.2", binary(""), stays_open().with({binary("")})},
      {"many_in_a_row", "6.2", text("a") + binary("b") + text("") + text("c") + binary(payload_of(200)),
       stays_open().with({text("a"), binary("b"), text(""), text("c"), binary(payload_of(200))})},
      {"key_of_zeros", "5.3", text("Hello").with_key({0, 0, 0, 0}), stays_open().with({text("Hello")})},
      {"key_of_ones", "5.3", binary(payload_of(70)).with_key({255, 255, 255, 255}),
       stays_open().with({binary(payload_of(70))})},
      {"another_key_for_each", "5.3",
       text("Hello").with_key({1, 2, 3, 4}) + text("Hello").with_key({4, 3, 2, 1}) + text("Hello"),
       stays_open().with({text("Hello"), text("Hello"), text("Hello")})},
      {"message_as_large_as_allowed",
       "10.4",
       text(payload_of(200)),
       stays_open().with({text(payload_of(200))}),
       {option("max_message_size", 200)}},
  };
  for (size_t size : {1, 2, 3, 4, 5, 124, 125, 126, 127, 128, 65535, 65536}) {
    rows.push_back({"length_" + std::to_string(size), "5.2", binary(payload_of(size)),
                    stays_open().with({binary(payload_of(size))})});
  }
  return rows;
}

std::vector<Row> reserved() {
  // "x" is the begin of a deflated message that is empty.
  std::vector<Row> rows = {
      Row{"rsv1", "5.2", text("x").rsv(4), fails(1002)}.with_deflate(stays_open().with_inflated({text("")})),
      {"rsv2", "5.2", text("x").rsv(2), fails(1002)},
      {"rsv3", "5.2", text("x").rsv(1), fails(1002)},
      {"rsv1_and_rsv2", "5.2", text("x").rsv(6), fails(1002)},
      {"rsv1_and_rsv3", "5.2", text("x").rsv(5), fails(1002)},
      {"rsv2_and_rsv3", "5.2", text("x").rsv(3), fails(1002)},
      {"rsv_all", "5.2", binary("").rsv(7), fails(1002)},
      {"rsv1_of_a_fragment", "5.2", binary("x").rsv(4).more() + text("y"), fails(1002)},
      {"rsv2_of_a_continuation", "5.2", text("x").more() + continuation("y").rsv(2), fails(1002)},
      {"rsv1_of_a_ping", "5.2", ping("x").rsv(4), fails(1002)},
      {"rsv2_of_a_pong", "5.2", pong("").rsv(2), fails(1002)},
      {"rsv3_of_a_close", "5.2", closing(1000).rsv(1), fails(1002)},
      Row{"rsv1_behind_messages", "5.2", text("a") + text("b") + text("x").rsv(4),
          fails(1002).with({text("a"), text("b")})}
          .with_deflate(stays_open().with({text("a"), text("b"), text("").rsv(4)})),
  };
  for (int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
    const std::string name = "opcode_" + std::to_string(opcode);
    rows.push_back({name, "5.2", frame(opcode, "x"), fails(1002)});
    rows.push_back({name + "_empty", "5.2", frame(opcode, ""), fails(1002)});
    rows.push_back({name + "_in_a_message", "5.2", text("x").more() + frame(opcode, ""), fails(1002)});
  }
  rows.push_back({"opcode_3_of_a_fragment", "5.2", frame(3, "x").more(), fails(1002)});
  return rows;
}

std::vector<Row> wrong_masks() {
  return {
      {"mask_wrong_of_text", "5.1", text("Hello").with_wrong_mask_bit(), fails(1002)},
      {"mask_wrong_of_empty_text", "5.1", text("").with_wrong_mask_bit(), fails(1002)},
      {"mask_wrong_of_binary", "5.1", binary("x").with_wrong_mask_bit(), fails(1002)},
      {"mask_wrong_of_long_binary", "5.1", binary(payload_of(70000)).with_wrong_mask_bit(), fails(1002)},
      {"mask_wrong_of_continuation", "5.1", text("Hel").more() + continuation("lo").with_wrong_mask_bit(), fails(1002)},
      {"mask_wrong_of_ping", "5.1", ping("x").with_wrong_mask_bit(), fails(1002)},
      {"mask_wrong_of_pong", "5.1", pong("").with_wrong_mask_bit(), fails(1002)},
      {"mask_wrong_of_close", "5.1", closing(1000).with_wrong_mask_bit(), fails(1002)},
      {"mask_wrong_with_a_key_of_zeros", "5.1", text("Hello").with_key({0, 0, 0, 0}).with_wrong_mask_bit(),
       fails(1002)},
      {"mask_wrong_behind_messages", "5.1", text("a") + text("b").with_wrong_mask_bit(), fails(1002).with({text("a")})},
  };
}

std::vector<Row> lengths() {
  constexpr uint64_t kTopBit = uint64_t{1} << 63;
  return {
      {"length_0_in_16_bits", "5.2", text("").length_in(2), fails(1002)},
      {"length_1_in_16_bits", "5.2", text("x").length_in(2), fails(1002)},
      {"length_125_in_16_bits", "5.2", binary(payload_of(125)).length_in(2), fails(1002)},
      {"length_0_in_64_bits", "5.2", text("").length_in(8), fails(1002)},
      {"length_125_in_64_bits", "5.2", binary(payload_of(125)).length_in(8), fails(1002)},
      {"length_126_in_64_bits", "5.2", binary(payload_of(126)).length_in(8), fails(1002)},
      {"length_65535_in_64_bits", "5.2", binary(payload_of(65535)).length_in(8), fails(1002)},
      {"length_of_a_continuation_in_16_bits", "5.2", text("x").more() + continuation("y").length_in(2), fails(1002)},
      {"length_2_to_the_63", "5.2", binary("").announcing(kTopBit), fails(1002)},
      {"length_2_to_the_63_and_5", "5.2", text("Hello").announcing(kTopBit | 5), fails(1002)},
      {"length_all_ones", "5.2", text("").announcing(UINT64_MAX), fails(1002)},
      {"length_2_to_the_63_less_1", "10.4", binary("").announcing(kTopBit - 1), fails(1009)},
      {"length_2_to_the_60", "10.4", text("").announcing(uint64_t{1} << 60), fails(1009)},
      {"length_2_to_the_32", "10.4", binary("x").announcing(uint64_t{1} << 32), fails(1009)},
      {"length_over_16_mib", "10.4", binary("x").announcing((16 << 20) + 1), fails(1009)},
      {"message_too_large", "10.4", text(payload_of(201)), fails(1009), {option("max_message_size", 200)}},
      {"message_too_large_behind_a_message",
       "10.4",
       text("a") + text(payload_of(201)),
       fails(1009).with({text("a")}),
       {option("max_message_size", 200)}},
      {"message_far_too_large", "10.4", binary(payload_of(70000)), fails(1009), {option("max_message_size", 200)}},
  };
}

std::vector<Row> truncated() {
  return {
      {"end_at_once", "7.1.5", bytes(""), is_lost()},
      {"end_behind_a_message", "7.1.5", text("a"), is_lost().with({text("a")})},
      {"end_behind_a_byte", "7.1.5", bytes("\x81"), is_lost()},
      {"end_within_the_length",
       "7.1.5",
       text("a") + bytes("\x82\xfe\x01"),
       is_lost().with({text("a")}),
       {},
       Tested::SERVER},
      {"end_within_the_key", "7.1.5", bytes("\x81\x85\x37\xfa"), is_lost(), {}, Tested::SERVER},
      {"end_within_the_payload", "7.1.5", text("Hel").announcing(5), is_lost()},
      {"end_within_a_message", "7.1.5", text("Hel").more(), is_lost()},
      {"end_within_a_ping", "7.1.5", ping("Hel").announcing(5), is_lost()},
      {"end_within_a_close", "7.1.5", closing(1000).announcing(5), is_lost()},
  };
}

}  // namespace

std::vector<Row> frame_rows() {
  std::vector<Row> rows;
  for (const std::vector<Row> &some : {good_frames(), reserved(), wrong_masks(), lengths(), truncated()})
    rows.insert(rows.end(), some.begin(), some.end());
  for (Row &row : rows)
    row.name = "frames/" + row.name;
  return rows;
}

}  // namespace conformance
