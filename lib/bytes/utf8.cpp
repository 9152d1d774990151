#include "bytes/utf8.hpp"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace hawser {

namespace {

using utf8_detail::Implementation;
using utf8_detail::kInvalid;

// A row of table 3-7 of the Unicode standard, which is the grammar of RFC 3629 section 4: how long the character of a
// lead is, and what its second byte may be.
struct Lead {
  uint8_t length;  // 0: no character begins so
  uint8_t lowest;
  uint8_t highest;
};

constexpr Lead lead_of(uint8_t first) {
  if (first < 0x80) return {1, 0, 0};
  if (first < 0xC2) return {0, 0, 0};  // a continuation, or an overlong form of ASCII
  if (first < 0xE0) return {2, 0x80, 0xBF};
  if (first == 0xE0) return {3, 0xA0, 0xBF};  // less is overlong
  if (first == 0xED) return {3, 0x80, 0x9F};  // more is a surrogate
  if (first < 0xF0) return {3, 0x80, 0xBF};
  if (first == 0xF0) return {4, 0x90, 0xBF};  // less is overlong
  if (first < 0xF4) return {4, 0x80, 0xBF};
  if (first == 0xF4) return {4, 0x80, 0x8F};  // more is above U+10FFFF
  return {0, 0, 0};
}

constexpr std::array<Lead, 256> make_lead_table() {
  std::array<Lead, 256> table{};
  for (size_t byte = 0; byte < table.size(); byte++)
    table[byte] = lead_of(static_cast<uint8_t>(byte));
  return table;
}

constexpr std::array<Lead, 256> kLeads = make_lead_table();

constexpr bool is_continuation(uint8_t byte) {
  return (byte & 0xC0) == 0x80;
}

// The length of the character at `at`, of which `size` bytes, at least 1, are there; 0 if it is unfinished; kInvalid.
int character_length(const uint8_t *at, size_t size) {
  Lead lead = kLeads[at[0]];
  if (lead.length == 0) return kInvalid;
  if (lead.length > 1 && size > 1 && (at[1] < lead.lowest || at[1] > lead.highest)) return kInvalid;
  for (size_t i = 2; i < lead.length && i < size; i++) {
    if (!is_continuation(at[i])) return kInvalid;
  }
  return size < lead.length ? 0 : lead.length;
}

template <typename Word>
Word load_word(const uint8_t *at) {
  Word word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

constexpr uint64_t kHighBits = 0x8080808080808080;

// The first byte that is not ASCII, or the end.
const uint8_t *skip_ascii(const uint8_t *at, const uint8_t *end) {
  while (end - at >= 16 && ((load_word<uint64_t>(at) | load_word<uint64_t>(at + 8)) & kHighBits) == 0)
    at += 16;
  if (end - at >= 8 && (load_word<uint64_t>(at) & kHighBits) == 0) at += 8;
  if (end - at >= 4 && (load_word<uint32_t>(at) & kHighBits) == 0) at += 4;
  while (at != end && *at < 0x80)
    at++;
  return at;
}

// Whether 4 to 16 bytes are ASCII, by two words that may overlap.
bool is_short_ascii(const uint8_t *text, size_t size) {
  if (size >= 8) return ((load_word<uint64_t>(text) | load_word<uint64_t>(text + size - 8)) & kHighBits) == 0;
  return ((load_word<uint32_t>(text) | load_word<uint32_t>(text + size - 4)) & kHighBits) == 0;
}

int scan_portable(const uint8_t *text, size_t size) {
  if (size >= 4 && size <= 16 && is_short_ascii(text, size)) return 0;
  const uint8_t *end = text + size;
  const uint8_t *at = text;
  while (at != end) {
    if (*at < 0x80) {
      at = skip_ascii(at, end);
      continue;
    }
    size_t left = static_cast<size_t>(end - at);
    int length = character_length(at, left);
    if (length == kInvalid) return kInvalid;
    if (length == 0) return static_cast<int>(left);
    at += length;
  }
  return 0;
}

#if defined(__x86_64__) || defined(__aarch64__)

// At the end of 3 bytes or more that are valid but for what the next byte decides: the number of bytes of the
// unfinished character there, or kInvalid for a lead that no byte may follow.
int unfinished_at(const uint8_t *end) {
  if (end[-1] >= 0xC0) return kLeads[end[-1]].length != 0 ? 1 : kInvalid;
  if (end[-2] >= 0xE0) return 2;
  if (end[-3] >= 0xF0) return 3;
  return 0;
}

// The errors that a pair of bytes can have, one bit each; the tables say which ones a nibble allows.
constexpr uint8_t kTooShort = 1 << 0;          // a lead, then no continuation
constexpr uint8_t kTooLong = 1 << 1;           // ASCII, then a continuation
constexpr uint8_t kOverlong3 = 1 << 2;         // E0, then less than A0
constexpr uint8_t kTooLarge = 1 << 3;          // F4 or more, then 90 or more
constexpr uint8_t kSurrogate = 1 << 4;         // ED, then A0 or more
constexpr uint8_t kOverlong2 = 1 << 5;         // C0 or C1, then a continuation
constexpr uint8_t kTooLarge1000 = 1 << 6;      // F5 or more, then 80 to 8F
constexpr uint8_t kOverlong4 = 1 << 6;         // F0, then 80 to 8F
constexpr uint8_t kTwoContinuations = 1 << 7;  // right if and only if a lead before asks for it
constexpr uint8_t kAnyFirstLow = kTooShort | kTooLong | kTwoContinuations;

constexpr uint8_t kFirstHigh[16] = {
    kTooLong,
    kTooLong,
    kTooLong,
    kTooLong,
    kTooLong,
    kTooLong,
    kTooLong,
    kTooLong,  // 0 to 7: ASCII
    kTwoContinuations,
    kTwoContinuations,
    kTwoContinuations,
    kTwoContinuations,  // 8 to B: a continuation
    kTooShort | kOverlong2,
    kTooShort,                                           // C, D: a lead of two bytes
    kTooShort | kOverlong3 | kSurrogate,                 // E: a lead of three
    kTooShort | kTooLarge | kTooLarge1000 | kOverlong4,  // F: a lead of four
};

constexpr uint8_t kFirstLow[16] = {
    kAnyFirstLow | kOverlong2 | kOverlong3 | kOverlong4,  // 0
    kAnyFirstLow | kOverlong2,                            // 1
    kAnyFirstLow,
    kAnyFirstLow,
    kAnyFirstLow | kTooLarge,  // 4
    kAnyFirstLow | kTooLarge | kTooLarge1000,
    kAnyFirstLow | kTooLarge | kTooLarge1000,
    kAnyFirstLow | kTooLarge | kTooLarge1000,
    kAnyFirstLow | kTooLarge | kTooLarge1000,
    kAnyFirstLow | kTooLarge | kTooLarge1000,
    kAnyFirstLow | kTooLarge | kTooLarge1000,
    kAnyFirstLow | kTooLarge | kTooLarge1000,
    kAnyFirstLow | kTooLarge | kTooLarge1000,
    kAnyFirstLow | kTooLarge | kTooLarge1000 | kSurrogate,  // D
    kAnyFirstLow | kTooLarge | kTooLarge1000,
    kAnyFirstLow | kTooLarge | kTooLarge1000,
};

constexpr uint8_t kContinuation = kTooLong | kTwoContinuations | kOverlong2;
constexpr uint8_t kSecondHigh[16] = {
    kTooShort,
    kTooShort,
    kTooShort,
    kTooShort,
    kTooShort,
    kTooShort,
    kTooShort,
    kTooShort,                                                // 0 to 7: ASCII
    kContinuation | kOverlong3 | kTooLarge1000 | kOverlong4,  // 8
    kContinuation | kOverlong3 | kTooLarge,                   // 9
    kContinuation | kSurrogate | kTooLarge,                   // A
    kContinuation | kSurrogate | kTooLarge,                   // B
    kTooShort,
    kTooShort,
    kTooShort,
    kTooShort,  // C to F: a lead
};

#endif

#if defined(__x86_64__)

namespace ssse3 {

#define HAWSER_TARGET __attribute__((target("ssse3")))

using Block = __m128i;
constexpr size_t kBlock = sizeof(Block);

constexpr utf8_detail::Scan *scan_short = scan_portable;

HAWSER_TARGET inline Block load(const uint8_t *at) {
  return _mm_loadu_si128(reinterpret_cast<const Block *>(at));
}
HAWSER_TARGET inline Block splat(uint8_t byte) {
  return _mm_set1_epi8(static_cast<char>(byte));
}
HAWSER_TARGET inline Block both(Block a, Block b) {
  return _mm_and_si128(a, b);
}
HAWSER_TARGET inline Block either(Block a, Block b) {
  return _mm_or_si128(a, b);
}
HAWSER_TARGET inline Block differing(Block a, Block b) {
  return _mm_xor_si128(a, b);
}
HAWSER_TARGET inline Block minus(Block a, Block b) {
  return _mm_subs_epu8(a, b);
}
HAWSER_TARGET inline Block high_nibbles(Block a) {
  return both(_mm_srli_epi16(a, 4), splat(0x0F));
}
HAWSER_TARGET inline Block look_up(const uint8_t (&table)[16], Block nibbles) {
  return _mm_shuffle_epi8(load(table), nibbles);
}
template <int count>
HAWSER_TARGET inline Block moved_up(Block a) {
  return _mm_slli_si128(a, count);
}
HAWSER_TARGET inline bool is_ascii(Block a) {
  return _mm_movemask_epi8(a) == 0;
}
HAWSER_TARGET inline bool is_zero(Block a) {
  return _mm_movemask_epi8(_mm_cmpeq_epi8(a, splat(0))) == 0xFFFF;
}

#include "bytes/utf8_lookup.inc"

#undef HAWSER_TARGET

}  // namespace ssse3

namespace avx2 {

#define HAWSER_TARGET __attribute__((target("avx2")))

using Block = __m256i;
constexpr size_t kBlock = sizeof(Block);

constexpr utf8_detail::Scan *scan_short = ssse3::scan;

HAWSER_TARGET inline Block load(const uint8_t *at) {
  return _mm256_loadu_si256(reinterpret_cast<const Block *>(at));
}
HAWSER_TARGET inline Block splat(uint8_t byte) {
  return _mm256_set1_epi8(static_cast<char>(byte));
}
HAWSER_TARGET inline Block both(Block a, Block b) {
  return _mm256_and_si256(a, b);
}
HAWSER_TARGET inline Block either(Block a, Block b) {
  return _mm256_or_si256(a, b);
}
HAWSER_TARGET inline Block differing(Block a, Block b) {
  return _mm256_xor_si256(a, b);
}
HAWSER_TARGET inline Block minus(Block a, Block b) {
  return _mm256_subs_epu8(a, b);
}
HAWSER_TARGET inline Block high_nibbles(Block a) {
  return both(_mm256_srli_epi16(a, 4), splat(0x0F));
}
HAWSER_TARGET inline Block look_up(const uint8_t (&table)[16], Block nibbles) {
  Block twice = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i *>(table)));
  return _mm256_shuffle_epi8(twice, nibbles);
}
template <int count>
HAWSER_TARGET inline Block moved_up(Block a) {
  Block low_half_on_top = _mm256_permute2x128_si256(a, a, 0x08);
  return _mm256_alignr_epi8(a, low_half_on_top, 16 - count);
}
HAWSER_TARGET inline bool is_ascii(Block a) {
  return _mm256_movemask_epi8(a) == 0;
}
HAWSER_TARGET inline bool is_zero(Block a) {
  return _mm256_testz_si256(a, a) != 0;
}

#include "bytes/utf8_lookup.inc"

#undef HAWSER_TARGET

}  // namespace avx2

