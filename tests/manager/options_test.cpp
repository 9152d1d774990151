#include "manager/options.hpp"

#include <string>

#include <sys/resource.h>

#include "support/cmocka.hpp"

namespace {

using hawser::Error;
using hawser::make_settings;
using hawser::Options;
using hawser::OptionValues;

void test_own_over_base_over_default(void **) {
  OptionValues base;
  OptionValues own;
  assert_true(base.set_number("max_message_size", 100).error == Error::OK);
  assert_true(base.set_number("max_fragments", 7).error == Error::OK);
  assert_true(own.set_number("max_message_size", 200).error == Error::OK);
  assert_true(base.set_text("origin", "http://base").error == Error::OK);
  assert_true(base.add_header("X-Base", "1").error == Error::OK);
  assert_true(own.add_header("X-Own", "2").error == Error::OK);
  auto settings = make_settings(&base, &own);
  assert_int_equal(settings->max_message_size, 200);
  assert_int_equal(settings->max_fragments, 7);
  assert_int_equal(settings->max_headers, 100);
  assert_string_equal(settings->origin.c_str(), "http://base");
  assert_string_equal(settings->offer.headers.c_str(), "X-Base: 1\r\nX-Own: 2\r\n");
  assert_int_equal(settings->message.max_size, 200);
  assert_int_equal(make_settings(nullptr, nullptr)->max_fragments, 1 << 20);
}

// Every option reaches its own field: set one, and only that one changes.
void test_every_option_has_its_field(void **) {
  auto usual = make_settings(nullptr, nullptr);
#define HAWSER_INT(name, default_value, min, max, text)                      \
  {                                                                          \
    OptionValues values;                                                     \
    int64_t chosen = hawser::option_default(index) == 77777 ? 77778 : 77777; \
    if (chosen > (max)) chosen = (max);                                      \
    if (chosen < (min)) chosen = (min);                                      \
    assert_true(values.set_number(#name, chosen).error == Error::OK);        \
    assert_int_equal(make_settings(&values, nullptr)->name, chosen);         \
    assert_int_equal(make_settings(nullptr, &values)->name, chosen);         \
    assert_int_equal(usual->name, hawser::option_default(index));            \
    index++;                                                                 \
  }
#define HAWSER_FLAG(name, default_value, text)                              \
  {                                                                         \
    OptionValues values;                                                    \
    assert_true(values.set_number(#name, !usual->name).error == Error::OK); \
    assert_true(make_settings(&values, nullptr)->name != usual->name);      \
    index++;                                                                \
  }
#define HAWSER_TEXT(name, default_value, check, text)                             \
  {                                                                               \
    assert_string_equal(usual->name.c_str(), default_value);                      \
    assert_string_equal(hawser::option_info(index)->default_text, default_value); \
    index++;                                                                      \
  }
  int32_t index = 0;
#include "manager/options.def"
#undef HAWSER_INT
#undef HAWSER_FLAG
#undef HAWSER_TEXT
  assert_int_equal(index, hawser::option_count());
}

void test_copy_on_change(void **) {
  Options options;
  options.change().set_number("max_fragments", 1);
  auto taken = options.snapshot();
  options.change().set_number("max_fragments", 2);
  assert_ptr_not_equal(taken.get(), options.snapshot().get());
  assert_int_equal(make_settings(taken.get(), nullptr)->max_fragments, 1);
  assert_int_equal(make_settings(options.snapshot().get(), nullptr)->max_fragments, 2);
}

// The limit counts that the process has now, not the one that it had when the library was loaded.
void test_default_from_descriptors(void **) {
  rlimit limit = {};
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  rlimit low = limit;
  low.rlim_cur = 500;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
  int64_t chosen = make_settings(nullptr, nullptr)->max_connections;
  setrlimit(RLIMIT_NOFILE, &limit);
  assert_int_equal(chosen, 468);
}

void test_errors(void **) {
  OptionValues values;
  assert_true(values.set_number("origin", 1).error == Error::OPTION);
  assert_true(values.set_number("nothing", 1).error == Error::OPTION);
  assert_true(values.set_text("parts", "1").error == Error::OPTION);
  assert_true(values.set_number("max_fragments", 0).error == Error::RANGE);
  assert_true(values.set_number("parts", 2).error == Error::RANGE);
  assert_true(values.add_header("Host", "x").error == Error::HEADER);
  assert_true(values.headers().empty());
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_own_over_base_over_default),
      cmocka_unit_test(test_every_option_has_its_field),
      cmocka_unit_test(test_copy_on_change),
      cmocka_unit_test(test_default_from_descriptors),
      cmocka_unit_test(test_errors),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
