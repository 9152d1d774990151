#include "deflate/codec.hpp"

#include <cstring>
#include <memory>
#include <string>

#include "deflate/reference.hpp"
#include "support/cmocka.hpp"
#include "support/failing_new.hpp"

using namespace hawser;
using namespace reference;

namespace {

constexpr uint64_t kNoLimit = INT64_MAX;

// A compressed message, its data in pieces of that many bytes; "no memory".
std::string compress(Compressor &compressor, Budget &budget, const std::string &data, size_t piece = SIZE_MAX) {
  Buffer to(budget);
  size_t at = 0;
  do {
    std::string part = data.substr(at, piece);
    at += part.size();
    if (!compressor.compress(octets(part), part.size(), at == data.size(), to)) return "no memory";
  } while (at != data.size());
  return content(to);
}

std::string compress(const CompressorShape &shape, const std::string &data, size_t piece = SIZE_MAX) {
  Budget budget(Budget::kUnlimited);
  std::unique_ptr<Compressor> compressor = Compressor::make(shape, budget);
  return compressor ? compress(*compressor, budget, data, piece) : "no memory";
}

struct Outcome {
  Error error = Error::OK;
  std::string data;
  size_t most_memory = 0;  // the largest capacity that the buffer had
  size_t excess = 0;       // what it had beyond twice the data, at most

