#include "framing/masking.hpp"

#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define HAWSER_INLINE __attribute__((always_inline)) inline

// Every kernel below masks `from` into `to`, which are the same or do not overlap. None has a loop over single bytes:
// the last word of a payload overlaps the one before it. It is loaded before anything is written and stored at the end,
// so that no byte is masked twice. With `kText` it also tells whether all it wrote is ASCII, which is cheap while the
// words are in registers; otherwise what it returns means nothing.

namespace hawser {

namespace {

template <typename Word>
HAWSER_INLINE Word load(const uint8_t *from) {
  Word word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

template <typename Word>
HAWSER_INLINE void store(uint8_t *to, Word word) {
  std::memcpy(to, &word, sizeof(word));
}

// The key for a word `offset` bytes into the payload: MaskingKey::rotated on the native integer.
HAWSER_INLINE uint32_t rotate(uint32_t key, size_t offset) {
  unsigned bits = static_cast<unsigned>(offset) * 8;
  if (std::endian::native == std::endian::big) bits = -bits;
  return key >> (bits & 31) | key << (-bits & 31);
}

template <typename Word>
HAWSER_INLINE Word repeat(uint32_t key) {
  uint32_t copies[sizeof(Word) / sizeof(key)];
  for (uint32_t &copy : copies)
    copy = key;
  return std::bit_cast<Word>(copies);
}

// No byte is above 127.
template <typename Word>
HAWSER_INLINE bool is_ascii(Word word) {
  if constexpr (sizeof(Word) <= sizeof(uint64_t)) {
    return (word & static_cast<Word>(0x8080808080808080)) == 0;
  } else {
    struct Halves {
      uint64_t low, high;
    };
    auto halves = std::bit_cast<Halves>(word);
    return is_ascii(halves.low | halves.high);
  }
}

// 0 to 3 bytes. Of 1 or 2 bytes some are taken twice.
HAWSER_INLINE bool mask_few(uint8_t *to, const uint8_t *from, size_t size, uint32_t key) {
  if (size == 0) return true;
  size_t middle = size / 2;
  size_t last = size - 1;
  auto mask = std::bit_cast<MaskingKey>(key);
  uint8_t a = from[0] ^ mask.octets[0];
  uint8_t b = from[middle] ^ mask.octets[middle];
  uint8_t c = from[last] ^ mask.octets[last];
  to[0] = a;
  to[middle] = b;
  to[last] = c;
  return (a | b | c) < 0x80;
}

// One word to two words.
template <typename Word>
HAWSER_INLINE bool mask_ends(uint8_t *to, const uint8_t *from, size_t size, uint32_t key) {
  size_t last = size - sizeof(Word);
  Word begin = load<Word>(from) ^ repeat<Word>(key);
  Word end = load<Word>(from + last) ^ repeat<Word>(rotate(key, last));
  store(to, begin);
  store(to + last, end);
  return is_ascii<Word>(begin | end);
}

// One word or more.
template <bool kText, typename Word>
HAWSER_INLINE bool mask_words(uint8_t *to, const uint8_t *from, size_t size, uint32_t key) {
  constexpr size_t kSize = sizeof(Word);
  size_t last = size - kSize;
  Word mask = repeat<Word>(key);
  Word end = load<Word>(from + last) ^ repeat<Word>(rotate(key, last));
  Word all = end;
  size_t at = 0;
  for (; at + 4 * kSize <= last; at += 4 * kSize) {
    Word a = load<Word>(from + at) ^ mask;
    Word b = load<Word>(from + at + kSize) ^ mask;
    Word c = load<Word>(from + at + 2 * kSize) ^ mask;
    Word d = load<Word>(from + at + 3 * kSize) ^ mask;
    store(to + at, a);
    store(to + at + kSize, b);
    store(to + at + 2 * kSize, c);
    store(to + at + 3 * kSize, d);
    if constexpr (kText) all |= a | b | c | d;
  }
  for (; at < last; at += kSize) {
    Word a = load<Word>(from + at) ^ mask;
    store(to + at, a);
    if constexpr (kText) all |= a;
  }
  store(to + last, end);
  return kText && is_ascii(all);
}

// 0 to 16 bytes.
HAWSER_INLINE bool mask_short(uint8_t *to, const uint8_t *from, size_t size, uint32_t key) {
  if (size >= sizeof(uint64_t)) return mask_ends<uint64_t>(to, from, size, key);
  if (size >= sizeof(uint32_t)) return mask_ends<uint32_t>(to, from, size, key);
  return mask_few(to, from, size, key);
}

template <bool kText>
bool mask_portable(uint8_t *to, const uint8_t *from, size_t size, uint32_t key) {
  if (size <= 16) return mask_short(to, from, size, key);
  return mask_words<kText, uint64_t>(to, from, size, key);
}

#if defined(__x86_64__) || defined(__aarch64__)

// A vector register of SSE2 or NEON, which every processor of these architectures has.
typedef uint32_t Vector __attribute__((vector_size(16)));

template <bool kText>
bool mask_baseline(uint8_t *to, const uint8_t *from, size_t size, uint32_t key) {
  if (size <= 16) return mask_short(to, from, size, key);
  if (size <= 32) return mask_ends<Vector>(to, from, size, key);
  return mask_words<kText, Vector>(to, from, size, key);
}

#endif

#if defined(__x86_64__)

#define HAWSER_AVX2 __attribute__((target("avx2")))

// mask_words again, for what no template can share: it is compiled for another target.
template <bool kText>
struct Avx2Masking {
  uint8_t *to;
  const uint8_t *from;
  __m256i mask;
  __m256i all;  // of what was written, if kText

  HAWSER_AVX2 HAWSER_INLINE void mask_vector(size_t at) {
    __m256i vector = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(from + at));
    vector = _mm256_xor_si256(vector, mask);
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(to + at), vector);
    if constexpr (kText) all = _mm256_or_si256(all, vector);
  }
  template <size_t count>
  HAWSER_AVX2 HAWSER_INLINE void mask_vectors(size_t at) {
#pragma GCC unroll 8
    for (size_t i = 0; i < count; i++)
      mask_vector(at + 32 * i);
  }
};

template <bool kText>
HAWSER_AVX2 bool mask_avx2(uint8_t *to, const uint8_t *from, size_t size, uint32_t key) {
  if (size < 32) return mask_baseline<kText>(to, from, size, key);
  size_t last = size - 32;
  __m256i end = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(from + last));
  end = _mm256_xor_si256(end, _mm256_set1_epi32(static_cast<int>(rotate(key, last))));
  Avx2Masking<kText> masking{to, from, _mm256_set1_epi32(static_cast<int>(key)), end};
  masking.mask_vector(0);
  size_t at = 32;
  if (at < last) {
    for (; at + 256 <= last; at += 256)
      masking.template mask_vectors<8>(at);
    if (at + 128 <= last) {
      masking.template mask_vectors<4>(at);
      at += 128;
    }
    for (; at < last; at += 32)
      masking.mask_vector(at);
  }
  _mm256_storeu_si256(reinterpret_cast<__m256i *>(to + last), end);
  return kText && _mm256_movemask_epi8(masking.all) == 0;
}

