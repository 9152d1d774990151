// The codec of permessage-deflate (RFC 7692 7.2): messages of a hostile peer inflated in any pieces and under a limit,
// against zlib used plainly; and what we compress is what a peer inflates.
#include <vector>

#include "deflate/codec.hpp"
#include "deflate/reference.hpp"
#include "fuzz/fuzz.hpp"

using namespace hawser;

namespace {

struct Inflated {
  Error error = Error::OK;
  std::string text;
};

// A message in pieces. Memory grows with what was inflated, and never over what may come.
Inflated inflate(Decompressor &decompressor, std::string_view message, uint64_t most, Budget &budget, uint32_t salt) {
  fuzz::Pieces pieces(message, salt);
  Buffer to(budget);
  Failure failure;
  for (size_t at = 0; at < message.size() && !failure;) {
    size_t size = salt == 0 ? message.size() : salt == 1 ? 1 : pieces.next(message.size() - at);
    fuzz::Copy piece(message.substr(at, size));
    at += size;
    failure = decompressor.inflate(piece.data(), piece.size(), most - to.size(), to);
    HOLDS(to.size() <= most && to.capacity() <= most + 1 && to.capacity() <= 2 * to.size() + 1024);
  }
  if (!failure) failure = decompressor.finish(most - to.size(), to);
  HOLDS(to.size() <= most);
  return {failure.error, reference::content(to)};
}

// The messages one after the other, with the window of those before them.
std::vector<Inflated> inflate_all(const std::vector<std::string> &messages, int bits, uint64_t most, uint32_t salt) {
  Budget budget(1 << 20);
  std::vector<Inflated> all;
  {
    std::unique_ptr<Decompressor> decompressor = Decompressor::make(bits, budget);
    HOLDS(decompressor != nullptr);
    for (const std::string &message : messages) {
      all.push_back(inflate(*decompressor, message, most, budget, salt));
      if (all.back().error != Error::OK) break;
    }
  }
  HOLDS(budget.used() == 0);
  return all;
}

// True if a decompressor that has no more than the window finds all of it right. It gives one byte at a time: so it
// refuses what reaches back further, which zlib lets pass as long as it lies in the room that it writes to.
bool keeps_to_window(const std::vector<std::string> &messages, int bits, const std::vector<Inflated> &ours) {
  reference::Inflater inflater(bits);
  for (size_t i = 0; i < ours.size(); i++) {
    if (ours[i].error == Error::LIMIT) return false;  // it has no limit
    std::optional<std::string> expected = inflater.message(messages[i]);
    if (!expected) return false;
    HOLDS(ours[i].error == Error::OK && ours[i].text == *expected);
  }
  return true;
}

void check_inflating(const std::vector<std::string> &messages, int bits, uint64_t most) {
  std::vector<Inflated> whole = inflate_all(messages, bits, most, 0);
  for (const Inflated &message : whole) {
    HOLDS(message.error == Error::OK || message.error == Error::DEFLATE || message.error == Error::LIMIT);
    if (message.error == Error::LIMIT) HOLDS(message.text.size() == most);
  }
  // RFC 1951 3.2.5: no match reaches back further than 32 KiB.
  if (!keeps_to_window(messages, bits, whole) && bits < 15) return;
  for (uint32_t salt : {1, 2}) {
    std::vector<Inflated> pieces = inflate_all(messages, bits, most, salt);
    HOLDS(pieces.size() == whole.size());
    for (size_t i = 0; i < whole.size(); i++)
      HOLDS(pieces[i].error == whole[i].error && (whole[i].error != Error::OK || pieces[i].text == whole[i].text));
  }
}

// In parts, as send_part does; the last one may be empty.
std::string compress(Compressor &compressor, std::string_view message, Budget &budget, uint32_t salt) {
  fuzz::Pieces pieces(message, salt);
  Buffer to(budget);
  if (salt == 0) HOLDS(compressor.compress(fuzz::octets(message), message.size(), true, to));
  for (size_t at = 0; salt != 0 && at <= message.size();) {
    size_t size = at == message.size() ? 0 : pieces.next(message.size() - at);
    HOLDS(compressor.compress(fuzz::octets(message) + at, size, size == 0, to));
    at += std::max<size_t>(size, 1);
  }
  // zlib.h: an incompressible text grows by five bytes for each 16 KiB and by a few more.
  HOLDS(salt != 0 || to.size() <= message.size() + message.size() / 1000 + 64);
  return reference::content(to);
}

void check_compressing(const std::vector<std::string> &messages, const CompressorShape &shape, bool takeover,
                       uint32_t salt) {
  Budget budget(1 << 20);
  {
    std::unique_ptr<Compressor> compressor = Compressor::make(shape, budget);
    HOLDS(compressor != nullptr);
    // One byte at a time: then no match reaches further back than the window that was agreed on.
    reference::Inflater peer(shape.window_bits);
    std::unique_ptr<Decompressor> decompressor = Decompressor::make(shape.window_bits, budget);
    for (const std::string &message : messages) {
      std::string compressed = compress(*compressor, message, budget, salt);
      HOLDS(peer.message(compressed) == message);
      Inflated back = inflate(*decompressor, compressed, message.size(), budget, 2);
      HOLDS(back.error == Error::OK && back.text == message);
      if (!takeover) compressor->reset();
    }
  }
  HOLDS(budget.used() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz::Program program(data, size);
  uint8_t bits = program.byte();
  uint8_t flags = program.byte();
  uint64_t most = uint64_t{1} << (program.byte() % 17);
  std::vector<std::string> messages;
  while (!program.ended() && messages.size() < 8)
    messages.push_back(program.text());
  check_inflating(messages, 8 + (bits & 7), most);
  CompressorShape shape{8 + (bits & 7), 1 + (bits >> 4) % 9, 1 + (flags >> 1) % 9};
  check_compressing(messages, shape, (flags & 1) != 0, flags >> 5 & 1);
  return 0;
}
