#include "session/sink.hpp"

#include <cstring>
#include <string>

#include "support/cmocka.hpp"

using namespace hawser;

namespace {

// A sink on a shared arena: it counts how often it was asked for other room.
class ArenaSink final : public Sink {
 public:
  int asked = 0;
  std::string elsewhere;

  explicit ArenaSink(Region &region) { share_region(region); }

  uint8_t *append_elsewhere(size_t size) override {
    asked++;
    count(static_cast<int64_t>(size));
    elsewhere.resize(size);
    return reinterpret_cast<uint8_t *>(elsewhere.data());
  }
  bool append_borrowed(const uint8_t *, size_t, const uint8_t *, size_t) override { return false; }
  void keep(Buffer) override {}
};

class PlainSink final : public Sink {
 public:
  uint8_t *append_elsewhere(size_t) override { return room; }
  bool append_borrowed(const uint8_t *, size_t, const uint8_t *, size_t) override { return false; }
  void keep(Buffer) override {}
  uint8_t room[8] = {};
};

void the_owner_of_a_region_writes_there(void **) {
  uint8_t arena[10];
  Region region;
  ArenaSink sink(region);
  region = {&sink, arena, arena + sizeof arena};
  assert_ptr_equal(sink.append(4), arena);
  assert_ptr_equal(sink.append(0), arena + 4);
  assert_ptr_equal(sink.append(6), arena + 4);  // exactly what is left
  assert_int_equal(sink.asked, 0);
  assert_int_equal(sink.queued(), 10);
  sink.append(1);
  assert_int_equal(sink.asked, 1);
  assert_int_equal(sink.queued(), 11);
}

void what_does_not_fit_goes_elsewhere(void **) {
  uint8_t arena[10];
  Region region;
  ArenaSink sink(region);
  region = {&sink, arena, arena + sizeof arena};
  sink.append(11);
  sink.append(1000);
  assert_int_equal(sink.asked, 2);
  assert_ptr_equal(sink.append(3), arena);  // the region is as it was
}

void another_sinks_region_is_not_touched(void **) {
  uint8_t arena[10];
  Region region;
  ArenaSink one(region);
  ArenaSink two(region);
  region = {&one, arena, arena + sizeof arena};
  two.append(4);
  assert_int_equal(two.asked, 1);
  assert_ptr_equal(region.next, arena);
  region.owner = &two;
  two.append(4);
  assert_int_equal(two.asked, 1);
  assert_int_equal(one.queued(), 0);
  assert_int_equal(two.queued(), 8);
}

void a_sink_without_a_region_asks_always(void **) {
  PlainSink sink;
  assert_ptr_equal(sink.append(1), sink.room);
  assert_ptr_equal(sink.append(0), sink.room);
}

void bytes_are_counted_until_they_are_sent(void **) {
  PlainSink sink;
  sink.count(100);
  sink.count(-40);
  assert_int_equal(sink.queued(), 60);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_owner_of_a_region_writes_there),    cmocka_unit_test(what_does_not_fit_goes_elsewhere),
      cmocka_unit_test(another_sinks_region_is_not_touched),   cmocka_unit_test(a_sink_without_a_region_asks_always),
      cmocka_unit_test(bytes_are_counted_until_they_are_sent),
  };
  return cmocka_run_group_tests_name("session/sink", tests, nullptr, nullptr);
}
