// What a session tells. The same layout as hws_event in hawser.h, where the fields are explained, so that events cross
// the C API without being copied.
#pragma once

#include <cstdint>

namespace hawser {

enum class EventKind : int32_t { NONE = 0, OPEN = 1, MESSAGE = 2, DRAIN = 3, CLOSE = 4, REQUEST = 5, PONG = 6 };

namespace event_flag {
inline constexpr uint32_t kFirst = 1;
inline constexpr uint32_t kFinal = 2;
inline constexpr uint32_t kByPeer = 4;
inline constexpr uint32_t kClean = 8;
inline constexpr uint32_t kCompressed = 16;
inline constexpr uint32_t kUpgrade = 32;
}  // namespace event_flag

struct Event {
  EventKind kind = EventKind::NONE;
  int32_t opcode = 0;
  int64_t connection = 0;
  int64_t listener = 0;
  int64_t tag = 0;
  int64_t size = 0;
  int32_t code = 0;
  int32_t error = 0;
  int32_t system = 0;
  uint32_t flags = 0;
  const void *data = nullptr;
};

}  // namespace hawser
