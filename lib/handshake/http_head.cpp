#include "handshake/http_head.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "bytes/ascii.hpp"

namespace hawser {

namespace {

constexpr int32_t kBadRequest = 400;
constexpr int32_t kHeadTooLarge = 431;
constexpr int32_t kVersionNotSupported = 505;

Failure malformed(const char *words) {
  return {Error::HANDSHAKE, kBadRequest, words};
}

// Right where char is signed, too.
bool is_visible_ascii(char c) {
  return c > ' ' && c < '\x7f';
}

}  // namespace

HeadScanner::Status HeadScanner::scan(const uint8_t *data, size_t size, const HeadLimits &limits) {
  uint64_t limit = limits.max_size < 0 ? UINT64_MAX : static_cast<uint64_t>(limits.max_size);
  size_t end = static_cast<size_t>(std::min<uint64_t>(size, limit));
  while (scanned_ < end && !complete_ && !failure_)
    take_byte(data[scanned_++]);
  if (complete_) return Status::COMPLETE;
  if (!failure_ && scanned_ >= limit) failure_ = {Error::LIMIT, kHeadTooLarge, "the head is longer than max_head_size"};
  return failure_ ? Status::FAILED : Status::INCOMPLETE;
}

void HeadScanner::take_byte(uint8_t byte) {
  if (after_cr_) return end_line(byte);
  if (byte != '\r') return take_text(byte);
  // RFC 9112 2.2 would have a server pass over an empty line before the request: nothing sends one any more.
  if (first_line_ && line_size_ == 0) failure_ = malformed("the head begins with an empty line");
  after_cr_ = true;
}

void HeadScanner::take_text(uint8_t byte) {
  char c = static_cast<char>(byte);
  if (c == '\n') {
    // RFC 9112 2.2 allows it as a line end; but what two parsers take for two different heads smuggles requests.
    failure_ = malformed("a line feed without a carriage return in the head");
  } else if (!is_field_char(c)) {
    failure_ = malformed("a control character in the head");
  } else if (line_size_ == 0 && is_blank(c)) {
    // RFC 9112 5.2: a server must refuse obs-fold; 2.2: and white space before the first field.
    failure_ = malformed("a line of the head begins with white space");
  }
  line_size_++;
}

void HeadScanner::end_line(uint8_t byte) {
  // RFC 9112 2.2: a bare CR is invalid within any protocol element.
  if (byte != '\n') {
    failure_ = malformed("a carriage return without a line feed in the head");
    return;
  }
  complete_ = line_size_ == 0;
  first_line_ = false;
  after_cr_ = false;
  line_size_ = 0;
}

namespace {

// A head that is taken line by line.
struct Lines {
  char *at;
  char *end;

