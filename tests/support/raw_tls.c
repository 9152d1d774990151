#include "support/raw_tls.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 65536 };

static char tls_ports[MANY];
static char tls_sockets[MANY]; /* by descriptor */

int raw_tls_wanted(void) {
  return getenv("HAWSER_TEST_TLS") != NULL;
}

void raw_tls_note_port(int port) {
  if (port > 0 && port < MANY) tls_ports[port] = 1;
}

void raw_tls_note_socket(int fd, int port) {
  if (fd < MANY) tls_sockets[fd] = port > 0 && port < MANY && tls_ports[port];
}

int raw_tls_take_socket(int fd) {
  int is_tls = fd < MANY && tls_sockets[fd];
  if (is_tls) tls_sockets[fd] = 0;
  return is_tls;
}

static EVP_PKEY *own_key;
static X509 *own_certificate;

static void add_extension(X509 *certificate, int nid, const char *value) {
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

static void make(void) {
  X509_NAME *name;
  if (own_certificate != NULL) return;
  own_key = EVP_EC_gen("P-256");
  own_certificate = X509_new();
  X509_set_version(own_certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(own_certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(own_certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(own_certificate), 24 * 3600);
  name = X509_get_subject_name(own_certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
  X509_set_issuer_name(own_certificate, name);
  X509_set_pubkey(own_certificate, own_key);
  add_extension(own_certificate, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1");
  add_extension(own_certificate, NID_basic_constraints, "critical,CA:TRUE");
  X509_sign(own_certificate, own_key, EVP_sha256());
}

/* The PEM text in a BIO, to be kept for ever. */
static const char *text_of(BIO *bio) {
  char *data;
  long size = BIO_get_mem_data(bio, &data);
  char *text = calloc(1, (size_t)size + 1);
  if (text != NULL) memcpy(text, data, (size_t)size);
  BIO_free(bio);
  return text;
}

const char *raw_tls_certificate(void) {
  static const char *text;
  if (text == NULL) {
    BIO *bio = BIO_new(BIO_s_mem());
    make();
    PEM_write_bio_X509(bio, own_certificate);
    text = text_of(bio);
  }
  return text;
}

const char *raw_tls_key(void) {
  static const char *text;
  if (text == NULL) {
    BIO *bio = BIO_new(BIO_s_mem());
    make();
    PEM_write_bio_PrivateKey(bio, own_key, NULL, NULL, 0, NULL, NULL);
    text = text_of(bio);
  }
  return text;
}

SSL *raw_tls_new(int fd, int is_client) {
  static SSL_CTX *contexts[2];
  SSL_CTX **context = &contexts[is_client != 0];
  SSL *tls;
  signal(SIGPIPE, SIG_IGN); /* OpenSSL's own sockets raise it */
  if (*context == NULL) {
    *context = SSL_CTX_new(is_client ? TLS_client_method() : TLS_server_method());
    if (*context == NULL) return NULL;
    make();
    SSL_CTX_use_certificate(*context, own_certificate);
    SSL_CTX_use_PrivateKey(*context, own_key);
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
