#include "manager/output.hpp"

#include <cstring>
#include <random>

#include "bench.hpp"
#include "support/cmocka.hpp"
#include "support/raw_peer.h"

namespace {

using hawser::Block;
using hawser::Connection;

int64_t id_of(const Connection &connection) {
  return connection.id.load();
}

bool append(Bench &bench, Connection &connection, const std::string &text) {
  uint8_t *at = bench.output.append(*connection.session, text.size());
  if (at != nullptr) std::memcpy(at, text.data(), text.size());
  return at != nullptr;
}

// What Manager does with a small message. False if it has to be appended.
bool put(Bench &bench, Connection &connection, const std::string &text) {
  hawser::Output &output = bench.output;
  size_t size = text.size();
  bool begun = output.may_extend(connection, size) || output.begin_to_write(connection, size, connection.queue_left());
  if (begun) std::memcpy(output.extend(connection, size), text.data(), size);
  return begun;
}

bool borrow(Bench &bench, Connection &connection, const std::string &head, const std::string &payload) {
  return bench.output.append_borrowed(*connection.session, reinterpret_cast<const uint8_t *>(head.data()), head.size(),
                                      reinterpret_cast<const uint8_t *>(payload.data()), payload.size());
}

bool share(Bench &bench, const std::string &text, std::string *models) {
  Block *block = Block::make(text.size(), bench.budget);
  std::memcpy(block->extend(text.size()), text.data(), text.size());
  bool done = true;
  for (int i = 0; i < 4; i++) {
    done = done && bench.output.share(bench.connections[i], *block);
    models[i] += text;
  }
  block->release();
  return done;
}

// All ways to write, on four connections of which some read slowly, against strings.
bool matches_strings(unsigned seed) {
  std::mt19937 random(seed);
  Bench bench;
  std::string models[4];
  std::string got[4];
  bool good = true;
  for (int i = 0; i < 4; i++)
    good = good && bench.open(i);
  for (int step = 0; step < 6000 && good; step++) {
    int i = static_cast<int>(random() % 4);
    std::string text(random() % 100 == 0 ? random() % 200000 + 1 : random() % 300 + 1, static_cast<char>(random()));
    switch (random() % 12) {
      case 0:
        bench.output.flush_all();
        break;
      case 1:
        good = share(bench, text, models);
        break;
      case 2: {
        std::string head(random() % 14, 'h');
        good = borrow(bench, bench.connections[i], head, text);
        models[i] += head + text;
        break;
      }
      case 3:
        bench.note();
        got[i] += bench.read(i, random() % 400000);
        break;
      default:
        good =
            (random() % 2 == 0 && put(bench, bench.connections[i], text)) || append(bench, bench.connections[i], text);
        models[i] += text;
    }
    int64_t queued = bench.connections[i].queued();
    good = good && queued >= 0 && static_cast<size_t>(queued) <= models[i].size() - got[i].size();
  }
  for (int turn = 0; turn < 100000 && good && (got[0] != models[0] || turn < 4); turn++) {
    bench.output.flush_all();
    bench.note();
    for (int i = 0; i < 4; i++)
      got[i] += bench.read(i);
  }
  for (int turn = 0; turn < 1000; turn++) {
    bench.note();
    for (int i = 0; i < 4; i++)
      got[i] += bench.read(i);
  }
  for (int i = 0; i < 4; i++)
    good =
        good && got[i] == models[i] && bench.connections[i].queued() == 0 && bench.connections[i].outbox() == nullptr;
  return good && bench.budget.used() == 0;
}

void test_like_strings(void **) {
  for (unsigned seed = 1; seed <= 8; seed++) {
    if (!matches_strings(seed)) print_error("seed %u\n", seed);
    assert_true(matches_strings(seed));
  }
}

void test_one_write_for_many_frames(void **) {
  Bench bench;
  assert_true(bench.open(0));
  for (int i = 0; i < 100; i++)
    assert_true(append(bench, bench.connections[0], "frame"));
  assert_true(bench.output.dirty());
  assert_int_equal(bench.connections[0].queued(), 500);
  assert_int_equal(bench.stats.bytes_sent, 0);
  bench.output.flush_all();
  assert_false(bench.output.dirty());
  assert_int_equal(bench.stats.bytes_sent, 500);
  assert_int_equal(bench.read(0).size(), 500);
}

// Who writes may go on until its queue is full, another one has begun, or all was flushed.
void test_extending(void **) {
  Bench bench;
  assert_true(bench.open(0));
  assert_true(bench.open(1));
  Connection &one = bench.connections[0];
  Connection &two = bench.connections[1];
  assert_true(bench.output.begin_to_write(one, 10, 25));
  std::memcpy(bench.output.extend(one, 10), "0123456789", 10);
  assert_true(bench.output.may_extend(one, 15));
  assert_false(bench.output.may_extend(one, 16));
  assert_false(bench.output.may_extend(two, 1));
  assert_true(bench.output.begin_to_write(two, 5, 1));  // more than is left, but the first
  std::memcpy(bench.output.extend(two, 5), "abcde", 5);
  assert_false(bench.output.may_extend(two, 1));
  assert_false(bench.output.may_extend(one, 1));
  bench.output.flush_all();
  assert_false(bench.output.may_extend(two, 1));
  assert_string_equal(bench.read(0).c_str(), "0123456789");
  assert_string_equal(bench.read(1).c_str(), "abcde");
}

void test_write_error(void **) {
  Bench bench;
  assert_true(bench.open(0));
  ::close(bench.ends[0]);
  bench.ends[0] = -1;
  assert_true(append(bench, bench.connections[0], "into the void"));
  bench.output.flush_all();
  assert_int_equal(bench.connections[0].write_error, EPIPE);
  assert_int_equal(bench.connections[0].queued(), 13);  // what was not sent
  assert_ptr_equal(bench.attention.pop(), &bench.connections[0]);
  assert_true(append(bench, bench.connections[0], "more"));
  bench.output.flush_all();
  assert_null(bench.connections[0].outbox());
}

// Fills a peer that does not read until the budget is used up, and beyond; nothing may get out of order or stick.
void test_budget(void **) {
  Bench bench(100000);
  assert_true(bench.open(0));
  std::string chunk(20000, 'c');
  size_t accepted = 0;
  while (accepted < 1000 && borrow(bench, bench.connections[0], "", chunk))
    accepted++;
  assert_in_range(accepted, 1, 999);
  size_t got = 0;
  for (int i = 0; i < 1000 && got < accepted * chunk.size(); i++) {
    got += bench.read(0).size();
    bench.note();
  }
  assert_int_equal(got, accepted * chunk.size());
  assert_int_equal(bench.connections[0].write_error, 0);
  assert_int_equal(bench.budget.used(), 0);
  assert_true(append(bench, bench.connections[0], "small"));
  bench.output.flush_all();
  assert_string_equal(bench.read(0).c_str(), "small");
}

// A frame larger than the arena that the budget refuses leaves no empty outbox behind, in which all that follows stuck.
void test_refused_large_frame(void **) {
  Bench bench(50000);
  assert_true(bench.open(0));
  assert_null(bench.output.append(*bench.connections[0].session, 100000));
  assert_null(bench.connections[0].outbox());
  assert_true(append(bench, bench.connections[0], "small"));
  bench.output.flush_all();
  assert_string_equal(bench.read(0).c_str(), "small");
  assert_int_equal(bench.connections[0].stalled_since(), -1);
}

// Small frames in many pieces are moved to an outbox, for a large one behind them that the budget then refuses: they
// leave all the same.
void test_refused_behind_many_pieces(void **) {
  Bench bench(10000);
  assert_true(bench.open(0));
  assert_true(bench.open(1));
  std::string sent;
  for (int i = 0; i < 100; i++) {
    assert_true(append(bench, bench.connections[0], std::to_string(i)));
    assert_true(append(bench, bench.connections[1], "x"));
    sent += std::to_string(i);
  }
  assert_false(borrow(bench, bench.connections[0], "head", std::string(20000, 'x')));
  bench.output.flush_all();
  assert_string_equal(bench.read(0).c_str(), sent.c_str());
  assert_int_equal(bench.connections[0].queued(), 0);
  assert_null(bench.connections[0].outbox());
  assert_int_equal(bench.budget.used(), 0);
}

// What was accepted and could not be sent is counted, also if the kernel refuses it at once.
void test_unsent_large_frame(void **) {
  Bench bench;
  assert_true(bench.open(0));
  ::close(bench.ends[0]);
  bench.ends[0] = -1;
  assert_true(append(bench, bench.connections[0], "small"));
  assert_true(borrow(bench, bench.connections[0], "head", std::string(20000, 'x')));
  assert_int_equal(bench.connections[0].write_error, EPIPE);
  assert_int_equal(bench.connections[0].queued(), 20009);
}

// A send long after the last poll: the peer has the whole time to read from now on, and not from then.
void test_stall_begins_now(void **) {
  Bench bench;
  assert_true(bench.open(0));
  int64_t before = raw_now_ms();
  assert_true(borrow(bench, bench.connections[0], "", std::string(10000000, 'x')));
  assert_true(bench.connections[0].queued() > 0);
  assert_true(bench.connections[0].stalled_since() >= before);
}

void test_drop(void **) {
  Bench bench;
  assert_true(bench.open(0));
  assert_true(bench.open(1));
  assert_true(append(bench, bench.connections[0], "dropped"));
  assert_true(append(bench, bench.connections[1], "kept"));
  bench.output.drop(bench.connections[0]);
  bench.output.flush_all();
  assert_string_equal(bench.read(0).c_str(), "");
  assert_string_equal(bench.read(1).c_str(), "kept");
  assert_int_equal(bench.connections[0].queued(), 7);
}

// The writer is known until it is dropped: its slot is free then, and may become another connection's.
void test_writer(void **) {
  Bench bench;
  assert_true(bench.open(0));
  assert_true(bench.open(1));
  assert_null(bench.output.writer(0));
  assert_true(put(bench, bench.connections[1], "flushed"));
  bench.output.flush_all();
  assert_ptr_equal(bench.output.writer(id_of(bench.connections[1])), &bench.connections[1]);
  assert_null(bench.output.writer(id_of(bench.connections[0])));
  bench.output.drop(bench.connections[0]);
  assert_ptr_equal(bench.output.writer(id_of(bench.connections[1])), &bench.connections[1]);
  bench.output.drop(bench.connections[1]);
  assert_null(bench.output.writer(id_of(bench.connections[1])));
  bench.table.release(bench.connections[1]);
  bench.connections[1].end();
  assert_null(bench.output.writer(0));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_like_strings),
      cmocka_unit_test(test_one_write_for_many_frames),
      cmocka_unit_test(test_extending),
      cmocka_unit_test(test_write_error),
      cmocka_unit_test(test_budget),
      cmocka_unit_test(test_refused_large_frame),
      cmocka_unit_test(test_refused_behind_many_pieces),
      cmocka_unit_test(test_unsent_large_frame),
      cmocka_unit_test(test_stall_begins_now),
      cmocka_unit_test(test_drop),
      cmocka_unit_test(test_writer),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
