// Compressed messages (RFC 7692 6 and 7.2), on a connection that has agreed on permessage-deflate.
#include "conformance/flate.hpp"
#include "conformance/row.hpp"

namespace conformance {

namespace {

// RFC 7692 7.2.3: "Hello", alone; and as it may be once it was there.
const std::string kHello("\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
const std::string kHelloAgain("\xf2\x00\x11\x00\x00", 5);
// The same in a block that says to be the last one, to its end.
const std::string kLastHello("\xf3\x48\xcd\xc9\xc9\x07\x00", 7);
const std::string kEmptyBlock("\x00\x00\x00\xff\xff", 5);
const std::string kEnd(1, '\0');  // what a message shows of its last block
// A block that takes whatever comes behind as it is.
const std::string kStoring("\x00\xff\xff\x00\x00", 5);

// A frame that says to be compressed, with a payload as it is.
Piece text_of(std::string payload) {
  return text(std::move(payload)).rsv(kRsv1);
}

Piece binary_of(std::string payload) {
  return binary(std::move(payload)).rsv(kRsv1);
}

// The first frame of a compressed message that goes on.
Piece begun(const std::string &payload) {
  return text_of(Deflater().piece(payload, false)).more();
}

std::string times(int count, const std::string &part) {
  std::string all;
  for (int i = 0; i < count; i++)
    all += part;
  return all;
}

// Printable bytes in which nothing comes again.
std::string noise(size_t size) {
  std::string text;
  uint32_t state = 7692;
  while (text.size() < size) {
    state = state * 1664525 + 1013904223;
    text += static_cast<char>(' ' + (state >> 16) % 95);
  }
  return text;
}

std::vector<Row> good_messages() {
  const Answer hello = stays_open().with_inflated({text("Hello")});
  const Answer hellos = stays_open().with_inflated({text("Hello"), text("Hello")});
  const Answer empty = stays_open().with_inflated({text("")});
  const std::string stored("\x00\x05\x00\xfa\xffHello\x00", 11);
  const std::string two_blocks("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13);
  return {
      {"text", "7.2.3.1", text_of(kHello), hello},
      {"text_in_bytes_of_the_rfc", "7.2.3.1", bytes("\xc1\x07" + kHello), hello, {}, Tested::CLIENT},
      {"fragments_in_bytes_of_the_rfc",
       "7.2.3.1",
       bytes("\x41\x03\xf2\x48\xcd") + bytes(std::string("\x80\x04\xc9\xc9\x07\x00", 6)),
       hello,
       {},
       Tested::CLIENT},
      {"binary", "7.2.3.1", binary_of(kHello), stays_open().with_inflated({binary("Hello")})},
      {"taken_over", "7.2.3.2", text_of(kHello) + text_of(kHelloAgain), hellos},
      {"stored_block", "7.2.3.3", text_of(stored), hello},
      {"dynamic_block", "7.2.1", text(noise(5000)).compressed(), stays_open().with_inflated({text(noise(5000))})},
      {"two_blocks", "7.2.3.5", text_of(two_blocks), hello},
      {"last_block", "7.2.3.4", text_of(kLastHello + kEnd), hello},
      {"last_block_of_nothing", "7.2.3.4", text_of(std::string("\x03\x00\x00", 3)), empty},
      {"last_block_and_more", "7.2.1", text_of(kLastHello + kHelloAgain),
       stays_open().with_inflated({text("HelloHello")})},
      {"last_blocks", "7.2.1", text_of(times(3, kLastHello) + kEnd),
       stays_open().with_inflated({text("HelloHelloHello")})},
      {"last_block_in_two_fragments", "7.2.1", text_of(kLastHello).more() + continuation(kEnd), hello},
      {"last_block_and_a_message", "7.2.1", text_of(kLastHello + kEnd) + text_of(kHelloAgain), hellos},
      // The empty block behind it is missing: what else than the end could it be?
      {"last_block_alone", "7.2.3.4", text_of(kLastHello), hello},
      {"last_block_alone_and_a_message", "7.2.3.4", text_of(kLastHello) + text_of(kHelloAgain), hellos},
      {"empty", "7.2.3.6", text_of(kEnd), empty},
      {"empty_in_two_fragments", "7.2.3.6", text_of("").more() + continuation(kEnd), empty},
      {"empty_blocks", "7.2.1", text_of(kEmptyBlock + kEmptyBlock + kHello), hello},
      {"many_empty_blocks", "7.2.1", text_of(times(2000, kEmptyBlock) + kEnd), empty},
      {"many_empty_blocks_in_a_message", "7.2.1", text_of(kHello.substr(0, 6) + times(2000, kEmptyBlock) + kEnd),
       hello},
      {"tail_and_another_empty_block", "7.2.1", text_of(kHello + std::string("\x00\x00\xff\xff\x00", 5)), hello},
      {"one_byte", "7.2.1", text("x").compressed(), stays_open().with_inflated({text("x")})},
      {"long", "7.2.1", binary(times(20, noise(5000))).compressed(),
       stays_open().with_inflated({binary(times(20, noise(5000)))})},
  };
}

std::vector<Row> good_fragments() {
  const Answer hello = stays_open().with_inflated({text("Hello")});
  Wire crumbs = text_of(kHello.substr(0, 1)).more();
  for (size_t i = 1; i < kHello.size(); i++)
    crumbs += continuation(kHello.substr(i, 1)).more();
  return {
      {"fragments", "6.1", text_of(kHello.substr(0, 3)).more() + continuation(kHello.substr(3)), hello},
      {"fragments_of_a_byte", "6.1", crumbs + continuation(""), hello},
      {"fragments_of_whole_blocks", "7.2.3.1", (text("Hel").more() + continuation("lo")).compressed(), hello},
      {"fragment_empty_first", "6.1", text_of("").more() + continuation(kHello), hello},
      {"fragment_empty_last", "6.1", text_of(kHello).more() + continuation(""), hello},
      {"fragments_around_a_ping", "6.1",
       text_of(kHello.substr(0, 3)).more() + ping("p") + continuation(kHello.substr(3)), hello.with_pongs({"p"})},
      {"ping_with_compressed_bytes", "6", ping(kHello), stays_open().with_pongs({kHello})},
      {"close_within_a_message", "6.1", begun("Hello") + closing(1000), closes(1000)},
      {"close_behind_a_message", "6.1", text_of(kHello) + closing(1000), closes(1000).with_inflated({text("Hello")})},
  };
}

// Compressed and not: the bit says so of each message.
std::vector<Row> alternating() {
  const Piece inflated = text("Hello").rsv(kRsv1);
  return {
      {"not_compressed", "6.2", text("Hello"), stays_open().with({text("Hello")})},
      {"not_compressed_though_it_looks_so", "6.2", binary(kHello), stays_open().with({binary(kHello)})},
      {"alternating", "6.1", text_of(kHello) + text("a") + text_of(kHello) + binary("b") + text_of(kHello),
       stays_open().with({inflated, text("a"), inflated, binary("b"), inflated})},
      {"alternating_fragments", "6.1",
       text_of(kHello).more() + continuation("") + text("a").more() + continuation("b") + text_of(kHello),
       stays_open().with({inflated, text("ab"), inflated})},
      // 7.2.2: the window is that of the last compressed message.
      {"taken_over_a_message", "7.2.2", text_of(kHello) + text("a") + ping("p") + text_of(kHelloAgain),
       stays_open().with({inflated, text("a"), inflated}).with_pongs({"p"})},
  };
}

std::vector<Row> reserved() {
  std::vector<Row> rows = {
      {"rsv2", "6", text_of(kHello).rsv(2), fails(1002)},
      {"rsv3", "6", text_of(kHello).rsv(1), fails(1002)},
      {"rsv1_and_rsv2", "6", text_of(kHello).rsv(6), fails(1002)},
      {"rsv1_and_rsv3", "6", text_of(kHello).rsv(5), fails(1002)},
      {"rsv_all", "6", binary_of(kHello).rsv(7), fails(1002)},
      {"rsv1_of_a_ping", "6.1", ping("x").rsv(kRsv1), fails(1002)},
      {"rsv1_of_a_compressed_ping", "6.1", ping("Hello").compressed(), fails(1002)},
      {"rsv1_of_an_empty_ping", "6.1", ping("").rsv(kRsv1), fails(1002)},
      {"rsv1_of_a_pong", "6.1", pong("x").rsv(kRsv1), fails(1002)},
      {"rsv1_of_a_close", "6.1", closing(1000).rsv(kRsv1), fails(1002)},
      {"rsv1_of_an_empty_close", "6.1", frame(frames::kClose, "").rsv(kRsv1), fails(1002)},
      {"rsv1_of_a_ping_in_a_message", "6.1", begun("Hello") + ping("x").rsv(kRsv1), fails(1002)},
      {"rsv1_of_a_continuation", "6.1", text_of(kHello).more() + continuation(kEnd).rsv(kRsv1), fails(1002)},
      {"rsv1_of_a_middle_fragment", "6.1", begun("Hello") + continuation("").rsv(kRsv1).more(), fails(1002)},
      {"rsv1_of_the_second_fragment_only", "6.1", text("a").more() + continuation(kHello).rsv(kRsv1), fails(1002)},
      {"rsv2_of_a_continuation", "6", begun("Hello") + continuation(kEnd).rsv(2), fails(1002)},
      {"rsv1_of_a_continuation_first", "6.1", continuation(kHello).rsv(kRsv1), fails(1002)},
      {"message_within_a_message", "6.1", begun("Hel") + text_of(kHello), fails(1002)},
      {"plain_message_within_a_message", "6.1", begun("Hel") + text("lo"), fails(1002)},
      {"message_within_a_plain_message", "6.1", text("Hel").more() + text_of(kHello), fails(1002)},
      {"mask_wrong", "6.1", text_of(kHello).with_wrong_mask_bit(), fails(1002)},
  };
  for (int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
    rows.push_back({"rsv1_of_opcode_" + std::to_string(opcode), "6.1", frame(opcode, kHello).rsv(kRsv1), fails(1002)});
  }
  return rows;
}

struct Sample {
  const char *name;
  std::string bytes;
};

// RFC 1951, and what RFC 7692 7.2.1 has a message end with.
std::vector<Sample> malformed() {
  const std::string over = "\x04\xe0\x93\x24\x49\x92\x24\x49\x92" + kEnd;
  const std::string dynamic = Deflater().piece(noise(400), true);
  return {
      {"block_of_the_reserved_type", "\x06"},
      {"reserved_type_behind_a_block", kHello + std::string("\x00\x00\xff\xff\x06", 5)},
      {"reserved_type_behind_the_last_block", kLastHello + "\x06"},
      {"stored_block_with_a_wrong_check", std::string("\x00\x05\x00\xfb\xffHello\x00", 11)},
      {"distance_before_the_begin", kHelloAgain},
      {"distance_that_is_reserved", "\x4a\x04\x3e"},
      {"length_that_is_reserved", "\x4a\x1c\x03"},
      {"dynamic_block_of_too_many_codes", "\xfc\xff\xff"},
      {"dynamic_block_with_too_short_codes", over},
      {"nothing", ""},
      {"cut_in_a_fixed_block", kHello.substr(0, 3)},
      {"cut_before_the_end", kHello.substr(0, 6)},
      // What the receiver appends becomes two bytes of text, and a block of the reserved type.
      {"cut_in_a_stored_block", std::string("\x00\x05\x00\xfa\xffHel", 8)},
      {"cut_in_the_length_of_a_stored_block", std::string("\x00\x05\x00", 3)},
      {"cut_in_the_codes_of_a_dynamic_block", dynamic.substr(0, 20)},
      {"cut_in_a_dynamic_block", dynamic.substr(0, 200)},
      // Then what the receiver appends is half an empty block.
      {"tail_not_removed", kHello + std::string("\x00\x00\xff\xff", 4)},
      {"noise", "This is not deflated."},
      {"format_of_zlib", std::string("\x78\x9c\xf3\x48\xcd\xc9\xc9\x07\x00\x05\x8c\x01\xf5", 13)},
      {"format_of_gzip", std::string("\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xf3\x48\xcd\xc9\xc9\x07\x00", 17)},
  };
}

std::vector<Row> malformed_messages() {
  std::vector<Row> rows;
  for (const Sample &sample : malformed()) {
    const std::string name = std::string("malformed_") + sample.name;
    const std::string half = sample.bytes.substr(0, sample.bytes.size() / 2);
    const std::string rest = sample.bytes.substr(half.size());
    rows.push_back({name, "7.2.2", text_of(sample.bytes), fails_to_inflate()});
    rows.push_back({name + "_of_binary", "7.2.2", binary_of(sample.bytes), fails_to_inflate()});
    rows.push_back({name + "_in_fragments", "7.2.2", text_of(half).more() + continuation(rest), fails_to_inflate()});
  }
  const Answer fails_behind_hello = fails_to_inflate().with_inflated({text("Hello")});
  const std::vector<Row> others = {
      {"malformed_behind_a_message", "7.2.2", text_of(kHello) + text_of("\x06"), fails_behind_hello},
      {"malformed_and_a_message", "7.2.2", text_of("\x06") + text_of(kHello), fails_to_inflate()},
      {"malformed_and_a_close", "7.2.2", text_of("\x06") + closing(1000), fails_to_inflate()},
      // 7.2.3.4 again: the message before is no part of this one.
      {"nothing_behind_a_last_block_alone", "7.2.2", text_of(kLastHello) + text_of(""), fails_behind_hello},
      // At once, though more is announced or to follow.
      {"malformed_at_once_in_a_frame", "7.2.2", text_of("\x06").announcing(100), fails_to_inflate()},
      {"malformed_at_once_in_a_fragment", "7.2.2", binary_of("\x06").more(), fails_to_inflate()},
      {"malformed_at_once_in_a_continuation", "7.2.2", begun("Hello") + continuation("\x06").more(),
       fails_to_inflate()},
  };
  rows.insert(rows.end(), others.begin(), others.end());
  return rows;
}

// What is text is so when it is inflated (RFC 6455 8.1).
std::vector<Row> texts() {
  return {
      {"text_in_two_halves_of_a_character", "6", (text("\xe2\x82").more() + continuation("\xac")).compressed(),
       stays_open().with_inflated({text("\xe2\x82\xac")})},
      {"binary_is_not_checked", "6", binary("\xff\xc0").compressed(), stays_open().with_inflated({binary("\xff\xc0")})},
      {"text_not_utf8", "6", text("caf\xe9").compressed(), fails(1007)},
      {"text_with_half_a_character_at_the_end", "6", text("a\xe2\x82").compressed(), fails(1007)},
      {"text_with_half_a_character_at_the_end_of_fragments", "6",
       (text("a\xe2").more() + continuation("\x82")).compressed(), fails(1007)},
      {"text_not_utf8_behind_good_text", "6", text(noise(3000) + "\xff").compressed(), fails(1007)},
      {"text_not_utf8_behind_a_message", "6", (text("a") + text("\xff")).compressed(),
       fails(1007).with_inflated({text("a")})},
      {"text_not_utf8_at_once_in_a_frame", "6", text_of(Deflater().piece("a\x80", false) + kStoring).announcing(1000),
       fails(1007)},
      {"text_not_utf8_at_once_in_a_fragment", "6", begun("\xc0\x80"), fails(1007)},
  };
}

// RFC 6455: its limits are about what was inflated.
std::vector<Row> limits() {
  const Setting small = option("max_message_size", 200);
  const std::string fits(200, 'x');
  const std::string large(201, 'x');
  const std::string none = times(60, kEmptyBlock);
  Wire three = text_of(kHello.substr(0, 2)).more() + continuation(kHello.substr(2, 2)).more();
  three += continuation(kHello.substr(4));
  return {
      {"as_large_as_allowed", "10.4", text(fits).compressed(), stays_open().with_inflated({text(fits)}), {small}},
      {"as_large_as_allowed_in_fragments",
       "10.4",
       (text(fits.substr(1)).more() + continuation("x")).compressed(),
       stays_open().with_inflated({text(fits)}),
       {small}},
      {"as_large_as_allowed_and_empty_blocks",
       "10.4",
       text_of(Deflater().piece(fits, false) + none + kEnd),
       stays_open().with_inflated({text(fits)}),
       {small}},
      {"larger_than_allowed_while_compressed",
       "10.4",
       text_of(none + kHello),
       stays_open().with_inflated({text("Hello")}),
       {small}},
      {"too_large", "10.4", text(large).compressed(), fails(1009), {small}},
      {"too_large_of_binary", "10.4", binary(large).compressed(), fails(1009), {small}},
      {"too_large_in_fragments", "10.4", (text(fits).more() + continuation("x")).compressed(), fails(1009), {small}},
      {"too_large_behind_a_message",
       "10.4",
       (text("a") + text(large)).compressed(),
       fails(1009).with_inflated({text("a")}),
       {small}},
      {"too_large_at_once_in_a_frame",
       "10.4",
       text_of(Deflater().piece(large, false) + kStoring).announcing(uint64_t{1} << 40),
       fails(1009),
       {small}},
      {"too_large_at_once_in_a_fragment", "10.4", begun(large), fails(1009), {small}},
      {"bomb",
       "10.4",
       binary(std::string(32 << 20, '\0')).compressed(),
       fails(1009),
       {option("max_message_size", 1 << 20)}},
      {"as_many_fragments_as_allowed",
       "10.4",
       three,
       stays_open().with_inflated({text("Hello")}),
       {option("max_fragments", 3)}},
      {"too_many_fragments", "10.4", three, fails(1009), {option("max_fragments", 2)}},
      {"length_2_to_the_63", "5.2", text_of(kHello).announcing(uint64_t{1} << 63), fails(1002)},
      {"length_in_too_many_bytes", "5.2", text_of(kHello).length_in(2), fails(1002)},
  };
}

std::vector<Row> ends() {
  std::vector<Row> rows = {
      {"end_within_a_frame", "7.2.2", text_of(kHello.substr(0, 4)).announcing(7), is_lost()},
      {"end_within_a_message", "7.2.2", begun("Hello"), is_lost()},
      {"end_behind_a_message", "7.2.2", text_of(kHello), is_lost().with_inflated({text("Hello")})},
  };
  std::vector<Row> behind_our_close = {
      {"behind_our_close", "6.2", text_of(kHello) + closing(1000),
       closes_after_our_close(1000).with_inflated({text("Hello")})},
      {"malformed_behind_our_close", "7.2.2", text_of("\x06") + closing(1000), fails_after_our_close(HWS_ERR_DEFLATE)},
      {"rsv1_of_a_close_behind_our_close", "6.1", closing(1000).rsv(kRsv1), fails_after_our_close(HWS_ERR_PROTOCOL)},
  };
  for (Row &row : behind_our_close) {
    row.after_our_close = true;
    rows.push_back(row);
  }
  return rows;
}

Row agreeing(Row row, Tested tested, std::string extension) {
  row.tested = tested;
  row.extension = std::move(extension);
  return row;
}

// Who compresses each message on its own, and with which window (7.1).
std::vector<Row> agreed() {
  const std::string offer = "permessage-deflate; client_max_window_bits";
  const std::string answer = "permessage-deflate";
  const Wire hello_twice = text_of(kHello) + text_of(kHello);
  const Wire taken_over = text_of(kHello) + text_of(kHelloAgain);
  const Wire far_back = (binary(noise(32000)) + binary(noise(32000))).compressed();
  const Answer hellos = stays_open().with_inflated({text("Hello"), text("Hello")});
  const Answer one_hello = fails_to_inflate().with_inflated({text("Hello")});
  const Answer noises = stays_open().with_inflated({binary(noise(32000)), binary(noise(32000))});
  const std::string client_alone = "; client_no_context_takeover";
  const std::string server_alone = "; server_no_context_takeover";
  const Setting shared = option("deflate", "shared");
  std::vector<Row> rows = {
      {"taken_over_from_far_back", "7.2.2", far_back, noises},
      agreeing({"client_alone", "7.1.1.2", hello_twice, hellos}, Tested::SERVER, offer + client_alone),
      agreeing({"server_alone", "7.1.1.1", hello_twice, hellos}, Tested::CLIENT, answer + server_alone),
      agreeing({"client_alone_takes_over", "7.1.1.2", taken_over, one_hello}, Tested::SERVER, offer + client_alone),
      agreeing({"server_alone_takes_over", "7.1.1.1", taken_over, one_hello}, Tested::CLIENT, answer + server_alone),
      agreeing({"server_alone_for_the_client", "7.1.1.1", far_back, noises}, Tested::SERVER, offer + server_alone),
      agreeing({"client_alone_for_the_server", "7.1.1.2", far_back, noises}, Tested::CLIENT, answer + client_alone),
      agreeing({"shared_by_a_server", "7.1.1.2", hello_twice, hellos, {shared}}, Tested::SERVER, offer),
      agreeing({"shared_by_a_server_takes_over", "7.1.1.2", taken_over, one_hello, {shared}}, Tested::SERVER, offer),
      agreeing({"shared_by_a_client", "7.1.1.1", hello_twice, hellos, {shared}}, Tested::CLIENT, answer + server_alone),
      agreeing({"shared_by_a_client_takes_over", "7.1.1.1", taken_over, one_hello, {shared}}, Tested::CLIENT,
               answer + server_alone),
  };
  // What comes again lies a little farther back than the window reaches.
  for (int bits = 8; bits <= 14; bits++) {
    const std::string value = std::to_string(bits);
    const Piece twice = binary(times(2, noise((size_t{1} << bits) + 100)));
    Row row = {"window_of_" + value + "_bits", "7.1.2.1", twice, stays_open().with({twice})};
    rows.push_back(agreeing(row, Tested::SERVER, "permessage-deflate; server_max_window_bits=" + value));
    row.name += "_for_the_server";
    row.section = "7.1.2.2";
    rows.push_back(agreeing(row, Tested::CLIENT, "permessage-deflate; client_max_window_bits=" + value));
  }
  return rows;
}

}  // namespace

std::vector<Row> deflate_rows() {
  std::vector<Row> rows;
  for (const std::vector<Row> &some :
       {good_messages(), good_fragments(), alternating(), reserved(), malformed_messages(), texts(), ends(), agreed()})
    rows.insert(rows.end(), some.begin(), some.end());
  for (Row &row : rows)
    row.rfc = 7692;
  for (const Row &row : limits())
    rows.push_back(row);
  for (Row &row : rows)
    row.name = "deflate/" + row.name;
  return rows;
}

}  // namespace conformance