constexpr Implementation kImplementations[] = {
    {"AVX2", avx2::scan}, {"SSSE3", ssse3::scan}, {"portable", scan_portable}};

std::span<const Implementation> supported() {
  __builtin_cpu_init();
  std::span<const Implementation> all = kImplementations;
  if (__builtin_cpu_supports("avx2")) return all;
  return __builtin_cpu_supports("ssse3") ? all.subspan(1) : all.subspan(2);
}

#elif defined(__aarch64__)

namespace neon {

#define HAWSER_TARGET

using Block = uint8x16_t;
constexpr size_t kBlock = sizeof(Block);

constexpr utf8_detail::Scan *scan_short = scan_portable;

inline Block load(const uint8_t *at) {
  return vld1q_u8(at);
}
inline Block splat(uint8_t byte) {
  return vdupq_n_u8(byte);
}
inline Block both(Block a, Block b) {
  return vandq_u8(a, b);
}
inline Block either(Block a, Block b) {
  return vorrq_u8(a, b);
}
inline Block differing(Block a, Block b) {
  return veorq_u8(a, b);
}
inline Block minus(Block a, Block b) {
  return vqsubq_u8(a, b);
}
inline Block high_nibbles(Block a) {
  return vshrq_n_u8(a, 4);
}
inline Block look_up(const uint8_t (&table)[16], Block nibbles) {
  return vqtbl1q_u8(load(table), nibbles);
}
template <int count>
inline Block moved_up(Block a) {
  return vextq_u8(splat(0), a, 16 - count);
}
inline bool is_ascii(Block a) {
  return vmaxvq_u8(a) < 0x80;
}
inline bool is_zero(Block a) {
  return vmaxvq_u8(a) == 0;
}

#include "bytes/utf8_lookup.inc"

#undef HAWSER_TARGET

}  // namespace neon

