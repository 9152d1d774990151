// UTF-8 validation against the definition of RFC 3629: all at once, in pieces, and by every implementation.
#include "bytes/utf8.hpp"
#include "fuzz/fuzz.hpp"
#include "fuzz/reference.hpp"

using namespace hawser;

namespace {

// A text in pieces fails with the byte that no continuation can make valid, not before and not later.
void check_pieces(std::string_view text, const fuzz::Utf8 &expected, uint32_t salt) {
  fuzz::Pieces pieces(text, salt);
  Utf8Validator validator;
  for (size_t at = 0; at < text.size();) {
    size_t size = salt == 0 ? 1 : pieces.next(text.size() - at);
    fuzz::Copy piece(text.substr(at, size));
    at += size;
    bool right = validator.add(piece.data(), piece.size());
    HOLDS(right == (at < expected.fails_after));
    if (!right) return;
  }
  HOLDS(validator.complete() == expected.complete);
}

void check_implementations(std::string_view text, const fuzz::Utf8 &expected) {
  for (const utf8_detail::Implementation &implementation : utf8_detail::implementations()) {
    int unfinished = implementation.scan(fuzz::octets(text), text.size());
    HOLDS((unfinished == utf8_detail::kInvalid) == expected.failed());
    if (!expected.failed()) HOLDS(static_cast<size_t>(unfinished) == expected.unfinished);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text = fuzz::text_of(data, size);
  fuzz::Utf8 expected = fuzz::decode_utf8(text);
  HOLDS(utf8_is_valid(data, size) == expected.complete);
  check_implementations(text, expected);
  for (uint32_t salt : {0, 1, 2})
    check_pieces(text, expected, salt);
  return 0;
}
