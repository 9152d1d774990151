// What other threads say to a Manager, without threads: the mailbox is filled here and delivered by the next call.
#include <cstring>

#include <poll.h>

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

Error mail(Desk &desk, int64_t id, const char *text) {
  return desk.manager->other_thread_send(id, Opcode::TEXT, bytes(text), std::strlen(text));
}

void test_order_with_own_sends(void **) {
  Desk desk;
  raw_peer *peer;
  int64_t id = desk.join(peer);
  assert_true(mail(desk, id, "one") == Error::OK);
  assert_int_equal(*desk.manager->queued(id), 3);
  assert_true(desk.manager->send(id, Opcode::TEXT, bytes("two"), 3) == Error::OK);
  assert_int_equal(*desk.manager->queued(id), 10);
  assert_true(mail(desk, id, "three") == Error::OK);
  assert_true(desk.manager->other_thread_close(id, 4000, "four") == Error::OK);
  assert_true(mail(desk, id, "five") == Error::OK);  // accepted: the CLOSE will say that it was not sent
  assert_true(raw_expect_frame(peer, RAW_FIN | RAW_TEXT, "one", 3));
  assert_true(raw_expect_frame(peer, RAW_FIN | RAW_TEXT, "two", 3));
  assert_true(raw_expect_frame(peer, RAW_FIN | RAW_TEXT, "three", 5));
  assert_true(raw_expect_close(peer, 4000));
  assert_true(mail(desk, id, "six") == Error::CLOSED);
  assert_int_equal(raw_write_close(peer, 4000, ""), 0);
  while (desk.count(EventKind::CLOSE) == 0)
    assert_true(desk.poll(1000) >= 0);
  assert_int_equal(*desk.manager->queued(id), 4);
  assert_non_null(std::strstr(desk.manager->event_text(0), "4 bytes were not sent"));
  assert_true(mail(desk, id, "seven") == Error::CLOSED);
  desk.poll();
  assert_true(mail(desk, id, "eight") == Error::STALE);
  assert_int_equal(*desk.manager->stat("memory"), 0);
}

void test_checks(void **) {
  Desk desk;
  raw_peer *peer;
  int64_t id = desk.join(peer);
  assert_true(mail(desk, id, "\xff") == Error::UTF8);
  assert_true(desk.manager->other_thread_send(id, Opcode::PING, nullptr, 0) == Error::OPCODE);
  assert_true(desk.manager->other_thread_send(id + 1, Opcode::TEXT, nullptr, 0) == Error::STALE);
  assert_true(desk.manager->other_thread_close(id + 1, 1000, "") == Error::STALE);
  assert_true(desk.manager->other_thread_close(id, 1005, "") == Error::CLOSE_CODE);
  assert_true(desk.manager->other_thread_close(desk.listener + 1, 1000, "") == Error::STALE);
  assert_true(desk.manager->other_thread_close(desk.listener, 1000, "") == Error::OK);
  assert_true(desk.wait(EventKind::CLOSE));
  assert_int_equal(desk.last(EventKind::CLOSE)->event.connection, desk.listener);
}

// Refused by mail: one DRAIN, though it was refused many times, and another after another refusal.
void test_refusals(void **) {
  Options options;
  options.change().set_number("max_send_queue", 10);
  Desk desk(&options);
  raw_peer *peer;
  int64_t id = desk.join(peer);
  for (size_t round = 1; round <= 3; round++) {
    assert_true(mail(desk, id, "0123456789") == Error::OK);
    for (int i = 0; i < 5; i++)
      assert_true(mail(desk, id, "x") == Error::WOULD_BLOCK);
    assert_true(raw_expect_frame(peer, RAW_FIN | RAW_TEXT, "0123456789", 10));
    assert_true(desk.wait(EventKind::DRAIN, round));
    for (int i = 0; i < 10; i++)
      desk.poll(1);
    assert_int_equal(desk.count(EventKind::DRAIN), round);
  }
}

// During an unfinished message what others say waits, closes too, in order.
void test_held(void **) {
  Desk desk;
  raw_peer *peer;
  int64_t id = desk.join(peer);
  assert_true(desk.manager->send_part(id, Opcode::TEXT, bytes("a"), 1, false) == Error::OK);
  assert_true(mail(desk, id, "mail") == Error::OK);
  assert_true(desk.manager->other_thread_close(id, 4001, "") == Error::OK);
  desk.poll();
  assert_true(desk.manager->send_part(id, Opcode::TEXT, bytes("b"), 1, true) == Error::OK);
  assert_true(raw_expect_frame(peer, RAW_TEXT, "a", 1));
  assert_true(raw_expect_frame(peer, RAW_FIN | RAW_CONTINUATION, "b", 1));
  assert_true(raw_expect_frame(peer, RAW_FIN | RAW_TEXT, "mail", 4));
  assert_true(raw_expect_close(peer, 4001));
}

// The connection ends while mail is held: nothing leaks, CLOSE counts it.
void test_held_at_the_end(void **) {
  Desk desk;
  raw_peer *peer;
  int64_t id = desk.join(peer);
  assert_true(desk.manager->send_part(id, Opcode::TEXT, bytes("a"), 1, false) == Error::OK);
  assert_true(mail(desk, id, "never sent") == Error::OK);
  desk.poll();
  assert_true(desk.manager->abort(id) == Error::OK);
  assert_int_equal(desk.poll(1000), 1);
  assert_int_equal(*desk.manager->queued(id), 10);
  assert_non_null(std::strstr(desk.manager->event_text(0), "10 bytes were not sent"));
  desk.poll();
  assert_int_equal(*desk.manager->stat("memory"), 0);
}

// An outer loop is told of the mail.
void test_outer_loop(void **) {
  if (!has_outer_loops()) skip();
  Desk desk;
  raw_peer *peer;
  int64_t id = desk.join(peer);
  int fd = static_cast<int>(*desk.manager->outer_fd());
  for (int i = 0; i < 10; i++)
    desk.poll(1);
  pollfd one = {fd, POLLIN, 0};
  assert_int_equal(::poll(&one, 1, 0), 0);
  assert_true(mail(desk, id, "hello") == Error::OK);
  assert_int_equal(::poll(&one, 1, 0), 1);
  assert_true(raw_expect_frame(peer, RAW_FIN | RAW_TEXT, "hello", 5));
  for (int i = 0; i < 10; i++)
    desk.poll(1);
  assert_int_equal(::poll(&one, 1, 0), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_order_with_own_sends),
      cmocka_unit_test(test_checks),
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_held),
      cmocka_unit_test(test_held_at_the_end),
      cmocka_unit_test(test_outer_loop),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
