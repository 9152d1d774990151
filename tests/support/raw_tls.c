#include "support/raw_tls.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "support/certificates.h"

enum { MANY = 65536 };

static char tls_ports[MANY];
static char tls_sockets[MANY]; /* by descriptor */

int raw_tls_wanted(void) {
  return getenv("HAWSER_TEST_TLS") != NULL;
}

int raw_tls_by_kernel(void) {
  const char *wanted = getenv("HAWSER_TEST_TLS");
  return wanted != NULL && strcmp(wanted, "kernel") == 0;
}

void raw_tls_note_port(int port, int speaks_tls) {
  if (port > 0 && port < MANY) tls_ports[port] = speaks_tls != 0;
}

void raw_tls_note_socket(int fd, int port) {
  if (fd < MANY) tls_sockets[fd] = port > 0 && port < MANY && tls_ports[port];
}

int raw_tls_take_socket(int fd) {
  int is_tls = fd < MANY && tls_sockets[fd];
  if (is_tls) tls_sockets[fd] = 0;
  return is_tls;
}

static const struct certificate *own_certificate(void) {
  static struct certificate own;
  if (own.pem == NULL) {
    own = certificate_make("localhost", "DNS:localhost,IP:127.0.0.1,IP:::1", NULL, CERTIFICATE_AUTHORITY);
  }
  return &own;
}

const char *raw_tls_certificate(void) {
  return own_certificate()->pem;
}

const char *raw_tls_key(void) {
  return own_certificate()->key_pem;
}

SSL *raw_tls_new(int fd, int is_client) {
  static SSL_CTX *contexts[2];
  SSL_CTX **context = &contexts[is_client != 0];
  SSL *tls;
  signal(SIGPIPE, SIG_IGN); /* OpenSSL's own sockets raise it */
  if (*context == NULL) {
    *context = SSL_CTX_new(is_client ? TLS_client_method() : TLS_server_method());
    if (*context == NULL) return NULL;
    SSL_CTX_use_certificate(*context, own_certificate()->x509);
    SSL_CTX_use_PrivateKey(*context, own_certificate()->key);
    SSL_CTX_set_mode(*context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  }
  tls = SSL_new(*context);
  if (tls == NULL) return NULL;
  SSL_set_fd(tls, fd);
  if (is_client) {
    SSL_set_connect_state(tls);
  } else {
    SSL_set_accept_state(tls);
  }
  return tls;
}
