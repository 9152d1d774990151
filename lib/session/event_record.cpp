#include "session/event_record.hpp"

#include <cstring>

namespace hawser {

namespace {

struct RecordHeader {
  uint32_t record_size;
  uint16_t header_size;
  uint16_t kind;
  int32_t opcode;
  uint32_t flags;
  int64_t connection;
  int64_t listener;
  int64_t tag;
  int64_t size;
  int32_t code;
  int32_t error;
  int32_t system;
  int32_t text_size;
};
static_assert(sizeof(RecordHeader) == 64);

}  // namespace

size_t event_record_size(const Event &event, std::string_view text) {
  uint64_t size = (sizeof(RecordHeader) + static_cast<uint64_t>(event.size) + text.size() + 7) / 8 * 8;
  return size <= UINT32_MAX ? static_cast<size_t>(size) : 0;
}

void write_event_record(uint8_t *to, const Event &event, std::string_view text) {
  size_t record_size = event_record_size(event, text);
  size_t payload_size = static_cast<size_t>(event.size);
  RecordHeader header{static_cast<uint32_t>(record_size),
                      sizeof(RecordHeader),
                      static_cast<uint16_t>(event.kind),
                      event.opcode,
                      event.flags,
                      event.connection,
                      event.listener,
                      event.tag,
                      event.size,
                      event.code,
                      event.error,
                      event.system,
                      static_cast<int32_t>(text.size())};
  std::memcpy(to, &header, sizeof header);
  uint8_t *next = to + sizeof header;
  if (payload_size != 0) std::memcpy(next, event.data, payload_size);
  next += payload_size;
  if (!text.empty()) std::memcpy(next, text.data(), text.size());
  next += text.size();
  std::memset(next, 0, static_cast<size_t>(to + record_size - next));
}

}  // namespace hawser
