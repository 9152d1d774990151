// Close codes and the payload of a Close frame (RFC 6455 5.5.1 and 7.4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bytes/error.hpp"

namespace hawser {

namespace close_code {
inline constexpr int32_t kNormal = 1000;
inline constexpr int32_t kGoingAway = 1001;
inline constexpr int32_t kProtocolError = 1002;
inline constexpr int32_t kNoneGiven = 1005;  // never travels: the Close frame was empty
inline constexpr int32_t kAbnormal = 1006;   // never travels: there was no Close frame
inline constexpr int32_t kInvalidPayload = 1007;
inline constexpr int32_t kTooBig = 1009;
inline constexpr int32_t kInternalError = 1011;
inline constexpr int32_t kTryAgainLater = 1013;
}  // namespace close_code

inline constexpr size_t kMaxCloseReason = 123;

// True for the codes that a Close frame may carry: those that the RFC and IANA's registry define, but not 1004, 1005,
// 1006 and 1015, and the ranges for libraries (3000 to 3999) and private use (4000 to 4999).
bool close_code_may_travel(int32_t code);

// The code with which an endpoint fails the connection for this reason.
int32_t close_code_for(Error error);

struct ClosePayload {
  int32_t code = close_code::kNoneGiven;
  std::string_view reason;
};

// Takes the payload of a received Close apart. Error::PROTOCOL: one byte, or a code that may not travel; Error::UTF8:
// the reason is not UTF-8.
Result<ClosePayload> parse_close_payload(const uint8_t *data, size_t size);

// Checks what an application wants to send: Error::CLOSE_CODE, TOO_LARGE or UTF8. Code 0 is an empty Close.
Error check_close(int32_t code, std::string_view reason);

// Writes a payload that check_close found good: up to 125 bytes. Returns its size.
size_t write_close_payload(uint8_t *to, int32_t code, std::string_view reason);

}  // namespace hawser
