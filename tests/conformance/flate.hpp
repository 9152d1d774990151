// permessage-deflate by zlib itself, by the letter of RFC 7692 7.2, sharing nothing with lib/: the oracle of the rows.
#pragma once

#include <memory>
#include <optional>
#include <string>

struct z_stream_s;

namespace conformance {

class Deflater {
 public:
  Deflater();
  ~Deflater();

  // The next piece of a message, with all that was put in; at the end of the message without the four bytes that are
  // not sent (7.2.1). What was compressed before is referred to.
  std::string piece(const std::string &payload, bool final);

 private:
  std::unique_ptr<z_stream_s> stream_;
};

class Inflater {
 public:
  // `bits`: the logarithm of the window's size. Without `takeover` each message begins with an empty window.
  Inflater(int bits, bool takeover);
  ~Inflater();

  // A message (7.2.2). nullopt: it is malformed, is not whole, or refers to what the window does not hold.
  std::optional<std::string> message(const std::string &payload);

 private:
  std::unique_ptr<z_stream_s> stream_;
  const bool takeover_;
};

}  // namespace conformance
