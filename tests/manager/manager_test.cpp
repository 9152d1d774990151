#include "manager/manager.hpp"

#include <cstring>

#include "desk.hpp"
#include "support/cmocka.hpp"

namespace {

using hawser::Error;
using hawser::EventKind;
using hawser::Opcode;
using hawser::Options;

const uint8_t *bytes(const char *text) {
  return reinterpret_cast<const uint8_t *>(text);
}

void test_ids_of_managers_differ(void **) {
  std::vector<std::unique_ptr<Desk>> desks;
  for (int i = 0; i < 64; i++)
    desks.push_back(std::make_unique<Desk>());
  for (int i = 0; i < 64; i++) {
    for (int j = 0; j < i; j++)
      assert_true(desks[static_cast<size_t>(i)]->listener != desks[static_cast<size_t>(j)]->listener);
  }
}

// A connection that is aborted while it stands in every queue, and whose slot is taken again at once.
void test_slot_used_again_while_queued(void **) {
  Desk desk;
  for (int i = 0; i < 100; i++) {
    raw_peer *peer;
    int64_t id = desk.join(peer);
    assert_true(id > 0);
    assert_int_equal(raw_write_frame(peer, RAW_FIN | RAW_TEXT, "unread", 6), 0);
    desk.manager->send(id, Opcode::TEXT, bytes("unsent"), 6);
    desk.manager->pause(id);
    desk.manager->resume(id);
    desk.manager->abort(id);
    auto next = desk.manager->connect("ws://127.0.0.1:" + std::to_string(desk.port) + "/", nullptr);
    assert_true(next && *next != id);
    size_t closes = desk.count(EventKind::CLOSE);
    assert_true(desk.wait(EventKind::CLOSE, closes + 1));
    desk.manager->abort(*next);
    raw_peer_close(peer);
    desk.poll();
  }
  assert_true(desk.wait(EventKind::CLOSE, 200));
  for (int i = 0; i < 20; i++)
    desk.poll(1);
  assert_int_equal(*desk.manager->stat("memory"), 0);
}

void test_close_takes_its_tag(void **) {
  Desk desk;
  raw_peer *peer;
  int64_t id = desk.join(peer);
  assert_true(desk.manager->set_tag(id, 1) == Error::OK);
  desk.manager->abort(id);
  assert_true(desk.manager->set_tag(id, 2) == Error::OK);  // CLOSE is not told yet
  assert_true(desk.wait(EventKind::CLOSE));
  assert_int_equal(desk.last(EventKind::CLOSE)->event.tag, 2);
  assert_true(desk.manager->set_tag(id, 3) == Error::CLOSED);
}

// A send that fails changes nothing.
void test_checks_before_work(void **) {
  Desk desk;
  raw_peer *peer;
  int64_t id = desk.join(peer);
  assert_true(desk.manager->send(id, Opcode::TEXT, bytes("\xff"), 1) == Error::UTF8);
  assert_true(desk.manager->send(id, Opcode::PING, bytes(""), 0) == Error::OPCODE);
  assert_true(desk.manager->close(id, 999, "") == Error::CLOSE_CODE);
  assert_int_equal(*desk.manager->queued(id), 0);
  assert_true(desk.manager->send(id, Opcode::TEXT, bytes("fine"), 4) == Error::OK);
  assert_int_equal(*desk.manager->queued(id), 6);
  assert_true(raw_expect_frame(peer, RAW_FIN | RAW_TEXT, "fine", 4));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_ids_of_managers_differ),
      cmocka_unit_test(test_slot_used_again_while_queued),
      cmocka_unit_test(test_close_takes_its_tag),
      cmocka_unit_test(test_checks_before_work),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