  bool operator==(const Outcome &other) const { return error == other.error && data == other.data; }
};

// Inflates a message that comes in pieces, each in memory that ends with it.
Outcome inflate(Decompressor &decompressor, Budget &budget, const std::string &message, size_t piece = SIZE_MAX,
                uint64_t most = kNoLimit) {
  Outcome outcome;
  Buffer to(budget);
  auto look = [&](const Failure &failure) {
    outcome.error = failure.error;
    outcome.most_memory = std::max(outcome.most_memory, to.capacity());
    outcome.excess = std::max(outcome.excess, to.capacity() - std::min(to.capacity(), 2 * to.size()));
  };
  for (size_t at = 0; at < message.size() && outcome.error == Error::OK;) {
    size_t size = std::min(piece, message.size() - at);
    std::unique_ptr<uint8_t[]> copy(new uint8_t[size]);
    std::memcpy(copy.get(), message.data() + at, size);
    look(decompressor.inflate(copy.get(), size, most - to.size(), to));
    at += size;
  }
  if (outcome.error == Error::OK) look(decompressor.finish(most - to.size(), to));
  outcome.data = content(to);
  return outcome;
}

Outcome inflate(const std::string &message, size_t piece = SIZE_MAX, uint64_t most = kNoLimit, int bits = 15) {
  Budget budget(Budget::kUnlimited);
  std::unique_ptr<Decompressor> decompressor = Decompressor::make(bits, budget);
  return decompressor ? inflate(*decompressor, budget, message, piece, most) : Outcome{Error::NO_MEMORY, ""};
}

constexpr size_t kPieces[] = {1, 2, 3, 7, 100, SIZE_MAX};

// However the message comes, it is these data.
bool gives(const std::string &message, const std::string &data, int bits = 15) {
  for (size_t piece : kPieces) {
    Outcome outcome = inflate(message, piece, kNoLimit, bits);
    if (outcome.error != Error::OK || outcome.data != data) return false;
  }
  return true;
}
bool is_refused(const std::string &message) {
  for (size_t piece : kPieces)
    if (inflate(message, piece).error != Error::DEFLATE) return false;
  return true;
}

// ---------------------------------------------------------------------------------------------------------------------
// RFC 7692 7.2.3

void the_examples_of_the_rfc_are_inflated(void **) {
  for (const std::string &message : {kHello, kHelloStored, kHelloLast, kHelloInTwoBlocks})
    assert_true(gives(message, "Hello"));
  assert_true(gives(kEmpty, ""));
  // 7.2.3.6: a last fragment that adds nothing. What was flushed before it keeps its tail.
  assert_true(gives(kHello + kTail + kEmpty, "Hello"));
}

void context_takeover_is_as_in_the_example(void **) {
  for (size_t piece : kPieces) {
    Budget budget(Budget::kUnlimited);
    std::unique_ptr<Decompressor> decompressor = Decompressor::make(15, budget);
    for (const std::string &message : {kHello, kHelloAgain, kHello, kHelloAgain, kHelloAgain})
      assert_string_equal(inflate(*decompressor, budget, message, piece).data.c_str(), "Hello");
    decompressor->reset();
    assert_int_equal(static_cast<int>(inflate(*decompressor, budget, kHelloAgain, piece).error),
                     static_cast<int>(Error::DEFLATE));
  }
}

void hello_is_compressed_as_in_the_example(void **) {
  Budget budget(Budget::kUnlimited);
  std::unique_ptr<Compressor> compressor = Compressor::make({}, budget);
  assert_true(compress(*compressor, budget, "Hello") == kHello);
  assert_true(compress(*compressor, budget, "Hello") == kHelloAgain);
  compressor->reset();
  assert_true(compress(*compressor, budget, "Hello") == kHello);
  assert_true(compress(*compressor, budget, "") == kEmpty);
}

// ---------------------------------------------------------------------------------------------------------------------
// Compressing

// Text, noise, and repetitions around the edge of the window.
std::string sample_for(int bits) {
  size_t window = size_t{1} << bits;
  std::string all;
  for (size_t distance : {window - 262, window - 261, window, window + 1, window + 300}) {
    if (distance > 2 * window) continue;  // window - 262 of a window of 256
    std::string block = noise(std::min<size_t>(distance, 60), static_cast<unsigned>(distance));
    all += block + noise(distance - block.size(), static_cast<unsigned>(distance + 1)) + block;
  }
  return all + prose(3000) + std::string(1000, 'x');
}

// zlib itself, with a window of that size and output of one byte at a time, inflates what comes of every shape: so no
// match reaches farther back.
void what_is_compressed_fits_the_window(void **) {
  for (int bits = 8; bits <= 15; bits++) {
    std::string sample = sample_for(bits);
    for (int level = 1; level <= 9; level++) {
      for (int memory_level : {1, 8, 9})
        assert_true(inflated(compress({bits, memory_level, level}, sample), bits) == sample);
    }
    for (int memory_level : {2, 3, 4, 5, 6, 7})
      assert_true(inflated(compress({bits, memory_level, 6}, sample), bits) == sample);
  }
}

// That the measure finds a match that is too far: what was compressed for a larger window.
void a_match_that_is_too_far_is_found(void **) {
  for (int bits = 8; bits <= 14; bits++) {
    size_t distance = (size_t{1} << bits) + 1;
    std::string block = noise(100, 7);
    std::string sample = block + noise(distance - block.size(), 8) + block;
    std::string compressed = compress({bits + (bits == 8 ? 2 : 1), 8, 9}, sample);
    assert_true(inflated(compressed, 15) == sample);
    assert_false(Inflater(bits).message(compressed).has_value());
  }
}

// A window of 256 bytes is of use all the same: matches up to 250 bytes back (9 bits less zlib's lookahead of 262).
void small_windows_find_matches(void **) {
  std::string block = noise(100);
  for (int bits = 8; bits <= 15; bits++) {
    std::string sample = block + noise(140, 2) + block;
    assert_true(compress({bits, 8, 9}, sample).size() < 270);
  }
}

void context_takeover_keeps_to_the_window(void **) {
  for (int bits = 8; bits <= 15; bits++) {
    Budget budget(Budget::kUnlimited);
    std::unique_ptr<Compressor> compressor = Compressor::make({bits, 8, 6}, budget);
    Inflater inflater(bits);
    for (unsigned i = 0; i < 50; i++) {
      std::string message = prose(37 * (i % 7), i % 5) + noise(i * 11 % 300, i % 9);
      assert_true(inflater.message(compress(*compressor, budget, message)) == message);
    }
  }
}

void pieces_give_the_same_message(void **) {
  std::string sample = prose(5000) + noise(500) + prose(5000);
  for (size_t piece : {1, 2, 99, 1024, 4999, 5000})
    assert_true(inflated(compress({}, sample, piece)) == sample);
  for (size_t size : {0, 1, 2, 5, 1000}) {
    Budget budget(Budget::kUnlimited);
    std::unique_ptr<Compressor> compressor = Compressor::make({}, budget);
    Buffer to(budget);
    std::string part = prose(size);
    assert_true(compressor->compress(nullptr, 0, false, to));
    assert_true(compressor->compress(octets(part), size, false, to));
    assert_true(compressor->compress(nullptr, 0, false, to));
    assert_true(compressor->compress(octets(part), size, false, to));
    assert_true(compressor->compress(nullptr, 0, true, to));
    assert_true(inflated(content(to)) == part + part);
  }
}

// Each piece ends with a byte boundary: what has come can be inflated before the rest is sent.
void each_piece_can_be_read_when_it_comes(void **) {
  Budget budget(Budget::kUnlimited);
  std::unique_ptr<Compressor> compressor = Compressor::make({}, budget);
  std::unique_ptr<Decompressor> decompressor = Decompressor::make(15, budget);
  std::string sent;
  Buffer got(budget);
  for (unsigned i = 0; i < 20; i++) {
    std::string part = prose(i * 50, i);
    Buffer piece(budget);
    assert_true(compressor->compress(octets(part), part.size(), false, piece));
    sent += part;
    assert_false(static_cast<bool>(decompressor->inflate(piece.data(), piece.size(), kNoLimit, got)));
    assert_true(content(got) == sent);
  }
}

void large_messages_are_compressed(void **) {
  for (const std::string &sample : {std::string(3 << 20, 'x'), noise(1 << 20), prose(1 << 20)})
    for (int level : {1, 6, 9})
      assert_true(inflated(compress({15, 8, level}, sample), 15, 65536) == sample);
  // What cannot be made smaller grows by little (RFC 1951 3.2.4).
  assert_true(compress({}, noise(1 << 20)).size() < (1 << 20) + (1 << 20) / 1000);
}

// ---------------------------------------------------------------------------------------------------------------------
// Inflating

void what_zlib_compresses_is_inflated(void **) {
  for (int bits : {9, 10, 12, 15}) {
    std::string sample = sample_for(bits);
    for (int strategy : {Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED}) {
      for (int level : {0, 1, 6, 9}) {
        std::string message = Deflater(bits, level, 8, strategy).message(sample);
        assert_true(inflate(message, SIZE_MAX, kNoLimit, bits) == (Outcome{Error::OK, sample}));
        if (bits < 12) assert_true(inflate(message, 1, kNoLimit, bits) == (Outcome{Error::OK, sample}));
      }
    }
  }
}

void messages_of_many_blocks_are_inflated(void **) {
  std::string sample = prose(3000) + noise(300) + prose(3000, 2);
  for (int flush : {Z_SYNC_FLUSH, Z_FULL_FLUSH})
    for (size_t block : {size_t{1}, size_t{10}, size_t{1000}})
      assert_true(gives(Deflater().message(sample, flush, block), sample));
  Deflater mixed;
  std::string message = mixed.add(sample, Z_PARTIAL_FLUSH, 500);
  message += mixed.add(sample, Z_BLOCK, 700);
  message += mixed.add(sample, Z_FULL_FLUSH);
  message += mixed.message(sample);
  assert_true(gives(message, sample + sample + sample + sample));
}

// 7.2.3.4: a block with BFINAL set is a block like others. The window stays, and some leave out the empty block behind
// the last one.
void blocks_may_say_to_be_the_last_one(void **) {
  const std::string last = kHelloLast.substr(0, 7);
  assert_true(gives(last + kHello, "HelloHello"));
  assert_true(gives(last + last + last + kEmpty, "HelloHelloHello"));
  assert_true(gives(last + kHelloAgain, "HelloHello"));
  assert_true(gives(kHello + kTail + kHelloLast + kTail + kHelloAgain, "HelloHelloHello"));
  assert_true(gives(last, "Hello"));
  std::string sample = prose(70'000);
  Deflater deflater;
  std::string finished = deflater.add(sample, Z_FINISH);
  assert_true(gives(finished, sample));
  assert_true(gives(finished + kEmpty, sample));
  assert_true(gives(finished + deflated(sample), sample + sample));
}

// The next message is one of its own.
void a_last_block_ends_with_its_message(void **) {
  for (size_t piece : kPieces) {
    Budget budget(Budget::kUnlimited);
    std::unique_ptr<Decompressor> decompressor = Decompressor::make(15, budget);
    for (const std::string &message : {kHelloLast, kHelloAgain, kHelloLast.substr(0, 7), kHelloAgain, kHelloLast})
      assert_true(inflate(*decompressor, budget, message, piece) == (Outcome{Error::OK, "Hello"}));
    assert_int_equal(static_cast<int>(inflate(*decompressor, budget, kHelloLast.substr(0, 7)).error), 0);
    // No bytes are no message: an empty one has the byte of its block.
    assert_int_equal(static_cast<int>(inflate(*decompressor, budget, "").error), static_cast<int>(Error::DEFLATE));
  }
}

void messages_that_are_cut_off_are_refused(void **) {
  for (const std::string &message : {kHello, kHelloInTwoBlocks, kEmpty, deflated(prose(300)), deflated(noise(300))}) {
    for (size_t size = 0; size < message.size(); size++) {
      std::string cut = message.substr(0, size);
      std::optional<std::string> expected = Inflater().message(cut);
      assert_true(expected ? gives(cut, *expected) : is_refused(cut));
    }
  }
  for (const std::string &cut : {std::string(), kHello.substr(0, 6), kHello.substr(0, 3), kHelloStored.substr(0, 4),
                                 kHelloStored.substr(0, 7), kHelloStored.substr(0, 8), kHelloLast.substr(0, 6),
                                 kHelloInTwoBlocks.substr(0, 5), deflated(noise(300)).substr(0, 200)})
    assert_true(is_refused(cut));
}

void what_is_not_deflated_is_refused(void **) {
  // RFC 1951 3.2.3 and 3.2.4: a reserved kind of block, a length that is not its complement's, bytes behind the window.
  for (const char *bytes : {"\x06", "\x07", "\xff", "\x01\x05\x01\xfa\xff", "\xf2\x01\x11", "\x04\xfd"})
    assert_true(is_refused(bytes));
  assert_true(is_refused(kHello + "\xff"));
  assert_true(is_refused(kHelloAgain));
  assert_true(is_refused(noise(1000)));
}

// Whatever the bytes are: the data or a refusal, and the same in all pieces; as zlib itself finds, but for blocks that
// say to be the last one.
void damaged_messages_are_data_or_refused(void **) {
  int refused = 0;
  for (const std::string &message :
       {deflated(prose(400)), kHelloInTwoBlocks, kHelloStored, Deflater(15, 9, 8, Z_FIXED).message(prose(100)),
        deflated(noise(40) + prose(40))}) {
    for (size_t bit = 0; bit < 8 * message.size(); bit++) {
      std::string damaged = message;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      Outcome whole = inflate(damaged);
      assert_true(whole.error == Error::OK || whole.error == Error::DEFLATE);
      assert_true(inflate(damaged, 1) == whole);
      std::optional<std::string> expected = Inflater().message(damaged);
      if (expected) assert_true(whole.error == Error::OK && whole.data == *expected);
      if (whole.error != Error::OK) refused++;
    }
  }
  assert_true(refused > 500);
}

void small_windows_refuse_what_reaches_farther(void **) {
  std::string block = noise(100);
  for (int bits = 8; bits <= 14; bits++) {
    size_t window = size_t{1} << bits;
    for (size_t distance : {window - 1, window, window + 1, window + 50}) {
      // Two pieces: what was given out is not the window's any more.
      Budget budget(Budget::kUnlimited);
      std::unique_ptr<Decompressor> decompressor = Decompressor::make(bits, budget);
      Deflater deflater(15, 9);
      std::string first =
          deflater.message("zlib finds no match at its first byte: " + block + noise(distance - block.size(), 2));
      assert_int_equal(static_cast<int>(inflate(*decompressor, budget, first).error), 0);
      Outcome second = inflate(*decompressor, budget, deflater.message(block));
      assert_int_equal(second.error == Error::OK, distance <= window);
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Limits

void a_message_may_be_as_large_as_allowed(void **) {
  for (size_t size : {0, 1, 2, 1023, 1024, 1025, 2047, 2048, 2049, 100'000, 262'143, 262'144, 262'145, 600'000}) {
    for (const std::string &data : {std::string(size, 'x'), prose(size)}) {
      std::string message = deflated(data);
      if (size == 0) message = kEmpty;
      for (size_t piece : {size_t{1}, size_t{100}, SIZE_MAX}) {
        Outcome fits = inflate(message, piece, size);
        assert_true(fits == (Outcome{Error::OK, data}));
        assert_true(fits.most_memory <= size + 1);
        if (size == 0) continue;
        Outcome over = inflate(message, piece, size - 1);
        assert_int_equal(static_cast<int>(over.error), static_cast<int>(Error::LIMIT));
        assert_true(over.data == data.substr(0, size - 1));
        assert_true(over.most_memory <= size);
      }
    }
  }
}

// What is too large is that before what comes behind it is looked at.
void the_first_fault_is_told(void **) {
  std::string message = deflated(prose(500)) + kTail + "\xff";
  for (size_t piece : kPieces) {
    Outcome outcome = inflate(message, piece);
    assert_true(outcome == (Outcome{Error::DEFLATE, prose(500)}));
    outcome = inflate(message, piece, 499);
    assert_true(outcome == (Outcome{Error::LIMIT, prose(500).substr(0, 499)}));
  }
}

// 1,000 : 1, of which the limit is reached in the first percent.
void a_bomb_stops_at_the_limit(void **) {
  std::string bomb = deflated(std::string(20 << 20, '\0'));
  assert_true(bomb.size() < 25'000);
  for (size_t piece : {size_t{1}, size_t{1000}, SIZE_MAX}) {
    for (size_t limit : {size_t{0}, size_t{1}, size_t{1000}, size_t{100'000}, size_t{300'000}}) {
      Budget budget(Budget::kUnlimited);
      std::unique_ptr<Decompressor> decompressor = Decompressor::make(15, budget);
      Outcome outcome = inflate(*decompressor, budget, bomb, piece, limit);
      assert_int_equal(static_cast<int>(outcome.error), static_cast<int>(Error::LIMIT));
      assert_true(outcome.data.size() <= limit && outcome.most_memory <= limit + 1);
    }
  }
}

// A limit gives no memory to those who send nothing: it grows with what was inflated.
void memory_grows_with_what_was_inflated(void **) {
  for (const std::string &data : {prose(200'000), std::string(500'000, 'x'), noise(50'000)}) {
    Outcome outcome = inflate(deflated(data), 1, 1 << 30);
    assert_true(outcome.error == Error::OK && outcome.data == data);
    assert_true(outcome.excess <= 2048);
  }
}

// Blocks without content: they cost no memory, and each byte is looked at once.
void empty_blocks_cost_nothing(void **) {
  std::string stored;
  std::string last;
  for (int i = 0; i < 100'000; i++) {
    stored += kEmpty + kTail;
    last.append("\x03\x00", 2);
  }
  for (const std::string &message : {stored + kEmpty, last}) {
    for (size_t piece : {size_t{1}, size_t{1000}, SIZE_MAX}) {
      Outcome outcome = inflate(message, piece, 100);
      assert_true(outcome.error == Error::OK && outcome.data.empty());
      assert_true(outcome.most_memory <= 101);
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Memory

// Compresses and inflates within a budget: true if that was enough. Nothing stays.
enum class Verdict { DONE, REFUSED, WRONG };

Verdict work_within(int64_t limit) {
  Budget budget(limit);
  const std::string data = prose(20'000);
  std::string message;
  {
    std::unique_ptr<Compressor> compressor = Compressor::make({10, 2, 6}, budget);
    message = compressor ? compress(*compressor, budget, data) : "no memory";
  }
  if (budget.used() != 0) return Verdict::WRONG;
  bool refused = message == "no memory";
  if (refused) message = Deflater(10).message(data);
  Outcome outcome{Error::NO_MEMORY, ""};
  {
    std::unique_ptr<Decompressor> decompressor = Decompressor::make(10, budget);
    if (decompressor) outcome = inflate(*decompressor, budget, message);
  }
  if (budget.used() != 0) return Verdict::WRONG;
  if (outcome.error == Error::OK)
    return outcome.data != data ? Verdict::WRONG : refused ? Verdict::REFUSED : Verdict::DONE;
  return outcome.error == Error::NO_MEMORY ? Verdict::REFUSED : Verdict::WRONG;
}

void every_budget_is_kept(void **) {
  int refused = 0;
  int done = 0;
  for (int64_t limit = 0; limit < 80'000; limit += 250) {
    Verdict verdict = work_within(limit);
    assert_true(verdict != Verdict::WRONG);
    (verdict == Verdict::DONE ? done : refused)++;
  }
  assert_true(refused > 10 && done > 10);
}

void the_budget_counts_the_state(void **) {
  Budget budget(Budget::kUnlimited);
  std::unique_ptr<Compressor> compressor = Compressor::make({15, 8, 6}, budget);
  // zconf.h: (1 << (windowBits + 2)) + (1 << (memLevel + 9)), and a little.
  assert_true(budget.used() >= (1 << 17) + (1 << 17));
  assert_true(budget.used() < (1 << 17) + (1 << 17) + 32'000);
  compressor = Compressor::make({9, 1, 6}, budget);
  assert_true(budget.used() < 20'000);
  compressor.reset();
  assert_int_equal(budget.used(), 0);
  std::unique_ptr<Decompressor> decompressor = Decompressor::make(15, budget);
  assert_int_equal(static_cast<int>(inflate(*decompressor, budget, kHello).error), 0);
  assert_true(budget.used() >= 1 << 15 && budget.used() < 64'000);
  decompressor.reset();
  assert_int_equal(budget.used(), 0);
}

void every_failed_allocation_is_survived(void **) {
  for (int64_t allocations = 0; allocations < 2; allocations++) {
    Budget budget(Budget::kUnlimited);
    allocations_left = allocations;
    std::unique_ptr<Compressor> compressor = Compressor::make({}, budget);
    allocations_left = allocations;
    std::unique_ptr<Decompressor> decompressor = Decompressor::make(15, budget);
    allocations_left = -1;
    assert_null(compressor.get());
    assert_null(decompressor.get());
    assert_int_equal(budget.used(), 0);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_examples_of_the_rfc_are_inflated),
      cmocka_unit_test(context_takeover_is_as_in_the_example),
      cmocka_unit_test(hello_is_compressed_as_in_the_example),
      cmocka_unit_test(what_is_compressed_fits_the_window),
      cmocka_unit_test(a_match_that_is_too_far_is_found),
      cmocka_unit_test(small_windows_find_matches),
      cmocka_unit_test(context_takeover_keeps_to_the_window),
      cmocka_unit_test(pieces_give_the_same_message),
      cmocka_unit_test(each_piece_can_be_read_when_it_comes),
      cmocka_unit_test(large_messages_are_compressed),
      cmocka_unit_test(what_zlib_compresses_is_inflated),
      cmocka_unit_test(messages_of_many_blocks_are_inflated),
      cmocka_unit_test(blocks_may_say_to_be_the_last_one),
      cmocka_unit_test(a_last_block_ends_with_its_message),
      cmocka_unit_test(messages_that_are_cut_off_are_refused),
      cmocka_unit_test(what_is_not_deflated_is_refused),
      cmocka_unit_test(damaged_messages_are_data_or_refused),
      cmocka_unit_test(small_windows_refuse_what_reaches_farther),
      cmocka_unit_test(a_message_may_be_as_large_as_allowed),
      cmocka_unit_test(the_first_fault_is_told),
      cmocka_unit_test(a_bomb_stops_at_the_limit),
      cmocka_unit_test(memory_grows_with_what_was_inflated),
      cmocka_unit_test(empty_blocks_cost_nothing),
      cmocka_unit_test(every_budget_is_kept),
      cmocka_unit_test(the_budget_counts_the_state),
      cmocka_unit_test(every_failed_allocation_is_survived),
  };
  return cmocka_run_group_tests_name("deflate/codec", tests, nullptr, nullptr);
}
