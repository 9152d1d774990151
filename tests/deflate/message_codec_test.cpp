#include "deflate/message_codec.hpp"

#include <memory>
#include <string>
#include <vector>

#include "deflate/reference.hpp"
#include "support/cmocka.hpp"

using namespace hawser;
using namespace reference;

namespace {

constexpr uint64_t kNoLimit = INT64_MAX;

// The connections of one driver.
struct Bench {
  Budget budget;
  CodecPool pool;
  DeflateOptions options;
  std::vector<std::unique_ptr<MessageCodec>> codecs;

  explicit Bench(int64_t memory = Budget::kUnlimited) : budget(memory) { options.mode = DeflateMode::DEDICATED; }

  const CodecTerms &terms(const DeflateAgreement &agreement) { return pool.terms(agreement, options, budget); }
  MessageCodec &add(const DeflateAgreement &agreement) {
    codecs.push_back(std::make_unique<MessageCodec>(terms(agreement)));
    return *codecs.back();
  }
  // What is held when all connections have gone, and what when the pool has, too.
  int64_t leak() {
    codecs.clear();
    pool = {};
    return budget.used();
  }

  std::string compress(MessageCodec &codec, const std::string &data, bool final = true) {
    Buffer to(budget);
    return codec.compress(octets(data), data.size(), final, to) ? content(to) : "no memory";
  }
  std::string inflate(MessageCodec &codec, const std::string &message, bool final = true, uint64_t most = kNoLimit) {
    Buffer to(budget);
    Failure failure = codec.inflate(octets(message), message.size(), final, most, to);
    return failure ? error_name(static_cast<int32_t>(failure.error)) : content(to);
  }
};

DeflateAgreement agreed(bool compress_takeover, bool inflate_takeover, int compress_bits = 15, int inflate_bits = 15) {
  return {compress_bits, inflate_bits, compress_takeover, inflate_takeover, "permessage-deflate"};
}

const std::string kText = prose(500);

// ---------------------------------------------------------------------------------------------------------------------

// Each direction goes by what was agreed on for it.
void takeover_is_a_matter_of_each_direction(void **) {
  for (bool compress_takeover : {false, true}) {
    for (bool inflate_takeover : {false, true}) {
      Bench bench;
      DeflateAgreement agreement = agreed(compress_takeover, inflate_takeover);
      MessageCodec &codec = bench.add(agreement);
      assert_int_equal(bench.terms(agreement).compresses_alone(), !compress_takeover);
      Inflater peer;
      std::string first = bench.compress(codec, kText);
      std::string second = bench.compress(codec, kText);
      assert_true(peer.message(first) == kText);
      assert_true(peer.message(second) == kText);
      assert_int_equal(second.size() < 20, compress_takeover);
      assert_int_equal(Inflater().message(second).has_value(), !compress_takeover);
      assert_true(bench.inflate(codec, kHello) == "Hello");
      assert_true(bench.inflate(codec, kHelloAgain) == (inflate_takeover ? "Hello" : "HWS_ERR_DEFLATE"));
      assert_int_equal(bench.leak(), 0);
    }
  }
}

void windows_are_those_agreed_on(void **) {
  std::string block = noise(100);
  for (int bits = 8; bits <= 14; bits++) {
    Bench bench;
    MessageCodec &codec = bench.add(agreed(true, true, bits, bits));
    size_t distance = (size_t{1} << bits) + 1;
    std::string far = block + noise(distance - block.size(), 2) + block;
    assert_true(inflated(bench.compress(codec, far), bits) == far);
    assert_true(bench.inflate(codec, Deflater(bits).message(kText)) == kText);
    Deflater large(15, 9);
    assert_true(bench.inflate(codec, large.message("x" + far.substr(0, distance))) == "x" + far.substr(0, distance));
    assert_true(bench.inflate(codec, large.message(block)) == "HWS_ERR_DEFLATE");
  }
}

void level_and_memory_level_are_the_options(void **) {
  std::string text = prose(20'000);
  size_t sizes[2];
  int64_t memory[2];
  for (int i : {0, 1}) {
    Bench bench;
    bench.options.level = i == 0 ? 1 : 9;
    bench.options.memory_level = i == 0 ? 1 : 9;
    MessageCodec &codec = bench.add(agreed(true, true));
    std::string message = bench.compress(codec, text);
    assert_true(inflated(message) == text);
    sizes[i] = message.size();
    memory[i] = bench.budget.used();
  }
  assert_true(sizes[1] < sizes[0]);
  assert_true(memory[1] - memory[0] > 200'000);  // zconf.h: 2^(9 + 9) against 2^(1 + 9)
}

void only_what_is_large_enough_is_worth_while(void **) {
  for (int64_t least : {int64_t{0}, int64_t{1}, int64_t{64}, int64_t{PTRDIFF_MAX}}) {
    Bench bench;
    bench.options.min_size = least;
    const CodecTerms &terms = bench.terms(agreed(true, true));
    assert_true(terms.worth_while(static_cast<size_t>(least)));
    assert_int_equal(terms.worth_while(0), least == 0);
    if (least > 0) assert_false(terms.worth_while(static_cast<size_t>(least - 1)));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Memory

void state_is_made_with_the_first_message(void **) {
  for (bool takeover : {false, true}) {
    Bench bench;
    MessageCodec &codec = bench.add(agreed(takeover, takeover));
    assert_int_equal(bench.budget.used(), 0);
    bench.compress(codec, kText);
    int64_t compressor = bench.budget.used();
    assert_true(compressor > 1 << 18);
    bench.inflate(codec, kHello);
    assert_true(bench.budget.used() - compressor > 1 << 15);
  }
}

// With context takeover each connection holds its own; without, all together hold one.
void without_takeover_a_connection_holds_nothing(void **) {
  for (bool takeover : {false, true}) {
    Bench bench;
    int64_t first = 0;
    for (int i = 0; i < 10; i++) {
      MessageCodec &codec = bench.add(agreed(takeover, takeover));
      for (int j = 0; j < 3; j++) {
        assert_true(inflated(bench.compress(codec, kText)) == kText || (takeover && j > 0));
        assert_true(bench.inflate(codec, deflated(kText)) == kText);
      }
      if (i == 0) first = bench.budget.used();
      assert_int_equal(bench.budget.used(), takeover ? (i + 1) * first : first);
    }
    bench.codecs.clear();
    assert_int_equal(bench.budget.used(), takeover ? 0 : first);
    assert_int_equal(bench.leak(), 0);
  }
}

// Messages that are under way at once on connections that share a pool have a codec each, for as long as they are.
void messages_under_way_do_not_mix(void **) {
  Bench bench;
  MessageCodec &one = bench.add(agreed(false, false));
  MessageCodec &two = bench.add(agreed(false, false));
  bench.compress(one, "warm");
  bench.inflate(one, kHello);
  int64_t rest = bench.budget.used();
  std::string sent[2];
  std::string got[2];
  std::string message[2] = {deflated(prose(3000, 1)), deflated(prose(3000, 2))};
  for (int i = 0; i < 10; i++) {
    for (int j : {0, 1}) {
      MessageCodec &codec = j == 0 ? one : two;
      size_t piece = message[j].size() / 10 + 1;
      sent[j] += bench.compress(codec, prose(300, static_cast<unsigned>(10 * i + j)), i == 9);
      got[j] += bench.inflate(codec, message[j].substr(static_cast<size_t>(i) * piece, piece), i == 9);
    }
    if (i < 9) assert_true(bench.budget.used() > 3 * rest / 2);
  }
  for (int j : {0, 1}) {
    std::string expected;
    for (int i = 0; i < 10; i++)
      expected += prose(300, static_cast<unsigned>(10 * i + j));
    assert_true(inflated(sent[j]) == expected);
    assert_true(got[j] == prose(3000, static_cast<unsigned>(j) + 1));
  }
  assert_int_equal(bench.budget.used(), rest);
  assert_true(bench.compress(one, "Hello") == kHello);
  assert_true(bench.inflate(two, kHello) == "Hello");
}

// Others have been agreed on since, so often that the pool has forgotten these.
void terms_stay_for_a_codec(void **) {
  Bench bench;
  MessageCodec codec(bench.terms(agreed(false, false)));
  for (int64_t i = 0; i < 100; i++) {
    bench.options.min_size = i + 1000;
    assert_true(bench.terms(agreed(false, false)).worth_while(static_cast<size_t>(i) + 1000));
  }
  assert_true(bench.inflate(codec, kHello) == "Hello");
  assert_int_equal(bench.leak(), 0);
}

// At rest it has nothing to remember: it may as well go.
void rest_is_a_matter_of_takeover(void **) {
  for (bool takeover : {false, true}) {
    Bench bench;
    MessageCodec &codec = bench.add(agreed(takeover, takeover));
    assert_true(codec.at_rest());
    bench.compress(codec, kText, false);
    assert_false(codec.at_rest());
    bench.compress(codec, kText);
    assert_int_equal(codec.at_rest(), !takeover);
    MessageCodec &reader = bench.add(agreed(takeover, takeover));
    bench.inflate(reader, kHello.substr(0, 3), false);
    assert_false(reader.at_rest());
    bench.inflate(reader, kHello.substr(3));
    assert_int_equal(reader.at_rest(), !takeover);
  }
}

// Connections with other windows have codecs of their own, and get nothing of each other's.
void different_agreements_share_a_pool(void **) {
  Bench bench;
  std::vector<int> bits = {15, 9, 12, 8};
  for (int window : bits)
    bench.add(agreed(false, false, window, window));
  for (int i = 0; i < 5; i++) {
    for (size_t j = 0; j < bits.size(); j++) {
      std::string text = prose(6000, static_cast<unsigned>(i));
      assert_true(inflated(bench.compress(*bench.codecs[j], text), bits[j]) == text);
      assert_true(bench.inflate(*bench.codecs[j], Deflater(bits[j]).message(text)) == text);
    }
  }
  assert_int_equal(bench.leak(), 0);
}

// Who goes away in the middle of a message takes its state along.
void a_message_that_was_broken_off_leaves_nothing(void **) {
  for (bool takeover : {false, true}) {
    Bench bench;
    for (int i = 0; i < 3; i++) {
      MessageCodec &codec = bench.add(agreed(takeover, takeover));
      bench.compress(codec, kText, false);
      bench.inflate(codec, kHello.substr(0, 3), false);
    }
    bench.codecs.clear();
    assert_int_equal(bench.budget.used(), 0);
    // Nor does a failure.
    assert_true(bench.inflate(bench.add(agreed(takeover, takeover)), "\xff") == "HWS_ERR_DEFLATE");
    assert_true(bench.inflate(bench.add(agreed(takeover, takeover)), kHello, true, 4) == "HWS_ERR_LIMIT");
    assert_true(bench.inflate(bench.add(agreed(takeover, takeover)), kHello) == "Hello");
    assert_int_equal(bench.leak(), 0);
  }
}

// The limit is one of the message: what came in pieces counts together, what is due at its end does, too.
void the_limit_counts_each_piece(void **) {
  Bench bench;
  std::string message = deflated(kText);
  for (uint64_t limit : {kText.size() - 1, kText.size()}) {
    MessageCodec &codec = bench.add(agreed(false, false));
    Buffer to(bench.budget);
    Failure failure;
    for (size_t at = 0; at < message.size() && !failure; at++)
      failure = codec.inflate(octets(message) + at, 1, at + 1 == message.size(), limit - to.size(), to);
    assert_int_equal(static_cast<int>(failure.error),
                     static_cast<int>(limit < kText.size() ? Error::LIMIT : Error::OK));
  }
}

void every_budget_is_kept(void **) {
  int refused = 0;
  for (int64_t limit = 0; limit < 400'000; limit += 1000) {
    for (bool takeover : {false, true}) {
      Bench bench(limit);
      MessageCodec &codec = bench.add(agreed(takeover, takeover));
      std::string message = bench.compress(codec, kText);
      std::string text = bench.inflate(bench.add(agreed(takeover, takeover)), deflated(kText));
      assert_true(message == "no memory" || inflated(message) == kText);
      assert_true(text == "HWS_ERR_NO_MEMORY" || text == kText);
      if (message == "no memory") refused++;
      // Without context it can be tried again.
      if (!takeover && message == "no memory") assert_string_equal(bench.compress(codec, kText).c_str(), "no memory");
      assert_int_equal(bench.leak(), 0);
    }
  }
  assert_in_range(refused, 100, 700);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(takeover_is_a_matter_of_each_direction),
      cmocka_unit_test(windows_are_those_agreed_on),
      cmocka_unit_test(level_and_memory_level_are_the_options),
      cmocka_unit_test(only_what_is_large_enough_is_worth_while),
      cmocka_unit_test(state_is_made_with_the_first_message),
      cmocka_unit_test(without_takeover_a_connection_holds_nothing),
      cmocka_unit_test(messages_under_way_do_not_mix),
      cmocka_unit_test(terms_stay_for_a_codec),
      cmocka_unit_test(rest_is_a_matter_of_takeover),
      cmocka_unit_test(different_agreements_share_a_pool),
      cmocka_unit_test(a_message_that_was_broken_off_leaves_nothing),
      cmocka_unit_test(the_limit_counts_each_piece),
      cmocka_unit_test(every_budget_is_kept),
  };
  return cmocka_run_group_tests_name("deflate/message_codec", tests, nullptr, nullptr);
}
