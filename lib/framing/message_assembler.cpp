#include "framing/message_assembler.hpp"

#include <algorithm>

namespace hawser {

namespace {

constexpr size_t kSmallWindow = 16 * 1024;
constexpr size_t kLargeWindow = 256 * 1024;  // what one read brings is unmasked and checked while it is in the cache

constexpr Failure kNoMemory{Error::NO_MEMORY, 0, "no memory for a message, or over the option memory_budget"};

}  // namespace

Failure wrong_continuation(const FrameHeader &header) {
  if (header.opcode == Opcode::CONTINUATION) {
    return {Error::PROTOCOL, 0, "a continuation frame without a message to continue (RFC 6455 5.4)"};
  }
  return {Error::PROTOCOL, 0, "a new message inside a fragmented one (RFC 6455 5.4)"};
}

Failure MessageAssembler::begin_frame(const FrameHeader &header, const MessageLimits &limits) {
  if (!compressed_) {
    if (!message_fits(size_, header.payload_size, limits)) return kMessageTooLarge;
    size_ += header.payload_size;
  }
  fragments_++;
  if (limits.max_fragments >= 0 && fragments_ > limits.max_fragments) {
    return {Error::LIMIT, 0, "a message of more fragments than the option max_fragments"};
  }
  return {};
}

Failure MessageAssembler::add(const uint8_t *data, size_t size) {
  if (Failure failure = check_text(data, size)) return failure;
  if (keep_ && !payload_.append(data, size)) return kNoMemory;
  return {};
}

uint64_t MessageAssembler::room(const MessageLimits &limits) const {
  uint64_t most = limits.max_size < 0 ? INT64_MAX : static_cast<uint64_t>(limits.max_size);
  return most - size_;
}

Failure MessageAssembler::inflated(const uint8_t *data, size_t size) {
  size_ += size;
  return check_text(data, size);
}

Failure MessageAssembler::finish() const {
  return utf8_.complete() ? Failure{} : kTextNotUtf8;
}

MessageAssembler::Window MessageAssembler::window(uint64_t wanted) {
  // Who only announces a large message gets no memory for it.
  if (payload_.size() < kSmallWindow) return {};
  if (payload_.capacity() == payload_.size()) {
    uint64_t growth = std::min<uint64_t>(wanted, payload_.size());
    uint64_t least = std::min<uint64_t>(wanted, kSmallWindow);
    if (!payload_.reserve_exactly(payload_.size() + growth) && !payload_.reserve_exactly(payload_.size() + least)) {
      return {};
    }
  }
  uint64_t room = std::min(payload_.capacity() - payload_.size(), kLargeWindow);
  return {payload_.data() + payload_.size(), static_cast<size_t>(std::min(room, wanted))};
}

Failure MessageAssembler::added(size_t size) {
  Failure failure = check_text(payload_.data() + payload_.size(), size);
  payload_.commit(size);
  return failure;
}

Failure MessageAssembler::check_text(const uint8_t *data, size_t size) {
  if (opcode_ != Opcode::TEXT || utf8_.add(data, size)) return {};
  return kTextNotUtf8;
}

}  // namespace hawser
