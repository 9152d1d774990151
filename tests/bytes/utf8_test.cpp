#include "bytes/utf8.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/cmocka.hpp"

using hawser::utf8_is_valid;
using hawser::Utf8Validator;
using hawser::utf8_detail::Implementation;
using hawser::utf8_detail::implementations;
using hawser::utf8_detail::kInvalid;

namespace {

std::string encode(uint32_t character) {
  auto byte = [](uint32_t value) { return static_cast<char>(value); };
  auto continuation = [&](int shift) { return byte(0x80 | (character >> shift & 0x3F)); };
  if (character < 0x80) return {byte(character)};
  if (character < 0x800) return {byte(0xC0 | character >> 6), continuation(0)};
  if (character < 0x10000) return {byte(0xE0 | character >> 12), continuation(6), continuation(0)};
  return {byte(0xF0 | character >> 18), continuation(12), continuation(6), continuation(0)};
}

// The oracle decodes nothing: it encodes every character that there is (RFC 3629 section 3: U+0000 to U+10FFFF without
// the surrogates) and remembers the encodings and their beginnings.
class Reference {
 public:
  Reference() {
    for (size_t length = 1; length <= 3; length++) {
      characters_[length].resize(size_t{1} << 8 * length);
      beginnings_[length].resize(size_t{1} << 8 * length);
    }
    for (uint32_t character = 0; character <= 0x10FFFF; character++) {
      if (character < 0xD800 || character > 0xDFFF) learn(encode(character));
    }
    std::sort(characters_of_4_.begin(), characters_of_4_.end());
  }

  // What a Scan is to answer.
  int scan(std::string_view text) const {
    while (!text.empty()) {
      size_t length = character_length(text);
      if (length == 0) return text.size() <= 3 && is_beginning(text) ? static_cast<int>(text.size()) : kInvalid;
      text.remove_prefix(length);
    }
    return 0;
  }

 private:
  static uint32_t number(std::string_view bytes) {
    uint32_t all = 0;
    for (char byte : bytes)
      all = all << 8 | static_cast<uint8_t>(byte);
    return all;
  }

  void learn(const std::string &bytes) {
    for (size_t i = 1; i < bytes.size(); i++)
      beginnings_[i][number(bytes.substr(0, i))] = true;
    if (bytes.size() == 4) {
      characters_of_4_.push_back(number(bytes));
    } else {
      characters_[bytes.size()][number(bytes)] = true;
    }
  }

  bool is_beginning(std::string_view bytes) const { return beginnings_[bytes.size()][number(bytes)]; }

  // Of the character that the text begins with; 0 if there is none.
  size_t character_length(std::string_view text) const {
    for (size_t length = 1; length <= 3 && length <= text.size(); length++) {
      if (characters_[length][number(text.substr(0, length))]) return length;
    }
    if (text.size() < 4) return 0;
    uint32_t four = number(text.substr(0, 4));
    return std::binary_search(characters_of_4_.begin(), characters_of_4_.end(), four) ? 4 : 0;
  }

