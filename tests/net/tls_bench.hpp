// A TlsStream on one end of a socket pair, and OpenSSL itself as the peer on the other. Between the peer and the
// socket lie memory BIOs: the test says how many bytes cross the wire at a time, and sees those that we send.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tls_stream.hpp"
#include "support/certificates.h"

namespace hawser {

using PeerContext = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

// A context for the peer: `own` is what it shows, nullptr for nothing. It verifies nobody.
inline PeerContext make_peer_context(bool client, const certificate *own, const certificate *behind = nullptr) {
  PeerContext context(SSL_CTX_new(client ? TLS_client_method() : TLS_server_method()), SSL_CTX_free);
  if (own != nullptr) {
    SSL_CTX_use_certificate(context.get(), own->x509);
    SSL_CTX_use_PrivateKey(context.get(), own->key);
  }
  if (behind != nullptr) SSL_CTX_add1_chain_cert(context.get(), behind->x509);
  return context;
}

// A record on the wire (RFC 8446 5.1).
struct Record {
  int content;
  size_t size;  // without the header
};

// The records in some bytes; one with the content -1 stands for a rest that is no whole record.
inline std::vector<Record> records_in(const std::string &bytes) {
  std::vector<Record> all;
  size_t at = 0;
  while (at != bytes.size()) {
    auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[at + i]); };
    size_t left = bytes.size() - at;
    size_t size = left >= 5 ? static_cast<size_t>(byte(3) << 8 | byte(4)) : left;
    if (left < 5 + size) {
      all.push_back({-1, left});
      break;
    }
    all.push_back({byte(0), size});
    at += 5 + size;
  }
  return all;
}

inline size_t count_records(const std::string &bytes, int content) {
  std::vector<Record> all = records_in(bytes);
  return static_cast<size_t>(
      std::count_if(all.begin(), all.end(), [&](const Record &record) { return record.content == content; }));
}

// Both ends of one connection.
class TlsBench {
 public:
  // `client`: we are it.
  TlsBench(std::shared_ptr<TlsContext> context, SSL_CTX *peer_context, const std::string &host = "localhost",
           int64_t memory = Budget::kUnlimited)
      : budget(memory) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
    ours = Descriptor(ends[0]);
    theirs = Descriptor(ends[1]);
    bool client = context->is_client();
    stream = TlsStream::make(std::move(context), host, budget);
    peer = SSL_new(peer_context);
    SSL_set_bio(peer, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    if (client) {
      SSL_set_accept_state(peer);
    } else {
      SSL_set_connect_state(peer);
      SSL_set_tlsext_host_name(peer, host.c_str());
    }
  }
  TlsBench(const TlsBench &) = delete;
  TlsBench &operator=(const TlsBench &) = delete;
  ~TlsBench() {
    SSL_free(peer);
    ERR_clear_error();
  }

  // What the peer has written goes to the socket, no more than `most` bytes of it; how many went.
  size_t push(size_t most = SIZE_MAX) {
    char piece[4096];
    size_t moved = 0;
    while (moved < most) {
      if (left_.empty()) {
        int got = BIO_read(SSL_get_wbio(peer), piece, sizeof piece);
        if (got <= 0) break;
        left_.assign(piece, static_cast<size_t>(got));
        from_peer += left_;
      }
      Transfer done = write_socket(theirs.get(), left_.data(), std::min(left_.size(), most - moved));
      if (done.size == 0) break;
      left_.erase(0, done.size);
      moved += done.size;
    }
    return moved;
  }
  // What we have sent goes to the peer, no more than `most` bytes of it; how many went.
  size_t pull(size_t most = SIZE_MAX) {
    char piece[4096];
    size_t moved = 0;
    while (moved < most) {
      Transfer got = read_socket(theirs.get(), piece, std::min(sizeof piece, most - moved));
      if (got.size == 0) break;
      BIO_write(SSL_get_rbio(peer), piece, static_cast<int>(got.size));
      from_us.append(piece, got.size);
      moved += got.size;
    }
    return moved;
  }

  // Goes on until both sides are through or one is stuck; `chop` bytes cross the wire at a time.
  TlsStream::Step shake(size_t chop = SIZE_MAX) {
    TlsStream::Step step = TlsStream::Step::WANTS_READ;
    for (;;) {
      if (step == TlsStream::Step::WANTS_READ || step == TlsStream::Step::WANTS_WRITE) step = handshake();
      peer_result = SSL_do_handshake(peer);
      size_t moved = pull(chop);
      moved += push(chop);
      if (moved == 0) return step;
    }
  }

  TlsStream::Step handshake() {
    TlsStream::Step step = stream->handshake(ours.get());
    note_queue();
    waited_for_room = waited_for_room || step == TlsStream::Step::WANTS_WRITE;
    return step;
  }
  Transfer write(const std::vector<iovec> &pieces) {
    Transfer done = stream->write(ours.get(), pieces.data(), static_cast<int>(pieces.size()));
    note_queue();
    return done;
  }
  Transfer write(const std::string &text) {
    return write(std::vector<iovec>{{const_cast<char *>(text.data()), text.size()}});
  }
  // All that is there, but no more than `most`; how the last read ended is in `last`.
  std::string read(size_t most = 1 << 17) {
    std::string bytes(most, '\0');
    last = stream->read(ours.get(), bytes.data(), bytes.size(), hung_up);
    note_queue();
    bytes.resize(last.size);
    return bytes;
  }
  bool peer_write(const std::string &text) {
    return SSL_write(peer, text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size());
  }
  // What the peer can read of what was pulled.
  std::string peer_read() {
    std::string all;
    char piece[4096];
    int got;
    while ((got = SSL_read(peer, piece, sizeof piece)) > 0)
      all.append(piece, static_cast<size_t>(got));
    peer_result = got;
    return all;
  }
  // The reason of what failed at the peer last, which it then forgets: an alert is 1000 and its number.
  static int peer_reason() {
    int reason = ERR_GET_REASON(ERR_peek_error());
    ERR_clear_error();
    return reason;
  }

  Budget budget;
  Descriptor ours;
  Descriptor theirs;
  std::unique_ptr<TlsStream> stream;
  SSL *peer;
  int peer_result = 0;
  bool hung_up = false;  // the poller would have reported it
  bool waited_for_room = false;
  bool clean = true;  // none of our calls has left something in OpenSSL's queue
  Transfer last;
  std::string from_us;    // all bytes on the wire
  std::string from_peer;  // and those in the other direction, as far as they have left the peer

 private:
  void note_queue() {
    if (ERR_peek_error() != 0) clean = false;
  }

  std::string left_;  // of the peer's bytes, those that the socket had no room for
};

// A folder with files in it, for as long as the test runs.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/hawser-test-XXXXXX";
    if (mkdtemp(name) == nullptr) std::abort();
    name_ = name;
  }
  ~Folder() {
    for (const std::string &file : files_)
      unlink(file.c_str());
    rmdir(name_.c_str());
  }
  const std::string &name() const { return name_; }
  std::string add(const std::string &name, const std::string &content) {
    files_.push_back(name_ + "/" + name);
    FILE *file = std::fopen(files_.back().c_str(), "we");
    if (file == nullptr || std::fwrite(content.data(), 1, content.size(), file) != content.size()) std::abort();
    std::fclose(file);
    return files_.back();
  }

 private:
  std::string name_;
  std::vector<std::string> files_;
};

}  // namespace hawser
