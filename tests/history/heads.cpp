// Advisories about the opening handshake: HTTP heads, their fields, and what is in them.
#include <cstring>
#include <string>

#include "conformance/manager_run.hpp"
#include "conformance/session_run.hpp"
#include "history/advisory.hpp"
#include "history/talk.hpp"
#include "support/heap.hpp"

using conformance::accepted;
using conformance::Head;
using conformance::Opening;
using conformance::refused;
using conformance::rejected;
using conformance::request;
using conformance::response;
using conformance::Row;
using conformance::Tested;
using hawser::HeapMeter;
using history::answer_to;
using history::kRoles;
using history::option;
using history::Settings;
using history::Talk;

namespace {

constexpr char kHeadLines[] = "GET /chat HTTP/1.1\r\n";
const Settings kUnlimited = {option("max_head_size", -1), option("max_headers", -1), option("memory_budget", -1)};

// A good head for a session in this role, with further lines.
std::string head_with(Talk &talk, int32_t role, const std::string &lines) {
  if (role == HWS_CLIENT) return answer_to(talk.take_output(), lines);
  std::string head = request().str();
  return head.insert(std::strlen(kHeadLines), lines);  // before what makes it a handshake
}

// What was complained about, for a test that says it.
std::string run(const std::vector<Row> &rows) {
  for (const Row &row : rows) {
    for (int32_t role : kRoles) {
      if (!row.tests(role)) continue;
      for (auto *test : {conformance::run_on_session, conformance::run_on_manager}) {
        std::string trouble = test(row, Opening::IN_ROW, role);
        if (!trouble.empty()) return row.name + ": " + trouble;
      }
    }
  }
  return "";
}

std::string trouble;  // outlives a failure's longjmp

void check(const std::vector<Row> &rows) {
  trouble = run(rows);
  assert_string_equal(trouble.c_str(), "");
}

}  // namespace

// ---------------------------------------------------------------------------------------------------------------------
// Work and memory

namespace {

// If each byte had all of those before it looked at again, this test would not come to an end.
void drip(int32_t role, const Settings &settings, size_t size, size_t piece, int32_t error) {
  Talk talk = Talk::begin(role, settings);
  const std::string sent = head_with(talk, role, "X-Long: " + std::string(size, 'x') + "\r\n");
  HeapMeter heap;
  talk.feed(sent, piece);
  assert_int_equal(talk.error, error);
  assert_int_equal(talk.opens, error == HWS_OK ? 1 : 0);
  assert_in_range(heap.most(), 0, 4 * static_cast<int64_t>(error == HWS_OK ? size : 16384) + 16384);
  assert_in_range(heap.allocations(), 0, 100);
}

}  // namespace

