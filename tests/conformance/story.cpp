#include "conformance/story.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <functional>

#include <openssl/evp.h>

#include "conformance/flate.hpp"

namespace conformance {

namespace {

constexpr size_t kMaxQuoted = 64;

std::string quoted(const std::string &payload) {
  if (payload.size() > kMaxQuoted) {
    return std::to_string(payload.size()) + " bytes #" + std::to_string(std::hash<std::string>()(payload));
  }
  std::string text;
  for (char c : payload) {
    bool plain = c >= ' ' && c <= '~' && c != '\\';
    constexpr char kDigits[] = "0123456789abcdef";
    auto octet = static_cast<uint8_t>(c);
    text += plain ? std::string(1, c) : std::string("\\x") + kDigits[octet >> 4] + kDigits[octet & 15];
  }
  return text;
}

std::string opcode_name(int opcode) {
  switch (opcode) {
    case frames::kText:
      return "text";
    case frames::kBinary:
      return "binary";
    case frames::kClose:
      return "close";
    case frames::kPing:
      return "ping";
    case frames::kPong:
      return "pong";
    default:
      return "opcode " + std::to_string(opcode);
  }
}

std::string close_sketch(int code, int error, int system, uint32_t flags, const std::string &reason) {
  return "CLOSE " + std::to_string(code) + " " + hws_error_name(error) + " system " + std::to_string(system) +
         (flags & HWS_BY_PEER ? " BY_PEER" : "") + (flags & HWS_CLEAN ? " CLEAN" : "") + " \"" + quoted(reason) + "\"";
}

std::string event_sketch(int opcode, const std::string &payload, bool compressed) {
  return sketch(opcode, payload) + (compressed ? " compressed" : "");
}

// The peer's message, besides those of the row.
Piece message(const char *payload, Opening opening) {
  return opening == Opening::COMPRESSING ? text(payload).compressed() : text(payload);
}

// What we compress is to be inflated with the window that the peer has asked for (RFC 7692 7.1).
Inflater inflater_of(const Row &row, int32_t role) {
  const std::string ours = role == HWS_SERVER ? "server" : "client";
  const std::string bits = ours + "_max_window_bits=";
  size_t at = row.extension.find(bits);
  bool takeover = row.extension.find(ours + "_no_context_takeover") == std::string::npos;
  return {at != std::string::npos ? std::stoi(row.extension.substr(at + bits.size())) : 15, takeover};
}

}  // namespace

hws_options *options_of(const Row &row, Opening opening) {
  hws_options *options = hws_options_new();
  std::vector<Setting> settings;
  if (has_deflate(opening)) settings = {option("deflate", "dedicated"), option("deflate_min_size", int64_t{0})};
  settings.insert(settings.end(), row.settings.begin(), row.settings.end());
  for (const Setting &setting : settings) {
    hws_result result = setting.text != nullptr ? hws_options_set_text(options, setting.name, setting.text)
                                                : hws_options_set_int(options, setting.name, setting.number);
    if (result != HWS_OK) std::abort();
  }
  return options;
}

bool may_be_glued(const Row &row, Opening opening) {
  const Answer &answer = row.answer;
  if (opening == Opening::IN_ROW && answer.opens && answer.ends) return false;
  return answer.opens || !answer.lost;
}

std::string sketch(int opcode, const std::string &payload) {
  if (opcode != frames::kClose) return opcode_name(opcode) + " " + quoted(payload);
  if (payload.empty()) return "close 1005";
  if (payload.size() == 1) return "close of one byte";
  // What our Close says besides its code is for people.
  return "close " + std::to_string(static_cast<uint8_t>(payload[0]) << 8 | static_cast<uint8_t>(payload[1]));
}

void Story::add_event(const hws_event &event) {
  std::string data(static_cast<const char *>(event.data), event.data != nullptr ? static_cast<size_t>(event.size) : 0);
  if (event.kind == HWS_EVENT_OPEN) {
    events.push_back("OPEN");
  } else if (event.kind == HWS_EVENT_CLOSE) {
    events.push_back(close_sketch(event.code, event.error, event.system, event.flags, data));
  } else if (event.kind == HWS_EVENT_MESSAGE) {
    bool whole = (event.flags & ~static_cast<uint32_t>(HWS_COMPRESSED)) == (HWS_FIRST | HWS_FINAL);
    bool compressed = (event.flags & HWS_COMPRESSED) != 0;
    events.push_back(event_sketch(event.opcode, data, compressed) + (whole ? "" : " in parts"));
  } else {
    events.push_back("event " + std::to_string(event.kind));
  }
}

std::string Story::add_output(const std::string &output, const Row &row, Opening opening, int32_t role) {
  std::string rewritten;
  Inflater inflater = inflater_of(row, role);
  for (const frames::Frame &frame : frames::take_all(output)) {
    // RFC 6455 5.1: a client masks all frames, a server none.
    if (frame.masked != (role == HWS_CLIENT)) return "a frame of ours has the mask bit of the other role";
    // The application lets each message be compressed.
    bool compressed = has_deflate(opening) && frame.opcode <= frames::kBinary;
    if (frame.opcode < 0 || frame.rsv != (compressed ? kRsv1 : 0) || !frame.final)
      return "we wrote something else than whole frames";
    rewritten += frames::write(frame);
    std::optional<std::string> payload = compressed ? inflater.message(frame.payload) : frame.payload;
    if (!payload) return "a message of ours cannot be inflated";
    if (frame.opcode == frames::kPong) {
      pongs.push_back(quoted(*payload));
    } else {
      frames.push_back(sketch(frame.opcode, *payload));
    }
  }
  return rewritten == output ? "" : "a frame of ours has a length that is not minimal";
}

bool Story::has_frame(const std::string &sketch) const {
  return std::find(frames.begin(), frames.end(), sketch) != frames.end();
}

bool Story::has_pong(const std::string &payload) const {
  return std::find(pongs.begin(), pongs.end(), payload) != pongs.end();
}

std::string Story::str() const {
  std::string text;
  for (const std::string &event : events)
    text += "  event " + event + "\n";
  for (const std::string &frame : frames)
    text += "  frame " + frame + "\n";
  for (const std::string &pong : pongs)
    text += "  pong " + pong + "\n";
  return text;
}

Story expected_story(const Row &row, Opening opening, bool glued, bool told) {
  const Answer &answer = row.answer;
  bool compresses = opening == Opening::COMPRESSING;
  std::vector<Piece> messages = answer.messages;
  Piece first = text(kGlued).rsv(compresses ? kRsv1 : 0);
  if (glued && answer.opens) messages.insert(opening == Opening::IN_ROW ? messages.end() : messages.begin(), first);
  if (!answer.ends) messages.push_back(text(kProbe).rsv(compresses ? kRsv1 : 0));
  Story story;
  if (opening == Opening::IN_ROW && answer.opens) story.events.push_back("OPEN");
  if (row.after_our_close) story.frames.push_back("close 1000");
  for (const Piece &piece : messages) {
    const frames::Frame &frame = piece.frame;
    story.events.push_back(event_sketch(frame.opcode, frame.payload, frame.rsv != 0));
    if (!row.after_our_close) story.frames.push_back(sketch(frame.opcode, frame.payload));
  }
  if (answer.close) story.frames.push_back("close " + std::to_string(*answer.close));
  for (const std::string &payload : answer.pongs)
    story.pongs.push_back(quoted(payload));
  if (!answer.ends) story.pongs.push_back(kProbe);
  if (answer.ends && told) {
    story.events.push_back(close_sketch(answer.code, answer.error, answer.system, answer.flags, answer.reason));
  }
  return story;
}

namespace {

bool peer_masks(int32_t role) {
  return role == HWS_SERVER;
}

void replace(std::string &in, const std::string &what, const std::string &with) {
  for (size_t at = in.find(what); at != std::string::npos; at = in.find(what, at + with.size()))
    in.replace(at, what.size(), with);
}

std::string swapped_case(std::string text) {
  for (char &c : text) {
    auto octet = static_cast<unsigned char>(c);
    c = static_cast<char>(std::isupper(octet) != 0 ? std::tolower(octet) : std::toupper(octet));
  }
  return text;
}

// What stands for something in the head of a server.
std::string with_values(std::string head, const std::string &key) {
  replace(head, "{accept}", accept_for(key));
  replace(head, "{swapped}", swapped_case(accept_for(key)));
  replace(head, "{key}", key);
  return head;
}

}  // namespace

std::string written(const Row &row, Opening opening, int32_t role, bool glued, const std::string &key) {
  std::string sent = row.sent.written(peer_masks(role));
  std::string first = glued ? Wire(message(kGlued, opening)).written(peer_masks(role)) : "";
  if (opening != Opening::IN_ROW) return first + sent;
  return (role == HWS_CLIENT ? with_values(sent, key) : sent) + first;
}

std::string probe(Opening opening, int32_t role) {
  return (message(kProbe, opening) + ping(kProbe)).written(peer_masks(role));
}

std::string agreeing_head(const Row &row, int32_t role, const std::string &key) {
  Head head = role == HWS_SERVER ? request() : response();
  return with_values(head.with("Sec-WebSocket-Extensions: " + row.extension).str(), key);
}

std::string key_in(const std::string &request) {
  const std::string name = "\r\nsec-websocket-key:";
  std::string small;
  for (char c : request)
    small += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  size_t at = small.find(name);
  if (at == std::string::npos) return "";
  at = request.find_first_not_of(" \t", at + name.size());
  return request.substr(at, request.find_first_of(" \t\r", at) - at);
}

std::string accept_for(const std::string &key) {
  const std::string whole = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[20];
  unsigned char value[32];
  if (EVP_Digest(whole.data(), whole.size(), digest, nullptr, EVP_sha1(), nullptr) != 1) return "";
  int size = EVP_EncodeBlock(value, digest, sizeof digest);
  return std::string(reinterpret_cast<const char *>(value), static_cast<size_t>(size));
}

namespace {

// The body of an answer: what follows its head, and is announced.
std::string take_body(const std::string &head, std::string &output) {
  const std::string field = "\r\nContent-Length: ";
  size_t at = head.find(field);
  if (at == std::string::npos) return "the answer has no Content-Length";
  // RFC 9110 9.3.2: the answer to a HEAD has no body.
  if (output.empty() || output.size() == std::stoul(head.substr(at + field.size()))) {
    output.clear();
    return "";
  }
  return "the body is not as long as Content-Length says";
}

}  // namespace

std::string take_answer(const Row &row, const std::string &sent, std::string &output) {
  const Answer &answer = row.answer;
  size_t end = output.find("\r\n\r\n");
  if (answer.lost && !answer.opens) return output.empty() ? "" : "an answer to half a request";
  if (end == std::string::npos) return "no whole answer: " + quoted(output);
  std::string head = output.substr(0, end + 2);
  output.erase(0, end + 4);
  std::vector<std::string> says = answer.says;
  if (answer.opens) {
    says.insert(says.end(),
                {"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: " + accept_for(key_in(sent))});
  } else {
    says.push_back(answer.status == 426 ? "Connection: Upgrade, close" : "Connection: close");
  }
  std::string start = "HTTP/1.1 " + std::to_string(answer.opens ? 101 : answer.status) + " ";
  if (!head.starts_with(start)) return "the answer is " + head;
  for (const std::string &line : says) {
    if (head.find("\r\n" + line + "\r\n") == std::string::npos) return "the answer does not say " + line + ":\n" + head;
  }
  for (const std::string &text : answer.unsaid) {
    if (head.find(text) != std::string::npos) return "the answer says " + text + ":\n" + head;
  }
  return answer.opens ? "" : take_body(head, output);
}

}  // namespace conformance