  // The next line without its CR LF; false if there is none.
  bool next(std::string_view &line) {
    if (at == end) return false;
    auto *feed = static_cast<char *>(std::memchr(at, '\n', static_cast<size_t>(end - at)));
    if (feed == nullptr || feed == at || feed[-1] != '\r') return false;
    line = std::string_view(at, static_cast<size_t>(feed - 1 - at));
    at = feed + 1;
    return true;
  }
};

// Takes what is before the next space, and the space, off the front of `line`.
bool take_word(std::string_view &line, std::string_view &word) {
  size_t space = line.find(' ');
  if (space == std::string_view::npos) return false;
  word = line.substr(0, space);
  line.remove_prefix(space + 1);
  return true;
}

// Part of a head: there is a delimiter behind it that may be overwritten.
void end_with_nul(std::string_view part) {
  const_cast<char *>(part.data())[part.size()] = '\0';
}

// RFC 9112 2.3: HTTP-name is case-sensitive.
Failure parse_version(std::string_view text, int &minor_version) {
  constexpr std::string_view kName = "HTTP/";
  if (text.size() != kName.size() + 3 || !text.starts_with(kName) || text[6] != '.' || !is_digit(text[5]) ||
      !is_digit(text[7])) {
    return malformed("the start line has no HTTP version");
  }
  if (text[5] != '1') return {Error::HANDSHAKE, kVersionNotSupported, "the version is not HTTP/1.1"};
  minor_version = text[7] - '0';
  return {};
}

// RFC 9112 3.2.2. The four schemes are those that name this port.
bool is_absolute_form(std::string_view target) {
  constexpr std::string_view kSeparator = "://";
  size_t separator = target.find(kSeparator);
  if (separator == std::string_view::npos) return false;
  std::string_view scheme = target.substr(0, separator);
  return equal_ignoring_case(scheme, "http") || equal_ignoring_case(scheme, "https") ||
         equal_ignoring_case(scheme, "ws") || equal_ignoring_case(scheme, "wss");
}

Failure check_target(std::string_view target) {
  if (!std::all_of(target.begin(), target.end(), is_visible_ascii)) {
    return malformed("a character in the request target that may not stand there");
  }
  // RFC 6455 3: fragments must not be used; RFC 9112 3.2 has none either.
  if (target.find('#') != std::string_view::npos) return malformed("a fragment in the request target");
  if (target.starts_with('/') || is_absolute_form(target)) return {};
  return malformed("the request target is neither a path nor an http or ws URL");
}

Failure parse_request_line(std::string_view line, RequestHead &head) {
  if (!take_word(line, head.method) || !take_word(line, head.target)) {
    return malformed("the request line is not method, target and version");
  }
  if (!is_token(head.method)) return malformed("the method is no token");
  if (Failure failure = check_target(head.target)) return failure;
  if (Failure failure = parse_version(line, head.minor_version)) return failure;
  end_with_nul(head.method);
  end_with_nul(head.target);
  return {};
}

// RFC 9112 4: three digits; RFC 9110 15: the first one is 1 to 5.
bool parse_status(std::string_view text, int &status) {
  if (text.size() < 3 || !std::all_of(text.begin(), text.begin() + 3, is_digit)) return false;
  if (text.size() > 3 && text[3] != ' ') return false;
  status = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
  return status >= 100 && status <= 599;
}

Failure parse_status_line(std::string_view line, ResponseHead &head) {
  std::string_view version;
  if (!take_word(line, version)) return malformed("the status line is not version and status");
  if (Failure failure = parse_version(version, head.minor_version)) return failure;
  if (!parse_status(line, head.status)) return malformed("the status is not a number from 100 to 599");
  if (!std::all_of(line.begin(), line.end(), is_field_char)) return malformed("a control character in the status line");
  head.status_text = trim(line);
  end_with_nul(head.status_text);
  return {};
}

Failure parse_field(std::string_view line, HeaderField &field) {
  size_t colon = line.find(':');
  if (colon == std::string_view::npos) return malformed("a header line without a colon");
  field.name = line.substr(0, colon);
  field.value = trim(line.substr(colon + 1));
  // RFC 9112 5.1: a server must refuse white space between name and colon. It is no token character, as is that of
  // obs-fold.
  if (!is_token(field.name)) return malformed("the name of a header field is no token");
  if (!std::all_of(field.value.begin(), field.value.end(), is_field_char)) {
    return malformed("a control character in a header field");
  }
  return {};
}

// Writes "Name: value" and NUL at `to`, which is not behind the field: as "name:value\r\n" was there, it always fits,
// and the name, moved first, does not reach the value. Returns what is behind.
char *write_field(char *to, const HeaderField &field) {
  size_t name_size = field.name.size();
  size_t value_size = field.value.size();
  std::memmove(to, field.name.data(), name_size);
  std::memmove(to + name_size + 2, field.value.data(), value_size);
  to[name_size] = ':';
  to[name_size + 1] = ' ';
  to[name_size + 2 + value_size] = '\0';
  return to + name_size + 3 + value_size;
}

// What is left of a head behind its start line.
Result<HeaderList> parse_fields(Lines lines, const HeadLimits &limits) {
  char *const block = lines.at;
  char *to = block;
  const int64_t most = limits.max_headers >= 0 ? limits.max_headers : INT32_MAX;
  int32_t count = 0;
  std::string_view line;
  for (;; count++) {
    if (!lines.next(line)) return malformed("a line of the head does not end with CR LF");
    if (line.empty()) break;
    if (count >= most) {
      return Failure{Error::LIMIT, kHeadTooLarge, "the head has more fields than max_headers"};
    }
    HeaderField field;
    if (Failure failure = parse_field(line, field)) return failure;
    to = write_field(to, field);
  }
  if (lines.at != lines.end) return malformed("bytes behind the empty line of the head");
  return HeaderList(block, static_cast<size_t>(to - block), count);
}

template <typename Head>
Result<Head> parse_head(uint8_t *data, size_t size, const HeadLimits &limits,
                        Failure (*parse_start_line)(std::string_view, Head &)) {
  char *begin = reinterpret_cast<char *>(data);
  Lines lines{begin, begin + size};
  std::string_view line;
  if (!lines.next(line)) return malformed("a line of the head does not end with CR LF");
  Head head;
  if (Failure failure = parse_start_line(line, head)) return failure;
  Result<HeaderList> headers = parse_fields(lines, limits);
  if (!headers) return headers.failure();
  head.headers = *headers;
  return head;
}

}  // namespace

Result<RequestHead> parse_request_head(uint8_t *data, size_t size, const HeadLimits &limits) {
  return parse_head<RequestHead>(data, size, limits, parse_request_line);
}

Result<ResponseHead> parse_response_head(uint8_t *data, size_t size, const HeadLimits &limits) {
  return parse_head<ResponseHead>(data, size, limits, parse_status_line);
}

}  // namespace hawser
