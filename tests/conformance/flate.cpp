#include "conformance/flate.hpp"

#include <cstdlib>

#include <zlib.h>

namespace conformance {

namespace {

// The end of an empty block, which every message has and none shows.
const std::string kTail("\x00\x00\xff\xff", 4);

void feed(z_stream &stream, const std::string &data) {
  stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(data.data()));  // zlib reads only
  stream.avail_in = static_cast<uInt>(data.size());
}

}  // namespace

Deflater::Deflater() : stream_(new z_stream()) {
  if (deflateInit2(stream_.get(), 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();
}

Deflater::~Deflater() {
  deflateEnd(stream_.get());
}

std::string Deflater::piece(const std::string &payload, bool final) {
  // RFC 7692 7.2.3.6: the first byte of an empty block.
  if (payload.empty()) return final ? std::string(1, '\0') : "";
  std::string compressed;
  Bytef room[4096];
  feed(*stream_, payload);
  do {
    stream_->next_out = room;
    stream_->avail_out = sizeof room;
    if (deflate(stream_.get(), Z_SYNC_FLUSH) == Z_STREAM_ERROR) std::abort();
    compressed.append(reinterpret_cast<char *>(room), sizeof room - stream_->avail_out);
  } while (stream_->avail_out == 0);
  return final ? compressed.substr(0, compressed.size() - kTail.size()) : compressed;
}

Inflater::Inflater(int bits, bool takeover) : stream_(new z_stream()), takeover_(takeover) {
  if (inflateInit2(stream_.get(), -bits) != Z_OK) std::abort();
}

Inflater::~Inflater() {
  inflateEnd(stream_.get());
}

std::optional<std::string> Inflater::message(const std::string &payload) {
  if (!takeover_) inflateReset(stream_.get());
  const std::string whole = payload + kTail;
  std::string inflated;
  feed(*stream_, whole);
  bool between_blocks = false;
  for (;;) {
    // Byte by byte: zlib finds what lies in its output even where that is longer than its window.
    Bytef octet;
    stream_->next_out = &octet;
    stream_->avail_out = 1;
    int result = inflate(stream_.get(), Z_SYNC_FLUSH);
    if (result == Z_BUF_ERROR) break;  // there is no more
    if (result != Z_OK) return std::nullopt;
    if (stream_->avail_out == 0) inflated += static_cast<char>(octet);
    between_blocks = (stream_->data_type & 128) != 0;
  }
  return between_blocks ? std::optional(inflated) : std::nullopt;
}

}  // namespace conformance
