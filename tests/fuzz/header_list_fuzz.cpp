// What is made of lists and fields: header fields that an application adds, subprotocols, comma-separated lists,
// origins, and the lookup in a parsed head. The input is a program: five texts.
#include <vector>

#include "bytes/ascii.hpp"
#include "fuzz/fuzz.hpp"
#include "fuzz/reference.hpp"
#include "handshake/header_field.hpp"
#include "handshake/header_list.hpp"
#include "handshake/origin.hpp"

using namespace hawser;

namespace {

// The elements of a list (RFC 9110 5.6.1.2), each without the blanks around it; empty ones do not count.
std::vector<std::string> elements_of(std::string_view list) {
  std::vector<std::string> elements;
  std::string element;
  for (char c : std::string(list) + ",") {
    if (c != ',') {
      element += c;
      continue;
    }
    size_t begin = element.find_first_not_of(" \t");
    if (begin != std::string::npos)
      elements.push_back(element.substr(begin, element.find_last_not_of(" \t") - begin + 1));
    element.clear();
  }
  return elements;
}

void check_elements(std::string_view list, std::string_view token) {
  std::vector<std::string> expected = elements_of(list);
  std::string_view rest = list;
  std::string_view element;
  size_t count = 0;
  for (; next_list_element(rest, element); count++)
    HOLDS(count < expected.size() && element == expected[count]);
  HOLDS(count == expected.size());
  auto equal = [&](const std::string &each) { return equal_ignoring_case(each, token); };
  HOLDS(list_contains(list, token) == std::any_of(expected.begin(), expected.end(), equal));
}

// RFC 6455 4.1 item 10: tokens, all different.
void check_subprotocol_list(std::string_view list, std::string_view subprotocol) {
  std::vector<std::string> elements = elements_of(list);
  bool offered = std::find(elements.begin(), elements.end(), subprotocol) != elements.end();
  HOLDS(offers_subprotocol(list, subprotocol) == offered);
  bool tokens = std::all_of(elements.begin(), elements.end(), fuzz::is_token);
  std::sort(elements.begin(), elements.end());
  bool different = std::adjacent_find(elements.begin(), elements.end()) == elements.end();
  HOLDS(!check_subprotocols(list) == (tokens && different));
}

bool ends_a_line(char c) {
  return c == '\r' || c == '\n' || c == '\0';
}

// RFC 9110 5.5: one line, whatever the value was.
void check_field(const std::string &name, const std::string &value) {
  std::string lines = "Before: x\r\n";
  Failure failure = append_header_field(lines, name, value);
  if (failure) {
    HOLDS(failure.error == Error::HEADER && lines == "Before: x\r\n");
    return;
  }
  std::string_view line = std::string_view(lines).substr(11);
  HOLDS(fuzz::is_token(name) && line.starts_with(name + ": ") && line.ends_with("\r\n"));
  line.remove_suffix(2);
  HOLDS(std::none_of(line.begin(), line.end(), ends_a_line));
  HOLDS(!equal_ignoring_case(name, "Host") && !equal_ignoring_case(name.substr(0, 14), "Sec-WebSocket-"));
}

// RFC 6454 7: an origin that is allowed by "same" names the host; who is listed is allowed, wherever in the list.
void check_origin(const std::string &origin, const std::string &host, const std::string &origins) {
  bool allowed = origin_is_allowed(origin, host, origins);
  if (check_origins(origins)) return;
  bool everybody = trim(origins) == "*";
  if (everybody) HOLDS(allowed);
  bool by_any = false;
  for (const std::string &element : elements_of(origins))
    by_any |= origin_is_allowed(origin, host, element);
  HOLDS(allowed == by_any);
  if (!allowed || everybody) return;
  HOLDS(origin == "null" || origin.find("://") != std::string::npos);
  HOLDS(origin.find_first_of(",@ ") == std::string::npos);
  if (trim(origins) != "same") return;
  std::string_view authority = std::string_view(origin).substr(origin.find("://") + 3);
  bool port_alone = authority.ends_with(':') != host.ends_with(':');  // an empty one counts as none
  HOLDS(port_alone || authority.size() == host.size() || authority.find(":0") != std::string::npos ||
        host.find(":0") != std::string::npos);
}

// Fields in a block of lines as parse_request_head makes it.
void check_block(const std::vector<std::string> &values, const std::string &name) {
  std::string block;
  for (const std::string &value : values)
    block += name + ": " + value + '\0';
  HeaderList list(block.data(), block.size(), static_cast<int32_t>(values.size()));
  size_t position = 0;
  HeaderField field;
  for (size_t i = 0; i < values.size(); i++) {
    auto index = static_cast<int32_t>(i);
    HOLDS(list.next(position, field) && field.name == name && field.value == values[i]);
    HOLDS(list.line(index) == name + ": " + values[i]);
    HOLDS(list.find(name, index) == values[i]);
  }
  HOLDS(!list.next(position, field) && position == block.size());
  auto count = static_cast<int32_t>(values.size());
  HOLDS(list.find(name, count) == nullptr && list.line(count) == nullptr && list.line(-1) == nullptr);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz::Program program(data, size);
  std::string list = program.text();
  std::string name = program.text();
  std::string value = program.text();
  std::string host = program.text();
  std::string origins = program.text();
  check_elements(list, name);
  check_subprotocol_list(list, name);
  check_field(name, value);
  check_origin(value, host, origins);
  bool plain = std::none_of(list.begin(), list.end(), ends_a_line);
  if (plain && fuzz::is_token(name)) check_block(elements_of(list), name);
  return 0;
}