#endif

using masking_detail::Implementation;

#if defined(__x86_64__)

constexpr Implementation kImplementations[] = {{"AVX2", mask_avx2<false>, mask_avx2<true>},
                                               {"SSE2", mask_baseline<false>, mask_baseline<true>},
                                               {"portable", mask_portable<false>, mask_portable<true>}};

std::span<const Implementation> supported() {
  __builtin_cpu_init();
  std::span<const Implementation> all = kImplementations;
  return __builtin_cpu_supports("avx2") ? all : all.subspan(1);
}

#else

#if defined(__aarch64__)
constexpr Implementation kImplementations[] = {{"NEON", mask_baseline<false>, mask_baseline<true>},
                                               {"portable", mask_portable<false>, mask_portable<true>}};
#else
constexpr Implementation kImplementations[] = {{"portable", mask_portable<false>, mask_portable<true>}};
#endif

std::span<const Implementation> supported() {
  return kImplementations;
}

#endif

// Right from the start, for initialisers that run before choose().
constinit Implementation chosen = {"portable", mask_portable<false>, mask_portable<true>};

__attribute__((constructor)) void choose() {
  chosen = supported().front();
}

}  // namespace

void apply_mask(uint8_t *data, size_t size, MaskingKey key) {
  chosen.mask(data, data, size, std::bit_cast<uint32_t>(key));
}

bool apply_mask_to_text(uint8_t *data, size_t size, MaskingKey key) {
  return chosen.mask_text(data, data, size, std::bit_cast<uint32_t>(key));
}

void copy_masked(uint8_t *to, const uint8_t *from, size_t size, MaskingKey key) {
  chosen.mask(to, from, size, std::bit_cast<uint32_t>(key));
}

std::span<const Implementation> masking_detail::implementations() {
  return supported();
}

}  // namespace hawser
