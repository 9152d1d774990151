#include "bytes/error.hpp"

#include <cctype>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "support/cmocka.hpp"

using hawser::Error;
using hawser::error_name;
using hawser::error_text;
using hawser::Failure;
using hawser::Result;

namespace {

// The table of hawser.h, retyped: the numbers and names are promised for ever.
struct Promise {
  int32_t code;
  const char *name;
};

const std::vector<Promise> kPromises = {
    {-1, "HWS_ERR_NO_MEMORY"},   {-2, "HWS_ERR_ARGUMENT"},  {-3, "HWS_ERR_STALE"},      {-4, "HWS_ERR_CLOSED"},
    {-5, "HWS_ERR_WOULD_BLOCK"}, {-6, "HWS_ERR_TOO_SMALL"}, {-7, "HWS_ERR_STATE"},      {-8, "HWS_ERR_URL"},
    {-9, "HWS_ERR_OPTION"},      {-10, "HWS_ERR_RANGE"},    {-11, "HWS_ERR_HEADER"},    {-12, "HWS_ERR_OPCODE"},
    {-13, "HWS_ERR_CLOSE_CODE"}, {-14, "HWS_ERR_UTF8"},     {-15, "HWS_ERR_TOO_LARGE"}, {-16, "HWS_ERR_UNSUPPORTED"},
    {-17, "HWS_ERR_BUSY"},       {-18, "HWS_ERR_SYSTEM"},   {-19, "HWS_ERR_RANDOM"},    {-20, "HWS_ERR_RESOLVE"},
    {-21, "HWS_ERR_CONNECT"},    {-22, "HWS_ERR_LISTEN"},   {-23, "HWS_ERR_TLS"},       {-24, "HWS_ERR_HTTP"},
    {-25, "HWS_ERR_HANDSHAKE"},  {-26, "HWS_ERR_PROTOCOL"}, {-27, "HWS_ERR_LIMIT"},     {-28, "HWS_ERR_TIMEOUT"},
    {-29, "HWS_ERR_EOF"},        {-30, "HWS_ERR_IO"},       {-31, "HWS_ERR_ABORTED"},   {-32, "HWS_ERR_DEFLATE"},
};

void every_code_has_its_promised_name(void **) {
  for (const Promise &promise : kPromises)
    assert_string_equal(error_name(promise.code), promise.name);
}

void every_code_has_a_sentence_of_its_own(void **) {
  std::set<std::string> texts;
  for (const Promise &promise : kPromises) {
    std::string text = error_text(promise.code);
    assert_true(isupper(static_cast<unsigned char>(text.front())));
    assert_int_equal(text.back(), '.');
    assert_true(texts.insert(text).second);
  }
}

void success_is_any_number_from_zero(void **) {
  for (int32_t code : {0, 1, 256, INT32_MAX}) {
    assert_string_equal(error_name(code), "HWS_OK");
    assert_string_equal(error_text(code), "Success.");
  }
}

void unknown_numbers_are_answered(void **) {
  for (int32_t code : {kPromises.back().code - 1, -256, -257, -1000, -1025, INT32_MIN}) {
    assert_string_equal(error_name(code), "HWS_ERR_UNKNOWN");
    assert_string_equal(error_text(code), "Unknown error.");
  }
}

void enum_has_the_numbers_of_the_table(void **) {
  assert_int_equal(static_cast<int32_t>(Error::OK), 0);
  assert_int_equal(static_cast<int32_t>(Error::UTF8), -14);
  assert_int_equal(static_cast<int32_t>(Error::END), -29);
}

void failure_is_true_unless_ok(void **) {
  assert_false(static_cast<bool>(Failure{}));
  Failure failure{Error::CONNECT, 111, "refused"};
  assert_true(static_cast<bool>(failure));
}

void result_holds_a_value_or_a_failure(void **) {
  Result<std::string> good = std::string("value");
  assert_true(static_cast<bool>(good));
  assert_string_equal(good->c_str(), "value");
  *good += "!";
  assert_string_equal((*good).c_str(), "value!");

  Result<std::string> bad = Failure{Error::HTTP, 404, "status"};
  assert_false(static_cast<bool>(bad));
  assert_true(bad.failure().error == Error::HTTP);
  assert_int_equal(bad.failure().system, 404);
  assert_string_equal(bad.failure().words, "status");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_code_has_its_promised_name),  cmocka_unit_test(every_code_has_a_sentence_of_its_own),
      cmocka_unit_test(success_is_any_number_from_zero),   cmocka_unit_test(unknown_numbers_are_answered),
      cmocka_unit_test(enum_has_the_numbers_of_the_table), cmocka_unit_test(failure_is_true_unless_ok),
      cmocka_unit_test(result_holds_a_value_or_a_failure),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
