/* The bare echo with OpenSSL on epoll: what comes is decrypted, and encrypted again on its way back. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "floor.h"

struct connection {
  SSL *ssl;
  int fd;
  int is_drained; /* the last read was short: epoll tells of more */
  int has_ended;  /* the peer says no more: a short read isn't the last */
  struct floor_rest rest;
};

static char chunk[FLOOR_CHUNK];
static SSL_CTX *context;
static BIO_METHOD *socket_method;
static int epoll, open_connections;

/* OpenSSL's own BIO for a socket would be asked once more for each message, for nothing. */
static int read_socket(BIO *bio, char *bytes, int size) {
  struct connection *connection = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  ssize_t got = -1;
  int waits = connection->is_drained && !connection->has_ended;
  if (!waits) {
    got = recv(connection->fd, bytes, (size_t)size, 0);
    waits = got < 0 && errno == EAGAIN;
  }
  if (waits) BIO_set_retry_read(bio);
  if (got < size) connection->is_drained = 1;
  return (int)got;
}

static int write_socket(BIO *bio, const char *bytes, int size) {
  struct connection *connection = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  ssize_t sent = send(connection->fd, bytes, (size_t)size, MSG_NOSIGNAL);
  if (sent < 0 && errno == EAGAIN) BIO_set_retry_write(bio);
  return (int)sent;
}

static long control_socket(BIO *bio, int command, long number, void *argument) {
  (void)bio, (void)number, (void)argument;
  return command == BIO_CTRL_FLUSH; /* nothing is held back */
}

static BIO_METHOD *new_socket_method(void) {
  BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
  BIO_meth_set_read(method, read_socket);
  BIO_meth_set_write(method, write_socket);
  BIO_meth_set_ctrl(method, control_socket);
  return method;
}

static SSL_CTX *new_context(const struct floor_role *role) {
  SSL_CTX *made = SSL_CTX_new(role->is_client ? TLS_client_method() : TLS_server_method());
  SSL_CTX_set_mode(made,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(made, 1); /* a record's header and its body with one call */
  if (role->is_client) return made;
  if (role->key == NULL || SSL_CTX_use_certificate_chain_file(made, role->certificate) != 1 ||
      SSL_CTX_use_PrivateKey_file(made, role->key, SSL_FILETYPE_PEM) != 1) {
    floor_die("certificate and key");
  }
  return made;
}

static void end(struct connection *connection) {
  close(connection->fd);
  SSL_free(connection->ssl);
  floor_forget(&connection->rest);
  free(connection);
  open_connections--;
}

/* Whether it only has to wait. */
static int waits(const struct connection *connection, int outcome) {
  int reason = SSL_get_error(connection->ssl, outcome);
  return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE;
}

static void send_back(struct connection *connection, const char *bytes, size_t size) {
  while (size > 0) {
    int outcome = SSL_write(connection->ssl, bytes, (int)size);
    if (outcome <= 0) {
      if (waits(connection, outcome)) floor_keep(&connection->rest, bytes, size);
      return; /* if it has ended, reading tells so */
    }
    bytes += outcome;
    size -= (size_t)outcome;
  }
}

static void send_rest(struct connection *connection) {
  struct floor_rest rest = connection->rest;
  if (rest.bytes == NULL) return;
  memset(&connection->rest, 0, sizeof connection->rest);
  send_back(connection, rest.bytes, rest.end);
  free(rest.bytes);
}

/* As many records as are there get one answer. */
static void echo(struct connection *connection) {
  ERR_clear_error();
  connection->is_drained = 0;
  send_rest(connection);
  while (connection->rest.bytes == NULL) {
    int filled = 0, outcome = 1;
    while (filled < FLOOR_CHUNK && (outcome = SSL_read(connection->ssl, chunk + filled, FLOOR_CHUNK - filled)) > 0)
      filled += outcome;
    int has_ended = outcome <= 0 && !waits(connection, outcome);
    send_back(connection, chunk, (size_t)filled);
    if (has_ended) end(connection);
    if (outcome <= 0) return;
  }
}

static void add(int fd, int is_client) {
  struct connection *connection = calloc(1, sizeof *connection);
  BIO *bio = BIO_new(socket_method);
  if (connection == NULL || bio == NULL || (connection->ssl = SSL_new(context)) == NULL) floor_die("no memory");
  connection->fd = fd;
  BIO_set_data(bio, connection);
  BIO_set_init(bio, 1);
  SSL_set_bio(connection->ssl, bio, bio);
  if (is_client) {
    SSL_set_connect_state(connection->ssl);
  } else {
    SSL_set_accept_state(connection->ssl);
  }
  open_connections++;
  floor_watch(epoll, fd, FLOOR_EDGES, connection); /* a client is told at once that it can write, and then begins */
}

static void accept_all(int listener) {
  for (int fd; (fd = floor_accept(listener)) >= 0;)
    add(fd, 0);
}

int main(int argc, char **argv) {
  struct floor_role role = floor_begin(argc, argv, "tls wss ", OpenSSL_version(OPENSSL_VERSION));
  struct epoll_event events[256];
  int listener = -1;
  context = new_context(&role);
  socket_method = new_socket_method();
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (!role.is_client) floor_watch(epoll, listener = floor_listen(role.port), EPOLLIN, NULL);
  for (int i = 0; i < role.connections; i++)
    add(floor_connect(role.port), 1);
  while (!role.is_client || open_connections > 0) {
    int count = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < count; i++) {
      struct connection *connection = events[i].data.ptr;
      if (connection == NULL) {
        accept_all(listener);
      } else {
        if (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) connection->has_ended = 1;
        echo(connection);
      }
    }
  }
  return 0;
}