  std::vector<bool> characters_[4];
  std::vector<bool> beginnings_[4];
  std::vector<uint32_t> characters_of_4_;
};

const Reference &reference() {
  static const Reference instance;
  return instance;
}

const uint8_t *bytes_of(std::string_view text) {
  return reinterpret_cast<const uint8_t *>(text.data());
}

// The text on a heap block of its own, so that the address sanitizer sees a read before or behind it.
int scan_alone(const Implementation &implementation, std::string_view text) {
  std::vector<uint8_t> copy(text.begin(), text.end());
  copy.shrink_to_fit();
  return implementation.scan(copy.data(), copy.size());
}

std::string in_hex(std::string_view text) {
  std::string hex;
  for (char byte : text) {
    char digits[4];
    snprintf(digits, sizeof(digits), "%02X ", static_cast<uint8_t>(byte));
    hex += digits;
  }
  return hex;
}

// Empty, or the name of the first implementation that differs from the reference, and the text.
std::string disagreement(std::string_view text) {
  int expected = reference().scan(text);
  for (const Implementation &implementation : implementations()) {
    if (scan_alone(implementation, text) != expected) return std::string(implementation.name) + ": " + in_hex(text);
  }
  return "";
}

#define ASSERT_ALL_AGREE(text) assert_string_equal(disagreement(text).c_str(), "")

// After Markus Kuhn's decoder capability and stress test.
const std::vector<std::string> kMalformed = {
    // unexpected continuation bytes
    "\x80", "\xBF", "\x80\xBF", "\x80\xBF\x80\xBF\x80\xBF",
    // lonely leads, each followed by a space
    "\xC2 ", "\xDF ", "\xE0 ", "\xEF ", "\xF0 ", "\xF4 ", "\xC2\xC2\x80", "\xE1\xE1\x80\x80", "\xF1\xF1\x80\x80\x80",
    // the last continuation is missing
    "\xE0\xA0 ", "\xEF\xBF ", "\xF0\x90\x80 ", "\xF4\x8F\xBF ", "\xF0\x90 ", "\xE1\x80\xE1\x80\x80",
    "\xF1\x80\x80\xF1\x80\x80\x80",
    // one continuation too many
    "\xC2\x80\x80", "\xE1\x80\x80\x80", "\xF1\x80\x80\x80\x80",
    // bytes that no character has
    "\xC0", "\xC1", "\xF5", "\xF6", "\xF8", "\xFC", "\xFE", "\xFF", "\xFE\xFE\xFF\xFF", "\xF5\x80\x80\x80",
    "\xF8\x88\x80\x80\x80", "\xFC\x84\x80\x80\x80\x80",
    // overlong forms of "/", of the highest character of the length below, and of NUL
    "\xC0\xAF", "\xE0\x80\xAF", "\xF0\x80\x80\xAF", "\xF8\x80\x80\x80\xAF", "\xC1\xBF", "\xE0\x9F\xBF",
    "\xF0\x8F\xBF\xBF", "\xC0\x80", "\xE0\x80\x80", "\xF0\x80\x80\x80",
    // surrogates, single and in pairs
    "\xED\xA0\x80", "\xED\xAD\xBF", "\xED\xAE\x80", "\xED\xAF\xBF", "\xED\xB0\x80", "\xED\xBE\x80", "\xED\xBF\xBF",
    "\xED\xA0\x80\xED\xB0\x80", "\xED\xAF\xBF\xED\xBF\xBF",
    // above U+10FFFF
    "\xF4\x90\x80\x80", "\xF4\xBF\xBF\xBF", "\xF7\xBF\xBF\xBF"};

const std::vector<std::string> kValid = {
    std::string(1, '\0'), "\x7F",
    "\xC2\x80",           "\xDF\xBF",
    "\xE0\xA0\x80",       "\xED\x9F\xBF",
    "\xEE\x80\x80",       "\xEF\xBF\xBD",
    "\xEF\xBF\xBE",       "\xEF\xBF\xBF",  // noncharacters are characters to RFC 3629
    "\xF0\x90\x80\x80",   "\xF4\x8F\xBF\xBF",
    "\xEF\xBB\xBF",       "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5"};  // "kosme" of RFC 6455's test suite

void this_machine_runs_an_implementation(void **) {
  assert_false(implementations().empty());
  for (const Implementation &implementation : implementations())
    print_message("%s\n", implementation.name);
}

void malformed_texts_are_refused(void **) {
  for (const std::string &text : kMalformed) {
    if (utf8_is_valid(bytes_of(text), text.size())) fail_msg("accepted: %s", in_hex(text).c_str());
    assert_int_equal(reference().scan(text), kInvalid);
    ASSERT_ALL_AGREE(text);
  }
}

void valid_texts_are_accepted(void **) {
  assert_true(utf8_is_valid(nullptr, 0));
  for (const std::string &text : kValid) {
    if (!utf8_is_valid(bytes_of(text), text.size())) fail_msg("refused: %s", in_hex(text).c_str());
    ASSERT_ALL_AGREE(text);
  }
}

void unfinished_texts_are_not_valid(void **) {
  for (const std::string &text : kValid) {
    std::string padded = std::string(100, 'a') + text;
    for (size_t cut = 1; cut < std::min<size_t>(text.size(), 4); cut++) {
      if (reference().scan(text.substr(0, cut)) == 0) continue;
      assert_false(utf8_is_valid(bytes_of(text), cut));
      assert_false(utf8_is_valid(bytes_of(padded), 100 + cut));
    }
  }
}

void every_sequence_of_1_to_3_bytes_is_judged_right(void **) {
  for (size_t length = 1; length <= 3; length++) {
    std::string text(length, '\0');
    for (uint32_t number = 0; number < uint32_t{1} << 8 * length; number++) {
      for (size_t i = 0; i < length; i++)
        text[i] = static_cast<char>(number >> 8 * i);
      bool expected = reference().scan(text) == 0;
      if (utf8_is_valid(bytes_of(text), length) != expected) fail_msg("wrong: %s", in_hex(text).c_str());
    }
  }
}

// Boundaries of all ranges that the grammar of RFC 3629 section 4 knows.
const std::vector<uint8_t> kBoundaries = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
                                          0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
                                          0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF7, 0xF8, 0xFF};

