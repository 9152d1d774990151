#define _GNU_SOURCE
#include "support/raw_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "support/raw_tls.h"

static const char kKey[] = "dGhlIHNhbXBsZSBub25jZQ==";              /* RFC 6455 1.3 */
static const char kAccept[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";       /* and the answer to it */
static const char kGuid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 4.2.2 */

int64_t raw_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static int set_nonblocking(int fd) {
  if (fd >= 0) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  return fd;
}

/* A connected socket that writes at once and does not wait. */
static int prepare(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return set_nonblocking(fd);
}

int raw_listen(int *port) {
  struct sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 128) != 0 ||
      getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
    close(fd);
    return -1;
  }
  *port = ntohs(address.sin_port);
  return set_nonblocking(fd);
}

int raw_connect(int port) {
  struct sockaddr_in address = loopback(port);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
    close(fd);
    return -1;
  }
  raw_tls_note_socket(fd, port);
  return prepare(fd);
}

/* Lets the library work, or waits for the descriptor. */
static void wait_a_little(int fd, short events, void (*pump)(void *with), void *with) {
  struct pollfd one = {fd, events, 0};
  if (pump != NULL) pump(with);
  poll(&one, 1, pump != NULL ? 1 : 100);
}

int raw_accept(int listener, void (*pump)(void *with), void *with) {
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  while (raw_now_ms() < until) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) return prepare(fd);
    if (errno != EAGAIN && errno != EINTR) return -1;
    wait_a_little(listener, POLLIN, pump, with);
  }
  return -1;
}

void raw_peer_init(struct raw_peer *peer, int fd, int masks, void (*pump)(void *with), void *with) {
  const char *seed = getenv("HAWSER_TEST_CHOPS");
  memset(peer, 0, sizeof *peer);
  peer->chops = seed != NULL ? (uint32_t)strtoul(seed, NULL, 10) : 0;
  peer->fd = fd;
  peer->masks = masks;
  peer->pump = pump;
  peer->with = with;
  if (fd >= 0 && raw_tls_take_socket(fd)) raw_peer_start_tls(peer);
}

int raw_peer_start_tls(struct raw_peer *peer) {
  peer->tls = raw_tls_new(peer->fd, peer->masks);
  return peer->tls != NULL ? 0 : -1;
}

ssize_t raw_write_some(struct raw_peer *peer, const void *data, size_t size) {
  int result;
  int wanted;
  if (peer->tls == NULL) return send(peer->fd, data, size, MSG_NOSIGNAL);
  result = SSL_write(peer->tls, data, size < INT32_MAX ? (int)size : INT32_MAX);
  if (result > 0) return result;
  wanted = SSL_get_error(peer->tls, result);
  ERR_clear_error();
  errno = wanted == SSL_ERROR_WANT_WRITE || wanted == SSL_ERROR_WANT_READ ? EAGAIN : EPIPE;
  return -1;
}

static ssize_t receive_some(struct raw_peer *peer, void *data, size_t size) {
  int result;
  int wanted;
  if (peer->tls == NULL) return recv(peer->fd, data, size, 0);
  result = SSL_read(peer->tls, data, (int)size);
  if (result > 0) return result;
  wanted = SSL_get_error(peer->tls, result);
  if (wanted == SSL_ERROR_ZERO_RETURN) return 0;
  if (wanted == SSL_ERROR_WANT_WRITE || wanted == SSL_ERROR_WANT_READ) {
    errno = EAGAIN;
  } else if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    ERR_clear_error();
    return 0;
  } else if (errno == 0) {
    errno = EPROTO;
  }
  ERR_clear_error();
  return -1;
}

void raw_peer_close(struct raw_peer *peer) {
  if (peer->tls != NULL) SSL_shutdown(peer->tls);
  SSL_free(peer->tls);
  peer->tls = NULL;
  if (peer->fd >= 0) close(peer->fd);
  peer->fd = -1;
  free(peer->bytes);
  peer->bytes = NULL;
  peer->begin = peer->size = peer->capacity = 0;
}

void raw_peer_reset(struct raw_peer *peer) {
  struct linger abruptly = {1, 0};
  SSL_free(peer->tls);
  peer->tls = NULL;
  setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &abruptly, sizeof abruptly);
  raw_peer_close(peer);
}

void raw_peer_end(struct raw_peer *peer) {
  if (peer->tls != NULL) SSL_shutdown(peer->tls);
  shutdown(peer->fd, SHUT_WR);
}

int raw_write_whole(struct raw_peer *peer, const void *data, size_t size) {
  const uint8_t *from = data;
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  while (size > 0 && raw_now_ms() < until) {
    ssize_t sent = raw_write_some(peer, from, size);
    if (sent >= 0) {
      from += sent;
      size -= (size_t)sent;
    } else if (errno == EAGAIN || errno == EINTR) {
      wait_a_little(peer->fd, POLLOUT, peer->pump, peer->with);
    } else {
      peer->error = errno;
      return -1;
    }
  }
  return size == 0 ? 0 : -1;
}

