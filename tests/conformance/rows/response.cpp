// The server's opening handshake, as a client sees it.
#include "conformance/row.hpp"

namespace conformance {

namespace {

const Setting kOffer = option("subprotocols", "chat, superchat");

// An answer that has `size` bytes, with the 28 of a Sec-WebSocket-Accept.
Head response_of(size_t size) {
  const std::string name = "X: ";
  const std::string whole = response().value("Sec-WebSocket-Accept", std::string(28, 'x')).with(name).str();
  return response().with(name + std::string(size - whole.size(), 'x'));
}

std::vector<Row> good_responses() {
  const std::string interim = "HTTP/1.1 100 Continue\r\n\r\n";
  const std::string hints = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n";
  return {
      {"plain", "4.1", response(), accepted()},
      {"names_in_any_case", "4.1",
       Head("HTTP/1.1 101 Switching Protocols",
            {"UPGRADE: websocket", "connection: Upgrade", "sEC-wEBsOCKET-aCCEPT: {accept}"}),
       accepted()},
      {"another_order", "4.1",
       Head("HTTP/1.1 101 Switching Protocols",
            {"Sec-WebSocket-Accept: {accept}", "Connection: Upgrade", "Upgrade: websocket"}),
       accepted()},
      {"another_reason", "4.1", response().line("HTTP/1.1 101 Web Socket Protocol Handshake"), accepted()},
      {"no_reason", "4.1", response().line("HTTP/1.1 101 "), accepted()},
      {"unknown_fields", "4.1", response().with("Server: x").with("Set-Cookie: a=b").with("X: \xc3\xa9\t"), accepted()},
      {"upgrade_in_any_case", "4.1", response().value("Upgrade", "WEBSOCKET"), accepted()},
      {"connection_in_any_case", "4.1", response().value("Connection", "upgrade"), accepted()},
      {"connection_among_others", "4.1", response().value("Connection", "keep-alive, Upgrade"), accepted()},
      {"connection_in_two_fields", "4.1", response().value("Connection", "keep-alive").with("Connection: Upgrade"),
       accepted()},
      {"accept_with_blanks_around", "4.1", response().value("Sec-WebSocket-Accept", " \t{accept} \t"), accepted()},
      {"version_named", "4.1", response().with("Sec-WebSocket-Version: 13"), accepted()},
      {"subprotocol_first", "4.1", response().with("Sec-WebSocket-Protocol: chat"), accepted(), {kOffer}},
      {"subprotocol_second", "4.1", response().with("Sec-WebSocket-Protocol: superchat "), accepted(), {kOffer}},
      {"subprotocol_none", "4.1", response(), accepted(), {kOffer}},
      {"interim", "4.1", bytes(interim + response().str()), accepted()},
      {"interims", "4.1", bytes(interim + hints + hints + response().str()), accepted()},
      {"head_as_long_as_allowed", "10.4", response_of(300), accepted(), {option("max_head_size", 300)}},
  };
}

std::vector<Row> bad_http() {
  const std::string nul(1, '\0');
  std::vector<Row> rows = {
      {"http_1_0", "4.2.2", response().line("HTTP/1.0 101 Switching Protocols"), rejected()},
      {"http_2_0", "4.2.2", response().line("HTTP/2.0 101 Switching Protocols"), rejected()},
      {"http_in_lower_case", "4.2.2", response().line("http/1.1 101 Switching Protocols"), rejected()},
      {"another_protocol", "4.2.2", bytes("SSH-2.0-OpenSSH_9.2\r\n\r\n"), rejected()},
      {"frame_instead", "4.1", text("Hello"), rejected()},
      {"status_of_two_digits", "4.2.2", response().line("HTTP/1.1 10 Switching Protocols"), rejected()},
      {"status_of_four_digits", "4.2.2", response().line("HTTP/1.1 1010 Switching Protocols"), rejected()},
      {"status_in_words", "4.2.2", response().line("HTTP/1.1 Switching Protocols"), rejected()},
      {"status_missing", "4.2.2", response().line("HTTP/1.1"), rejected()},
      {"status_out_of_range", "4.2.2", response().line("HTTP/1.1 600 Switching Protocols"), rejected()},
      {"two_blanks_before_the_status", "4.2.2", response().line("HTTP/1.1  101 Switching Protocols"), rejected()},
      {"empty_line_first", "4.2.2", bytes("\r\n" + response().str()), rejected()},
      {"line_feed_alone", "4.2.2", response().with("X: y\nX: z"), rejected()},
      {"carriage_return_alone", "4.2.2", response().with("X: y\rz"), rejected()},
      {"nul_in_a_value", "4.2.2", response().with("X: " + nul), rejected()},
      {"nul_in_the_reason", "4.2.2", response().line("HTTP/1.1 101 Switching" + nul), rejected()},
      {"control_in_a_value", "4.2.2", response().with("X: \x08"), rejected()},
      {"folded_line", "4.2.2", response().with("X: y\r\n z"), rejected()},
      {"blank_before_the_colon", "4.2.2", response().change("Upgrade", "Upgrade : websocket"), rejected()},
      {"no_colon", "4.2.2", response().with("X"), rejected()},
      {"no_name", "4.2.2", response().with(": x"), rejected()},
      {"head_too_long", "10.4", response_of(301), rejected(HWS_ERR_LIMIT), {option("max_head_size", 300)}},
      {"too_many_fields", "10.4", response().with("X: y"), rejected(HWS_ERR_LIMIT), {option("max_headers", 3)}},
      {"interims_without_end",
       "10.4",
       bytes(std::string("HTTP/1.1 100 Continue\r\n\r\n") +
             "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"),
       rejected(HWS_ERR_LIMIT),
       {option("max_head_size", 64)}},
      {"half_a_head", "7.1.4", bytes("HTTP/1.1 101 Switching Protocols\r\nUpgrade: web"), is_lost_unopened()},
      {"interim_and_the_end", "7.1.4", bytes("HTTP/1.1 100 Continue\r\n\r\n"), is_lost_unopened()},
  };
  for (int status : {200, 204, 301, 307, 400, 401, 403, 404, 407, 426, 500, 503, 599}) {
    rows.push_back({"status_" + std::to_string(status), "4.1",
                    response().line("HTTP/1.1 " + std::to_string(status) + " Other"), rejected_with_status(status)});
  }
  rows.push_back({"status_with_a_body", "4.1", bytes("HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\n\x81\x03no!"),
                  rejected_with_status(403)});
  return rows;
}

// The numbered rules at the end of RFC 6455 4.1.
std::vector<Row> bad_fields() {
  Head chooses_chat = response().with("Sec-WebSocket-Protocol: chat");
  return {
      {"upgrade_missing", "4.1", response().without("Upgrade"), rejected()},
      {"upgrade_empty", "4.1", response().value("Upgrade", ""), rejected()},
      {"upgrade_of_another_protocol", "4.1", response().value("Upgrade", "h2c"), rejected()},
      {"upgrade_almost", "4.1", response().value("Upgrade", "websockets"), rejected()},
      {"upgrade_among_others", "4.1", response().value("Upgrade", "websocket, h2c"), rejected()},
      {"upgrade_and_another", "4.1", response().with("Upgrade: h2c"), rejected()},
      {"connection_missing", "4.1", response().without("Connection"), rejected()},
      {"connection_empty", "4.1", response().value("Connection", ""), rejected()},
      {"connection_close", "4.1", response().value("Connection", "close"), rejected()},
      {"connection_almost", "4.1", response().value("Connection", "Upgrades"), rejected()},
      {"accept_missing", "4.1", response().without("Sec-WebSocket-Accept"), rejected()},
      {"accept_empty", "4.1", response().value("Sec-WebSocket-Accept", ""), rejected()},
      {"accept_of_another_key", "4.1", response().value("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
       rejected()},
      {"accept_is_the_key", "4.1", response().value("Sec-WebSocket-Accept", "{key}"), rejected()},
      {"accept_in_another_case", "4.1", response().value("Sec-WebSocket-Accept", "{swapped}"), rejected()},
      {"accept_quoted", "4.1", response().value("Sec-WebSocket-Accept", "\"{accept}\""), rejected()},
      {"accept_and_more", "4.1", response().value("Sec-WebSocket-Accept", "{accept}="), rejected()},
      {"accept_list", "4.1", response().value("Sec-WebSocket-Accept", "{accept}, {accept}"), rejected()},
      {"accept_twice", "11.3.3", response().with("Sec-WebSocket-Accept: {accept}"), rejected()},
      {"accept_and_a_wrong_one", "11.3.3", response().with("Sec-WebSocket-Accept: {key}"), rejected()},
      {"extension_not_offered", "4.1", response().with("Sec-WebSocket-Extensions: permessage-deflate"), rejected()},
      {"extension_unknown", "4.1", response().with("Sec-WebSocket-Extensions: x-odd; a=1"), rejected()},
      {"extension_malformed", "9.1", response().with("Sec-WebSocket-Extensions: ;="), rejected()},
      {"extension_empty", "9.1", response().with("Sec-WebSocket-Extensions:"), rejected()},
      {"extensions_twice", "11.3.2", response().with("Sec-WebSocket-Extensions: x").with("Sec-WebSocket-Extensions: y"),
       rejected()},
      {"subprotocol_though_none_was_offered", "4.1", chooses_chat, rejected()},
      {"subprotocol_not_offered", "4.1", response().with("Sec-WebSocket-Protocol: mqtt"), rejected(), {kOffer}},
      {"subprotocol_in_another_case", "4.1", response().with("Sec-WebSocket-Protocol: Chat"), rejected(), {kOffer}},
      {"subprotocol_list", "4.2.2", response().with("Sec-WebSocket-Protocol: chat, superchat"), rejected(), {kOffer}},
      {"subprotocol_empty", "4.2.2", response().with("Sec-WebSocket-Protocol:"), rejected(), {kOffer}},
      {"subprotocol_twice", "11.3.4", chooses_chat.with("Sec-WebSocket-Protocol: chat"), rejected(), {kOffer}},
  };
}

const std::string kServerAlone = "; server_no_context_takeover";
const std::string kClientAlone = "; client_no_context_takeover";
const std::string kServerBits = "; server_max_window_bits";
const std::string kClientBits = "; client_max_window_bits";
const Setting kServer10 = option("deflate_server_max_window_bits", 10);
const Setting kClient10 = option("deflate_client_max_window_bits", 10);
const Setting kShared = option("deflate", "shared");

// The answer with these parameters of permessage-deflate.
Head agreement(const std::string &parameters) {
  return response().with("Sec-WebSocket-Extensions: permessage-deflate" + parameters);
}

// RFC 7692 7.1: what a server may answer to what was offered.
std::vector<Row> good_agreements() {
  return {
      {"deflate", "7", agreement(""), accepted()},
      {"deflate_declined", "5.1", response(), accepted()},
      {"deflate_server_alone", "7.1.1.1", agreement(kServerAlone), accepted()},
      {"deflate_client_alone", "7.1.1.2", agreement(kClientAlone), accepted()},
      {"deflate_server_bits_8", "7.1.2.1", agreement(kServerBits + "=8"), accepted()},
      {"deflate_server_bits_15", "7.1.2.1", agreement(kServerBits + "=15"), accepted()},
      {"deflate_server_bits_quoted", "7.1.2.1", agreement(kServerBits + "=\"10\""), accepted()},
      {"deflate_server_bits_as_asked",
       "7.1.2.1",
       agreement(kServerAlone + kServerBits + "=10"),
       accepted(),
       {kShared, kServer10}},
      {"deflate_client_bits_8", "7.1.2.2", agreement(kClientBits + "=8"), accepted()},
      {"deflate_client_bits_15", "7.1.2.2", agreement(kClientBits + "=15"), accepted()},
      {"deflate_client_bits_as_offered", "7.1.2.2", agreement(kClientBits + "=10"), accepted(), {kClient10}},
      {"deflate_client_bits_below_the_offer", "7.1.2.2", agreement(kClientBits + "=9"), accepted(), {kClient10}},
      {"deflate_client_bits_ignored", "7.1.2.2", agreement(""), accepted(), {kClient10}},
      {"deflate_all_parameters", "7", agreement(kClientBits + "=9" + kServerBits + "=8" + kClientAlone + kServerAlone),
       accepted()},
      {"deflate_by_the_second_offer", "5.1", agreement(""), accepted(), {kServer10}},
  };
}

std::vector<Row> bad_agreements() {
  std::vector<Row> rows = {
      {"deflate_not_offered", "5.1", agreement(""), rejected(), {option("deflate", "off")}},
      {"deflate_in_another_case", "7", response().with("Sec-WebSocket-Extensions: Permessage-Deflate"), rejected()},
      {"deflate_of_another_kind", "5.1", response().with("Sec-WebSocket-Extensions: permessage-bzip2"), rejected()},
      {"deflate_and_another", "5.1", agreement(", x-odd"), rejected()},
      {"deflate_behind_another", "5.1", response().with("Sec-WebSocket-Extensions: x-odd, permessage-deflate"),
       rejected()},
      {"deflate_twice", "5.1", agreement(", permessage-deflate"), rejected()},
      {"deflate_in_two_fields", "5.1", agreement("").with("Sec-WebSocket-Extensions: permessage-deflate"), rejected()},
      {"deflate_parameter_unknown", "7", agreement("; x"), rejected()},
      {"deflate_parameter_unknown_with_value", "7", agreement("; window_bits=10"), rejected()},
      {"deflate_parameter_unknown_behind_a_good_one", "7", agreement(kServerAlone + "; x"), rejected()},
      {"deflate_parameter_in_another_case", "7", agreement("; Server_no_context_takeover"), rejected()},
      {"deflate_server_bits_without_value", "7.1.2.1", agreement(kServerBits), rejected()},
      {"deflate_client_bits_without_value", "7.1.2.2", agreement(kClientBits), rejected()},
      {"deflate_client_bits_with_and_without_value", "7", agreement(kClientBits + "=10" + kClientBits), rejected()},
      {"deflate_server_alone_not_granted", "7.1.1.1", agreement(kClientAlone), rejected(), {kShared}},
      {"deflate_server_bits_not_granted", "7.1.2.1", agreement(kServerAlone), rejected(), {kShared, kServer10}},
      {"deflate_server_bits_over_the_offer",
       "7.1.2.1",
       agreement(kServerAlone + kServerBits + "=11"),
       rejected(),
       {kShared, kServer10}},
      {"deflate_client_bits_over_the_offer", "7.1.2.2", agreement(kClientBits + "=11"), rejected(), {kClient10}},
      {"deflate_declined_and_used", "6", response() + text("x").rsv(4), fails(1002)},
  };
  for (const std::string &flag : {kServerAlone, kClientAlone}) {
    const std::string name = "deflate_" + flag.substr(2);
    rows.push_back({name + "_with_value", "7.1.1", agreement(flag + "=1"), rejected()});
    rows.push_back({name + "_twice", "7", agreement(flag + flag), rejected()});
  }
  for (const std::string &bits : {kServerBits, kClientBits}) {
    const std::string name = "deflate_" + bits.substr(2);
    rows.push_back({name + "_twice", "7", agreement(bits + "=10" + bits + "=10"), rejected()});
    for (const char *value : kNoBits)
      rows.push_back({name + "_" + value, "7.1.2", agreement(bits + "=" + value), rejected()});
  }
  return rows;
}

}  // namespace

std::vector<Row> response_rows() {
  std::vector<Row> rows;
  for (const std::vector<Row> &some :
       {good_responses(), bad_http(), bad_fields(), of_deflate(good_agreements()), of_deflate(bad_agreements())})
    rows.insert(rows.end(), some.begin(), some.end());
  for (Row &row : rows) {
    row.name = "response/" + row.name;
    row.tested = Tested::CLIENT;
  }
  return rows;
}

}  // namespace conformance
