#include "support/certificates.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOUR = 3600, DAY = 24 * HOUR };

static void need(int works) {
  if (works) return;
  fputs("a certificate could not be made\n", stderr);
  abort();
}

/* What lives as long as the process: a checker for leaks is to find it here. */
static void *keep(void *made) {
  struct kept {
    struct kept *next;
    void *made;
  };
  static struct kept *all;
  struct kept *one = malloc(sizeof *one);
  need(one != NULL && made != NULL);
  one->next = all;
  one->made = made;
  all = one;
  return made;
}

/* What was written to a BIO. */
static const char *text_of(BIO *bio) {
  char *data;
  long size = BIO_get_mem_data(bio, &data);
  char *text = keep(calloc(1, (size_t)size + 1));
  memcpy(text, data, (size_t)size);
  BIO_free(bio);
  return text;
}

static const char *pem_of(X509 *x509) {
  BIO *bio = BIO_new(BIO_s_mem());
  need(PEM_write_bio_X509(bio, x509));
  return text_of(bio);
}

static const char *key_pem_of(EVP_PKEY *key) {
  BIO *bio = BIO_new(BIO_s_mem());
  need(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
  return text_of(bio);
}

static void add_extension(X509 *x509, X509V3_CTX *context, int nid, const char *value) {
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, nid, value);
  need(extension != NULL && X509_add_ext(x509, extension, -1));
  X509_EXTENSION_free(extension);
}

static void set_times(X509 *x509, int flags) {
  long begin = (flags & CERTIFICATE_NOT_YET) != 0 ? DAY : -30L * DAY;
  long end = (flags & CERTIFICATE_EXPIRED) != 0 ? -HOUR : 30L * DAY;
  X509_gmtime_adj(X509_getm_notBefore(x509), begin);
  X509_gmtime_adj(X509_getm_notAfter(x509), end);
}

static void set_serial(X509 *x509) {
  unsigned char serial[8];
  BIGNUM *number;
  need(RAND_bytes(serial, sizeof serial) == 1);
  serial[0] &= 0x7f;
  number = BN_bin2bn(serial, sizeof serial, NULL);
  need(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL);
  BN_free(number);
}

static struct certificate make(X509_NAME *subject, const char *hosts, const struct certificate *issuer, int flags) {
  struct certificate made;
  int is_authority = (flags & CERTIFICATE_AUTHORITY) != 0;
  X509V3_CTX context;
  made.key = keep(EVP_EC_gen("P-256"));
  made.x509 = keep(X509_new());
  need(X509_set_version(made.x509, 2));
  set_serial(made.x509);
  set_times(made.x509, flags);
  need(X509_set_subject_name(made.x509, subject));
  need(X509_set_issuer_name(made.x509, issuer != NULL ? X509_get_subject_name(issuer->x509) : subject));
  need(X509_set_pubkey(made.x509, made.key));
  X509V3_set_ctx(&context, issuer != NULL ? issuer->x509 : made.x509, made.x509, NULL, NULL, 0);
  add_extension(made.x509, &context, NID_basic_constraints, is_authority ? "critical,CA:TRUE" : "CA:FALSE");
  add_extension(made.x509, &context, NID_subject_key_identifier, "hash");
  add_extension(made.x509, &context, NID_authority_key_identifier, "keyid:always");
  if (is_authority) add_extension(made.x509, &context, NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign");
  if (hosts != NULL) add_extension(made.x509, &context, NID_subject_alt_name, hosts);
  need(X509_sign(made.x509, issuer != NULL ? issuer->key : made.key, EVP_sha256()));
  made.pem = pem_of(made.x509);
  made.key_pem = key_pem_of(made.key);
  X509_NAME_free(subject);
  return made;
}

struct certificate certificate_make(const char *name, const char *hosts, const struct certificate *issuer, int flags) {
  X509_NAME *subject = X509_NAME_new();
  need(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0));
  return make(subject, hosts, issuer, flags);
}

struct certificate certificate_make_odd(int kind, const void *name, size_t size, const char *hosts) {
  X509_NAME *subject = X509_NAME_new();
  need(X509_NAME_add_entry_by_txt(subject, "CN", kind, name, (int)size, -1, 0));
  return make(subject, hosts, NULL, 0);
}

const char *certificate_locked_key(const struct certificate *one) {
  static const char password[] = "a secret";
  BIO *bio = BIO_new(BIO_s_mem());
  need(PEM_write_bio_PKCS8PrivateKey(bio, one->key, EVP_aes_256_cbc(), password, sizeof password - 1, NULL, NULL));
  return text_of(bio);
}

const char *certificate_pin(const struct certificate *one) {
  static const char prefix[] = "sha256//";
  unsigned char digest[32];
  unsigned char *der = NULL;
  int size = i2d_PUBKEY(one->key, &der);
  char *text = keep(calloc(1, sizeof prefix + 44));
  need(size > 0 && EVP_Digest(der, (size_t)size, digest, NULL, EVP_sha256(), NULL));
  OPENSSL_free(der);
  memcpy(text, prefix, sizeof prefix - 1);
  EVP_EncodeBlock((unsigned char *)text + sizeof prefix - 1, digest, sizeof digest);
  return text;
}

const char *certificate_chain(const struct certificate *first, const struct certificate *second) {
  size_t size = strlen(first->pem) + strlen(second->pem) + 1;
  char *text = keep(malloc(size));
  snprintf(text, size, "%s%s", first->pem, second->pem);
  return text;
}
