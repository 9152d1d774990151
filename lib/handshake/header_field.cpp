#include "handshake/header_field.hpp"

#include <algorithm>
#include <iterator>

#include "bytes/ascii.hpp"

namespace hawser {

namespace {

// Names that the handshake writes itself, or that would frame the message or rule the connection in another way than
// the handshake does (RFC 9110 7.6.1). Expect must not be sent without content (RFC 9110 10.1.1).
constexpr std::string_view kReserved[] = {
    "Host",       "Upgrade",          "Connection", "Content-Length", "Transfer-Encoding", "Trailer",
    "Keep-Alive", "Proxy-Connection", "TE",         "Expect"};

bool is_reserved(std::string_view name) {
  constexpr std::string_view kPrefix = "Sec-WebSocket-";
  if (equal_ignoring_case(name.substr(0, kPrefix.size()), kPrefix)) return true;
  return std::any_of(std::begin(kReserved), std::end(kReserved),
                     [name](std::string_view reserved) { return equal_ignoring_case(name, reserved); });
}

}  // namespace

Failure append_header_field(std::string &lines, std::string_view name, std::string_view value) {
  if (!is_token(name)) return {Error::HEADER, 0, "the name of a header field is no token"};
  if (is_reserved(name)) return {Error::HEADER, 0, "the header field belongs to the handshake"};
  if (!std::all_of(value.begin(), value.end(), is_field_char)) {
    return {Error::HEADER, 0, "the value of a header field has a control character"};
  }
  lines.append(name).append(": ").append(trim(value)).append("\r\n");
  return {};
}

bool offers_subprotocol(std::string_view offered, std::string_view subprotocol) {
  std::string_view element;
  while (next_list_element(offered, element)) {
    if (element == subprotocol) return true;
  }
  return false;
}

Failure check_subprotocols(std::string_view list) {
  std::string_view element;
  while (next_list_element(list, element)) {
    if (!is_token(element)) return {Error::RANGE, 0, "a subprotocol is no token"};
    // `list` is now what follows the element.
    if (offers_subprotocol(list, element)) return {Error::RANGE, 0, "a subprotocol stands twice in the list"};
  }
  return {};
}

}  // namespace hawser