// Whether implementations that work on blocks judge these bytes as they should inside a text, at a place that varies.
bool all_judge_inside(std::string_view sequence) {
  static size_t place = 0;
  place = (place + 1) % 48;
  char text[80];
  std::memset(text, 'a', sizeof(text));
  std::memcpy(text + 8 + place, sequence.data(), sequence.size());
  std::string tail = std::string(sequence) + "a";
  int expected = reference().scan(tail);
  return std::all_of(implementations().begin(), implementations().end(), [&](const Implementation &implementation) {
    return implementation.scan(reinterpret_cast<uint8_t *>(text), sizeof(text)) == expected;
  });
}

void every_pair_and_triple_is_judged_right_inside_a_text(void **) {
  for (uint32_t pair = 0; pair < 0x10000; pair++) {
    std::string text = {static_cast<char>(pair >> 8), static_cast<char>(pair), '\0'};
    if (!all_judge_inside(text.substr(0, 2))) fail_msg("wrong: %s", in_hex(text.substr(0, 2)).c_str());
    // What follows a wrong pair changes nothing, and what follows ASCII is a pair again: a sample is enough there.
    bool sample = pair < 0x8000 || reference().scan(text.substr(0, 2)) == kInvalid;
    for (uint32_t third = 0; third < 256; third++) {
      if (sample && third % 37 != pair % 37) continue;
      text[2] = static_cast<char>(third);
      if (!all_judge_inside(text)) fail_msg("wrong: %s", in_hex(text).c_str());
    }
  }
}

void sequences_of_4_boundary_bytes_are_judged_right(void **) {
  std::string text(4, '\0');
  size_t count = kBoundaries.size();
  for (size_t i = 0; i < count * count * count * count; i++) {
    size_t rest = i;
    for (char &byte : text) {
      byte = static_cast<char>(kBoundaries[rest % count]);
      rest /= count;
    }
    bool expected = reference().scan(text) == 0;
    if (utf8_is_valid(bytes_of(text), 4) != expected) fail_msg("wrong: %s", in_hex(text).c_str());
    if (static_cast<uint8_t>(text[0]) < 0xE0) continue;
    if (!all_judge_inside(text)) fail_msg("wrong: %s", in_hex(text).c_str());
  }
}

void all_characters_in_a_row_are_valid(void **) {
  std::string text;
  for (uint32_t character = 0; character <= 0x10FFFF; character++) {
    if (character < 0xD800 || character > 0xDFFF) text += encode(character);
  }
  for (const Implementation &implementation : implementations()) {
    assert_int_equal(scan_alone(implementation, text), 0);
    assert_int_equal(scan_alone(implementation, "a" + text), 0);
    assert_int_equal(scan_alone(implementation, text.substr(0, text.size() - 1)), 3);
  }
}

