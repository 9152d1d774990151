// Fragmentation (RFC 6455 5.4), with control frames in between.
#include "conformance/row.hpp"

namespace conformance {

namespace {

// "xxx..." in `count` frames of one byte each.
Wire crumbs(int count) {
  Wire wire = binary("x").more();
  for (int i = 2; i < count; i++)
    wire += continuation("x").more();
  return wire + continuation("x");
}

std::vector<Row> good_fragments() {
  Answer hello = stays_open().with({text("Hello")});
  return {
      {"two", "5.4", text("Hel").more() + continuation("lo"), hello},
      {"two_in_bytes_of_the_rfc", "5.7", bytes("\x01\x03\x48\x65\x6c\x80\x02\x6c\x6f"), hello, {}, Tested::CLIENT},
      {"three", "5.4", text("H").more() + continuation("ell").more() + continuation("o"), hello},
      {"two_of_binary", "5.4", binary("Hel").more() + continuation("lo"), stays_open().with({binary("Hello")})},
      {"hundred", "5.4", crumbs(100), stays_open().with({binary(std::string(100, 'x'))})},
      {"empty_first", "5.4", text("").more() + continuation("Hello"), hello},
      {"empty_last", "5.4", text("Hello").more() + continuation(""), hello},
      {"empty_between", "5.4", text("Hel").more() + continuation("").more() + continuation("lo"), hello},
      {"all_empty", "5.4", text("").more() + continuation("").more() + continuation(""), stays_open().with({text("")})},
      {"two_messages", "6.2", text("Hel").more() + continuation("lo") + binary("a").more() + continuation("b"),
       stays_open().with({text("Hello"), binary("ab")})},
      {"whole_message_behind", "6.2", text("Hel").more() + continuation("lo") + text("a"),
       stays_open().with({text("Hello"), text("a")})},
      {"large", "5.4",
       binary(std::string(20000, 'a')).more() + continuation(std::string(300, 'b')).more() +
           continuation(std::string(20000, 'c')),
       stays_open().with({binary(std::string(20000, 'a') + std::string(300, 'b') + std::string(20000, 'c'))})},
      {"ping_between", "5.4", text("Hel").more() + ping("p") + continuation("lo"), hello.with_pongs({"p"})},
      {"pong_between", "5.4", text("Hel").more() + pong("p") + continuation("lo"), hello},
      {"pings_between", "5.4",
       text("H").more() + ping("") + ping("1") + continuation("el").more() + ping("2") + continuation("lo"),
       hello.with_pongs({"", "1", "2"})},
      {"as_many_as_allowed", "10.4", crumbs(8), stays_open().with({binary("xxxxxxxx")}), {option("max_fragments", 8)}},
      {"as_large_as_allowed",
       "10.4",
       text("01234").more() + continuation("56789"),
       stays_open().with({text("0123456789")}),
       {option("max_message_size", 10)}},
  };
}

std::vector<Row> bad_fragments() {
  return {
      {"continuation_first", "5.4", continuation("x"), fails(1002)},
      {"continuation_first_with_more", "5.4", continuation("x").more(), fails(1002)},
      {"continuation_first_and_empty", "5.4", continuation(""), fails(1002)},
      {"continuation_behind_a_message", "5.4", text("a") + continuation("x"), fails(1002).with({text("a")})},
      {"continuation_behind_fragments", "5.4", text("a").more() + continuation("b") + continuation("x"),
       fails(1002).with({text("ab")})},
      {"continuation_behind_a_ping", "5.4", ping("p") + continuation("x"), fails(1002).with_pongs({"p"})},
      {"text_within_text", "5.4", text("a").more() + text("x"), fails(1002)},
      {"text_within_binary", "5.4", binary("a").more() + text("x"), fails(1002)},
      {"binary_within_text", "5.4", text("a").more() + binary("x"), fails(1002)},
      {"binary_within_binary", "5.4", binary("a").more() + binary("x"), fails(1002)},
      {"empty_text_within_text", "5.4", text("").more() + text(""), fails(1002)},
      {"message_begun_within_another", "5.4", text("a").more() + binary("x").more() + continuation("y"), fails(1002)},
      {"text_behind_a_ping_within_text", "5.4", text("a").more() + ping("p") + text("x"),
       fails(1002).with_pongs({"p"})},
      {"text_behind_continuations", "5.4", text("a").more() + continuation("b").more() + text("x"), fails(1002)},
      {"ping_in_two", "5.4", ping("p").more() + continuation("q"), fails(1002)},
      {"too_many", "10.4", crumbs(9), fails(1009), {option("max_fragments", 8)}},
      {"too_many_and_empty",
       "10.4",
       text("").more() + continuation("").more() + continuation("").more() + continuation(""),
       fails(1009),
       {option("max_fragments", 3)}},
      {"too_large_together",
       "10.4",
       text("01234").more() + continuation("56789x"),
       fails(1009),
       {option("max_message_size", 10)}},
      {"too_large_as_announced",
       "10.4",
       text("01234").more() + continuation("").announcing(6),
       fails(1009),
       {option("max_message_size", 10)}},
      {"too_large_at_2_to_the_63", "10.4", text("01234").more() + continuation("").announcing((uint64_t{1} << 63) - 1),
       fails(1009)},
      {"end_between", "7.1.5", text("a").more() + continuation("b").more(), is_lost()},
  };
}

}  // namespace

std::vector<Row> fragment_rows() {
  std::vector<Row> rows;
  for (const std::vector<Row> &some : {good_fragments(), bad_fragments()})
    rows.insert(rows.end(), some.begin(), some.end());
  for (Row &row : rows)
    row.name = "fragments/" + row.name;
  return rows;
}

}  // namespace conformance
