/* A WebSocket peer on a plain socket, in either role, that shares nothing with the library: it writes what it is told
 * to, right or wrong, and reads frames by the letter of RFC 6455 5.2.
 *
 * The library under test mostly runs in the same thread. So the peer's socket does not block: while the peer waits, it
 * calls `pump`, which is to let the library work for a moment. Every wait gives up after a generous time, with -1.
 *
 * With HAWSER_TEST_CHOPS=<number above 0> in the environment the peer writes in random pieces, for which the number is
 * the seed, and lets the library read each of them before the next: all tests must find the same then.
 *
 * With HAWSER_TEST_TLS in the environment peers of log.h's listeners and connects speak TLS, by OpenSSL itself: all
 * tests must find the same then, too. */
#ifndef HAWSER_TESTS_RAW_PEER_H
#define HAWSER_TESTS_RAW_PEER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { RAW_CONTINUATION = 0, RAW_TEXT = 1, RAW_BINARY = 2, RAW_CLOSE = 8, RAW_PING = 9, RAW_PONG = 10, RAW_FIN = 0x80 };
enum { RAW_PATIENCE_MS = 30000 };

struct raw_peer {
  int fd;
  struct ssl_st *tls;       /* NULL: plain */
  int masks;                /* it is a client */
  void (*pump)(void *with); /* NULL: wait in poll(2) */
  void *with;
  uint8_t *bytes; /* read and not taken yet */
  size_t begin, size, capacity;
  int ended;      /* the other side has ended the stream */
  int error;      /* errno of a read or write that failed */
  uint32_t chops; /* state of the random pieces; 0: it writes in one */
};

struct raw_frame {
  int first; /* FIN, RSV and opcode, as on the wire */
  int masked;
  size_t size;
  const uint8_t *payload; /* until the next call on the peer */
};

/* A listening socket at 127.0.0.1; -1 if there is none to be had. */
int raw_listen(int *port);
/* A connected socket; -1. */
int raw_connect(int port);
/* The next connection of a listening socket, with `pump` while it waits; -1. */
int raw_accept(int listener, void (*pump)(void *with), void *with);

void raw_peer_init(struct raw_peer *peer, int fd, int masks, void (*pump)(void *with), void *with);
/* TLS from here on, with a handshake in the first write or read: 0, or -1 if there is no memory. raw_peer_init does it
 * by itself on sockets that raw_connect has connected to a port of raw_tls_note_port. */
int raw_peer_start_tls(struct raw_peer *peer);
void raw_peer_close(struct raw_peer *peer);
/* Ends the connection by an RST. */
void raw_peer_reset(struct raw_peer *peer);
/* Ends the peer's direction. */
void raw_peer_end(struct raw_peer *peer);

/* As much as goes, without waiting: a count, or -1 with errno. */
ssize_t raw_write_some(struct raw_peer *peer, const void *data, size_t size);
/* All 0 or -1. */
int raw_write(struct raw_peer *peer, const void *data, size_t size);
int raw_write_text(struct raw_peer *peer, const char *text);
/* In one piece in any case, for tests that are about what comes together. */
int raw_write_whole(struct raw_peer *peer, const void *data, size_t size);
int raw_write_frame(struct raw_peer *peer, int first, const void *payload, size_t size);
/* A frame into memory, which must have room for size + 14 bytes; returns its size. */
size_t raw_make_frame(uint8_t *to, int masks, int first, const void *payload, size_t size);
/* The payload of a Close. */
int raw_write_close(struct raw_peer *peer, int code, const char *reason);

/* Reads what there is, waiting for at least a byte: 1; 0 at the end of the stream, -1. */
int raw_read_more(struct raw_peer *peer);
/* A HTTP head, with its empty line and a NUL: its size, or -1. */
int raw_read_head(struct raw_peer *peer, char *head, size_t capacity);
/* `size` bytes: 0 or -1. */
int raw_read_bytes(struct raw_peer *peer, void *to, size_t size);
/* A frame: 1; 0 at the end of the stream, -1. */
int raw_read_frame(struct raw_peer *peer, struct raw_frame *frame);
/* True if a frame of these properties comes next. */
int raw_expect_frame(struct raw_peer *peer, int first, const void *payload, size_t size);
/* True if a Close with this code comes next (1005: an empty one). */
int raw_expect_close(struct raw_peer *peer, int code);
/* True if the stream ends next. */
int raw_expect_end(struct raw_peer *peer);

/* Client: asks for an upgrade, with further header lines (each ending with CRLF) or NULL; returns the status, or -1. */
int raw_ask(struct raw_peer *peer, const char *target, const char *headers);
/* Client: only writes the request. */
int raw_write_request(struct raw_peer *peer, const char *target, const char *headers);
/* Server: reads the request and answers it with 101; 0 or -1. */
int raw_answer(struct raw_peer *peer, const char *headers);
/* Server: reads the request and makes that answer, for those who do not write it in one piece; its size, or -1. */
int raw_make_answer(struct raw_peer *peer, const char *headers, char *answer, size_t capacity);

int64_t raw_now_ms(void);

#ifdef __cplusplus
}
#endif

#endif
