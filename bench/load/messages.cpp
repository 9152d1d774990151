#include "messages.hpp"

#include <algorithm>
#include <random>

#include "deflate.hpp"
#include "wire.hpp"

namespace load {

namespace {

// The ring is to fit into the processor's cache, and yet has no message twice in a burst: two that changed places would
// not be noticed.
constexpr size_t kRingBytes = 512 * 1024, kLeast = 3, kMost = 251;

constexpr const char *kAsciiWords[] = {"the",    "ship", "is",   "moored", "by",     "two",  "lines", "and",  "a",
                                       "spring", "made", "fast", "ashore", "before", "noon", "(see",  "fig.", "12)"};
constexpr const char *kWords[] = {"корабль", "стоит", "у",    "причала", "πλοίο", "δεμένο", "στην", "προβλήτα", "größe",
                                  "大綱で",  "船を",  "岸に", "繋ぐ",    "🚢",     "⚓",      "네",   "개의",     "rope"};

// The same in each run, so that what is counted in two runs can be subtracted.
std::mt19937 source(6455);

std::string random_bytes(size_t size) {
  std::string bytes(size, '\0');
  for (char &byte : bytes)
    byte = static_cast<char>(source());
  return bytes;
}

// Words, because random characters could not be deflated, and letters at the end, so that short messages differ too.
template <size_t kCount>
std::string random_text(size_t size, const char *const (&words)[kCount]) {
  constexpr size_t kLongestWord = 20, kLetters = 4;
  std::string text;
  while (text.size() + kLongestWord + kLetters < size)
    text.append(words[source() % kCount]).append(" ");
  text.resize(size, '.');
  for (size_t i = 0; i < std::min(size, kLetters); i++)
    text[size - 1 - i] = static_cast<char>('a' + source() % 26);
  return text;
}

std::string random_payload(const Options &options) {
  if (options.utf8) return random_text(options.size, kWords);
  return options.text ? random_text(options.size, kAsciiWords) : random_bytes(options.size);
}

size_t ring_size(const Options &options) {
  const size_t fitting = std::clamp(kRingBytes / std::max<size_t>(options.size, 1), kLeast, kMost);
  return std::max(fitting, options.depth + 1);
}

}  // namespace

Messages::Messages(const Options &options)
    : depth_(options.depth), opcode_(options.text || options.utf8 ? kText : kBinary) {
  const size_t count = ring_size(options);
  std::vector<std::string> payloads(count);
  std::vector<std::string> keys(count);
  for (size_t i = 0; i < count; i++) {
    payloads[i] = random_payload(options);
    keys[i] = random_bytes(4);
  }
  for (size_t i = 0; i < count + depth_ - 1; i++)
    append(options, payloads[i % count], reinterpret_cast<const uint8_t *>(keys[i % count].data()));
  offsets_.push_back(frames_.size());
  replies_.resize(count);
  for (size_t i = 0; i < count; i++)
    replies_[i] = options.is_framed() ? payloads[i] : frames_.substr(offsets_[i], offsets_[i + 1] - offsets_[i]);
}

// A bare connection carries what a client's frame would have: no frame is larger.
void Messages::append(const Options &options, std::string_view payload, const uint8_t *key) {
  const uint8_t first = kFin | opcode_;
  offsets_.push_back(frames_.size());
  const uint8_t *used_key = options.is_server() && options.is_framed() ? nullptr : key;
  frames_ += options.is_compressed() ? make_frame(first | kRsv1, deflate_message(payload), used_key)
                                     : make_frame(first, payload, used_key);
}

std::string_view Messages::burst(size_t first) const {
  const size_t at = first % replies_.size();
  return std::string_view(frames_).substr(offsets_[at], offsets_[at + depth_] - offsets_[at]);
}

std::string_view Messages::reply(size_t number) const {
  return replies_[number % replies_.size()];
}

}  // namespace load
