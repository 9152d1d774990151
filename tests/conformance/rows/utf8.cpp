// Text that is UTF-8, and text that is not (RFC 6455 5.6 and 8.1; RFC 3629).
#include "conformance/row.hpp"

namespace conformance {

namespace {

struct Sample {
  const char *name;
  std::string bytes;
};

std::vector<Row> good_texts() {
  const std::string mixed("\xce\xba\xe1\xbd\xb9\xf0\x9f\x9a\xa2!");
  const Sample kGood[] = {
      {"nul", std::string("a\0b", 3)},
      {"two_bytes_least", "\xc2\x80"},
      {"two_bytes_most", "\xdf\xbf"},
      {"three_bytes_least", "\xe0\xa0\x80"},
      {"before_the_surrogates", "\xed\x9f\xbf"},
      {"behind_the_surrogates", "\xee\x80\x80"},
      {"byte_order_mark", "\xef\xbb\xbfx"},
      {"no_character", "\xef\xbf\xbe\xef\xbf\xbf"},
      {"four_bytes_least", "\xf0\x90\x80\x80"},
      {"four_bytes_most", "\xf4\x8f\xbf\xbf"},
      {"mixed", mixed},
  };
  std::vector<Row> rows;
  for (const Sample &sample : kGood)
    rows.push_back({sample.name, "5.6", text(sample.bytes), stays_open().with({text(sample.bytes)})});
  Wire bytewise = text("").more();
  for (char c : mixed)
    bytewise += continuation(std::string(1, c)).more();
  rows.push_back(
      {"mixed_in_fragments_of_a_byte", "5.6", bytewise + continuation(""), stays_open().with({text(mixed)})});
  rows.push_back({"character_in_two_fragments", "5.6", text("\xe2\x82").more() + continuation("\xac"),
                  stays_open().with({text("\xe2\x82\xac")})});
  rows.push_back({"character_around_a_ping", "5.6", text("\xf0\x9f").more() + ping("\xff") + continuation("\x9a\xa2"),
                  stays_open().with({text("\xf0\x9f\x9a\xa2")}).with_pongs({"\xff"})});
  rows.push_back({"binary_is_not_checked", "5.6", binary("\xff\xc0\x80"), stays_open().with({binary("\xff\xc0\x80")})});
  rows.push_back({"binary_fragments_are_not_checked", "5.6", binary("\xff").more() + continuation("\xc0"),
                  stays_open().with({binary("\xff\xc0")})});
  return rows;
}

std::vector<Row> bad_texts() {
  const Sample kBad[] = {
      {"continuation_byte", "\x80"},
      {"continuation_byte_most", "\xbf"},
      {"latin_1", "caf\xe9"},
      {"overlong_nul", std::string("\xc0\x80")},
      {"overlong_slash", "\xc0\xaf"},
      {"overlong_c1", "\xc1\xbf"},
      {"overlong_of_three_bytes", "\xe0\x80\xaf"},
      {"overlong_of_three_bytes_most", "\xe0\x9f\xbf"},
      {"overlong_of_four_bytes", "\xf0\x80\x80\xaf"},
      {"overlong_of_four_bytes_most", "\xf0\x8f\xbf\xbf"},
      {"surrogate_least", "\xed\xa0\x80"},
      {"surrogate_most", "\xed\xbf\xbf"},
      {"surrogate_pair", "\xed\xa0\xbd\xed\xb0\x80"},
      {"beyond_unicode", "\xf4\x90\x80\x80"},
      {"far_beyond_unicode", "\xf7\xbf\xbf\xbf"},
      {"byte_f5", "\xf5\x80\x80\x80"},
      {"five_bytes", "\xf8\x88\x80\x80\x80"},
      {"six_bytes", "\xfc\x84\x80\x80\x80\x80"},
      {"byte_fe", "\xfe"},
      {"byte_ff", "\xff"},
      {"utf_16", std::string("\xff\xfeH\0i\0", 6)},
      {"half_of_two_bytes", "\xc3"},
      {"third_of_three_bytes", "\xe2"},
      {"two_thirds_of_three_bytes", "\xe2\x82"},
      {"three_quarters_of_four_bytes", "\xf0\x9f\x9a"},
      {"half_a_character_and_ascii", "\xc3("},
      {"half_a_character_and_another", "\xe2\x82\xc3\xa9"},
      {"one_byte_too_many", "\xc3\xa9\xa9"},
      {"behind_good_text", std::string(100, 'a') + "\xff"},
  };
  std::vector<Row> rows;
  for (const Sample &sample : kBad)
    rows.push_back({sample.name, "8.1", text(sample.bytes), fails(1007)});
  return rows;
}

std::vector<Row> bad_fragments() {
  return {
      {"fragments_that_do_not_fit", "8.1", text("\xc3").more() + continuation("("), fails(1007)},
      {"fragments_with_half_a_character_at_the_end", "8.1", text("a").more() + continuation("\xe2\x82"), fails(1007)},
      {"fragments_with_nothing_behind_half_a_character", "8.1", text("\xc3").more() + continuation(""), fails(1007)},
      {"message_behind_half_a_character", "8.1", text("\xc3") + text("\xa9"), fails(1007)},
      {"good_message_and_a_bad_one", "8.1", text("a") + text("\xff"), fails(1007).with({text("a")})},
      // At the first wrong byte, though more is announced or to follow.
      {"at_once_in_a_fragment", "8.1", text("\xff").more(), fails(1007)},
      {"at_once_in_a_continuation", "8.1", text("\xe2\x82").more() + continuation("\x28").more(), fails(1007)},
      {"at_once_in_a_frame", "8.1", text("Hello \x80").announcing(100), fails(1007)},
      {"at_once_overlong", "8.1", text("\xe0\x80").announcing(100), fails(1007)},
      {"at_once_surrogate", "8.1", text("\xed\xa0").announcing(100), fails(1007)},
      {"at_once_beyond_unicode", "8.1", text("\xf4\x90").announcing(100), fails(1007)},
      {"at_once_in_a_large_frame", "8.1", text(std::string(20000, 'a') + "\xff").announcing(70000), fails(1007)},
  };
}

}  // namespace

std::vector<Row> utf8_rows() {
  std::vector<Row> rows;
  for (const std::vector<Row> &some : {good_texts(), bad_texts(), bad_fragments()})
    rows.insert(rows.end(), some.begin(), some.end());
  for (Row &row : rows)
    row.name = "utf8/" + row.name;
  return rows;
}

}  // namespace conformance
