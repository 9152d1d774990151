#include "session/event_record.hpp"

#include <cstring>
#include <memory>
#include <string>

#include "support/cmocka.hpp"

using namespace hawser;

namespace {

// A record read field by field, as hawser.h describes it: "u32 record_size; u16 header_size; u16 kind; i32 opcode; u32
// flags; i64 connection, listener, tag, size; i32 code, error, system, text_size".
class Reader {
 public:
  explicit Reader(const uint8_t *from) : from_(from) {}
  template <typename Number>
  int64_t next() {
    Number number;
    std::memcpy(&number, from_, sizeof number);
    from_ += sizeof number;
    return static_cast<int64_t>(number);
  }

 private:
  const uint8_t *from_;
};

Event event_with(const std::string &payload) {
  Event event;
  event.kind = EventKind::CLOSE;
  event.opcode = -2;
  event.connection = 0x1122334455667788;
  event.listener = -3;
  event.tag = INT64_MIN;
  event.size = static_cast<int64_t>(payload.size());
  event.code = 1006;
  event.error = -31;
  event.system = 104;
  event.flags = 0xFFFFFFF0;
  event.data = payload.data();
  return event;
}

void records_have_the_layout_of_the_manual(void **) {
  for (size_t payload_size = 0; payload_size < 20; payload_size++) {
    for (size_t text_size = 0; text_size < 20; text_size++) {
      std::string payload(payload_size, 'p');
      std::string text(text_size, 't');
      Event event = event_with(payload);
      size_t size = event_record_size(event, text);
      assert_int_equal(size % 8, 0);
      assert_in_range(size, 64 + payload_size + text_size, 64 + payload_size + text_size + 7);
      std::unique_ptr<uint8_t[]> record(new uint8_t[size]);
      std::memset(record.get(), 0xEE, size);
      write_event_record(record.get(), event, text);
      Reader reader(record.get());
      assert_int_equal(reader.next<uint32_t>(), size);
      assert_int_equal(reader.next<uint16_t>(), 64);
      assert_int_equal(reader.next<uint16_t>(), 4);
      assert_int_equal(reader.next<int32_t>(), -2);
      assert_true(reader.next<uint32_t>() == 0xFFFFFFF0);
      assert_true(reader.next<int64_t>() == 0x1122334455667788);
      assert_true(reader.next<int64_t>() == -3);
      assert_true(reader.next<int64_t>() == INT64_MIN);
      assert_int_equal(reader.next<int64_t>(), payload_size);
      assert_int_equal(reader.next<int32_t>(), 1006);
      assert_int_equal(reader.next<int32_t>(), -31);
      assert_int_equal(reader.next<int32_t>(), 104);
      assert_int_equal(reader.next<int32_t>(), text_size);
      std::string rest(reinterpret_cast<const char *>(record.get()) + 64, size - 64);
      std::string padding(size - 64 - payload_size - text_size, '\0');
      assert_true(rest == payload + text + padding);
    }
  }
}

void a_record_without_data(void **) {
  Event event;
  event.kind = EventKind::OPEN;
  assert_int_equal(event_record_size(event, {}), 64);
  uint8_t record[64];
  write_event_record(record, event, {});
  assert_int_equal(Reader(record).next<uint32_t>(), 64);
}

void records_may_lie_anywhere(void **) {
  std::string payload = "odd";
  Event event = event_with(payload);
  uint8_t memory[80];
  write_event_record(memory + 1, event, "x");
  assert_int_equal(Reader(memory + 1).next<uint32_t>(), 72);
  assert_memory_equal(memory + 65, "oddx\0\0\0\0", 8);
}

// A record tells its size in 32 bits.
void records_end_at_4_gib(void **) {
  constexpr int64_t kMost = (int64_t{1} << 32) - 8;
  Event event = event_with("");
  event.size = kMost - 64;
  assert_int_equal(event_record_size(event, ""), kMost);
  event.size++;
  assert_int_equal(event_record_size(event, ""), 0);
  event.size = INT64_MAX;
  assert_int_equal(event_record_size(event, ""), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(records_have_the_layout_of_the_manual),
      cmocka_unit_test(records_end_at_4_gib),
      cmocka_unit_test(a_record_without_data),
      cmocka_unit_test(records_may_lie_anywhere),
  };
  return cmocka_run_group_tests_name("session/event_record", tests, nullptr, nullptr);
}
