#include "framing/close_code.hpp"

#include <cstring>

#include "bytes/big_endian.hpp"
#include "bytes/utf8.hpp"

namespace hawser {

bool close_code_may_travel(int32_t code) {
  if (code >= 3000 && code <= 4999) return true;  // RFC 6455 7.4.2
  // RFC 6455 7.4.1; 1012 to 1014 were registered with IANA later.
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

int32_t close_code_for(Error error) {
  switch (error) {
    case Error::PROTOCOL:
      return close_code::kProtocolError;
    case Error::DEFLATE:  // RFC 7692 says no more than to fail; RFC 6455 7.4.1: not consistent with the message's type
    case Error::UTF8:
      return close_code::kInvalidPayload;  // RFC 6455 8.1
    case Error::LIMIT:
      return close_code::kTooBig;
    case Error::NO_MEMORY:
      return close_code::kTryAgainLater;
    default:
      return close_code::kInternalError;
  }
}

Result<ClosePayload> parse_close_payload(const uint8_t *data, size_t size) {
  if (size == 0) return ClosePayload{};
  // RFC 6455 5.5.1: if there is a body, its first two bytes are the code.
  if (size == 1) return Failure{Error::PROTOCOL, 0, "a Close frame with a payload of one byte (RFC 6455 5.5.1)"};
  int32_t code = load_be16(data);
  if (!close_code_may_travel(code)) {
    return Failure{Error::PROTOCOL, 0, "a Close frame with a code that may not travel (RFC 6455 7.4)"};
  }
  if (!utf8_is_valid(data + 2, size - 2)) {
    return Failure{Error::UTF8, 0, "a close reason that is not UTF-8 (RFC 6455 5.5.1)"};
  }
  return ClosePayload{code, {reinterpret_cast<const char *>(data + 2), size - 2}};
}

Error check_close(int32_t code, std::string_view reason) {
  if (code == 0) return reason.empty() ? Error::OK : Error::CLOSE_CODE;  // a reason needs a code in front of it
  if (!close_code_may_travel(code)) return Error::CLOSE_CODE;
  if (reason.size() > kMaxCloseReason) return Error::TOO_LARGE;
  bool valid = utf8_is_valid(reinterpret_cast<const uint8_t *>(reason.data()), reason.size());
  return valid ? Error::OK : Error::UTF8;
}

size_t write_close_payload(uint8_t *to, int32_t code, std::string_view reason) {
  if (code == 0) return 0;
  store_be16(to, static_cast<uint16_t>(code));
  if (!reason.empty()) std::memcpy(to + 2, reason.data(), reason.size());
  return 2 + reason.size();
}

}  // namespace hawser
