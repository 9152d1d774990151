#include "framing/frame_parser.hpp"

#include <algorithm>

namespace hawser {

FrameParser::Status FrameParser::next(uint8_t *data, size_t size, const FrameRules &rules, size_t &used,
                                      FramePiece &piece, const char *&words) {
  used = 0;
  if (!in_frame_) {
    words = nullptr;
    used = read_header(data, size, rules, words);
    if (words != nullptr) return Status::FAILED;
    if (!in_frame_) return Status::NEED_MORE;
  }
  size_t available = static_cast<size_t>(std::min<uint64_t>(size - used, remaining_));
  if (available == 0 && remaining_ != 0 && begun_) return Status::NEED_MORE;
  take_payload(data + used, available, piece);
  used += available;
  return Status::PIECE;
}

void FrameParser::take_payload(uint8_t *payload, size_t size, FramePiece &piece) {
  piece.header = header_;
  piece.payload = payload;
  piece.size = size;
  piece.first = !begun_;
  remaining_ -= size;
  piece.last = remaining_ == 0;
  begun_ = !piece.last;
  in_frame_ = !piece.last;
  if (!header_.masked) return;
  apply_mask(payload, size, header_.key);
  if (!piece.last) header_.key = header_.key.rotated(size);
}

// Returns how many bytes of `data` belong to the header.
size_t FrameParser::read_header(const uint8_t *data, size_t size, const FrameRules &rules, const char *&words) {
  if (partial_size_ != 0 || size < 2) return complete_header(data, size, rules, words);
  words = check_frame_start(data, rules);
  if (words != nullptr) return 0;
  size_t header_size = frame_header_size(data[1]);
  if (header_size > size) return complete_header(data, size, rules, words);
  start(data, words);
  return header_size;
}

// Collects a header that arrives in pieces: first two bytes, which are judged at once and tell how many more there are.
size_t FrameParser::complete_header(const uint8_t *data, size_t size, const FrameRules &rules, const char *&words) {
  size_t used = 0;
  while (used < size) {
    partial_[partial_size_++] = data[used++];
    if (partial_size_ == 2) words = check_frame_start(partial_, rules);
    if (words != nullptr) return used;
    if (partial_size_ < 2 || partial_size_ < frame_header_size(partial_[1])) continue;
    partial_size_ = 0;
    start(partial_, words);
    return used;
  }
  return used;
}

void FrameParser::start(const uint8_t *header, const char *&words) {
  words = check_frame_length(header);
  if (words != nullptr) return;
  header_ = read_frame_header(header);
  remaining_ = header_.payload_size;
  in_frame_ = true;
  begun_ = false;
}

}  // namespace hawser
