#include "conformance/row.hpp"

#include <algorithm>

#include "conformance/flate.hpp"

namespace conformance {

// ---------------------------------------------------------------------------------------------------------------------
// What the peer sends

Piece Piece::more() const {
  Piece piece = *this;
  piece.frame.final = false;
  return piece;
}

Piece Piece::rsv(int bits) const {
  Piece piece = *this;
  piece.frame.rsv = bits;
  return piece;
}

Piece Piece::length_in(int bytes) const {
  Piece piece = *this;
  piece.length_bytes = bytes;
  return piece;
}

Piece Piece::announcing(uint64_t size) const {
  Piece piece = *this;
  piece.announced = size;
  return piece;
}

Piece Piece::with_wrong_mask_bit() const {
  Piece piece = *this;
  piece.mask_bit_wrong = true;
  return piece;
}

Piece Piece::with_key(const frames::Key &key) const {
  Piece piece = *this;
  piece.frame.key = key;
  return piece;
}

Piece Piece::compressed() const {
  Piece piece = *this;
  piece.frame.rsv = kRsv1;
  piece.frame.payload = Deflater().piece(frame.payload, frame.final);
  return piece;
}

Piece frame(int opcode, std::string payload) {
  Piece piece;
  piece.frame.opcode = opcode;
  piece.frame.payload = std::move(payload);
  piece.frame.key = {0x37, 0xfa, 0x21, 0x3d};  // RFC 6455 5.7
  return piece;
}

Piece text(std::string payload) {
  return frame(frames::kText, std::move(payload));
}

Piece binary(std::string payload) {
  return frame(frames::kBinary, std::move(payload));
}

Piece continuation(std::string payload) {
  return frame(frames::kContinuation, std::move(payload));
}

Piece ping(std::string payload) {
  return frame(frames::kPing, std::move(payload));
}

Piece pong(std::string payload) {
  return frame(frames::kPong, std::move(payload));
}

Piece closing(int code, const std::string &reason) {
  return frame(frames::kClose, frames::number(static_cast<uint64_t>(code), 2) + reason);
}

Piece bytes(std::string raw) {
  Piece piece;
  piece.raw = std::move(raw);
  return piece;
}

Wire &Wire::operator+=(const Wire &more) {
  pieces_.insert(pieces_.end(), more.pieces_.begin(), more.pieces_.end());
  return *this;
}

std::string Wire::written(bool masks) const {
  std::string all;
  for (const Piece &piece : pieces_) {
    if (piece.raw) {
      all += *piece.raw;
      continue;
    }
    frames::Frame frame = piece.frame;
    frame.masked = masks != piece.mask_bit_wrong;
    all += frames::header(frame, piece.announced.value_or(frame.payload.size()), piece.length_bytes);
    all += frame.masked ? frames::xored(frame.payload, frame.key) : frame.payload;
  }
  return all;
}

Wire Wire::compressed() const {
  Wire wire = *this;
  Deflater deflater;
  for (Piece &piece : wire.pieces_) {
    frames::Frame &frame = piece.frame;
    if (!piece.is_data() || frame.rsv != 0) continue;
    // RFC 7692 6: the bit stands on the first frame of a message.
    frame.rsv = frame.opcode != frames::kContinuation ? kRsv1 : 0;
    frame.payload = deflater.piece(frame.payload, frame.final);
  }
  return wire;
}

bool Wire::can_be_compressed() const {
  return std::none_of(pieces_.begin(), pieces_.end(), [](const Piece &piece) { return piece.raw || piece.announced; });
}

namespace {

bool is_named(const std::string &field, const std::string &name) {
  return field.starts_with(name + ":");
}

}  // namespace

Head Head::line(std::string start) const {
  return Head(std::move(start), fields_);
}

Head Head::without(const std::string &name) const {
  Head head = *this;
  std::erase_if(head.fields_, [&](const std::string &field) { return is_named(field, name); });
  return head;
}

Head Head::with(std::string field) const {
  Head head = *this;
  head.fields_.push_back(std::move(field));
  return head;
}

Head Head::change(const std::string &name, const std::string &to) const {
  Head head = *this;
  std::replace_if(
      head.fields_.begin(), head.fields_.end(), [&](const std::string &field) { return is_named(field, name); }, to);
  return head;
}

Head Head::value(const std::string &name, const std::string &to) const {
  return change(name, name + ": " + to);
}

std::string Head::str() const {
  std::string text = start_ + "\r\n";
  for (const std::string &field : fields_)
    text += field + "\r\n";
  return text + "\r\n";
}

Head request() {
  return {"GET /chat HTTP/1.1",
          {"Host: server.example.com", "Upgrade: websocket", "Connection: Upgrade",
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"}};
}

Head response() {
  return {"HTTP/1.1 101 Switching Protocols",
          {"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: {accept}"}};
}

// ---------------------------------------------------------------------------------------------------------------------
// How it is answered

Answer Answer::saying(const std::string &line) const {
  Answer answer = *this;
  answer.says.push_back(line);
  return answer;
}

Answer Answer::not_saying(const std::string &text) const {
  Answer answer = *this;
  answer.unsaid.push_back(text);
  return answer;
}

Answer Answer::with(const std::vector<Piece> &delivered) const {
  Answer answer = *this;
  answer.messages = delivered;
  return answer;
}

Answer Answer::with_inflated(const std::vector<Piece> &delivered) const {
  Answer answer = with(delivered);
  for (Piece &message : answer.messages)
    message.frame.rsv = kRsv1;
  return answer;
}

Answer Answer::with_pongs(const std::vector<std::string> &payloads) const {
  Answer answer = *this;
  answer.pongs = payloads;
  return answer;
}

namespace {

Answer ends(int code, int error, uint32_t flags) {
  Answer answer;
  answer.ends = true;
  answer.code = code;
  answer.error = error;
  answer.flags = flags;
  return answer;
}

int error_of(int code) {
  switch (code) {
    case 1007:
      return HWS_ERR_UTF8;
    case 1009:
      return HWS_ERR_LIMIT;
    default:
      return HWS_ERR_PROTOCOL;
  }
}

}  // namespace

Answer stays_open() {
  return {};
}

Answer fails(int code) {
  Answer answer = ends(1006, error_of(code), HWS_BY_PEER);
  answer.close = code;
  return answer;
}

Answer fails_to_inflate() {
  Answer answer = fails(1007);
  answer.error = HWS_ERR_DEFLATE;
  return answer;
}

Answer fails_after_our_close(int error) {
  return ends(1006, error, HWS_BY_PEER);
}

Answer closes(int code, const std::string &reason) {
  Answer answer = ends(code, HWS_OK, HWS_BY_PEER | HWS_CLEAN);
  answer.close = code;
  answer.reason = reason;
  return answer;
}

Answer closes_after_our_close(int code, const std::string &reason) {
  Answer answer = ends(code, HWS_OK, HWS_CLEAN);
  answer.reason = reason;
  return answer;
}

Answer is_lost() {
  Answer answer = ends(1006, HWS_ERR_EOF, HWS_BY_PEER);
  answer.lost = true;
  return answer;
}

Answer is_lost_unopened() {
  Answer answer = is_lost();
  answer.opens = false;
  return answer;
}

Answer accepted() {
  return {};
}

Answer refused(int status, int error) {
  Answer answer = ends(1006, error, HWS_BY_PEER);
  answer.opens = false;
  answer.status = status;
  answer.system = status;
  return answer;
}

Answer rejected(int error) {
  Answer answer = ends(1006, error, HWS_BY_PEER);
  answer.opens = false;
  return answer;
}

Answer rejected_with_status(int status) {
  Answer answer = ends(1006, HWS_ERR_HTTP, HWS_BY_PEER);
  answer.opens = false;
  answer.system = status;
  return answer;
}

Setting option(const char *name, int64_t number) {
  return {.name = name, .number = number};
}

Setting option(const char *name, const char *text) {
  return {.name = name, .text = text};
}

Row Row::with_deflate(const Answer &answer) const {
  Row row = *this;
  row.answer_with_deflate = answer;
  return row;
}

Row Row::on(Opening opening) const {
  Row row = *this;
  if (has_deflate(opening) && answer_with_deflate) row.answer = *answer_with_deflate;
  if (opening == Opening::COMPRESSING) {
    row.sent = sent.compressed();
    row.answer = row.answer.with_inflated(row.answer.messages);
  }
  return row;
}

std::vector<Row> of_deflate(std::vector<Row> rows) {
  for (Row &row : rows) {
    row.rfc = 7692;
    row.settings.insert(row.settings.begin(), option("deflate", "dedicated"));
  }
  return rows;
}

const std::vector<Subject> &subjects() {
  static const std::vector<Subject> all = {
      {"request", Opening::IN_ROW, request_rows()}, {"response", Opening::IN_ROW, response_rows()},
      {"frames", Opening::PLAIN, frame_rows()},     {"fragments", Opening::PLAIN, fragment_rows()},
      {"control", Opening::PLAIN, control_rows()},  {"close", Opening::PLAIN, close_rows()},
      {"utf8", Opening::PLAIN, utf8_rows()},        {"deflate", Opening::DEFLATE, deflate_rows()},
  };
  return all;
}

}  // namespace conformance