/* xorshift32 */
static uint32_t draw(struct raw_peer *peer) {
  uint32_t x = peer->chops;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return peer->chops = x;
}

/* The size of the next piece, of which there are many at the ends: headers, and what is decided by the last byte. */
static size_t draw_piece(struct raw_peer *peer, size_t done, size_t left) {
  enum { ENDS = 24, LARGE = 4096 };
  size_t size = 1 + draw(peer) % 7;
  if (done >= ENDS && left > ENDS && (done + left > LARGE || draw(peer) % 2 == 0)) {
    size = done + left > LARGE ? left - ENDS : 1 + draw(peer) % left;
  }
  return size < left ? size : left;
}

int raw_write(struct raw_peer *peer, const void *data, size_t size) {
  size_t done = 0;
  if (peer->chops == 0) return raw_write_whole(peer, data, size);
  while (done < size) {
    size_t piece = draw_piece(peer, done, size - done);
    if (raw_write_whole(peer, (const uint8_t *)data + done, piece) != 0) return -1;
    done += piece;
    if (done < size && peer->pump != NULL) peer->pump(peer->with);
  }
  return 0;
}

int raw_write_text(struct raw_peer *peer, const char *text) {
  return raw_write(peer, text, strlen(text));
}

size_t raw_make_frame(uint8_t *to, int masks, int first, const void *payload, size_t size) {
  static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d}; /* RFC 6455 5.7 */
  const uint8_t *from = payload;
  size_t at = 0;
  size_t i;
  int mask_bit = masks ? 0x80 : 0;
  to[at++] = (uint8_t)first;
  if (size < 126) {
    to[at++] = (uint8_t)(mask_bit | (int)size);
  } else if (size < 65536) {
    to[at++] = (uint8_t)(mask_bit | 126);
    to[at++] = (uint8_t)(size >> 8);
    to[at++] = (uint8_t)size;
  } else {
    to[at++] = (uint8_t)(mask_bit | 127);
    for (i = 0; i < 8; i++)
      to[at++] = (uint8_t)((uint64_t)size >> (56 - 8 * i));
  }
  if (masks) {
    memcpy(to + at, key, 4);
    at += 4;
  }
  for (i = 0; i < size; i++)
    to[at + i] = (uint8_t)(from[i] ^ (masks ? key[i % 4] : 0));
  return at + size;
}

int raw_write_frame(struct raw_peer *peer, int first, const void *payload, size_t size) {
  uint8_t *frame = malloc(size + 14);
  int result;
  if (frame == NULL) return -1;
  result = raw_write(peer, frame, raw_make_frame(frame, peer->masks, first, payload, size));
  free(frame);
  return result;
}

int raw_write_close(struct raw_peer *peer, int code, const char *reason) {
  uint8_t payload[125];
  size_t size = strlen(reason);
  payload[0] = (uint8_t)(code >> 8);
  payload[1] = (uint8_t)code;
  memcpy(payload + 2, reason, size);
  return raw_write_frame(peer, RAW_FIN | RAW_CLOSE, payload, size + 2);
}

static int make_room(struct raw_peer *peer) {
  uint8_t *grown;
  if (peer->begin > 0) {
    memmove(peer->bytes, peer->bytes + peer->begin, peer->size);
    peer->begin = 0;
  }
  if (peer->capacity - peer->size >= 65536) return 0;
  grown = realloc(peer->bytes, peer->capacity * 2 + 131072);
  if (grown == NULL) return -1;
  peer->bytes = grown;
  peer->capacity = peer->capacity * 2 + 131072;
  return 0;
}

int raw_read_more(struct raw_peer *peer) {
  int64_t until = raw_now_ms() + RAW_PATIENCE_MS;
  if (make_room(peer) != 0) return -1;
  while (raw_now_ms() < until) {
    ssize_t got = receive_some(peer, peer->bytes + peer->size, peer->capacity - peer->size);
    if (got > 0) {
      peer->size += (size_t)got;
      return 1;
    }
    if (got == 0) {
      peer->ended = 1;
      return 0;
    }
    if (errno != EAGAIN && errno != EINTR) {
      peer->error = errno;
      return -1;
    }
    wait_a_little(peer->fd, POLLIN, peer->pump, peer->with);
  }
  return -1;
}

static void take(struct raw_peer *peer, size_t size) {
  peer->begin += size;
  peer->size -= size;
}

int raw_read_bytes(struct raw_peer *peer, void *to, size_t size) {
  while (peer->size < size) {
    if (raw_read_more(peer) <= 0) return -1;
  }
  memcpy(to, peer->bytes + peer->begin, size);
  take(peer, size);
  return 0;
}

