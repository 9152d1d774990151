/* Certificates for tests, made when they are needed: none is stored. */
#ifndef HAWSER_TESTS_CERTIFICATES_H
#define HAWSER_TESTS_CERTIFICATES_H

#include <openssl/x509.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All members live as long as the process. */
struct certificate {
  X509 *x509;
  EVP_PKEY *key;
  const char *pem;
  const char *key_pem;
};

enum { CERTIFICATE_EXPIRED = 1, CERTIFICATE_AUTHORITY = 2, CERTIFICATE_NOT_YET = 4 };

/* A certificate for the subject CN=`name`. `hosts`: "DNS:localhost,IP:127.0.0.1"; NULL: for none. `issuer`: NULL if it
 * signs itself. Ends the process if OpenSSL does not work. */
struct certificate certificate_make(const char *name, const char *hosts, const struct certificate *issuer, int flags);
/* One that signs itself, for a CN of any bytes in a string of this kind (V_ASN1_UTF8STRING ...). */
struct certificate certificate_make_odd(int kind, const void *name, size_t size, const char *hosts);

/* Its key as PEM that is encrypted with a password. */
const char *certificate_locked_key(const struct certificate *one);
/* "sha256//...": its public key as the option tls_pinned_key takes it. */
const char *certificate_pin(const struct certificate *one);

/* The texts of two in one, as a chain is given. */
const char *certificate_chain(const struct certificate *first, const struct certificate *second);

#ifdef __cplusplus
}
#endif

#endif
