// HTTP/1.1 message heads (RFC 9112), strict against smuggling: every line ends with CR LF, no obs-fold, no space before
// a colon, no control character, bounded in bytes and in fields.
//
// Two steps, each of which sees every byte once. HeadScanner finds the end of the head, however the bytes were chopped,
// and fails at the first byte that cannot be part of one. parse_request_head and parse_response_head then take the
// whole head apart in place: they overwrite delimiters with NUL, so that every part is a C string, and allocate
// nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bytes/error.hpp"
#include "handshake/header_list.hpp"

namespace hawser {

struct HeadLimits {
  int64_t max_size = 16 * 1024;  // bytes of the head, its empty line included; -1: unlimited
  int64_t max_headers = 100;     // fields; -1: unlimited
};

class HeadScanner {
 public:
  enum class Status : uint8_t { INCOMPLETE, COMPLETE, FAILED };

  // `data` is the head from its first byte on, `size` what has arrived of it and perhaps of what follows it: each call
  // brings the same bytes as the last one and more. Looks only at the new ones.
  Status scan(const uint8_t *data, size_t size, const HeadLimits &limits);

  // COMPLETE: the size of the head, its empty line included; what follows are frames.
  size_t head_size() const { return scanned_; }
  // FAILED: Error::LIMIT (max_size) or Error::HANDSHAKE, with words.
  const Failure &failure() const { return failure_; }

 private:
  void take_byte(uint8_t byte);
  void take_text(uint8_t byte);
  void end_line(uint8_t byte);

  size_t scanned_ = 0;
  size_t line_size_ = 0;  // of the line being scanned, without CR
  bool after_cr_ = false;
  bool first_line_ = true;
  bool complete_ = false;
  Failure failure_;
};

struct RequestHead {
  std::string_view method;
  std::string_view target;
  int minor_version = 1;  // of HTTP/1.x; another major version fails with 505
  HeaderList headers;
};

struct ResponseHead {
  int minor_version = 1;         // of HTTP/1.x; another major version fails
  int status = 0;                // 100 to 599
  std::string_view status_text;  // "403 Forbidden": code, and reason if there is one
  HeaderList headers;
};

// `data`, `size`: a whole head as HeadScanner found it. Changes it, and the result points into it. Failures:
// Error::LIMIT (max_headers), Error::HANDSHAKE; `system` is the status that a server answers with: 400, 431 or 505.
Result<RequestHead> parse_request_head(uint8_t *data, size_t size, const HeadLimits &limits);
Result<ResponseHead> parse_response_head(uint8_t *data, size_t size, const HeadLimits &limits);

}  // namespace hawser
