// Advisories about randomness and about comparing: both are asked of other libraries, and the test stands between.
#include <cerrno>
#include <cstring>
#include <set>
#include <string>

#include <sys/syscall.h>
#include <unistd.h>

#include "history/advisory.hpp"
#include "history/talk.hpp"

extern "C" {
#include "support/log.h"
}

using history::answer_to;
using history::kRoles;
using history::Talk;

namespace {

bool generator_fails = false;
int64_t drawn = 0;

struct Comparison {
  int count = 0;
  size_t size = 0;
} comparison;

}  // namespace

// In place of those of the C library and of OpenSSL, for the library under test too.
extern "C" {

[[gnu::visibility("default")]] ssize_t getrandom(void *to, size_t size, unsigned flags) {
  if (generator_fails) {
    errno = ENOSYS;
    return -1;
  }
  drawn += static_cast<int64_t>(size);
  return syscall(SYS_getrandom, to, size, flags);
}

[[gnu::visibility("default")]] int CRYPTO_memcmp(const void *a, const void *b, size_t size) {
  comparison.count++;
  comparison.size = size;
  auto *left = static_cast<const volatile uint8_t *>(a);
  auto *right = static_cast<const volatile uint8_t *>(b);
  int difference = 0;
  for (size_t i = 0; i < size; i++)
    difference |= left[i] ^ right[i];
  return difference;
}
}

namespace {

constexpr int kFrames = 20'000;

// Each bit of a key is set as often as not: 20,000 draws have a standard deviation of 71.
void check_bits(const std::vector<frames::Frame> &all) {
  for (int bit = 0; bit < 32; bit++) {
    int set = 0;
    for (const frames::Frame &frame : all)
      set += frame.key[bit / 8] >> (bit % 8) & 1;
    assert_in_range(set, kFrames / 2 - 700, kFrames / 2 + 700);
  }
}

}  // namespace

// RFC 6455 5.3: a fresh key for every frame, from a strong source of entropy; and a server does not mask.
void cve_2025_10148_masks(void **) {
  std::set<frames::Key> keys;
  int64_t before = drawn;
  {
    Talk talk = Talk::open(HWS_CLIENT);
    for (int i = 0; i < kFrames; i++)
      assert_int_equal(i % 2 == 0 ? hws_session_send(*talk, HWS_TEXT, "", 0) : hws_session_ping(*talk, "", 0), HWS_OK);
    std::vector<frames::Frame> all = talk.take_frames();
    assert_int_equal(all.size(), kFrames);
    for (const frames::Frame &frame : all) {
      assert_true(frame.masked);
      keys.insert(frame.key);
    }
    check_bits(all);
  }
  assert_true(drawn - before >= 4 * kFrames);  // they are the generator's own bytes
  assert_true(keys.size() > kFrames - 5);      // 20,000 of 2^32: even one pair is not to be expected
  Talk server = Talk::open(HWS_SERVER);
  hws_session_send(*server, HWS_TEXT, "Hello", 5);
  assert_false(server.take_frames()[0].masked);
}

void cve_2025_10148_generator_fails(void **) {
  Talk talk = Talk::open(HWS_CLIENT);
  generator_fails = true;
  hws_session *begun = hws_session_new_client("ws://server.example.com/", nullptr);
  hws_result result = HWS_OK;
  int sent = 0;
  for (; result == HWS_OK && sent < 1000; sent++)  // a few keys may be there already
    result = hws_session_send(*talk, HWS_TEXT, "secret", 6);
  generator_fails = false;
  std::vector<frames::Frame> all = talk.take_frames();
  assert_null(begun);  // it has no nonce
  assert_int_equal(result, HWS_ERR_RANDOM);
  assert_true(talk.closed);
  assert_int_equal(talk.error, HWS_ERR_RANDOM);
  assert_int_equal(all.size(), sent - 1);  // and nothing in place of the last
  for (const frames::Frame &frame : all)
    assert_string_equal(frame.payload.c_str(), "secret");

  struct log log;
  struct raw_peer peer;
  log_open(&log, nullptr);
  hws_id id = log_dial(&log, nullptr, &peer);
  assert_true(id > 0);
  generator_fails = true;
  for (result = HWS_OK, sent = 0; result == HWS_OK && sent < 1000; sent++)
    result = hws_manager_send(log.manager, id, HWS_TEXT, "secret", 6);
  const struct log_entry *end = log_wait(&log, HWS_EVENT_CLOSE, id);
  generator_fails = false;
  assert_int_equal(result, HWS_ERR_RANDOM);
  assert_non_null(end);
  assert_int_equal(end->event.error, HWS_ERR_RANDOM);
  for (int i = 0; i < sent - 1; i++)
    assert_true(raw_expect_frame(&peer, RAW_FIN | RAW_TEXT, "secret", 6));
  assert_int_equal(raw_read_more(&peer), 0);
  assert_int_equal(peer.size, 0);
  raw_peer_close(&peer);
  log_close(&log);
}

// No clock is asked: the whole value is compared, by OpenSSL's comparison in constant time, wherever it differs, and
// the answer does not tell where.
void cve_2021_33880_comparison(void **) {
  constexpr size_t kSize = 28;  // 20 bytes in base64
  std::set<std::string> endings;
  for (size_t at = 0; at <= kSize; at++) {
    Talk talk = Talk::begin(HWS_CLIENT);
    std::string answer = answer_to(talk.take_output());
    size_t value = answer.find("Sec-WebSocket-Accept: ") + std::strlen("Sec-WebSocket-Accept: ");
    if (at < kSize) answer[value + at] = answer[value + at] == 'A' ? 'B' : 'A';
    comparison = {};
    talk.feed(answer);
    assert_int_equal(comparison.count, 1);
    assert_int_equal(comparison.size, kSize);
    assert_int_equal(talk.opens, at < kSize ? 0 : 1);
    if (at < kSize) endings.insert(std::to_string(talk.error) + " " + std::to_string(talk.system) + " " + talk.words);
  }
  assert_int_equal(endings.size(), 1);
}
