// A byte stream to a peer: a TCP socket, with TLS on it or without, and what is known of its readiness.
#pragma once

#include <memory>
#include <utility>

#include "net/poller.hpp"
#include "net/socket.hpp"
#include "net/tls_stream.hpp"

namespace hawser {

class Transport {
 public:
  bool open() const { return socket_.open(); }
  int fd() const { return socket_.get(); }

  // Takes the socket over and has it watched.
  Failure attach(Descriptor socket, Poller &poller, uint64_t token, uint32_t interest) {
    socket_ = std::move(socket);
    readable_ = hung_up_ = ended_ = blocked_ = false;
    interest_ = static_cast<uint8_t>(interest);
    return poller.add_stream(socket_.get(), token, interest);
  }
  // What the poller is to report from now on.
  void watch(Poller &poller, uint32_t interest) {
    if (interest == interest_) return;
    interest_ = static_cast<uint8_t>(interest);
    poller.set_stream_interest(socket_.get(), interest);
  }
  // What is read and written from now on goes through TLS; nullptr: no more.
  void use(std::unique_ptr<TlsStream> tls) { tls_ = std::move(tls); }
  TlsStream *tls() const { return tls_.get(); }
  // One step of its handshake, as far as the socket allows.
  TlsStream::Step secure() {
    TlsStream::Step step = tls_->handshake(fd());
    blocked_ = step == TlsStream::Step::WANTS_WRITE;
    // What is behind the handshake may be decrypted already.
    readable_ = step == TlsStream::Step::DONE;
    return step;
  }
  // The end of the stream was no end of TLS (RFC 8446 6.1): somebody else may have cut it.
  bool truncated() const { return tls_ && tls_->truncated(); }
  // Half of a TLS record was sent: the same bytes have to be offered again before any others.
  bool retrying() const { return tls_ && tls_->retrying(); }
  // TLS cannot read on before there is room to write: in the handshake, or as an answer of its own is due.
  bool blocked() const { return blocked_; }
  // Tells the peer that nothing follows, where TLS has a word for it.
  void notify_end() {
    if (tls_) tls_->shut_down(fd());
  }
  // Ends our direction: the peer reads what was written and then the end.
  void end_writing() {
    notify_end();
    shutdown_writing(fd());
  }
  void close(Poller &poller) {
    tls_.reset();
    if (!socket_.open()) return;
    poller.remove(socket_.get());
    socket_.close();
  }

  void note(uint32_t readiness) {
    if ((readiness & (READABLE | HANGUP)) != 0) readable_ = true;
    if ((readiness & HANGUP) != 0) hung_up_ = true;
    if ((readiness & WRITABLE) != 0 && blocked_) readable_ = true;
  }
  // More than an open socket of which all was read.
  bool special() const { return tls_ || readable_ || hung_up_ || ended_ || blocked_; }
  // True as long as a read may bring something.
  bool readable() const { return readable_; }
  bool ended() const { return ended_; }

  Transfer read(void *data, size_t size) {
    if (tls_) [[unlikely]]
      return read_tls(data, size);
    Transfer got = read_socket(fd(), data, size);
    note_read(got, size);
    return got;
  }
  // Of a transport that is not special.
  Transfer read_plainly(void *data, size_t size) {
    Transfer got = read_socket(fd(), data, size);
    if (got.size == 0 || got.size == size) [[unlikely]] {
      readable_ = true;
      note_read(got, size);
    }
    return got;
  }
  Transfer read(const iovec *pieces, int count, size_t wanted) {
    if (tls_) [[unlikely]]
      return read_tls(pieces, count);
    Transfer got = read_socket(fd(), pieces, count);
    note_read(got, wanted);
    return got;
  }
  // `bulk`: as write_bulk, which changes the first piece.
  Transfer write(iovec *pieces, int count, bool bulk) {
    if (tls_) [[unlikely]]
      return tls_->write(fd(), pieces, count);
    return bulk ? write_bulk(fd(), pieces, count) : write_socket(fd(), pieces, count);
  }

 private:
  [[gnu::noinline]] Transfer read_tls(void *data, size_t size) {
    iovec piece{data, size};
    return read_tls(&piece, 1);
  }
  [[gnu::noinline]] Transfer read_tls(const iovec *pieces, int count) {
    Transfer all;
    for (int i = 0; i < count; i++) {
      Transfer got = tls_->read(fd(), pieces[i].iov_base, pieces[i].iov_len, hung_up_);
      bool full = got.size == pieces[i].iov_len;
      if ((got.end || got.error != 0) && all.size != 0) break;  // the next read tells it again
      got.size += all.size;
      all = got;
      if (!full) break;
    }
    // TLS reads until the socket has no more, and may hold decrypted bytes back until then.
    if (all.would_block) readable_ = false;
    if (all.end || all.error != 0) {
      readable_ = false;
      ended_ = true;
    }
    blocked_ = tls_->awaits_room();
    return all;
  }
  void note_read(const Transfer &got, size_t wanted) {
    // A short read means that the kernel has no more, and that the next byte will be reported: except once the peer has
    // hung up, which was reported already. Then only the end itself is the end.
    if (got.would_block || (got.size < wanted && !hung_up_)) readable_ = false;
    if (got.end || got.error != 0) {
      readable_ = false;
      ended_ = true;
    }
  }

  std::unique_ptr<TlsStream> tls_;
  Descriptor socket_;
  bool readable_ : 1 = false;
  bool hung_up_ : 1 = false;
  bool ended_ : 1 = false;
  bool blocked_ : 1 = false;
  uint8_t interest_ = 0;
};

}  // namespace hawser
