// An event as a flat record, for foreign-function interfaces that are slow at structs: native-endian, a multiple of 8
// bytes. The layout is that of hws_manager_pack_events in hawser.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "session/event.hpp"

namespace hawser {

// 0: it is more than a record can tell, 4 GiB.
size_t event_record_size(const Event &event, std::string_view text);
// Writes event_record_size bytes.
void write_event_record(uint8_t *to, const Event &event, std::string_view text);

}  // namespace hawser