int raw_read_head(struct raw_peer *peer, char *head, size_t capacity) {
  for (;;) {
    const uint8_t *from = peer->bytes + peer->begin;
    const uint8_t *end = peer->size != 0 ? memmem(from, peer->size, "\r\n\r\n", 4) : NULL;
    if (end != NULL) {
      size_t size = (size_t)(end - from) + 4;
      if (size >= capacity) return -1;
      memcpy(head, from, size);
      head[size] = '\0';
      take(peer, size);
      return (int)size;
    }
    if (raw_read_more(peer) <= 0) return -1;
  }
}

/* The size of the frame that begins the bytes, 0 if there is not all of it. */
static size_t parse_frame(struct raw_peer *peer, struct raw_frame *frame) {
  uint8_t *bytes = peer->bytes + peer->begin;
  size_t header = 2;
  uint64_t size;
  size_t i;
  if (peer->size < 2) return 0;
  size = bytes[1] & 0x7f;
  if (size >= 126) {
    size_t extra = size == 126 ? 2 : 8;
    if (peer->size < 2 + extra) return 0;
    size = 0;
    for (i = 0; i < extra; i++)
      size = size << 8 | bytes[2 + i];
    header += extra;
  }
  frame->masked = (bytes[1] & 0x80) != 0;
  if (frame->masked) header += 4;
  if (peer->size < header || size > peer->size - header) return 0;
  for (i = 0; frame->masked && i < size; i++)
    bytes[header + i] ^= bytes[header - 4 + i % 4];
  frame->first = bytes[0];
  frame->size = (size_t)size;
  frame->payload = bytes + header;
  return header + (size_t)size;
}

int raw_read_frame(struct raw_peer *peer, struct raw_frame *frame) {
  size_t size;
  while ((size = parse_frame(peer, frame)) == 0) {
    int more = raw_read_more(peer);
    if (more <= 0) return more;
  }
  take(peer, size);
  return 1;
}

int raw_expect_frame(struct raw_peer *peer, int first, const void *payload, size_t size) {
  struct raw_frame frame;
  if (raw_read_frame(peer, &frame) != 1) {
    fprintf(stderr, "no frame came: ended %d, error %d\n", peer->ended, peer->error);
    return 0;
  }
  if (frame.first == first && frame.masked == !peer->masks && frame.size == size &&
      (size == 0 || memcmp(frame.payload, payload, size) == 0)) {
    return 1;
  }
  fprintf(stderr, "another frame came: first byte %02x, masked %d, %zu bytes\n", (unsigned)frame.first, frame.masked,
          frame.size);
  return 0;
}

int raw_expect_close(struct raw_peer *peer, int code) {
  struct raw_frame frame;
  int came;
  if (raw_read_frame(peer, &frame) != 1 || frame.first != (RAW_FIN | RAW_CLOSE)) return 0;
  came = frame.size >= 2 ? frame.payload[0] << 8 | frame.payload[1] : 1005;
  if (came != code) fprintf(stderr, "a Close with %d came\n", came);
  return came == code;
}

int raw_expect_end(struct raw_peer *peer) {
  return peer->size == 0 && raw_read_more(peer) == 0;
}

int raw_write_request(struct raw_peer *peer, const char *target, const char *headers) {
  char request[8192];
  snprintf(request, sizeof request,
           "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
           target, kKey, headers != NULL ? headers : "");
  return raw_write_text(peer, request);
}

int raw_ask(struct raw_peer *peer, const char *target, const char *headers) {
  char head[16384];
  int status = -1;
  if (raw_write_request(peer, target, headers) != 0) return -1;
  if (raw_read_head(peer, head, sizeof head) < 0) return -1;
  if (sscanf(head, "HTTP/1.1 %d", &status) != 1) return -1;
  if (status == 101 && strstr(head, kAccept) == NULL) return -1;
  return status;
}

static int accept_value(const char *key, size_t size, char *value) {
  char text[128];
  unsigned char digest[20];
  if (size > 40) return -1;
  memcpy(text, key, size);
  memcpy(text + size, kGuid, sizeof kGuid - 1);
  if (EVP_Digest(text, size + sizeof kGuid - 1, digest, NULL, EVP_sha1(), NULL) != 1) return -1;
  EVP_EncodeBlock((unsigned char *)value, digest, sizeof digest);
  return 0;
}

int raw_make_answer(struct raw_peer *peer, const char *headers, char *answer, size_t capacity) {
  static const char field[] = "\r\nSec-WebSocket-Key: ";
  char head[16384];
  char value[64];
  const char *key;
  if (raw_read_head(peer, head, sizeof head) < 0) return -1;
  key = strcasestr(head, field);
  if (key == NULL) return -1;
  key += sizeof field - 1;
  if (accept_value(key, strcspn(key, "\r"), value) != 0) return -1;
  return snprintf(answer, capacity,
                  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Accept: %s\r\n%s\r\n",
                  value, headers != NULL ? headers : "");
}

int raw_answer(struct raw_peer *peer, const char *headers) {
  char answer[4096];
  if (raw_make_answer(peer, headers, answer, sizeof answer) < 0) return -1;
  return raw_write_text(peer, answer);
}
