#include "framing/masking.hpp"

#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define HAWSER_INLINE __attribute__((always_inline)) inline

// Every kernel below masks `from` into `to`, which are the same or do not overlap. None has a loop over single bytes:
// the last word of a payload overlaps the one before it. It is loaded before anything is written and stored at the end,
// so that no byte is masked twice.

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

// 0 to 3 bytes. Of 1 or 2 bytes some are taken twice.
HAWSER_INLINE void mask_few(uint8_t *to, const uint8_t *from, size_t size, uint32_t key) {
  if (size == 0) return;
  size_t middle = size / 2;
  size_t last = size - 1;
  auto mask = std::bit_cast<MaskingKey>(key);
  uint8_t a = from[0] ^ mask.octets[0];
  uint8_t b = from[middle] ^ mask.octets[middle];
  uint8_t c = from[last] ^ mask.octets[last];
  to[0] = a;
  to[middle] = b;
  to[last] = c;
}

// One word to two words.
template <typename Word>
HAWSER_INLINE void mask_ends(uint8_t *to, const uint8_t *from, size_t size, uint32_t key) {
  size_t last = size - sizeof(Word);
  Word begin = load<Word>(from) ^ repeat<Word>(key);
  Word end = load<Word>(from + last) ^ repeat<Word>(rotate(key, last));
  store(to, begin);
  store(to + last, end);
}

// One word or more.
template <typename Word>
HAWSER_INLINE void mask_words(uint8_t *to, const uint8_t *from, size_t size, uint32_t key) {
  constexpr size_t kSize = sizeof(Word);
  size_t last = size - kSize;
  Word mask = repeat<Word>(key);
  Word end = load<Word>(from + last) ^ repeat<Word>(rotate(key, last));
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
  }
  for (; at < last; at += kSize)
    store(to + at, load<Word>(from + at) ^ mask);
  store(to + last, end);
}

// 0 to 16 bytes.
HAWSER_INLINE void mask_short(uint8_t *to, const uint8_t *from, size_t size, uint32_t key) {
  if (size >= sizeof(uint64_t)) return mask_ends<uint64_t>(to, from, size, key);
  if (size >= sizeof(uint32_t)) return mask_ends<uint32_t>(to, from, size, key);
  mask_few(to, from, size, key);
}

void mask_portable(uint8_t *to, const uint8_t *from, size_t size, uint32_t key) {
  if (size <= 16) return mask_short(to, from, size, key);
  mask_words<uint64_t>(to, from, size, key);
}

#if defined(__x86_64__) || defined(__aarch64__)

// A vector register of SSE2 or NEON, which every processor of these architectures has.
typedef uint32_t Vector __attribute__((vector_size(16)));

void mask_baseline(uint8_t *to, const uint8_t *from, size_t size, uint32_t key) {
  if (size <= 16) return mask_short(to, from, size, key);
  if (size <= 32) return mask_ends<Vector>(to, from, size, key);
  mask_words<Vector>(to, from, size, key);
}

#endif

#if defined(__x86_64__)

#define HAWSER_AVX2 __attribute__((target("avx2")))

HAWSER_AVX2 HAWSER_INLINE __m256i masked(const uint8_t *from, __m256i mask) {
  return _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(from)), mask);
}

HAWSER_AVX2 HAWSER_INLINE void store_vector(uint8_t *to, __m256i vector) {
  _mm256_storeu_si256(reinterpret_cast<__m256i *>(to), vector);
}

// mask_words again, for what no template can share: it is compiled for another target.
HAWSER_AVX2 HAWSER_INLINE void mask_inner_vectors(uint8_t *to, const uint8_t *from, size_t last, __m256i mask) {
  size_t at = 32;
  for (; at + 128 <= last; at += 128) {
    __m256i a = masked(from + at, mask);
    __m256i b = masked(from + at + 32, mask);
    __m256i c = masked(from + at + 64, mask);
    __m256i d = masked(from + at + 96, mask);
    store_vector(to + at, a);
    store_vector(to + at + 32, b);
    store_vector(to + at + 64, c);
    store_vector(to + at + 96, d);
  }
  for (; at < last; at += 32)
    store_vector(to + at, masked(from + at, mask));
}

HAWSER_AVX2 void mask_avx2(uint8_t *to, const uint8_t *from, size_t size, uint32_t key) {
  if (size < 32) return mask_baseline(to, from, size, key);
  size_t last = size - 32;
  __m256i mask = _mm256_set1_epi32(static_cast<int>(key));
  __m256i begin = masked(from, mask);
  __m256i end = masked(from + last, _mm256_set1_epi32(static_cast<int>(rotate(key, last))));
  if (last > 32) mask_inner_vectors(to, from, last, mask);
  store_vector(to, begin);
  store_vector(to + last, end);
}

#endif

using masking_detail::Implementation;

#if defined(__x86_64__)

constexpr Implementation kImplementations[] = {
    {"AVX2", mask_avx2}, {"SSE2", mask_baseline}, {"portable", mask_portable}};

std::span<const Implementation> supported() {
  __builtin_cpu_init();
  std::span<const Implementation> all = kImplementations;
  return __builtin_cpu_supports("avx2") ? all : all.subspan(1);
}

#else

#if defined(__aarch64__)
constexpr Implementation kImplementations[] = {{"NEON", mask_baseline}, {"portable", mask_portable}};
#else
constexpr Implementation kImplementations[] = {{"portable", mask_portable}};
#endif

std::span<const Implementation> supported() {
  return kImplementations;
}

#endif

// Right from the start, for initialisers that run before choose().
constinit masking_detail::Mask *chosen = mask_portable;

__attribute__((constructor)) void choose() {
  chosen = supported().front().mask;
}

}  // namespace

void apply_mask(uint8_t *data, size_t size, MaskingKey key) {
  chosen(data, data, size, std::bit_cast<uint32_t>(key));
}

void copy_masked(uint8_t *to, const uint8_t *from, size_t size, MaskingKey key) {
  chosen(to, from, size, std::bit_cast<uint32_t>(key));
}

std::span<const Implementation> masking_detail::implementations() {
  return supported();
}

}  // namespace hawser
