// The client's opening handshake, as a server sees it.
#include "conformance/row.hpp"

namespace conformance {

namespace {

constexpr char kVersion[] = "Sec-WebSocket-Version: 13";
constexpr char kKey[] = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const std::string kNul(1, '\0');

// A request that has `size` bytes.
Head request_of(size_t size) {
  const std::string name = "X: ";
  return request().with(name + std::string(size - request().with(name).str().size(), 'x'));
}

// A request with `count` header fields.
Head request_with(int count) {
  Head head = request();
  for (int i = 5; i < count; i++)
    head = head.with("X: y");
  return head;
}

std::vector<Row> good_requests() {
  Head offers_two = request().with("Sec-WebSocket-Protocol: chat, superchat");
  Answer without_extension = accepted().not_saying("Sec-WebSocket-Extensions");
  Answer without_subprotocol = accepted().not_saying("Sec-WebSocket-Protocol");
  return {
      {"plain", "4.2.1", request(), without_extension.not_saying("Sec-WebSocket-Protocol")},
      {"example_of_the_rfc",
       "1.2",
       request().with("Origin: http://example.com").with("Sec-WebSocket-Protocol: chat, superchat"),
       accepted().saying("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=").saying("Sec-WebSocket-Protocol: chat"),
       {option("origins", "http://example.com"), option("subprotocols", "chat")}},
      {"names_in_lower_case", "4.2.1",
       Head("GET /chat HTTP/1.1", {"host: server.example.com", "upgrade: websocket", "connection: Upgrade",
                                   "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-version: 13"}),
       accepted()},
      {"names_in_upper_case", "4.2.1",
       Head("GET /chat HTTP/1.1", {"HOST: server.example.com", "UPGRADE: websocket", "CONNECTION: Upgrade",
                                   "SEC-WEBSOCKET-KEY: dGhlIHNhbXBsZSBub25jZQ==", "SEC-WEBSOCKET-VERSION: 13"}),
       accepted()},
      {"another_order", "4.2.1",
       Head("GET /chat HTTP/1.1",
            {kVersion, kKey, "Connection: Upgrade", "Upgrade: websocket", "Host: server.example.com"}),
       accepted()},
      {"no_blank_behind_the_colon", "4.2.1", request().change("Upgrade", "Upgrade:websocket"), accepted()},
      {"blanks_around_values", "4.2.1",
       request()
           .value("Upgrade", " \twebsocket\t ")
           .value("Sec-WebSocket-Version", "\t13 ")
           .value("Connection", "  Upgrade  "),
       accepted()},
      {"unknown_fields", "4.2.1", request().with("X-Odd: \xc3\xa9\t\"x\"").with("Cookie: a=b").with("X-Empty:"),
       accepted()},
      {"http_1_2", "4.2.1", request().line("GET /chat HTTP/1.2"), accepted()},
      {"target_with_query", "4.2.1", request().line("GET /chat?room=1&x=%23 HTTP/1.1"), accepted()},
      {"target_absolute_http", "4.2.1", request().line("GET http://server.example.com/chat HTTP/1.1"), accepted()},
      {"target_absolute_ws", "4.2.1", request().line("GET ws://server.example.com:80/chat HTTP/1.1"), accepted()},
      {"host_with_port", "4.2.1", request().value("Host", "server.example.com:8080"), accepted()},
      {"host_ipv6", "4.2.1", request().value("Host", "[2001:db8::1]:8080"), accepted()},
      {"upgrade_in_any_case", "4.2.1", request().value("Upgrade", "WebSocket"), accepted()},
      {"upgrade_among_others", "4.2.1", request().value("Upgrade", "h2c, websocket"), accepted()},
      {"upgrade_in_two_fields", "4.2.1", request().value("Upgrade", "h2c").with("Upgrade: websocket"), accepted()},
      {"connection_in_any_case", "4.2.1", request().value("Connection", "uPGRADE"), accepted()},
      {"connection_among_others", "4.2.1", request().value("Connection", "keep-alive,Upgrade"), accepted()},
      {"connection_in_two_fields", "4.2.1", request().value("Connection", "keep-alive").with("Connection: Upgrade"),
       accepted()},
      {"connection_with_empty_elements", "4.2.1", request().value("Connection", ", ,Upgrade,"), accepted()},
      {"key_with_blanks_around", "4.2.2", request().value("Sec-WebSocket-Key", " \tdGhlIHNhbXBsZSBub25jZQ== "),
       accepted().saying("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")},
      {"key_of_the_rfc_with_odd_bits", "4.1", request().value("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEC=="),
       accepted()},
      {"origin_same", "10.2", request().with("Origin: http://server.example.com"), accepted()},
      {"origin_listed",
       "10.2",
       request().with("Origin: https://b.example:8443"),
       accepted(),
       {option("origins", "https://a.example, https://b.example:8443")}},
      {"origin_any", "10.2", request().with("Origin: null"), accepted(), {option("origins", "*")}},
      {"subprotocol_by_our_preference",
       "4.2.2",
       offers_two,
       accepted().saying("Sec-WebSocket-Protocol: superchat"),
       {option("subprotocols", "superchat, chat")}},
      {"subprotocol_in_two_fields",
       "11.3.4",
       request().with("Sec-WebSocket-Protocol: chat").with("Sec-WebSocket-Protocol: other, superchat"),
       accepted().saying("Sec-WebSocket-Protocol: superchat"),
       {option("subprotocols", "superchat")}},
      {"subprotocol_not_spoken", "4.2.2", offers_two, without_subprotocol},
      {"subprotocol_not_in_common", "4.2.2", offers_two, without_subprotocol, {option("subprotocols", "mqtt")}},
      {"subprotocol_in_another_case",
       "4.2.2",
       request().with("Sec-WebSocket-Protocol: CHAT"),
       without_subprotocol,
       {option("subprotocols", "chat")}},
      {"subprotocol_not_offered", "4.2.2", request(), without_subprotocol, {option("subprotocols", "chat")}},
      {"extension_unknown", "9.1", request().with("Sec-WebSocket-Extensions: x-odd; a=1; b"), without_extension},
      {"extension_with_quoted_parameter", "9.1", request().with("Sec-WebSocket-Extensions: x-odd; a=\"b\", x-even"),
       without_extension},
      {"extensions_in_two_fields", "9.1",
       request().with("Sec-WebSocket-Extensions: x-odd").with("Sec-WebSocket-Extensions: x-even; a"),
       without_extension},
      {"head_as_long_as_allowed", "10.4", request_of(300), accepted(), {option("max_head_size", 300)}},
      {"as_many_fields_as_allowed", "10.4", request_with(9), accepted(), {option("max_headers", 9)}},
  };
}

// The start line, and what HTTP says of every request.
std::vector<Row> bad_http() {
  return {
      {"method_post", "4.2.1", request().line("POST /chat HTTP/1.1"), refused(405).saying("Allow: GET")},
      {"method_head", "4.2.1", request().line("HEAD /chat HTTP/1.1"), refused(405).saying("Allow: GET")},
      {"method_options", "4.2.1", request().line("OPTIONS /chat HTTP/1.1"), refused(405)},
      {"method_in_lower_case", "4.2.1", request().line("get /chat HTTP/1.1"), refused(405)},
      {"method_unknown", "4.2.1", request().line("WEBSOCKET /chat HTTP/1.1"), refused(405)},
      {"method_no_token", "4.2.1", request().line("G(T /chat HTTP/1.1"), refused(400)},
      {"method_missing", "4.2.1", request().line("/chat HTTP/1.1"), refused(400)},
      {"http_0_9", "4.2.1", request().line("GET /chat"), refused(400)},
      {"http_1_0", "4.2.1", request().line("GET /chat HTTP/1.0"), refused(505)},
      {"http_2_0", "4.2.1", request().line("GET /chat HTTP/2.0"), refused(505)},
      {"http_in_lower_case", "4.2.1", request().line("GET /chat http/1.1"), refused(400)},
      {"http_with_two_digits", "4.2.1", request().line("GET /chat HTTP/1.10"), refused(400)},
      {"http_of_another_protocol", "4.2.1", request().line("GET /chat HTTPS/1.1"), refused(400)},
      {"blank_at_the_end_of_the_line", "4.2.1", request().line("GET /chat HTTP/1.1 "), refused(400)},
      {"two_blanks_in_the_line", "4.2.1", request().line("GET  /chat HTTP/1.1"), refused(400)},
      {"tabs_in_the_line", "4.2.1", request().line("GET\t/chat\tHTTP/1.1"), refused(400)},
      {"target_missing", "4.2.1", request().line("GET HTTP/1.1"), refused(400)},
      {"target_with_fragment", "3", request().line("GET /chat#top HTTP/1.1"), refused(400)},
      {"target_relative", "4.2.1", request().line("GET chat HTTP/1.1"), refused(400)},
      {"target_asterisk", "4.2.1", request().line("GET * HTTP/1.1"), refused(400)},
      {"target_of_another_scheme", "4.2.1", request().line("GET ftp://server.example.com/chat HTTP/1.1"), refused(400)},
      {"target_with_blank", "4.2.1", request().line("GET /ch at HTTP/1.1"), refused(400)},
      {"target_not_ascii", "4.2.1", request().line("GET /ch\xc3\xa4t HTTP/1.1"), refused(400)},
      {"target_authority", "4.2.1", request().line("CONNECT server.example.com:80 HTTP/1.1"), refused(400)},
      {"preface_of_http_2", "4.2.1", bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), refused(400)},
      {"tls", "4.2.1", bytes("\x16\x03\x01" + kNul + "\xee\x01" + kNul + kNul + "\xea\x03\x03"),
       refused(400, HWS_ERR_TLS)},
      {"frame_instead", "4.2.1", text("Hello"), refused(400)},
      {"empty_line_first", "4.2.1", bytes("\r\n" + request().str()), refused(400)},
      {"only_an_empty_line", "4.2.1", bytes("\r\n"), refused(400)},
      {"line_feed_alone", "4.2.1", bytes("GET /chat HTTP/1.1\nHost: h\n\n"), refused(400)},
      {"line_feed_alone_in_a_field", "4.2.1", request().with("X: y\nX: z"), refused(400)},
      {"carriage_return_alone", "4.2.1", request().with("X: y\rz"), refused(400)},
      {"nul_in_a_value", "4.2.1", request().with("X: y" + kNul), refused(400)},
      {"nul_in_a_name", "4.2.1", request().with("X" + kNul + ": y"), refused(400)},
      {"control_in_a_value", "4.2.1", request().with("X: \x01"), refused(400)},
      {"delete_in_a_value", "4.2.1", request().with("X: \x7f"), refused(400)},
      {"folded_line", "4.2.1", request().with("X: y\r\n z"), refused(400)},
      {"folded_line_like_a_field", "4.2.1", request().with("X: y\r\n Z: z"), refused(400)},
      {"folded_first_line", "4.2.1", bytes("GET /chat HTTP/1.1\r\n Host: h\r\n\r\n"), refused(400)},
      {"blank_before_the_colon", "4.2.1", request().change("Upgrade", "Upgrade : websocket"), refused(400)},
      {"no_colon", "4.2.1", request().with("X"), refused(400)},
      {"no_name", "4.2.1", request().with(": y"), refused(400)},
      {"name_no_token", "4.2.1", request().with("X(y): z"), refused(400)},
      {"name_not_ascii", "4.2.1", request().with("\xc3\xa4: z"), refused(400)},
      {"host_missing", "4.2.1", request().without("Host"), refused(400)},
      {"host_twice", "4.2.1", request().with("Host: server.example.com"), refused(400)},
      {"host_empty", "4.2.1", request().value("Host", ""), refused(400)},
      {"host_list", "4.2.1", request().value("Host", "a.example, b.example"), refused(400)},
      {"host_with_user", "4.2.1", request().value("Host", "user@server.example.com"), refused(400)},
      {"host_with_path", "4.2.1", request().value("Host", "server.example.com/chat"), refused(400)},
      {"host_with_bad_port", "4.2.1", request().value("Host", "server.example.com:65536"), refused(400)},
      {"host_with_open_bracket", "4.2.1", request().value("Host", "[::1"), refused(400)},
      {"target_absolute_without_host", "4.2.1", request().line("GET http:///chat HTTP/1.1"), refused(400)},
      {"body_of_a_length", "4.2.1", request().with("Content-Length: 5"), refused(400)},
      {"body_of_length_0", "4.2.1", request().with("Content-Length: 0"), accepted()},
      {"body_of_two_lengths", "4.2.1", request().with("Content-Length: 0").with("Content-Length: 5"), refused(400)},
      {"body_in_chunks", "4.2.1", request().with("Transfer-Encoding: chunked"), refused(400)},
      {"head_too_long", "10.4", request_of(301), refused(431, HWS_ERR_LIMIT), {option("max_head_size", 300)}},
      {"line_without_end",
       "10.4",
       bytes("GET /" + std::string(300, 'x')),
       refused(431, HWS_ERR_LIMIT),
       {option("max_head_size", 300)}},
      {"too_many_fields", "10.4", request_with(10), refused(431, HWS_ERR_LIMIT), {option("max_headers", 9)}},
      {"half_a_head", "7.1.4", bytes(request().str().substr(0, 100)), is_lost_unopened()},
  };
}

// What RFC 6455 4.2.1 says of the fields.
std::vector<Row> bad_fields() {
  std::vector<Row> rows = {
      {"plain_http", "4.2.1", Head("GET /chat HTTP/1.1", {"Host: server.example.com"}),
       refused(426).saying("Upgrade: websocket").saying(kVersion)},
      {"upgrade_missing", "4.2.1", request().without("Upgrade"), refused(426).saying("Upgrade: websocket")},
      {"upgrade_empty", "4.2.1", request().value("Upgrade", ""), refused(426)},
      {"upgrade_of_another_protocol", "4.2.1", request().value("Upgrade", "h2c"), refused(426)},
      {"upgrade_almost", "4.2.1", request().value("Upgrade", "websockets"), refused(426)},
      {"upgrade_with_version", "4.2.1", request().value("Upgrade", "websocket/13"), refused(426)},
      {"connection_missing", "4.2.1", request().without("Connection"), refused(400)},
      {"connection_empty", "4.2.1", request().value("Connection", ""), refused(400)},
      {"connection_close", "4.2.1", request().value("Connection", "close"), refused(400)},
      {"connection_almost", "4.2.1", request().value("Connection", "Upgraded"), refused(400)},
      {"connection_not_a_list", "4.2.1", request().value("Connection", "keep-alive Upgrade"), refused(400)},
      {"key_missing", "4.2.1", request().without("Sec-WebSocket-Key"), refused(400)},
      {"key_empty", "4.2.1", request().value("Sec-WebSocket-Key", ""), refused(400)},
      {"key_twice", "11.3.1", request().with(kKey), refused(400)},
      {"key_and_another", "11.3.1", request().with("Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA=="), refused(400)},
      {"key_of_15_bytes", "4.2.1", request().value("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4P"), refused(400)},
      {"key_of_17_bytes", "4.2.1", request().value("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEBE="), refused(400)},
      {"key_of_18_bytes", "4.2.1", request().value("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEBES"), refused(400)},
      {"key_without_padding", "4.2.1", request().value("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ"), refused(400)},
      {"key_with_half_the_padding", "4.2.1", request().value("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ="),
       refused(400)},
      {"key_not_base64", "4.2.1", request().value("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j!Q=="), refused(400)},
      {"key_base64url", "4.2.1", request().value("Sec-WebSocket-Key", "____-_________-_____-w=="), refused(400)},
      {"key_with_padding_inside", "4.2.1", request().value("Sec-WebSocket-Key", "dGhlIHNhbX==ZSBub25jZQ=="),
       refused(400)},
      {"key_with_blank_inside", "4.2.1", request().value("Sec-WebSocket-Key", "dGhlIHNhbXBs SBub25jZQ=="),
       refused(400)},
      {"key_quoted", "4.2.1", request().value("Sec-WebSocket-Key", "\"dGhlIHNhbXBsZSBub25jZQ==\""), refused(400)},
      {"version_missing", "4.2.1", request().without("Sec-WebSocket-Version"), refused(426).saying(kVersion)},
      {"version_twice", "11.3.5", request().with(kVersion), refused(400)},
      {"version_and_another", "11.3.5", request().with("Sec-WebSocket-Version: 8"), refused(400)},
      {"origin_of_another_host", "10.2", request().with("Origin: http://evil.example"), refused(403)},
      {"origin_of_another_port", "10.2", request().with("Origin: http://server.example.com:8080"), refused(403)},
      {"origin_of_a_longer_host", "10.2", request().with("Origin: http://server.example.com.evil.example"),
       refused(403)},
      {"origin_null", "10.2", request().with("Origin: null"), refused(403)},
      {"origin_empty", "10.2", request().with("Origin:"), refused(403)},
      {"origin_not_listed",
       "10.2",
       request().with("Origin: http://server.example.com"),
       refused(403),
       {option("origins", "https://server.example.com")}},
      {"origin_twice", "4.2.1", request().with("Origin: http://server.example.com").with("Origin: http://evil.example"),
       refused(400)},
      {"subprotocol_empty", "4.3", request().with("Sec-WebSocket-Protocol:"), refused(400)},
      {"subprotocol_only_commas", "4.3", request().with("Sec-WebSocket-Protocol: ,,"), refused(400)},
      {"subprotocol_no_token", "4.3", request().with("Sec-WebSocket-Protocol: chat room"), refused(400)},
      {"subprotocol_quoted", "4.3", request().with("Sec-WebSocket-Protocol: \"chat\""), refused(400)},
      {"subprotocol_not_ascii", "4.3", request().with("Sec-WebSocket-Protocol: ch\xc3\xa4t"), refused(400)},
      {"extension_empty", "9.1", request().with("Sec-WebSocket-Extensions:"), refused(400)},
      {"extension_no_token", "9.1", request().with("Sec-WebSocket-Extensions: x odd"), refused(400)},
      {"extension_without_name", "9.1", request().with("Sec-WebSocket-Extensions: ;a=1"), refused(400)},
      {"extension_with_empty_parameter", "9.1", request().with("Sec-WebSocket-Extensions: x-odd;"), refused(400)},
      {"extension_with_empty_value", "9.1", request().with("Sec-WebSocket-Extensions: x-odd; a="), refused(400)},
      {"extension_with_open_quote", "9.1", request().with("Sec-WebSocket-Extensions: x-odd; a=\"b"), refused(400)},
      {"extension_with_quoted_no_token", "9.1", request().with("Sec-WebSocket-Extensions: x-odd; a=\"b c\""),
       refused(400)},
  };
  for (const char *version :
       {"",   "0",  "1",  "2",   "3",   "4",   "5",   "6",   "7",   "8",    "9",    "10",
        "11", "12", "14", "255", "256", "012", "013", "+13", "-13", "13.0", "0x0d", "99999999999999999999"}) {
    rows.push_back({std::string("version_") + (*version != '\0' ? version : "empty"), "4.2.2",
                    request().value("Sec-WebSocket-Version", version), refused(426).saying(kVersion)});
  }
  rows.push_back(
      {"version_list", "4.3", request().value("Sec-WebSocket-Version", "13, 8"), refused(426).saying(kVersion)});
  return rows;
}

const std::string kServerAlone = "; server_no_context_takeover";
const std::string kClientAlone = "; client_no_context_takeover";
const std::string kServerBits = "; server_max_window_bits";
const std::string kClientBits = "; client_max_window_bits";

const std::string kExtensions = "Sec-WebSocket-Extensions: ";
const std::string kDeflate = "permessage-deflate";

// The offer with these parameters, and the answer that has them.
Head offer(const std::string &parameters) {
  return request().with(kExtensions + kDeflate + parameters);
}

Answer agrees(const std::string &parameters) {
  return accepted().saying(kExtensions + kDeflate + parameters);
}

// Offers of permessage-deflate, in the words of RFC 7692 7.1.
std::vector<Row> good_offers() {
  const Setting server_10 = option("deflate_server_max_window_bits", 10);
  const Setting client_10 = option("deflate_client_max_window_bits", 10);
  const Answer declined = accepted().not_saying("Sec-WebSocket-Extensions");
  return {
      {"deflate", "7", offer(""), agrees("")},
      {"deflate_server_alone", "7.1.1.1", offer(kServerAlone), agrees(kServerAlone)},
      {"deflate_server_alone_by_us",
       "7.1.1.1",
       offer(""),
       agrees(kServerAlone),
       {option("deflate_server_no_context_takeover", 1)}},
      {"deflate_client_alone", "7.1.1.2", offer(kClientAlone), agrees(kClientAlone)},
      {"deflate_client_alone_by_us",
       "7.1.1.2",
       offer(""),
       agrees(kClientAlone),
       {option("deflate_client_no_context_takeover", 1)}},
      {"deflate_shared", "7.1.1", offer(""), agrees(kServerAlone + kClientAlone), {option("deflate", "shared")}},
      {"deflate_server_bits_8", "7.1.2.1", offer(kServerBits + "=8"), agrees(kServerBits + "=8")},
      {"deflate_server_bits_15", "7.1.2.1", offer(kServerBits + "=15"), agrees(kServerBits + "=15")},
      {"deflate_server_bits_quoted", "7.1.2.1", offer(kServerBits + "=\"10\""), agrees(kServerBits + "=10")},
      {"deflate_server_bits_by_us", "7.1.2.1", offer(""), agrees(kServerBits + "=10"), {server_10}},
      {"deflate_server_bits_over_ours",
       "7.1.2.1",
       offer(kServerBits + "=12"),
       agrees(kServerBits + "=10"),
       {server_10}},
      {"deflate_server_bits_below_ours", "7.1.2.1", offer(kServerBits + "=9"), agrees(kServerBits + "=9"), {server_10}},
      {"deflate_client_bits", "7.1.2.2", offer(kClientBits), agrees("")},
      {"deflate_client_bits_8", "7.1.2.2", offer(kClientBits + "=8"), agrees(kClientBits + "=8")},
      {"deflate_client_bits_by_us", "7.1.2.2", offer(kClientBits), agrees(kClientBits + "=10"), {client_10}},
      {"deflate_client_bits_over_ours",
       "7.1.2.2",
       offer(kClientBits + "=12"),
       agrees(kClientBits + "=10"),
       {client_10}},
      {"deflate_client_bits_below_ours", "7.1.2.2", offer(kClientBits + "=9"), agrees(kClientBits + "=9"), {client_10}},
      {"deflate_client_bits_not_named", "7.1.2.2", offer(""), declined, {client_10}},
      {"deflate_all_parameters", "7", offer(kClientBits + "=9" + kClientAlone + kServerAlone + kServerBits + "=11"),
       agrees(kServerAlone + kClientAlone + kServerBits + "=11" + kClientBits + "=9")},
      {"deflate_first_of_two", "5", offer(kServerAlone + ", " + kDeflate), agrees(kServerAlone)},
      {"deflate_behind_an_unknown", "5", request().with(kExtensions + "x-odd; a=1, permessage-deflate"), agrees("")},
      {"deflate_behind_one_that_is_invalid", "7", offer(kServerBits + "=7, " + kDeflate + kClientAlone),
       agrees(kClientAlone)},
      {"deflate_behind_one_with_a_parameter_unknown", "7", offer("; x, " + kDeflate), agrees("")},
      {"deflate_behind_one_that_we_do_not_do",
       "7.1.2.2",
       offer(", " + kDeflate + kClientBits),
       agrees(kClientBits + "=10"),
       {client_10}},
      {"deflate_in_the_second_field", "5", offer("; x").with(kExtensions + kDeflate), agrees("")},
  };
}

// What RFC 7692 7 has a server decline; and without it, it goes on.
std::vector<Row> declined_offers() {
  const Answer declined = accepted().not_saying("Sec-WebSocket-Extensions");
  std::vector<Row> rows = {
      {"deflate_off", "5.1", offer(""), declined, {option("deflate", "off")}},
      {"deflate_in_another_case", "7", request().with(kExtensions + "Permessage-Deflate"), declined},
      {"deflate_of_another_kind", "5.1", request().with(kExtensions + "permessage-bzip2, x-webkit-deflate-frame"),
       declined},
      {"deflate_parameter_unknown", "7", offer("; x"), declined},
      {"deflate_parameter_unknown_with_value", "7", offer("; window_bits=10"), declined},
      {"deflate_parameter_in_another_case", "7", offer("; Server_no_context_takeover"), declined},
      {"deflate_parameter_unknown_behind_a_good_one", "7", offer(kServerAlone + "; x"), declined},
      {"deflate_server_bits_without_value", "7.1.2.1", offer(kServerBits), declined},
      {"deflate_client_bits_twice_without_value", "7", offer(kClientBits + kClientBits), declined},
      {"deflate_client_bits_with_and_without_value", "7", offer(kClientBits + "=10" + kClientBits), declined},
      {"deflate_client_bits_without_and_with_value", "7", offer(kClientBits + kClientBits + "=10"), declined},
      {"deflate_all_invalid", "7", offer("; x, " + kDeflate + "; y"), declined},
      {"deflate_not_offered_and_used", "6", request() + text("x").rsv(4), fails(1002)},
      {"deflate_declined_and_used", "6", offer("; x") + text("x").rsv(4), fails(1002)},
  };
  for (const std::string &flag : {kServerAlone, kClientAlone}) {
    const std::string name = "deflate_" + flag.substr(2);
    rows.push_back({name + "_with_value", "7.1.1", offer(flag + "=1"), declined});
    rows.push_back({name + "_twice", "7", offer(flag + flag), declined});
  }
  for (const std::string &bits : {kServerBits, kClientBits}) {
    const std::string name = "deflate_" + bits.substr(2);
    rows.push_back({name + "_twice", "7", offer(bits + "=10" + bits + "=10"), declined});
    for (const char *value : kNoBits)
      rows.push_back({name + "_" + value, "7.1.2", offer(bits + "=" + value), declined});
  }
  return rows;
}

}  // namespace

std::vector<Row> request_rows() {
  std::vector<Row> rows;
  for (const std::vector<Row> &some :
       {good_requests(), bad_http(), bad_fields(), of_deflate(good_offers()), of_deflate(declined_offers())})
    rows.insert(rows.end(), some.begin(), some.end());
  for (Row &row : rows) {
    row.name = "request/" + row.name;
    row.tested = Tested::SERVER;
  }
  return rows;
}

}  // namespace conformance
