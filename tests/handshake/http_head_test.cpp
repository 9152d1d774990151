#include "handshake/http_head.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <regex.h>

#include "support/cmocka.hpp"

using namespace hawser;
using namespace std::string_literals;

namespace {

constexpr uint32_t kSeed = 9112;
using Status = HeadScanner::Status;

const uint8_t *bytes(const std::string &text) {
  return reinterpret_cast<const uint8_t *>(text.data());
}

// What a scanner said of a head. `size` is the head's, or how many bytes had come when it failed.
struct Outcome {
  Status status = Status::INCOMPLETE;
  size_t size = 0;
  Failure failure;

  bool operator==(const Outcome &other) const {
    return status == other.status && size == other.size && failure.error == other.failure.error &&
           failure.system == other.failure.system && std::strcmp(failure.words, other.failure.words) == 0;
  }
};

// Scans `text` in pieces that end at `cuts` (ascending) and at its end. Every piece comes in memory of its own exact
// size, in which what was scanned before is overwritten by NUL: a scanner that looks at a byte twice fails.
Outcome scan_pieces(const std::string &text, std::vector<size_t> cuts, const HeadLimits &limits = {}) {
  cuts.push_back(text.size());
  HeadScanner scanner;
  Outcome outcome;
  size_t scanned = 0;
  for (size_t cut : cuts) {
    std::unique_ptr<uint8_t[]> data(new uint8_t[cut]);
    std::memset(data.get(), 0, scanned);
    std::memcpy(data.get() + scanned, text.data() + scanned, cut - scanned);
    outcome.status = scanner.scan(data.get(), cut, limits);
    outcome.size = outcome.status == Status::COMPLETE ? scanner.head_size() : cut;
    outcome.failure = scanner.failure();
    if (outcome.status != Status::INCOMPLETE) return outcome;
    scanned = cut;
  }
  return outcome;
}

std::vector<size_t> every_byte(size_t size) {
  std::vector<size_t> cuts;
  for (size_t cut = 1; cut < size; cut++)
    cuts.push_back(cut);
  return cuts;
}

struct ParsedRequest {
  Failure failure;
  std::string method, target;
  int minor_version = -1;
  std::vector<std::string> lines;
};

std::vector<std::string> lines_of(const HeaderList &headers) {
  std::vector<std::string> lines;
  for (int32_t i = 0; i < headers.count(); i++)
    lines.push_back(headers.line(i));
  return lines;
}

// In memory of the exact size.
std::vector<uint8_t> copy_of(const std::string &text) {
  return std::vector<uint8_t>(text.begin(), text.end());
}

// Reads method and target as C strings, so that it sees whether they end.
ParsedRequest parse_request(const std::string &text, const HeadLimits &limits = {}) {
  std::vector<uint8_t> data = copy_of(text);
  Result<RequestHead> head = parse_request_head(data.data(), data.size(), limits);
  ParsedRequest parsed;
  if (!head) {
    parsed.failure = head.failure();
    return parsed;
  }
  parsed.method = head->method.data();
  parsed.target = head->target.data();
  parsed.minor_version = head->minor_version;
  parsed.lines = lines_of(head->headers);
  return parsed;
}

struct GoodRequest {
  const char *text;
  const char *method;
  const char *target;
  int minor_version;
  std::vector<std::string> lines;
};

const GoodRequest kGoodRequests[] = {
    {"GET / HTTP/1.1\r\n\r\n", "GET", "/", 1, {}},
    {"GET /chat?x=1 HTTP/1.1\r\nHost: h\r\n\r\n", "GET", "/chat?x=1", 1, {"Host: h"}},
    {"HEAD / HTTP/1.0\r\nHost:h\r\n\r\n", "HEAD", "/", 0, {"Host: h"}},
    {"get // HTTP/1.9\r\nA:\r\nB: \r\nC: \t \r\n\r\n", "get", "//", 9, {"A: ", "B: ", "C: "}},
    {"G!#$ /%zz HTTP/1.1\r\na:b:c\r\nA:  x  y \t\r\n\r\n", "G!#$", "/%zz", 1, {"a: b:c", "A: x  y"}},
    {"GET http://h/x HTTP/1.1\r\nHost: h\r\n\r\n", "GET", "http://h/x", 1, {"Host: h"}},
    {"GET WSS://h HTTP/1.1\r\nx: \xc3\xa9\xff\ty\r\n\r\n", "GET", "WSS://h", 1, {"x: \xc3\xa9\xff\ty"}},
};

// A head that the scanner refuses at the first byte of `rest`.
struct BadBytes {
  const char *start;
  const char *rest;
  const char *words;
};

const BadBytes kBadBytes[] = {
    {"", "\r\nGET / HTTP/1.1\r\n\r\n", "empty line"},
    {"", "\nGET / HTTP/1.1\r\n\r\n", "line feed without"},
    {"", " GET / HTTP/1.1\r\n\r\n", "white space"},
    {"", "\x16\x03\x01\x02 TLS", "control character"},
    {"GET / HTTP/1.1", "\n\n", "line feed without"},
    {"GET / HTTP/1.1\r", "\r\n\r\n", "carriage return without"},
    {"GET / HTTP/1.1\r", "Host: h\r\n\r\n", "carriage return without"},
    {"GET / HTTP/1.1\r\nHost: h", "\n\r\n", "line feed without"},
    {"GET / HTTP/1.1\r\n", "\n", "line feed without"},
    {"GET / HTTP/1.1\r\nHost: h\r\n", "\nx", "line feed without"},
    {"GET / HTTP/1.1\r\nHost: h\r\n\r", "x", "carriage return without"},
    {"GET / HTTP/1.1\r\nA: b\r", " c\r\n\r\n", "carriage return without"},
    {"GET / HTTP/1.1\r\nA: b\r\n", " folded\r\n\r\n", "white space"},
    {"GET / HTTP/1.1\r\nA: b\r\n", "\tfolded\r\n\r\n", "white space"},
    {"GET / HTTP/1.1\r\n", " A: b\r\n\r\n", "white space"},
    {"GET / HTTP/1.1\r\nA: ", "\x01\r\n\r\n", "control character"},
    {"GET / HTTP/1.1\r\nA: ", "\x1b[0m\r\n\r\n", "control character"},
    {"GET / HTTP/1.1\r\nA: ", "\x7f\r\n\r\n", "control character"},
    {"GET /", "\x0b HTTP/1.1\r\n\r\n", "control character"},
};

// A head that the scanner lets pass, and the parser does not.
struct BadHead {
  const char *text;
  int system;
  const char *words;
};

const BadHead kBadRequests[] = {
    {"GET\r\n\r\n", 400, "request line"},
    {"GET /\r\n\r\n", 400, "request line"},
    {"GET  / HTTP/1.1\r\n\r\n", 400, "request target"},
    {"GET /  HTTP/1.1\r\n\r\n", 400, "HTTP version"},
    {"GET / HTTP/1.1 \r\n\r\n", 400, "HTTP version"},
    {"GET /a b HTTP/1.1\r\n\r\n", 400, "HTTP version"},
    {"GET\t/ HTTP/1.1\r\n\r\n", 400, "request line"},
    {"GET /\tHTTP/1.1\r\n\r\n", 400, "request line"},
    {"GET / http/1.1\r\n\r\n", 400, "HTTP version"},
    {"GET / HTTP/1\r\n\r\n", 400, "HTTP version"},
    {"GET / HTTP/1.\r\n\r\n", 400, "HTTP version"},
    {"GET / HTTP/1.10\r\n\r\n", 400, "HTTP version"},
    {"GET / HTTP/01.1\r\n\r\n", 400, "HTTP version"},
    {"GET / HTTP/1,1\r\n\r\n", 400, "HTTP version"},
    {"GET / HTTP/x.1\r\n\r\n", 400, "HTTP version"},
    {"GET / HTTP/1.x\r\n\r\n", 400, "HTTP version"},
    {"GET / ICAP/1.1\r\n\r\n", 400, "HTTP version"},
    {"GET / HTTP/0.9\r\n\r\n", 505, "HTTP/1.1"},
    {"GET / HTTP/2.0\r\n\r\n", 505, "HTTP/1.1"},
    {"GET / HTTP/9.9\r\n\r\n", 505, "HTTP/1.1"},
    {"G(T / HTTP/1.1\r\n\r\n", 400, "method"},
    {"G\xc3\x89T / HTTP/1.1\r\n\r\n", 400, "method"},
    {"GET * HTTP/1.1\r\n\r\n", 400, "request target"},
    {"PRI * HTTP/2.0\r\n\r\n", 400, "request target"},
    {"CONNECT h:80 HTTP/1.1\r\n\r\n", 400, "request target"},
    {"GET h HTTP/1.1\r\n\r\n", 400, "request target"},
    {"GET ?x HTTP/1.1\r\n\r\n", 400, "request target"},
    {"GET ftp://h/ HTTP/1.1\r\n\r\n", 400, "request target"},
    {"GET ://h/ HTTP/1.1\r\n\r\n", 400, "request target"},
    {"GET /\xc3\xa9 HTTP/1.1\r\n\r\n", 400, "request target"},
    {"GET /\tx HTTP/1.1\r\n\r\n", 400, "request target"},
    {"GET /#x HTTP/1.1\r\n\r\n", 400, "fragment"},
    {"GET / HTTP/1.1\r\nHost\r\n\r\n", 400, "colon"},
    {"GET / HTTP/1.1\r\n: h\r\n\r\n", 400, "name"},
    {"GET / HTTP/1.1\r\n:\r\n\r\n", 400, "name"},
    {"GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400, "name"},
    {"GET / HTTP/1.1\r\nHost\t: h\r\n\r\n", 400, "name"},
    {"GET / HTTP/1.1\r\nA b: c\r\n\r\n", 400, "name"},
    {"GET / HTTP/1.1\r\nA: b\r\n\"c\": d\r\n\r\n", 400, "name"},
    {"GET / HTTP/1.1\r\n\xc3\xa9: d\r\n\r\n", 400, "name"},
};

const BadHead kBadResponses[] = {
    {"HTTP/1.1\r\n\r\n", 400, "status line"},          {"HTTP/1.1 \r\n\r\n", 400, "100 to 599"},
    {"HTTP/1.1 10\r\n\r\n", 400, "100 to 599"},        {"HTTP/1.1 1010\r\n\r\n", 400, "100 to 599"},
    {"HTTP/1.1 10x OK\r\n\r\n", 400, "100 to 599"},    {"HTTP/1.1 +10 OK\r\n\r\n", 400, "100 to 599"},
    {"HTTP/1.1  101 OK\r\n\r\n", 400, "100 to 599"},   {"HTTP/1.1 101\tOK\r\n\r\n", 400, "100 to 599"},
    {"HTTP/1.1 099 OK\r\n\r\n", 400, "100 to 599"},    {"HTTP/1.1 600 OK\r\n\r\n", 400, "100 to 599"},
    {"HTTP/1.1\t101 OK\r\n\r\n", 400, "HTTP version"}, {"HTTP/1.1x 101 OK\r\n\r\n", 400, "HTTP version"},
    {"http/1.1 101 OK\r\n\r\n", 400, "HTTP version"},  {"SSH-2.0-OpenSSH_9.2 x\r\n\r\n", 400, "HTTP version"},
    {"HTTP/2.0 101 OK\r\n\r\n", 505, "HTTP/1.1"},      {"HTTP/1.1 101 OK\r\nA\r\n\r\n", 400, "colon"},
    {"HTTP/1.1 101 OK\r\nA : b\r\n\r\n", 400, "name"},
};

bool has_words(const Failure &failure, const char *words) {
  return std::string(failure.words).find(words) != std::string::npos;
}

bool fails_with(const Failure &failure, const BadHead &bad) {
  if (failure.error == Error::HANDSHAKE && failure.system == bad.system && has_words(failure, bad.words)) return true;
  print_error("%s: %d \"%s\"\n", bad.text, failure.system, failure.words);
  return false;
}

void good_requests_are_taken_apart(void **) {
  for (const GoodRequest &good : kGoodRequests) {
    ParsedRequest parsed = parse_request(good.text);
    if (parsed.failure) print_error("%s: %s\n", good.text, parsed.failure.words);
    assert_false(static_cast<bool>(parsed.failure));
    assert_string_equal(parsed.method.c_str(), good.method);
    assert_string_equal(parsed.target.c_str(), good.target);
    assert_int_equal(parsed.minor_version, good.minor_version);
    assert_true(parsed.lines == good.lines);
  }
}

void the_end_is_found_however_the_bytes_are_chopped(void **) {
  for (const GoodRequest &good : kGoodRequests) {
    const std::string head = good.text;
    // What follows is not looked at, be it a frame or another head.
    for (const char *rest : {"", "\x81\x85mask", "\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"}) {
      const std::string text = head + rest;
      const Outcome expected{Status::COMPLETE, head.size(), {}};
      assert_true(scan_pieces(text, {}) == expected);
      assert_true(scan_pieces(text, every_byte(text.size())) == expected);
      for (size_t cut = 0; cut <= text.size(); cut++)
        assert_true(scan_pieces(text, {cut}) == expected);
    }
    for (size_t size = 0; size < head.size(); size++) {
      const std::string part = head.substr(0, size);
      assert_true(scan_pieces(part, every_byte(size)).status == Status::INCOMPLETE);
    }
  }
}

void bad_bytes_fail_at_once(void **) {
  for (const BadBytes &bad : kBadBytes) {
    const std::string start = bad.start;
    const std::string text = start + bad.rest;
    assert_true(scan_pieces(start, {}).status == Status::INCOMPLETE);
    Outcome outcome = scan_pieces(text, every_byte(text.size()));
    if (!has_words(outcome.failure, bad.words)) print_error("%s: %s\n", text.c_str(), outcome.failure.words);
    assert_true(outcome.status == Status::FAILED);
    assert_int_equal(outcome.size, start.size() + 1);
    assert_int_equal(static_cast<int>(outcome.failure.error), static_cast<int>(Error::HANDSHAKE));
    assert_int_equal(outcome.failure.system, 400);
    assert_true(has_words(outcome.failure, bad.words));
    for (size_t cut = 0; cut <= text.size(); cut++) {
      outcome.size = cut > start.size() ? cut : text.size();
      assert_true(scan_pieces(text, {cut}) == outcome);
    }
  }
}

void every_byte_may_stand_in_a_head_or_not(void **) {
  const std::string start = "GET / HTTP/1.1\r\nA: b";
  for (int byte = 0; byte < 256; byte++) {
    Outcome outcome = scan_pieces(start + static_cast<char>(byte), {start.size()});
    bool may_stand = byte == '\t' || byte == '\r' || (byte >= 0x20 && byte != 0x7f);
    assert_true(outcome.status == (may_stand ? Status::INCOMPLETE : Status::FAILED));
  }
}

void a_verdict_is_final(void **) {
  const std::string good = "GET / HTTP/1.1\r\n\r\n";
  HeadScanner scanner;
  for (int i = 0; i < 3; i++) {
    assert_true(scanner.scan(bytes(good), good.size(), {}) == Status::COMPLETE);
    assert_int_equal(scanner.head_size(), good.size());
  }
  const std::string bad = "GET / HTTP/1.1\n\r\n\r\n\r\n";
  HeadScanner failed;
  for (size_t size = 15; size <= bad.size(); size++)
    assert_true(failed.scan(bytes(bad), size, {}) == Status::FAILED);
}

void bad_requests_are_refused_with_their_reason(void **) {
  for (const BadHead &bad : kBadRequests) {
    const std::string text = bad.text;
    assert_true(scan_pieces(text, {}) == (Outcome{Status::COMPLETE, text.size(), {}}));
    assert_true(fails_with(parse_request(text).failure, bad));
  }
}

// The parser does not rely on the scanner: a caller may have found the head's end in another way.
void bytes_that_are_no_head_are_refused_by_the_parser_too(void **) {
  for (const BadBytes &bad : kBadBytes)
    assert_true(parse_request(std::string(bad.start) + bad.rest).failure.error == Error::HANDSHAKE);
  const std::string head = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  for (size_t size = 0; size < head.size(); size++)
    assert_true(parse_request(head.substr(0, size)).failure.error == Error::HANDSHAKE);
  assert_true(parse_request(head + "x").failure.error == Error::HANDSHAKE);
  assert_true(parse_request(head + "\r\n").failure.error == Error::HANDSHAKE);
  assert_true(parse_request("GET /\0 HTTP/1.1\r\n\r\n"s).failure.error == Error::HANDSHAKE);
  assert_true(parse_request("GET / HTTP/1.1\r\nA: \0\r\n\r\n"s).failure.error == Error::HANDSHAKE);
}

void the_size_is_limited(void **) {
  const std::string head = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  const std::string text = head + "frames";
  HeadLimits limits;
  limits.max_size = static_cast<int64_t>(head.size());
  assert_true(scan_pieces(text, {}, limits) == (Outcome{Status::COMPLETE, head.size(), {}}));
  assert_true(scan_pieces(text, every_byte(text.size()), limits) == (Outcome{Status::COMPLETE, head.size(), {}}));
  for (int64_t max_size = 1; max_size < static_cast<int64_t>(head.size()); max_size++) {
    limits.max_size = max_size;
    Outcome outcome = scan_pieces(text, every_byte(text.size()), limits);
    assert_true(outcome.status == Status::FAILED);
    assert_int_equal(outcome.size, max_size);
    assert_int_equal(static_cast<int>(outcome.failure.error), static_cast<int>(Error::LIMIT));
    assert_int_equal(outcome.failure.system, 431);
    assert_true(has_words(outcome.failure, "max_head_size"));
    assert_true(scan_pieces(text, {}, limits).status == Status::FAILED);
  }
  const std::string endless = "GET / HTTP/1.1\r\nA: " + std::string(1 << 20, 'a');
  for (int64_t max_size : {int64_t{-1}, int64_t{1} << 32, INT64_MAX}) {
    limits.max_size = max_size;
    assert_true(scan_pieces(endless, {}, limits).status == Status::INCOMPLETE);
  }
}

void the_number_of_fields_is_limited(void **) {
  std::string text = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 200; i++)
    text += "A: " + std::to_string(i) + "\r\n";
  text += "\r\n";
  HeadLimits limits;
  limits.max_headers = 200;
  assert_int_equal(parse_request(text, limits).lines.size(), 200);
  limits.max_headers = -1;
  assert_int_equal(parse_request(text, limits).lines.size(), 200);
  for (int64_t max_headers : {199, 100, 1}) {
    limits.max_headers = max_headers;
    Failure failure = parse_request(text, limits).failure;
    assert_int_equal(static_cast<int>(failure.error), static_cast<int>(Error::LIMIT));
    assert_int_equal(failure.system, 431);
    assert_true(has_words(failure, "max_headers"));
  }
}

void responses_are_taken_apart(void **) {
  struct Good {
    const char *text;
    int status, minor_version;
    const char *status_text;
  };
  const Good kGood[] = {
      {"HTTP/1.1 101 Switching Protocols\r\nA:b\r\n\r\n", 101, 1, "101 Switching Protocols"},
      {"HTTP/1.1 101\r\nA:b\r\n\r\n", 101, 1, "101"},
      {"HTTP/1.1 101 \r\nA:b\r\n\r\n", 101, 1, "101"},
      {"HTTP/1.0 403 Forbidden\r\nA: b\r\n\r\n", 403, 0, "403 Forbidden"},
      {"HTTP/1.1 599 \xc3\xa9\t!\r\nA: b \r\n\r\n", 599, 1, "599 \xc3\xa9\t!"},
      {"HTTP/1.2 100 a  b \r\nA: \tb\r\n\r\n", 100, 2, "100 a  b"},
  };
  for (const Good &good : kGood) {
    std::vector<uint8_t> data = copy_of(good.text);
    Result<ResponseHead> head = parse_response_head(data.data(), data.size(), {});
    if (!head) print_error("%s: %s\n", good.text, head.failure().words);
    assert_true(static_cast<bool>(head));
    assert_int_equal(head->status, good.status);
    assert_int_equal(head->minor_version, good.minor_version);
    assert_string_equal(head->status_text.data(), good.status_text);
    assert_int_equal(head->status_text.size(), std::strlen(good.status_text));
    assert_int_equal(head->headers.count(), 1);
    assert_string_equal(head->headers.line(0), "A: b");
    assert_string_equal(head->headers.find("a"), "b");
  }
}

void bad_responses_are_refused_with_their_reason(void **) {
  for (const BadHead &bad : kBadResponses) {
    std::vector<uint8_t> data = copy_of(bad.text);
    Result<ResponseHead> head = parse_response_head(data.data(), data.size(), {});
    assert_false(static_cast<bool>(head));
    assert_true(fails_with(head.failure(), bad));
  }
}

void the_fields_stay_inside_of_the_head(void **) {
  std::vector<uint8_t> data = copy_of("GET / HTTP/1.1\r\nA:\r\nB:b\r\nC: c\r\n\r\n");
  Result<RequestHead> head = parse_request_head(data.data(), data.size(), {});
  assert_true(static_cast<bool>(head));
  const char *begin = reinterpret_cast<const char *>(data.data());
  assert_ptr_equal(head->method.data(), begin);
  assert_ptr_equal(head->headers.block(), begin + 16);
  assert_int_equal(head->headers.size(), 4 + 5 + 5);
  assert_true(head->headers.block() + head->headers.size() <= begin + data.size());
}

// RFC 9112 and RFC 9110 as one regular expression (POSIX, extended), for heads of this house's strictness.
const char kHeadExpression[] =
    "^[-!#$%&'*+.^_`|~0-9A-Za-z]+ "
    "(/|([Hh][Tt][Tt][Pp]|[Ww][Ss])[Ss]?://)[!\"$-~]* HTTP/1\\.[0-9]\r\n"
    "([-!#$%&'*+.^_`|~0-9A-Za-z]+:[^\x01-\x08\x0a-\x1f\x7f]*\r\n)*\r\n$";

class NaiveParser {
 public:
  NaiveParser() { compiled_ = regcomp(&expression_, kHeadExpression, REG_EXTENDED | REG_NOSUB) == 0; }
  NaiveParser(const NaiveParser &) = delete;
  NaiveParser &operator=(const NaiveParser &) = delete;
  ~NaiveParser() {
    if (compiled_) regfree(&expression_);
  }
  bool compiled() const { return compiled_; }
  // `text`: a head, and perhaps more.
  bool accepts(const std::string &text) const {
    size_t end = text.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const std::string head = text.substr(0, end + 4);
    return head.find('\0') == std::string::npos && regexec(&expression_, head.c_str(), 0, nullptr, 0) == 0;
  }

