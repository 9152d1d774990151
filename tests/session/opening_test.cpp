#include "session/opening.hpp"

#include "session/lab.hpp"
#include "support/cmocka.hpp"

using namespace hawser;

namespace {

const std::string kRequest =
    "GET /a?b HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nX: first\r\nX: second\r\n\r\n";

int as_int(Error error) {
  return static_cast<int>(error);
}

struct Collected {
  bool complete = false;
  Error error = Error::OK;
  size_t used = 0;
};

Collected collect(Opening &opening, std::string &bytes, size_t begin, size_t size) {
  Collected collected;
  Result<bool> complete = opening.collect(reinterpret_cast<uint8_t *>(bytes.data()) + begin, size, collected.used);
  if (complete) {
    collected.complete = *complete;
  } else {
    collected.error = complete.failure().error;
  }
  return collected;
}

void a_head_in_two_pieces(void **) {
  for (bool keep : {false, true}) {
    Config config;
    config.keep_handshake = keep;
    for (size_t cut = 1; cut < kRequest.size(); cut++) {
      Budget budget(Budget::kUnlimited);
      Opening opening(Role::SERVER, config, budget);
      std::string bytes = kRequest + "frames";
      Collected first = collect(opening, bytes, 0, cut);
      assert_false(first.complete);
      assert_int_equal(first.used, cut);
      Collected second = collect(opening, bytes, cut, bytes.size() - cut);
      assert_true(second.complete);
      assert_int_equal(second.used, kRequest.size() - cut);
      assert_int_equal(as_int(opening.parse_request().error), as_int(Error::OK));
      assert_true(static_cast<bool>(opening.check_request()));
      assert_true(opening.target() == "/a?b");
      assert_string_equal(opening.headers().find("x", 1), "second");
      assert_int_equal(opening.headers().count(), 7);
    }
  }
}

// Where it came, if that is enough; a copy, if it has to stay.
void a_whole_head(void **) {
  for (bool keep : {false, true}) {
    Config config;
    config.keep_handshake = keep;
    Budget budget(Budget::kUnlimited);
    Opening opening(Role::SERVER, config, budget);
    std::string bytes = kRequest + std::string(10'000, 'f');
    Collected whole = collect(opening, bytes, 0, bytes.size());
    assert_true(whole.complete);
    assert_int_equal(whole.used, kRequest.size());
    assert_int_equal(as_int(opening.parse_request().error), as_int(Error::OK));
    if (!keep) {
      assert_int_equal(budget.used(), 0);
      assert_true(opening.target().data() == bytes.data() + 4);
    } else {
      assert_in_range(budget.used(), kRequest.size(), 2 * kRequest.size());
      bytes.assign(bytes.size(), 'z');
      assert_true(opening.target() == "/a?b");
    }
  }
}

void what_is_wrong_fails_where_it_stands(void **) {
  Config config;
  Budget budget(Budget::kUnlimited);
  Opening opening(Role::SERVER, config, budget);
  std::string bytes = "GET / HTTP/1.1\r\nHost\x01";
  Collected good = collect(opening, bytes, 0, bytes.size() - 1);
  assert_int_equal(as_int(good.error), as_int(Error::OK));
  assert_int_equal(as_int(collect(opening, bytes, bytes.size() - 1, 1).error), as_int(Error::HANDSHAKE));
}

void heads_are_bounded(void **) {
  Config config;
  config.head.max_size = 1000;
  for (size_t piece : {1, 7, 999, 5000}) {
    Budget budget(Budget::kUnlimited);
    Opening opening(Role::CLIENT, config, budget);
    std::string bytes(5000, 'x');
    size_t done = 0;
    Collected last;
    while (done < bytes.size() && last.error == Error::OK) {
      size_t size = std::min(piece, bytes.size() - done);
      last = collect(opening, bytes, done, size);
      done += size;
    }
    assert_int_equal(as_int(last.error), as_int(Error::LIMIT));
    assert_true(budget.used() <= 2048);
    assert_true(done <= 1000 + piece);
  }
}

void memory_may_be_refused(void **) {
  Config config;
  Budget budget(20);
  Opening opening(Role::SERVER, config, budget);
  std::string bytes = kRequest;
  assert_int_equal(as_int(collect(opening, bytes, 0, 100).error), as_int(Error::NO_MEMORY));
}

void each_request_has_a_key_of_its_own(void **) {
  Config config;
  Budget budget(Budget::kUnlimited);
  lab::TestRandom random;
  Url url{false, "h", false, 80, "/t"};
  Opening one(Role::CLIENT, config, budget);
  Opening two(Role::CLIENT, config, budget);
  Result<std::string> first = one.make_request(url, random);
  Result<std::string> second = two.make_request(url, random);
  assert_true(static_cast<bool>(first) && static_cast<bool>(second));
  assert_true(*first != *second);
  assert_true(one.target() == "/t");
  random.break_down();
  Result<std::string> third = two.make_request(url, random);
  assert_false(static_cast<bool>(third));
  assert_int_equal(as_int(third.failure().error), as_int(Error::RANDOM));
}

void interim_answers_leave_nothing(void **) {
  Config config;
  config.head.max_size = 120;
  Budget budget(Budget::kUnlimited);
  Opening opening(Role::CLIENT, config, budget);
  std::string bytes = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
  for (int i = 0; i < 3; i++) {
    std::string copy = bytes;
    assert_true(collect(opening, copy, 0, copy.size()).complete);
    assert_int_equal(as_int(opening.parse_response().error), as_int(Error::OK));
    assert_true(opening.is_interim());
    assert_true(opening.status() == "103 Early Hints");
    assert_int_equal(as_int(opening.discard_interim().error), as_int(Error::OK));
    assert_true(opening.status().empty());
    assert_int_equal(opening.headers().count(), 0);
  }
  assert_true(collect(opening, bytes, 0, bytes.size()).complete);
  assert_int_equal(as_int(opening.parse_response().error), as_int(Error::OK));
  assert_int_equal(as_int(opening.discard_interim().error), as_int(Error::LIMIT));  // 148 bytes of them
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_head_in_two_pieces),
      cmocka_unit_test(a_whole_head),
      cmocka_unit_test(what_is_wrong_fails_where_it_stands),
      cmocka_unit_test(heads_are_bounded),
      cmocka_unit_test(memory_may_be_refused),
      cmocka_unit_test(each_request_has_a_key_of_its_own),
      cmocka_unit_test(interim_answers_leave_nothing),
  };
  return cmocka_run_group_tests_name("session/opening", tests, nullptr, nullptr);
}
