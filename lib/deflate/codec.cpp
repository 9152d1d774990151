#include "deflate/codec.hpp"

#include <algorithm>
#include <climits>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

#include <zlib.h>

namespace hawser {

namespace {

// What a message ends with, and is not sent (RFC 7692 7.2.1).
constexpr uint8_t kTail[] = {0x00, 0x00, 0xff, 0xff};
constexpr size_t kLeastRoom = 1024;
constexpr size_t kMostAtOnce = 256 * 1024;

// zlib's memory: each piece remembers its size, to give it back to the budget.
constexpr size_t kPrefix = alignof(std::max_align_t);

void *take_memory(void *budget, unsigned int count, unsigned int size) {
  size_t bytes = size_t{count} * size + kPrefix;
  if (!static_cast<Budget *>(budget)->take(bytes)) return nullptr;
  void *memory = std::malloc(bytes);
  if (memory == nullptr) {
    static_cast<Budget *>(budget)->give(bytes);
    return nullptr;
  }
  *static_cast<size_t *>(memory) = bytes;
  return static_cast<uint8_t *>(memory) + kPrefix;
}

void give_memory(void *budget, void *address) {
  void *memory = static_cast<uint8_t *>(address) - kPrefix;
  static_cast<Budget *>(budget)->give(*static_cast<size_t *>(memory));
  std::free(memory);
}

// A part of the budget, which counts the memory of this stream alone.
Budget *memory_of(const z_stream &stream) {
  return static_cast<Budget *>(stream.opaque);
}

z_stream *make_stream(Budget &budget) {
  std::unique_ptr<z_stream> stream(new (std::nothrow) z_stream());
  if (stream == nullptr) return nullptr;
  stream->zalloc = take_memory;
  stream->zfree = give_memory;
  stream->opaque = new (std::nothrow) Budget(Budget::kUnlimited, &budget);
  return stream->opaque != nullptr ? stream.release() : nullptr;
}

// Room for more bytes: as much again as there are, but no more than the message may come to need; near the budget less.
bool make_room(Buffer &to, uint64_t most) {
  if (to.capacity() > to.size()) return true;
  uint64_t more = std::min<uint64_t>(std::max(kLeastRoom, to.size()), most);
  return to.reserve_exactly(to.size() + more) || to.reserve_exactly(to.size() + std::min<uint64_t>(kLeastRoom, more));
}

void feed(z_stream &stream, const uint8_t *&data, size_t &size) {
  auto piece = static_cast<uInt>(std::min<size_t>(size, INT_MAX));
  stream.next_in = const_cast<Bytef *>(data);  // zlib reads only
  stream.avail_in = piece;
  data += piece;
  size -= piece;
}

}  // namespace

// A stream that zlib has not begun has nothing to end.
void DeflateEnd::operator()(z_stream *stream) const {
  deflateEnd(stream);
  delete memory_of(*stream);
  delete stream;
}

void InflateEnd::operator()(z_stream *stream) const {
  inflateEnd(stream);
  delete memory_of(*stream);
  delete stream;
}

// ---------------------------------------------------------------------------------------------------------------------
// Compressing

std::unique_ptr<Compressor> Compressor::make(const CompressorShape &shape, Budget &budget) {
  Stream stream(make_stream(budget));
  // zlib refuses a raw stream with 8 bits. With 9 its matches reach back 512 - 262 bytes at most, because it keeps the
  // longest match in sight (MAX_DIST, which zlib-ng has as well): 250, which a window of 256 holds.
  int bits = std::max(shape.window_bits, 9);
  if (!stream ||
      deflateInit2(stream.get(), shape.level, Z_DEFLATED, -bits, shape.memory_level, Z_DEFAULT_STRATEGY) != Z_OK) {
    return nullptr;
  }
  return std::unique_ptr<Compressor>(new (std::nothrow) Compressor(shape, std::move(stream)));
}

bool Compressor::compress(const uint8_t *data, size_t size, bool final, Buffer &to) {
  if (size == 0) {
    // RFC 7692 7.2.3.6: the first byte of an empty block, the others of which are the tail that is not sent.
    constexpr uint8_t kEmpty = 0;
    return !final || to.append(&kEmpty, 1);
  }
  do {
    feed(*stream_, data, size);
    int flush = size == 0 ? Z_SYNC_FLUSH : Z_NO_FLUSH;
    do {
      if (!to.reserve(std::max<size_t>(kLeastRoom, deflateBound(stream_.get(), stream_->avail_in)))) return false;
      auto room = static_cast<uInt>(std::min<size_t>(to.capacity() - to.size(), INT_MAX));
      stream_->next_out = to.data() + to.size();
      stream_->avail_out = room;
      if (deflate(stream_.get(), flush) == Z_STREAM_ERROR) return false;
      to.commit(room - stream_->avail_out);
    } while (stream_->avail_out == 0);
  } while (size != 0);
  if (final) to.shorten(sizeof kTail);
  return true;
}

size_t Compressor::held() const {
  return static_cast<size_t>(memory_of(*stream_)->used());
}

void Compressor::reset() {
  deflateReset(stream_.get());
}

// ---------------------------------------------------------------------------------------------------------------------
// Inflating

std::unique_ptr<Decompressor> Decompressor::make(int window_bits, Budget &budget) {
  Stream stream(make_stream(budget));
  if (!stream || inflateInit2(stream.get(), -window_bits) != Z_OK) return nullptr;
  return std::unique_ptr<Decompressor>(new (std::nothrow) Decompressor(window_bits, std::move(stream)));
}

Failure Decompressor::inflate(const uint8_t *data, size_t size, uint64_t most, Buffer &to) {
  bool room_left = true;  // zlib had room for more than it wrote: there is no more
  while (size != 0 || stream_->avail_in != 0 || !room_left) {
    if (stream_->avail_in == 0 && size != 0) feed(*stream_, data, size);
    // A byte more than is allowed tells that there is one. Memory grows with what was inflated, not with what may come.
    if (!make_room(to, most + 1)) return kNoCodecMemory;
    uint64_t room = std::min<uint64_t>(to.capacity() - to.size(), kMostAtOnce);
    auto step = static_cast<uInt>(std::min(room, most + 1));
    stream_->next_out = to.data() + to.size();
    stream_->avail_out = step;
    int result = ::inflate(stream_.get(), Z_SYNC_FLUSH);
    size_t made = step - stream_->avail_out;
    room_left = stream_->avail_out != 0;
    to.commit(static_cast<size_t>(std::min<uint64_t>(made, most)));
    if (made > most) return kInflatedTooLarge;
    if (result == Z_MEM_ERROR) return kNoCodecMemory;
    if (result == Z_DATA_ERROR || result == Z_NEED_DICT || result == Z_STREAM_ERROR) return kNotDeflated;
    most -= made;
    at_end_ = result == Z_STREAM_END;
    // RFC 7692 7.2.3.4: a block may say to be the last one; another one follows all the same. The window stays.
    if (at_end_) inflateResetKeep(stream_.get());
    if (at_end_) room_left = true;
    if (result == Z_BUF_ERROR && made == 0) break;  // nothing is left to be done
  }
  return {};
}

Failure Decompressor::finish(uint64_t most, Buffer &to) {
  // Some who end a message with such a block leave out the empty one that should follow.
  if (std::exchange(at_end_, false)) return {};
  if (Failure failure = inflate(kTail, sizeof kTail, most, to)) return failure;
  // data_type: 128 if what was read last is the end of a block. Else the message was cut off inside one.
  constexpr int kBetweenBlocks = 128;
  return (stream_->data_type & kBetweenBlocks) != 0 ? Failure{} : kNotDeflated;
}

size_t Decompressor::held() const {
  return static_cast<size_t>(memory_of(*stream_)->used());
}

void Decompressor::reset() {
  inflateReset(stream_.get());
  at_end_ = false;
}

}  // namespace hawser