// At least `size` bytes of complete characters, which do not repeat in step with any block.
std::string multibyte_text(size_t size) {
  const std::string characters[] = {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x90\x8D\x88", "\xD0\xB6", "\xEC\x95\x88"};
  std::string text;
  for (size_t i = 0; text.size() < size; i++)
    text += characters[i * i % 5];
  return text;
}

bool is_boundary(const std::string &text, size_t at) {
  return at == text.size() || (static_cast<uint8_t>(text[at]) & 0xC0) != 0x80;
}

void malformed_sequences_are_found_at_every_position(void **) {
  std::string ascii(131, 'x');
  for (size_t shift = 0; shift < 4; shift++) {
    std::string multibyte = std::string(shift, 'y') + multibyte_text(131);
    for (const std::string &base : {ascii, multibyte}) {
      for (size_t at = 0; at <= 130; at++) {
        if (!is_boundary(base, at)) continue;
        for (const std::string &wrong : kMalformed) {
          ASSERT_ALL_AGREE(base.substr(0, at) + wrong + base.substr(at));
          ASSERT_ALL_AGREE(base.substr(0, at) + wrong);
          ASSERT_ALL_AGREE(base.substr(0, at) + wrong.substr(0, wrong.size() - 1));
        }
      }
    }
    ascii += 'x';
  }
}

void every_beginning_of_a_text_is_judged_right(void **) {
  std::string texts[] = {multibyte_text(200), std::string(200, 'a'), std::string(61, 'a') + multibyte_text(100),
                         multibyte_text(40) + std::string(100, 'b') + multibyte_text(40)};
  for (const std::string &text : texts) {
    for (size_t from = 0; from < 8; from++) {
      for (size_t size = 0; from + size <= text.size(); size++)
        ASSERT_ALL_AGREE(text.substr(from, size));
    }
  }
}

// A text of characters of all lengths, often ASCII in a row, in half of all cases with some random bytes.
std::string random_text(std::mt19937 &random) {
  std::string text;
  size_t size = random() % 400;
  while (text.size() < size) {
    uint32_t character = random() % 0x110000 >> random() % 21;
    if (random() % 4 == 0) text += std::string(random() % 70, 'r');
    if (character < 0xD800 || character > 0xDFFF) text += encode(character);
  }
  for (uint32_t i = random() % 4; i >= 2 && !text.empty(); i--) {
    text[random() % text.size()] =
        static_cast<char>(random() % 2 ? random() : kBoundaries[random() % kBoundaries.size()]);
  }
  return text;
}

void random_texts_are_judged_right(void **) {
  constexpr unsigned kSeed = 3629;
  print_message("seed %u\n", kSeed);
  std::mt19937 random(kSeed);
  int valid = 0;
  for (int i = 0; i < 30000; i++) {
    std::string text = random_text(random);
    valid += reference().scan(text) == 0;
    ASSERT_ALL_AGREE(text);
  }
  assert_in_range(valid, 10000, 25000);  // both verdicts were asked for
}

// The texts that are chopped: valid, unfinished, and wrong at some place.
std::vector<std::string> texts_to_chop() {
  std::vector<std::string> texts = {"", "plain", "\xF0\x90\x8D\x88", "a\xC3\xA9\xE2\x82\xAC\xF0\x90\x8D\x88z\xD0\xB6"};
  for (const std::string &wrong : kMalformed)
    texts.push_back("a\xC3\xA9" + wrong + "\xE2\x82\xAC");
  for (const std::string &valid : kValid)
    texts.push_back("\xE2\x82\xAC" + valid + valid);
  return texts;
}

// Adds the pieces between the cuts; true if the answer after each of them is right for the text so far.
bool validates_right(const std::string &text, const std::vector<size_t> &cuts) {
  Utf8Validator validator;
  size_t from = 0;
  for (size_t to : cuts) {
    std::vector<uint8_t> piece(text.begin() + static_cast<ptrdiff_t>(from), text.begin() + static_cast<ptrdiff_t>(to));
    int expected = reference().scan(std::string_view(text).substr(0, to));
    if (validator.add(piece.data(), piece.size()) != (expected != kInvalid)) return false;
    if (expected == kInvalid) return true;
    if (validator.complete() != (expected == 0)) return false;
    from = to;
  }
  return true;
}

void every_chopping_in_two_or_three_is_judged_right(void **) {
  for (const std::string &text : texts_to_chop()) {
    for (size_t first = 0; first <= text.size(); first++) {
      for (size_t second = first; second <= text.size(); second++) {
        if (!validates_right(text, {first, second, text.size()})) {
          fail_msg("cut at %zu and %zu: %s", first, second, in_hex(text).c_str());
        }
      }
    }
  }
}

void long_texts_cut_anywhere_are_judged_right(void **) {
  for (const std::string &middle : {std::string("\xE2\x82\xAC"), std::string("\xED\xA0\x80"), std::string("\xF8")}) {
    std::string text = multibyte_text(70) + middle + std::string(70, 'a') + multibyte_text(70);
    for (size_t cut = 0; cut <= text.size(); cut++) {
      if (!validates_right(text, {cut, text.size()})) fail_msg("cut at %zu: %s", cut, in_hex(text).c_str());
    }
  }
}

std::vector<size_t> cut_everywhere(const std::string &text) {
  std::vector<size_t> cuts;
  for (size_t i = 1; i <= text.size(); i++)
    cuts.push_back(i);
  return cuts;
}

void texts_byte_by_byte_are_judged_right(void **) {
  std::vector<std::string> texts = texts_to_chop();
  texts.push_back(multibyte_text(300));
  for (const std::string &text : texts) {
    if (!validates_right(text, cut_everywhere(text))) fail_msg("wrong: %s", in_hex(text).c_str());
  }
}

// RFC 6455 8.1 lets an endpoint fail as soon as it sees invalid data; these are the earliest places there are.
void validator_fails_at_the_first_wrong_byte(void **) {
  struct Case {
    std::string good;
    uint8_t wrong;
  };
  const std::vector<Case> cases = {
      {"", 0x80},     {"", 0xC0},         {"", 0xC1},         {"", 0xF5},          {"", 0xFF},
      {"\xC2", 0x7F}, {"\xE0", 0x80},     {"\xE0", 0x9F},     {"\xED", 0xA0},      {"\xF0", 0x8F},
      {"\xF4", 0x90}, {"\xE1\x80", 0xC0}, {"\xF1\x80", 0x41}, {"\xF0\x90\x80", 0}, {"\xF4\x8F\xBF", 0xC0}};
  for (const Case &each : cases) {
    for (size_t padding : {0, 1, 40, 100}) {
      std::string good = std::string(padding, 'p') + each.good;
      Utf8Validator apart;
      assert_true(apart.add(bytes_of(good), good.size()));
      assert_false(apart.add(&each.wrong, 1));

      std::string whole = good + static_cast<char>(each.wrong);
      Utf8Validator together;
      assert_false(together.add(bytes_of(whole), whole.size()));
    }
  }
}

void validator_is_small_and_starts_anew_by_assignment(void **) {
  assert_int_equal(sizeof(Utf8Validator), 4);
  Utf8Validator validator;
  assert_true(validator.add(bytes_of("\xE2\x82"), 2));
  assert_false(validator.complete());
  Utf8Validator copy = validator;
  validator = {};
  assert_true(validator.complete());
  assert_true(validator.add(bytes_of("a"), 1));
  assert_true(copy.add(bytes_of("\xAC"), 1));
  assert_true(copy.complete());
}

void empty_pieces_change_nothing(void **) {
  Utf8Validator validator;
  assert_true(validator.add(nullptr, 0));
  assert_true(validator.complete());
  assert_true(validator.add(bytes_of("\xF0\x90"), 2));
  assert_true(validator.add(nullptr, 0));
  assert_false(validator.complete());
  assert_true(validator.add(bytes_of("\x8D\x88"), 2));
  assert_true(validator.complete());
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(this_machine_runs_an_implementation),
      cmocka_unit_test(malformed_texts_are_refused),
      cmocka_unit_test(valid_texts_are_accepted),
      cmocka_unit_test(unfinished_texts_are_not_valid),
      cmocka_unit_test(every_sequence_of_1_to_3_bytes_is_judged_right),
      cmocka_unit_test(every_pair_and_triple_is_judged_right_inside_a_text),
      cmocka_unit_test(sequences_of_4_boundary_bytes_are_judged_right),
      cmocka_unit_test(all_characters_in_a_row_are_valid),
      cmocka_unit_test(malformed_sequences_are_found_at_every_position),
      cmocka_unit_test(every_beginning_of_a_text_is_judged_right),
      cmocka_unit_test(random_texts_are_judged_right),
      cmocka_unit_test(every_chopping_in_two_or_three_is_judged_right),
      cmocka_unit_test(long_texts_cut_anywhere_are_judged_right),
      cmocka_unit_test(texts_byte_by_byte_are_judged_right),
      cmocka_unit_test(validator_fails_at_the_first_wrong_byte),
      cmocka_unit_test(validator_is_small_and_starts_anew_by_assignment),
      cmocka_unit_test(empty_pieces_change_nothing),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
