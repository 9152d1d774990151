#include "deflate/codec_pool.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "deflate/reference.hpp"
#include "support/cmocka.hpp"

using namespace hawser;
using namespace reference;

namespace {

std::string compress(Compressor &compressor, Budget &budget, const std::string &data) {
  Buffer to(budget);
  return compressor.compress(octets(data), data.size(), true, to) ? content(to) : "no memory";
}

std::string inflate(Decompressor &decompressor, Budget &budget, const std::string &message) {
  Buffer to(budget);
  Failure failure = decompressor.inflate(octets(message), message.size(), INT64_MAX, to);
  if (!failure) failure = decompressor.finish(INT64_MAX, to);
  return failure ? error_name(static_cast<int32_t>(failure.error)) : content(to);
}

void what_fits_is_given_again(void **) {
  Budget budget(Budget::kUnlimited);
  {
    CodecPool pool;
    std::unique_ptr<Compressor> compressor = pool.take_compressor({15, 8, 6}, budget);
    std::unique_ptr<Decompressor> decompressor = pool.take_decompressor(15, budget);
    Compressor *first = compressor.get();
    Decompressor *other = decompressor.get();
    assert_true(compress(*compressor, budget, "Hello") == kHello);
    assert_string_equal(inflate(*decompressor, budget, kHello).c_str(), "Hello");
    pool.give(std::move(compressor));
    pool.give(std::move(decompressor));
    int64_t held = budget.used();
    compressor = pool.take_compressor({15, 8, 6}, budget);
    decompressor = pool.take_decompressor(15, budget);
    assert_ptr_equal(compressor.get(), first);
    assert_ptr_equal(decompressor.get(), other);
    assert_int_equal(budget.used(), held);
    // They remember nothing.
    assert_true(compress(*compressor, budget, "Hello") == kHello);
    assert_string_equal(inflate(*decompressor, budget, kHelloAgain).c_str(), "HWS_ERR_DEFLATE");
    pool.give(std::move(compressor));
    pool.give(std::move(decompressor));
  }
  assert_int_equal(budget.used(), 0);
}

void nothing_that_differs_is_given(void **) {
  Budget budget(Budget::kUnlimited);
  CodecPool pool;
  pool.give(pool.take_compressor({15, 8, 6}, budget));
  pool.give(pool.take_decompressor(15, budget));
  for (CompressorShape shape : {CompressorShape{14, 8, 6}, {15, 7, 6}, {15, 8, 5}, {8, 8, 6}})
    assert_true(pool.take_compressor(shape, budget)->shape() == shape);
  for (int bits = 8; bits < 15; bits++)
    assert_int_equal(pool.take_decompressor(bits, budget)->window_bits(), bits);
}

// Who has taken one has it alone; of those that are given back, one of a kind is kept.
void two_at_once_are_two(void **) {
  Budget budget(Budget::kUnlimited);
  CodecPool pool;
  std::unique_ptr<Compressor> one = pool.take_compressor({}, budget);
  int64_t cost = budget.used();
  std::unique_ptr<Compressor> two = pool.take_compressor({}, budget);
  assert_int_equal(budget.used(), 2 * cost);
  assert_true(compress(*one, budget, "Hello") == kHello);
  assert_true(compress(*two, budget, "Hello") == kHello);
  assert_true(compress(*one, budget, "Hello") == kHelloAgain);
  pool.give(std::move(one));
  pool.give(std::move(two));
  assert_int_equal(budget.used(), cost);
}

void those_that_nobody_has_are_freed(void **) {
  Budget budget(Budget::kUnlimited);
  CodecPool pool;
  pool.give(pool.take_compressor({}, budget));
  pool.give(pool.take_decompressor(15, budget));
  assert_true(budget.used() > 0);
  pool.clear();
  assert_int_equal(budget.used(), 0);
  pool.give(pool.take_compressor({}, budget));
  assert_true(budget.used() > 0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Terms

struct Agreed {
  Budget budget{Budget::kUnlimited};
  CodecPool pool;
  DeflateOptions options;

  const CodecTerms &terms(const std::string &answer = "permessage-deflate") {
    return pool.terms({15, 15, false, false, answer}, options, budget);
  }
};

void the_same_terms_are_shared(void **) {
  Agreed agreed;
  const CodecTerms &terms = agreed.terms();
  const std::string other = "permessage-deflate; server_no_context_takeover";
  assert_ptr_not_equal(&agreed.terms(other), &terms);
  assert_ptr_equal(&agreed.terms(), &terms);
  assert_string_equal(agreed.terms(other).agreement.answer.c_str(), other.c_str());
  agreed.options.min_size = 1000;
  assert_true(terms.worth_while(999) && !agreed.terms().worth_while(999));
}

// The pool knows the last eight.
void old_terms_are_forgotten(void **) {
  Agreed agreed;
  std::weak_ptr<const CodecTerms> seen = agreed.terms().weak_from_this();
  for (int64_t i = 1; i < 9; i++) {
    assert_false(seen.expired());
    agreed.options.min_size = i + 1000;
    agreed.terms();
  }
  assert_true(seen.expired());
}

void terms_stay_while_they_are_held(void **) {
  Agreed agreed;
  const CodecTerms &terms = agreed.terms();
  std::weak_ptr<const CodecTerms> seen = terms.weak_from_this();
  terms.hold();
  agreed.pool = {};
  assert_string_equal(terms.agreement.answer.c_str(), "permessage-deflate");
  terms.release();
  assert_true(seen.expired());
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(what_fits_is_given_again),
      cmocka_unit_test(nothing_that_differs_is_given),
      cmocka_unit_test(two_at_once_are_two),
      cmocka_unit_test(those_that_nobody_has_are_freed),
      cmocka_unit_test(the_same_terms_are_shared),
      cmocka_unit_test(old_terms_are_forgotten),
      cmocka_unit_test(terms_stay_while_they_are_held),
  };
  return cmocka_run_group_tests_name("deflate/codec_pool", tests, nullptr, nullptr);
}