 private:
  regex_t expression_;
  bool compiled_ = false;
};

bool we_accept(const std::string &text, std::vector<size_t> cuts) {
  Outcome outcome = scan_pieces(text, std::move(cuts));
  if (outcome.status != Status::COMPLETE) return false;
  return !parse_request(text.substr(0, outcome.size)).failure;
}

std::string mutate(std::string text, std::mt19937 &random) {
  static const std::string kBytes = "\r\n\t :/\0\x01\x1f\x7f\x80\xff#aA1.?*\""s;
  size_t at = random() % text.size();
  char byte = kBytes[random() % kBytes.size()];
  switch (random() % 4) {
    case 0:
      text[at] = byte;
      break;
    case 1:
      text.insert(at, 1, byte);
      break;
    case 2:
      text.erase(at, 1);
      break;
    default:
      std::swap(text[at], text[random() % text.size()]);
  }
  return text;
}

void mutated_heads_agree_with_a_naive_parser(void **) {
  print_message("seed %u\n", kSeed);
  NaiveParser naive;
  assert_true(naive.compiled());
  std::mt19937 random(kSeed);
  int accepted = 0;
  int refused = 0;
  for (int round = 0; round < 20000; round++) {
    std::string text = kGoodRequests[random() % std::size(kGoodRequests)].text;
    for (uint32_t count = random() % 3; count > 0; count--)
      text = mutate(text, random);
    bool expected = naive.accepts(text);
    bool actual = we_accept(text, {random() % (text.size() + 1)});
    if (actual != expected) print_error("round %d: %s\n", round, text.c_str());
    assert_int_equal(actual, expected);
    (expected ? accepted : refused)++;
  }
  assert_true(accepted > 1000 && refused > 1000);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(good_requests_are_taken_apart),
      cmocka_unit_test(the_end_is_found_however_the_bytes_are_chopped),
      cmocka_unit_test(bad_bytes_fail_at_once),
      cmocka_unit_test(every_byte_may_stand_in_a_head_or_not),
      cmocka_unit_test(a_verdict_is_final),
      cmocka_unit_test(bad_requests_are_refused_with_their_reason),
      cmocka_unit_test(bytes_that_are_no_head_are_refused_by_the_parser_too),
      cmocka_unit_test(the_size_is_limited),
      cmocka_unit_test(the_number_of_fields_is_limited),
      cmocka_unit_test(responses_are_taken_apart),
      cmocka_unit_test(bad_responses_are_refused_with_their_reason),
      cmocka_unit_test(the_fields_stay_inside_of_the_head),
      cmocka_unit_test(mutated_heads_agree_with_a_naive_parser),
  };
  return cmocka_run_group_tests_name("handshake/http_head", tests, nullptr, nullptr);
}
