#include "deflate.hpp"

#include <zlib.h>

#include "fault.hpp"

namespace load {

namespace {

constexpr int kRaw = -15;                             // the largest window, without zlib's own header
constexpr std::string_view kTail("\0\0\xFF\xFF", 4);  // RFC 7692 7.2.1: not sent

Bytef *bytes_of(std::string &text) {
  return reinterpret_cast<Bytef *>(text.data());
}

// One for all messages: a new one for each would cost the load more than the inflating.
z_stream &inflater() {
  static z_stream stream = [] {
    z_stream fresh = {};
    if (inflateInit2(&fresh, kRaw) != Z_OK) fail("no memory to inflate");
    return fresh;
  }();
  inflateReset(&stream);
  return stream;
}

}  // namespace

std::string deflate_message(std::string_view payload) {
  z_stream stream = {};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kRaw, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    fail("no memory to deflate");
  }
  std::string input(payload);
  std::string output(deflateBound(&stream, input.size()) + 16, '\0');
  stream.next_in = bytes_of(input);
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = bytes_of(output);
  stream.avail_out = static_cast<uInt>(output.size());
  deflate(&stream, Z_SYNC_FLUSH);
  output.resize(stream.total_out - kTail.size());
  deflateEnd(&stream);
  return output;
}

std::string_view inflate_message(std::string &compressed, size_t most) {
  static std::string output;
  compressed += kTail;
  output.resize(most + 1);
  z_stream &stream = inflater();
  stream.next_in = bytes_of(compressed);
  stream.avail_in = static_cast<uInt>(compressed.size());
  stream.next_out = bytes_of(output);
  stream.avail_out = static_cast<uInt>(output.size());
  const int outcome = inflate(&stream, Z_SYNC_FLUSH);
  if (outcome != Z_OK && outcome != Z_BUF_ERROR && outcome != Z_STREAM_END) fail("a reply that cannot be inflated");
  if (stream.total_out > most) fail("a reply that is longer than its message");
  return std::string_view(output).substr(0, stream.total_out);
}

}  // namespace load
