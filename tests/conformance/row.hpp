// A row of the table of odd peers: what a peer sends, and how RFC 6455, RFC 7692 and hawser.h would have it answered.
// The application behind the connection is an echo.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hawser.h>

#include "support/frames.hpp"

namespace conformance {

// ---------------------------------------------------------------------------------------------------------------------
// What the peer sends

inline constexpr int kRsv1 = 4;  // of frames::Frame

// A frame, right or wrong, or bytes as they are.
struct Piece {
  frames::Frame frame;
  int length_bytes = -1;              // 0, 2 or 8: the form of the length; -1: the shortest
  std::optional<uint64_t> announced;  // the length, where it is not the payload's
  bool mask_bit_wrong = false;        // masked by a server, not masked by a client
  std::optional<std::string> raw;

  Piece more() const;  // FIN is 0: more fragments follow
  Piece rsv(int bits) const;
  Piece length_in(int bytes) const;
  Piece announcing(uint64_t size) const;
  Piece with_wrong_mask_bit() const;
  Piece with_key(const frames::Key &key) const;  // where the peer masks
  Piece compressed() const;                      // RSV1, and the payload as a compressed message (RFC 7692 7.2.1)
  bool is_data() const { return !raw && frame.opcode <= frames::kBinary; }
};

Piece text(std::string payload);
Piece binary(std::string payload);
Piece continuation(std::string payload);
Piece ping(std::string payload);
Piece pong(std::string payload);
Piece closing(int code, const std::string &reason = "");
Piece frame(int opcode, std::string payload);
Piece bytes(std::string raw);

class Wire {
 public:
  Wire(Piece piece) : pieces_{std::move(piece)} {}
  Wire(std::string raw) : Wire(bytes(std::move(raw))) {}

  Wire &operator+=(const Wire &more);
  // `masks`: the peer is a client.
  std::string written(bool masks) const;
  // Every data message compressed, with reference to those before it, except where a frame says something of RSV
  // itself.
  Wire compressed() const;
  // False: it is about bytes as they are, or a length that is not the payload's.
  bool can_be_compressed() const;

 private:
  std::vector<Piece> pieces_;
};

inline Wire operator+(Wire a, const Wire &b) {
  return a += b;
}

// An HTTP head, made from a good one of which a row changes something.
class Head {
 public:
  Head(std::string start, std::vector<std::string> fields) : start_(std::move(start)), fields_(std::move(fields)) {}

  Head line(std::string start) const;                                 // another start line
  Head without(const std::string &name) const;                        // no field of this name
  Head with(std::string field) const;                                 // one more field
  Head change(const std::string &name, const std::string &to) const;  // the whole field, as it is to stand there
  Head value(const std::string &name, const std::string &to) const;   // another value
  operator Wire() const { return Wire(str()); }
  std::string str() const;

 private:
  std::string start_;
  std::vector<std::string> fields_;
};

// The handshake of RFC 6455 1.2, without the fields that are optional. In an answer {accept} stands for the right
// Sec-WebSocket-Accept, {swapped} for it with upper and lower case exchanged, {key} for the request's key.
Head request();
Head response();

// ---------------------------------------------------------------------------------------------------------------------
// How it is answered

struct Answer {
  // After a handshake:
  bool opens = true;
  int status = 0;                   // of a server that refuses
  std::vector<std::string> says;    // lines of a server's head
  std::vector<std::string> unsaid;  // what is nowhere in it

  // On the open connection:
  std::vector<Piece> messages;  // delivered, and echoed as long as they can be; RSV1: they came compressed
  std::vector<std::string> pongs;
  std::optional<int> close;  // the code in our Close, 1005: an empty one; none is written without
  bool lost = false;         // the peer ends the stream behind what it sends

  // The CLOSE event, if the connection ends:
  bool ends = false;
  int code = 1006;
  int error = HWS_OK;
  int system = 0;
  uint32_t flags = 0;
  std::string reason;

  Answer saying(const std::string &line) const;
  Answer not_saying(const std::string &text) const;
  Answer with(const std::vector<Piece> &delivered) const;
  Answer with_inflated(const std::vector<Piece> &delivered) const;
  Answer with_pongs(const std::vector<std::string> &payloads) const;
};

// The connection goes on as if nothing had been.
Answer stays_open();
// _Fail the WebSocket Connection_ with this code in our Close.
Answer fails(int code);
// The same with 1007, because of a compressed message.
Answer fails_to_inflate();
// The same after our Close: no second one.
Answer fails_after_our_close(int error);
// The peer's Close is answered.
Answer closes(int code, const std::string &reason = "");
// The peer's Close answers ours.
Answer closes_after_our_close(int code, const std::string &reason = "");
// The peer ends the stream without a Close; or before its handshake is whole.
Answer is_lost();
Answer is_lost_unopened();
// A server: 101. A client: OPEN.
Answer accepted();
// A server's answer of another status; the error is HWS_ERR_HANDSHAKE unless a limit is exceeded.
Answer refused(int status, int error = HWS_ERR_HANDSHAKE);
// A client gives up.
Answer rejected(int error = HWS_ERR_HANDSHAKE);
Answer rejected_with_status(int status);

// ---------------------------------------------------------------------------------------------------------------------

enum class Tested { BOTH, SERVER, CLIENT };

// How the connection came to be on which a row is run.
enum class Opening {
  IN_ROW,       // the row begins with the handshake
  PLAIN,        // it is open, without extensions
  DEFLATE,      // it is open, with permessage-deflate, which the peer uses where the row says so
  COMPRESSING,  // the same, and the peer compresses all its messages
};

inline bool has_deflate(Opening opening) {
  return opening == Opening::DEFLATE || opening == Opening::COMPRESSING;
}

struct Setting {
  const char *name;
  int64_t number = 0;
  const char *text = nullptr;  // instead of the number
};

Setting option(const char *name, int64_t number);
Setting option(const char *name, const char *text);

struct Row {
  std::string name;  // "frames/rsv1": the subject, and what is odd
  const char *section;
  Wire sent;
  Answer answer;
  std::vector<Setting> settings = {};
  Tested tested = Tested::BOTH;
  bool after_our_close = false;                    // the application has closed the connection before
  int rfc = 6455;                                  // which the section is of
  std::optional<Answer> answer_with_deflate = {};  // where permessage-deflate makes another one due
  std::string extension = "permessage-deflate";    // what the peer offers or answers, where that is negotiated

  bool tests(int32_t role) const {
    return tested == Tested::BOTH || (tested == Tested::SERVER) == (role == HWS_SERVER);
  }
  Row with_deflate(const Answer &answer) const;
  // The row as it is on a connection of that kind.
  Row on(Opening opening) const;
};

// Rows of the opening handshake that are about permessage-deflate: it is wanted unless a row says otherwise.
std::vector<Row> of_deflate(std::vector<Row> rows);
// What is no size of a window (RFC 7692 7.1.2).
inline constexpr const char *kNoBits[] = {
    "0", "1", "7", "16", "32", "08", "015", "+9", "-9", "9.0", "0x9", "nine", "99999999999999999999"};

struct Subject {
  const char *name;
  Opening opening;
  std::vector<Row> rows;
};

std::vector<Row> request_rows();
std::vector<Row> response_rows();
std::vector<Row> frame_rows();
std::vector<Row> fragment_rows();
std::vector<Row> control_rows();
std::vector<Row> close_rows();
std::vector<Row> utf8_rows();
std::vector<Row> deflate_rows();

const std::vector<Subject> &subjects();

}  // namespace conformance
