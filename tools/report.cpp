#include "report.hpp"

#include <cstdio>

namespace hawser::tools {

ExitStatus exit_status_of(hws_result error) {
  switch (error) {
    case HWS_OK:
      return SUCCESS;
    case HWS_ERR_ARGUMENT:
    case HWS_ERR_URL:
    case HWS_ERR_OPTION:
    case HWS_ERR_RANGE:
    case HWS_ERR_HEADER:
    case HWS_ERR_UNSUPPORTED:
      return USAGE;
    case HWS_ERR_HTTP:
      return REFUSED;
    case HWS_ERR_HANDSHAKE:
    case HWS_ERR_PROTOCOL:
    case HWS_ERR_LIMIT:
    case HWS_ERR_UTF8:
    case HWS_ERR_DEFLATE:
      return PROTOCOL;
    default:
      return NETWORK;
  }
}

ExitStatus exit_status_of_call(hws_id error) {
  return error == HWS_ERR_TLS ? USAGE : exit_status_of(static_cast<hws_result>(error));
}

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (size_t i = 0; i < text.size(); i++) {
    const unsigned char byte = static_cast<unsigned char>(text[i]);
    const unsigned char next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    const bool c1 = byte == 0xC2 && next >= 0x80 && next <= 0x9F;
    if (c1) i++;
    result += byte < 0x20 || byte == 0x7F || c1 ? '?' : text[i];
  }
  return result;
}

void complain(std::string_view words) {
  std::fprintf(stderr, "hawser: %s\n", printable(words).c_str());
}

ExitStatus fail(ExitStatus status, std::string_view words) {
  complain(words);
  return status;
}

}  // namespace hawser::tools