constexpr Implementation kImplementations[] = {{"NEON", neon::scan}, {"portable", scan_portable}};

std::span<const Implementation> supported() {
  return kImplementations;
}

#else

constexpr Implementation kImplementations[] = {{"portable", scan_portable}};

std::span<const Implementation> supported() {
  return kImplementations;
}

#endif

// Right from the start, for initialisers that run before choose().
constinit utf8_detail::Scan *chosen = scan_portable;

__attribute__((constructor)) void choose() {
  chosen = supported().front().scan;
}

}  // namespace

bool utf8_is_valid(const uint8_t *data, size_t size) {
  return chosen(data, size) == 0;
}

bool Utf8Validator::add(const uint8_t *data, size_t size) {
  if (pending_ != 0) return add_to_character(data, size);
  int unfinished = chosen(data, size);
  if (unfinished == 0) return true;
  if (unfinished == kInvalid) return false;
  pending_ = static_cast<uint8_t>(unfinished);
  std::memcpy(character_, data + size - pending_, pending_);
  return true;
}

bool Utf8Validator::add_to_character(const uint8_t *data, size_t size) {
  uint8_t character[4] = {character_[0], character_[1], character_[2]};
  for (size_t used = 0; used < size;) {
    character[pending_++] = data[used++];
    int length = character_length(character, pending_);
    if (length == kInvalid) return false;
    if (length != 0) {
      pending_ = 0;
      return add(data + used, size - used);
    }
    character_[pending_ - 1] = character[pending_ - 1];
  }
  return true;
}

std::span<const Implementation> utf8_detail::implementations() {
  return supported();
}

}  // namespace hawser
