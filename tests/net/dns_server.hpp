// A DNS server on 127.0.0.1, UDP and TCP, that runs in the test's own loop. The first label of a name says how it
// answers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

#include "net/descriptors.hpp"
#include "net/poller.hpp"
#include "net/socket.hpp"

namespace hawser {

class DnsServer {
 public:
  static constexpr uint64_t kUdp = 1;
  static constexpr uint64_t kListener = 2;
  static constexpr uint64_t kStream = 3;

  // Reply packets instead of the one that would be sent; none: no reply.
  using Mangle = std::function<std::vector<std::string>(const std::string &reply)>;

  explicit DnsServer(Poller &poller) : poller_(poller) {}

  // UDP and TCP on one port that is free for both.
  bool open() {
    for (int i = 0; i < 20; i++) {
      auto listener = listen_tcp(*parse_address("127.0.0.1", 0), {});
      if (!listener) return false;
      sockaddr_storage name;
      uint32_t size = to_sockaddr(local_address(listener->get()), name);
      Descriptor udp = open_socket(AF_INET, SOCK_DGRAM, 0);
      if (bind(udp.get(), reinterpret_cast<sockaddr *>(&name), size) != 0) continue;
      listener_ = std::move(*listener);
      udp_ = std::move(udp);
      return !poller_.add_level(udp_.get(), kUdp, READABLE) && !poller_.add_level(listener_.get(), kListener, READABLE);
    }
    return false;
  }

  std::string address() const { return local_address(listener_.get()).text(); }

  void ready(uint64_t token) {
    if (token == kUdp) {
      answer_datagrams();
    } else if (token == kListener) {
      accept_stream();
    } else if (token == kStream) {
      answer_streams();
    }
  }

  Mangle mangle;
  bool reset_streams = false;
  int datagrams = 0;  // queries that came
  int streams = 0;

 private:
  struct Stream {
    Descriptor socket;
    std::string received;
  };

  enum : uint16_t { A = 1, CNAME = 5, AAAA = 28 };

  static std::string number(unsigned value) { return {static_cast<char>(value >> 8), static_cast<char>(value)}; }

  // A resource record (RFC 1035 4.1.3) for the name of the question.
  static std::string record(uint16_t kind, const std::string &data) {
    std::string all = number(0xc00c) + number(kind) + number(1) + number(0) + number(60);
    return all + number(static_cast<unsigned>(data.size())) + data;
  }

  static std::string ipv4(uint8_t last) { return {127, 0, 0, static_cast<char>(last)}; }
  static std::string ipv6() { return std::string(15, '\0') + '\1'; }

  // The records that answer a question, and their number.
  static std::string records(const std::string &label, uint16_t kind, unsigned &count) {
    std::string all;
    bool with_ipv4 = kind == A && label != "six" && label != "none";
    bool with_ipv6 = kind == AAAA && label != "four" && label != "none" && label != "many";
    count = !with_ipv4 && !with_ipv6 ? 0 : label == "many" ? 40 : 1;
    for (unsigned i = 0; i < count; i++) {
      all += with_ipv4 ? record(A, ipv4(static_cast<uint8_t>(1 + i))) : record(AAAA, ipv6());
    }
    return all;
  }

  static std::string first_label(const std::string &query) {
    auto size = static_cast<unsigned char>(query[12]);
    return query.substr(13, size);
  }

  // "" is silence.
  std::string reply_to(const std::string &query, bool datagram) {
    size_t end = query.find('\0', 12);
    if (query.size() < 17 || end == std::string::npos || end + 5 > query.size()) return "";
    std::string question = query.substr(12, end + 5 - 12);
    auto kind = static_cast<uint16_t>(static_cast<unsigned char>(query[end + 2]));
    std::string label = first_label(query);
    if (label == "silent" || (label == "late" && datagram && datagrams <= 2)) return "";
    unsigned flags = 0x8180;  // a response, recursion available (RFC 1035 4.1.1)
    unsigned count = 0;
    std::string answers;
    if (label == "absent") {
      flags |= 3;  // NXDOMAIN
    } else if (label == "broken") {
      flags |= 2;  // SERVFAIL
    } else if (label == "tcp" && datagram) {
      flags |= 0x0200;  // truncated: ask again by TCP
    } else {
      answers = records(label, kind, count);
    }
    return query.substr(0, 2) + number(flags) + number(1) + number(count) + number(0) + number(0) + question + answers;
  }

  void answer_datagrams() {
    char bytes[2048];
    sockaddr_storage from;
    for (;;) {
      socklen_t size = sizeof from;
      ssize_t got = recvfrom(udp_.get(), bytes, sizeof bytes, 0, reinterpret_cast<sockaddr *>(&from), &size);
      if (got < 0) return;
      datagrams++;
      std::string reply = reply_to({bytes, static_cast<size_t>(got)}, true);
      if (reply.empty()) continue;
      for (const std::string &packet : mangle ? mangle(reply) : std::vector<std::string>{reply}) {
        sendto(udp_.get(), packet.data(), packet.size(), 0, reinterpret_cast<sockaddr *>(&from), size);
      }
    }
  }

  void accept_stream() {
    Address peer;
    auto stream = accept_tcp(listener_.get(), peer);
    if (!stream) return;
    streams++;
    if (reset_streams) {
      // An end of stream and then a reset: what makes the peer's next write raise SIGPIPE.
      shutdown_writing(stream->get());
      reset(*stream);
      return;
    }
    if (poller_.add_level(stream->get(), kStream, READABLE)) return;
    streams_.push_back({std::move(*stream), ""});
  }

  void answer_streams() {
    for (size_t i = 0; i < streams_.size();) {
      if (answer_stream(streams_[i])) {
        i++;
      } else {
        streams_.erase(streams_.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
  }

  // One or more queries, each behind its length (RFC 1035 4.2.2); false when the stream is over.
  bool answer_stream(Stream &stream) {
    char bytes[4096];
    Transfer got = read_socket(stream.socket.get(), bytes, sizeof bytes);
    if (got.would_block) return true;
    if (got.size == 0) return false;
    stream.received.append(bytes, got.size);
    for (;;) {
      const std::string &received = stream.received;
      if (received.size() < 2) return true;
      size_t size = static_cast<unsigned char>(received[0]) * 256U + static_cast<unsigned char>(received[1]);
      if (received.size() < 2 + size) return true;
      std::string query = received.substr(2, size);
      stream.received.erase(0, 2 + size);
      std::string reply = reply_to(query, false);
      std::string framed = number(static_cast<unsigned>(reply.size())) + reply;
      write_socket(stream.socket.get(), framed.data(), framed.size());
    }
  }

  Poller &poller_;
  Descriptor udp_;
  Descriptor listener_;
  std::vector<Stream> streams_;
};

}  // namespace hawser
