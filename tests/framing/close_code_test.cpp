#include "framing/close_code.hpp"

#include <string>

#include "support/cmocka.hpp"

using namespace hawser;

namespace {

int as_int(Error error) {
  return static_cast<int>(error);
}

Result<ClosePayload> parse(const std::string &payload) {
  return parse_close_payload(reinterpret_cast<const uint8_t *>(payload.data()), payload.size());
}

// The error of a payload that is refused, OK for a good one.
Error fault_of(const std::string &payload) {
  Result<ClosePayload> parsed = parse(payload);
  return parsed ? Error::OK : parsed.failure().error;
}

std::string payload_of(int code, const std::string &reason = "") {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code)} + reason;
}

// RFC 6455 7.4.1 and 7.4.2, and IANA's registry (1012 to 1014), code by code.
bool travels(int code) {
  for (int good : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})
    if (code == good) return true;
  return code >= 3000 && code < 5000;
}

void codes_that_may_travel(void **) {
  for (int code = 0; code <= 0xFFFF; code++) {
    if (close_code_may_travel(code) != travels(code)) fail_msg("%d", code);
    if (fault_of(payload_of(code)) != (travels(code) ? Error::OK : Error::PROTOCOL)) fail_msg("payload %d", code);
    if (code != 0 && check_close(code, "") != (travels(code) ? Error::OK : Error::CLOSE_CODE))
      fail_msg("send %d", code);
  }
  for (int code : {-1, -1000, 0x10000 + 1000, INT32_MAX, INT32_MIN}) {
    assert_false(close_code_may_travel(code));
    assert_int_equal(as_int(check_close(code, "")), as_int(Error::CLOSE_CODE));
  }
}

void payloads_are_taken_apart(void **) {
  Result<ClosePayload> none = parse("");
  assert_true(static_cast<bool>(none));
  assert_int_equal(none->code, 1005);
  assert_true(none->reason.empty());

  Result<ClosePayload> bare = parse(payload_of(1001));
  assert_int_equal(bare->code, 1001);
  assert_true(bare->reason.empty());

  std::string good = payload_of(4321, "caf\xc3\xa9");
  Result<ClosePayload> full = parse(good);
  assert_int_equal(full->code, 4321);
  assert_true(full->reason == "caf\xc3\xa9");
}

void malformed_payloads_are_refused(void **) {
  assert_int_equal(as_int(fault_of("\x03")), as_int(Error::PROTOCOL));
  for (const char *reason : {"\xff", "a\x80", "\xc3", "\xe2\x82", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80"}) {
    assert_int_equal(as_int(fault_of(payload_of(1000, reason))), as_int(Error::UTF8));
    assert_int_equal(as_int(check_close(1000, reason)), as_int(Error::UTF8));
  }
  Result<ClosePayload> refused = parse(payload_of(1005));
  assert_int_equal(refused.failure().system, 0);  // no errno and no HTTP status
  assert_true(*refused.failure().words != '\0');
}

void what_is_sent_is_checked(void **) {
  assert_int_equal(as_int(check_close(0, "")), as_int(Error::OK));
  assert_int_equal(as_int(check_close(0, "why")), as_int(Error::CLOSE_CODE));
  assert_int_equal(as_int(check_close(1000, std::string(123, 'x'))), as_int(Error::OK));
  assert_int_equal(as_int(check_close(1000, std::string(124, 'x'))), as_int(Error::TOO_LARGE));
}

void payloads_are_written(void **) {
  uint8_t to[125];
  assert_int_equal(write_close_payload(to, 0, ""), 0);
  assert_int_equal(write_close_payload(to, 1000, ""), 2);
  assert_memory_equal(to, "\x03\xe8", 2);
  assert_int_equal(write_close_payload(to, 4999, "bye"), 5);
  assert_memory_equal(to,
                      "\x13\x87"
                      "bye",
                      5);
  std::string longest(123, 'r');
  assert_int_equal(write_close_payload(to, 3000, longest), 125);
  assert_memory_equal(to, payload_of(3000, longest).data(), 125);
}

// RFC 6455 7.4.1: 1002 protocol error, 1007 not UTF-8, 1009 too big; IANA: 1013 try again later.
void failures_have_their_codes(void **) {
  assert_int_equal(close_code_for(Error::PROTOCOL), 1002);
  assert_int_equal(close_code_for(Error::UTF8), 1007);
  assert_int_equal(close_code_for(Error::LIMIT), 1009);
  assert_int_equal(close_code_for(Error::NO_MEMORY), 1013);
  assert_int_equal(close_code_for(Error::RANDOM), 1011);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(codes_that_may_travel),          cmocka_unit_test(payloads_are_taken_apart),
      cmocka_unit_test(malformed_payloads_are_refused), cmocka_unit_test(what_is_sent_is_checked),
      cmocka_unit_test(payloads_are_written),           cmocka_unit_test(failures_have_their_codes),
  };
  return cmocka_run_group_tests_name("framing/close_code", tests, nullptr, nullptr);
}