void cve_2023_43669_dripped_header(void **) {
  for (int32_t role : kRoles) {
    drip(role, {}, 15'000, 1, HWS_OK);
    drip(role, {}, 100'000, 1, HWS_ERR_LIMIT);
    drip(role, kUnlimited, 2'000'000, 1, HWS_OK);
    drip(role, kUnlimited, 20'000'000, 64, HWS_OK);
  }
}

void cve_2024_37890_many_headers(void **) {
  constexpr int kMany = 1'000'000;
  for (int32_t role : kRoles) {
    const int handshake = role == HWS_SERVER ? 5 : 3;
    for (int more : {0, 1, 1000}) {
      Talk talk = Talk::begin(role);
      std::string lines;
      for (int i = 0; i < 100 - handshake + more; i++)
        lines += "X: y\r\n";
      talk.feed(head_with(talk, role, lines));
      assert_int_equal(talk.opens, more == 0 ? 1 : 0);
      assert_int_equal(talk.error, more == 0 ? HWS_OK : HWS_ERR_LIMIT);
      if (more != 0 && role == HWS_SERVER) assert_true(talk.take_output().starts_with("HTTP/1.1 431 "));
    }
    Talk talk = Talk::begin(role, kUnlimited);
    std::string lines;
    for (int i = 0; i < kMany; i++)
      lines += "X: y\r\n";
    const std::string sent = head_with(talk, role, lines);
    HeapMeter heap;
    talk.feed(sent);
    assert_int_equal(talk.opens, 1);
    assert_in_range(heap.most(), 0, 30 * static_cast<int64_t>(sent.size()));
    assert_in_range(heap.allocations(), 0, 200);
  }
}

namespace {

std::string times(size_t count, const std::string &text) {
  std::string all;
  all.reserve(count * text.size());
  for (size_t i = 0; i < count; i++)
    all += text;
  return all;
}

}  // namespace

void cve_2021_32640_list_headers(void **) {
  constexpr size_t kSize = 1'000'000;
  constexpr int64_t kMost = 64;  // for a byte: a list of extensions is taken apart, and an element is three bytes
  // If a blank, a comma or a backslash made the parser go back to the begin, this would not come to an end.
  const std::string lists[] = {
      "Sec-WebSocket-Protocol: b" + std::string(kSize, ' ') + "x",  // CVE-2021-32640
      "Sec-WebSocket-Protocol: b" + std::string(kSize, ',') + "x",
      "Sec-WebSocket-Protocol: chat" + times(kSize / 6, ", chat"),
      "Sec-WebSocket-Extensions: a; b=\"" + times(kSize / 2, "\\c"),  // CVE-2020-7662
      "Sec-WebSocket-Extensions: a" + times(kSize / 3, "; b"),
      "Sec-WebSocket-Extensions: a" + times(kSize / 3, ", b"),
      "Sec-WebSocket-Extensions: a" + std::string(kSize, ' ') + ";",
      "Sec-WebSocket-Extensions: " + times(kSize / 22, "permessage-deflate;a=\"\","),
      "Connection: a" + times(kSize / 3, ", b"),
      "Connection: " + std::string(kSize, ',') + "x",
      "Upgrade: a" + std::string(kSize, '\t') + ",",
      "Origin: http://" + times(kSize / 2, "a."),
      "Sec-WebSocket-Version: " + times(kSize / 3, "1, "),
      "Host: " + times(kSize / 2, "a."),
  };
  Settings settings = kUnlimited;
  settings.push_back(option("subprotocols", "superchat, mqtt"));
  settings.push_back(option("deflate", "dedicated"));
  for (int32_t role : kRoles) {
    for (const std::string &list : lists) {
      Talk talk = Talk::begin(role, settings);
      const std::string sent = head_with(talk, role, list + "\r\n");
      HeapMeter heap;
      talk.feed(sent);
      assert_true(talk.opens == 1 || talk.closed);
      assert_in_range(heap.most(), 0, kMost * static_cast<int64_t>(sent.size()));
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Fields that are to be refused

// RFC 7692 7.1.2: 8 to 15, in decimal without a zero before it; and no parameter twice (7.1).
void cve_2026_2229_window_bits(void **) {
  std::vector<Row> rows;
  for (const std::string name : {"server_max_window_bits", "client_max_window_bits"}) {
    for (const std::string value :
         {"=0", "=7", "=16", "=999", "=", "=\"\"", "=-15", "=4294967311", "=15; @=15", "=10; @=11"}) {
      std::string field = "Sec-WebSocket-Extensions: permessage-deflate; " + name + value;
      size_t again = field.find('@');
      if (again != std::string::npos) field.replace(again, 1, name);
      // A server declines such an offer, and is not asked to decide about one that is no list of extensions.
      bool malformed = value == "=" || value == "=\"\"";
      conformance::Answer declined = accepted().not_saying("Sec-WebSocket-Extensions");
      rows.push_back({field, "7.1.2", request().with(field), malformed ? refused(400) : declined, {}, Tested::SERVER});
      rows.push_back({field, "7.1.2", response().with(field), rejected(), {}, Tested::CLIENT});
    }
  }
  // In an offer a client may leave the number to the server, in an answer there has to be one.
  const std::string bare = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits";
  rows.push_back({bare, "7.1.2.1", response().with(bare), rejected(), {}, Tested::CLIENT});
  check(conformance::of_deflate(rows));
}

void cve_2018_12541_request_with_a_body(void **) {
  const Settings unlimited = kUnlimited;
  std::vector<Row> rows;
  for (const Settings &settings : {Settings(), unlimited}) {
    auto server = [&](const char *name, const conformance::Wire &sent) {
      rows.push_back({name, "4.2.1", sent, refused(400), settings, Tested::SERVER});
    };
    server("length", request().with("Content-Length: 5"));
    server("negative", request().with("Content-Length: -1"));  // CVE-2023-34188
    server("huge", request().with("Content-Length: 18446744073709551617"));
    server("no_number", request().with("Content-Length: 5,5"));
    server("twice", request().with("Content-Length: 5").with("Content-Length: 5"));
    server("twice_in_two_cases", request().with("Content-Length: 5").with("content-length: 6"));
    server("chunks", request().with("Transfer-Encoding: chunked"));
    server("both", request().with("Content-Length: 5").with("Transfer-Encoding: chunked"));
    server("bare_line_feed", request().with("X: y\nContent-Length: 5"));
    server("bare_line_feeds", conformance::bytes("GET /chat HTTP/1.1\nHost: h\n\n"));
    server("empty_name", request().with(": y"));
    server("blank_before_the_colon", request().with("Content-Length : 5"));
  }
  check(rows);
  // Nothing of the body is kept.
  const std::string body(1'000'000, 'b');
  for (const char *field : {"Content-Length: 1000000", "Transfer-Encoding: chunked"}) {
    Talk talk = Talk::begin(HWS_SERVER, unlimited);
    const std::string sent = request().with(field).str() + body;
    HeapMeter heap;
    talk.feed(sent);
    assert_in_range(heap.most(), 0, 128 * 1024);
    assert_int_equal(talk.opens, 0);
    assert_true(talk.take_output().starts_with("HTTP/1.1 400 "));
  }
}

void cve_2025_55763_target_at_its_limit(void **) {
  for (int limit : {300, 16384, 1'000'000}) {
    const size_t rest = request().str().size() - std::strlen("/chat");
    for (int more : {-1, 0, 1}) {
      const size_t size = static_cast<size_t>(limit + more) - rest;
      const std::string target = "/" + std::string(size - 1, 't');
      Talk talk = Talk::begin(HWS_SERVER, {option("max_head_size", limit), option("requests", 1)});
      const std::string sent = request().line("GET " + target + " HTTP/1.1").str();
      assert_int_equal(sent.size(), limit + more);
      std::string copy = sent;
      hws_session_receive(*talk, copy.data(), copy.size());
      const char *path = more <= 0 ? hws_session_path(*talk) : nullptr;
      if (more <= 0) assert_true(path != nullptr && path == target);
      talk.take_output();
      assert_int_equal(talk.error, more <= 0 ? HWS_OK : HWS_ERR_LIMIT);
    }
  }
}

// RFC 6455 10.2. Whoever is no browser sends no Origin.
void cross_site_hijacking(void **) {
  std::vector<Row> rows;
  auto with = [&](const std::string &origin, bool good, const Settings &settings = {}) {
    Head head = request().with("Origin: " + origin);
    rows.push_back({origin, "10.2", head, good ? accepted() : refused(403), settings, Tested::SERVER});
  };
  with("http://server.example.com", true);
  with("https://SERVER.example.com", true);
  for (const char *origin :
       {"http://evil.example", "http://server.example.com.evil.example", "http://evil.example/server.example.com",
        "http://evilserver.example.com", "http://example.com", "http://server.example.com@evil.example",
        "http://server.example.com:8080", "null", "file://", ""})
    with(origin, false);
  const Settings listed = {option("origins", "https://a.example")};
  with("https://a.example", true, listed);
  for (const char *origin : {"http://a.example", "https://a.example:8443", "https://b.a.example",
                             "https://a.example.evil.example", "http://server.example.com"})
    with(origin, false, listed);
  Head twice = request().with("Origin: http://server.example.com").with("Origin: http://evil.example");
  rows.push_back({"twice", "10.2", twice, refused(400), {}, Tested::SERVER});
  check(rows);
}

// ---------------------------------------------------------------------------------------------------------------------
// Line breaks

namespace {

constexpr const char *kBreaks[] = {"\r\n", "\r", "\n"};

void check_url(const std::string &url) {
  hws_session *session = hws_session_new_client(url.c_str(), nullptr);
  assert_null(session);
  hws_manager *manager = hws_manager_new(nullptr);
  assert_int_equal(hws_manager_connect(manager, url.c_str(), nullptr), HWS_ERR_URL);
  assert_int_equal(hws_manager_listen(manager, url.c_str(), nullptr), HWS_ERR_URL);
  hws_manager_free(manager);
}

void check_option_with(const std::string &brk) {
  const std::string value = "a" + brk + "X-Injected: 1";
  auto options = history::make_options({});
  hws_options *handle = options.get();
  assert_int_equal(hws_options_set_text(handle, "origin", value.c_str()), HWS_ERR_RANGE);
  assert_int_equal(hws_options_set_text(handle, "subprotocols", value.c_str()), HWS_ERR_RANGE);
  assert_int_equal(hws_options_set_text(handle, "origins", value.c_str()), HWS_ERR_RANGE);
  assert_int_equal(hws_options_add_header(handle, "X", value.c_str()), HWS_ERR_HEADER);
  assert_int_equal(hws_options_add_header(handle, value.c_str(), "1"), HWS_ERR_HEADER);
  assert_int_equal(hws_options_add_header(handle, ("X" + brk).c_str(), "1"), HWS_ERR_HEADER);
  assert_int_equal(hws_options_add_header(handle, "X", brk.c_str()), HWS_ERR_HEADER);
}

// In an answer: the subprotocol is one that was offered.
void check_accept_with(const std::string &brk) {
  Talk talk = Talk::begin(HWS_SERVER, {option("requests", 1)});
  std::string head = request().with("Sec-WebSocket-Protocol: chat").str();
  hws_session_receive(*talk, head.data(), head.size());
  assert_non_null(hws_session_event(*talk));
  const std::string subprotocol = "chat" + brk + "X-Injected: 1";
  assert_int_equal(hws_session_accept(*talk, subprotocol.c_str(), nullptr), HWS_ERR_ARGUMENT);
  assert_int_equal(hws_session_accept(*talk, "chat", nullptr), HWS_OK);
  assert_null(std::strstr(talk.take_output().c_str(), "X-Injected"));
}

}  // namespace

void cve_2026_1527_line_breaks(void **) {
  for (const char *brk : kBreaks) {
    const std::string injected = std::string(brk) + "X-Injected: 1";
    check_url("ws://server.example.com/" + injected);
    check_url("ws://server.example.com/?" + injected);
    check_url("ws://server.example.com" + injected + "/");
    check_url("ws://server.example.com:80" + injected);
    check_url("ws" + injected + "://server.example.com/");
    check_url("ws://[::1%" + injected + "]/");
    check_option_with(brk);
    check_accept_with(brk);
  }
  // What is written in another way is passed on in that way.
  hws_session *session = hws_session_new_client("ws://server.example.com/a%0d%0aX-Injected:1?%00", nullptr);
  assert_non_null(session);
  trouble.assign(static_cast<const char *>(hws_session_output(session)),
                 static_cast<size_t>(hws_session_output_size(session)));
  hws_session_free(session);
  assert_true(trouble.starts_with("GET /a%0d%0aX-Injected:1?%00 HTTP/1.1\r\n"));
  // Of a peer; and of NUL, which no text of C can have.
  const std::string nul(1, '\0');
  std::vector<Row> rows;
  for (const std::string &odd : {std::string("\r"), std::string("\n"), nul}) {
    for (const char *name : {"X", "Origin", "Host", "Sec-WebSocket-Protocol"}) {
      const std::string field = std::string(name) + ": a" + odd + "b";
      Head head = name == std::string("Host") ? request().without(name) : request();
      rows.push_back({field, "4.2.1", head.with(field), refused(400), {}, Tested::SERVER});
      rows.push_back({field, "4.1", response().with(field), rejected(), {}, Tested::CLIENT});
    }
    rows.push_back(
        {"target", "4.2.1", request().line("GET /a" + odd + "b HTTP/1.1"), refused(400), {}, Tested::SERVER});
  }
  check(rows);
}
