#include "framing/frame_header.hpp"

#include <cstring>
#include <string>

#include "support/cmocka.hpp"
#include "support/frames.hpp"

using namespace hawser;

namespace {

constexpr uint64_t kSizes[] = {0, 1, 124, 125, 126, 127, 128, 65534, 65535, 65536, 65537, uint64_t{1} << 32, INT64_MAX};
constexpr FrameRules kUnmasked{false, 0};
constexpr FrameRules kMasked{true, 0};

const uint8_t *bytes_of(const std::string &text) {
  return reinterpret_cast<const uint8_t *>(text.data());
}

frames::Frame frame_of(int opcode, bool final, int rsv, bool masked) {
  return {opcode, "", final, rsv, masked, {0xA1, 0xB2, 0xC3, 0xD4}};
}

bool starts_well(int first, int second, const FrameRules &rules) {
  const uint8_t start[] = {static_cast<uint8_t>(first), static_cast<uint8_t>(second)};
  return check_frame_start(start, rules) == nullptr;
}

// RFC 6455 5.1, 5.2 and 5.5 to the letter, without any extension.
bool may_start(int first, int second, bool masked) {
  bool final = first >= 128;
  int rsv = first / 16 % 8;
  int opcode = first % 16;
  bool known = opcode <= 2 || (opcode >= 8 && opcode <= 10);
  if (rsv != 0 || !known || (second >= 128) != masked) return false;
  return opcode < 8 || (final && second % 128 <= 125);
}

void every_start_is_judged(void **) {
  for (int first = 0; first < 256; first++) {
    for (int second = 0; second < 256; second++) {
      if (starts_well(first, second, kUnmasked) != may_start(first, second, false))
        fail_msg("%02x %02x", first, second);
      if (starts_well(first, second, kMasked) != may_start(first, second, true)) fail_msg("m %02x %02x", first, second);
    }
  }
}

void an_extension_may_allow_reserved_bits_of_data_frames(void **) {
  const FrameRules rules{false, 0x40};
  assert_true(starts_well(0xC1, 5, rules));
  assert_true(starts_well(0xC2, 5, rules));
  assert_false(starts_well(0xA1, 5, rules));
  assert_false(starts_well(0xE1, 5, rules));
  assert_false(starts_well(0xC9, 5, rules));  // RFC 7692 6.1: no control frame
}

void headers_are_read(void **) {
  for (uint64_t size : kSizes) {
    for (int bits = 0; bits < 256; bits++) {
      bool masked = size % 2 == 0;
      frames::Frame frame = frame_of(bits % 16, bits >= 128, bits / 16 % 8, masked);
      std::string text = frames::header(frame, size);
      assert_int_equal(frame_header_size(static_cast<uint8_t>(text[1])), text.size());
      FrameHeader header = read_frame_header(bytes_of(text));
      assert_true(header.payload_size == size);
      assert_int_equal(static_cast<int>(header.opcode), frame.opcode);
      assert_int_equal(header.reserved, frame.rsv << 4);
      assert_int_equal(header.final, frame.final);
      assert_int_equal(header.masked, masked);
      if (masked) assert_memory_equal(header.key.octets, frame.key.data(), 4);
    }
  }
}

void headers_are_written(void **) {
  const MaskingKey key{{0xA1, 0xB2, 0xC3, 0xD4}};
  for (uint64_t size : kSizes) {
    for (bool masked : {false, true}) {
      for (bool final : {false, true}) {
        std::string expected = frames::header(frame_of(2, final, 0, masked), size);
        uint8_t to[kMaxFrameHeader];
        size_t written = write_frame_header(to, frame_first_byte(final, Opcode::BINARY), size, masked ? &key : nullptr);
        assert_int_equal(written, expected.size());
        assert_memory_equal(to, expected.data(), written);
      }
    }
  }
}

void lengths_have_to_be_minimal(void **) {
  for (uint64_t size = 0; size <= 0x10001; size++) {
    for (int length_bytes : {2, 8}) {
      if (length_bytes == 2 && size > 0xFFFF) continue;
      std::string text = frames::header(frame_of(2, true, 0, true), size, length_bytes);
      bool minimal = length_bytes == 2 ? size >= 126 : size >= 0x10000;
      if ((check_frame_length(bytes_of(text)) == nullptr) != minimal)
        fail_msg("%d in %d", static_cast<int>(size), length_bytes);
    }
  }
  for (int size = 0; size <= 125; size++) {
    std::string text = frames::header(frame_of(2, true, 0, false), static_cast<uint64_t>(size));
    assert_null(check_frame_length(bytes_of(text)));
  }
}

void the_top_bit_of_a_length_is_zero(void **) {
  for (uint64_t size : {uint64_t{1} << 63, UINT64_MAX, (uint64_t{1} << 63) + 5}) {
    std::string text = frames::header(frame_of(2, true, 0, true), size, 8);
    assert_non_null(check_frame_length(bytes_of(text)));
  }
  std::string text = frames::header(frame_of(2, true, 0, true), INT64_MAX, 8);
  assert_null(check_frame_length(bytes_of(text)));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_start_is_judged),
      cmocka_unit_test(an_extension_may_allow_reserved_bits_of_data_frames),
      cmocka_unit_test(headers_are_read),
      cmocka_unit_test(headers_are_written),
      cmocka_unit_test(lengths_have_to_be_minimal),
      cmocka_unit_test(the_top_bit_of_a_length_is_zero),
  };
  return cmocka_run_group_tests_name("framing/frame_header", tests, nullptr, nullptr);
}
