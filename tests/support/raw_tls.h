/* What the raw peer and log.h share when the tests run over TLS: the certificate of both sides, and which ports speak
 * it. */
#ifndef HAWSER_TESTS_RAW_TLS_H
#define HAWSER_TESTS_RAW_TLS_H

#include <openssl/ssl.h>

#ifdef __cplusplus
extern "C" {
#endif

/* HAWSER_TEST_TLS is set. */
int raw_tls_wanted(void);
/* It is "kernel": managers let the kernel encrypt, where it can. */
int raw_tls_by_kernel(void);
/* A certificate for 127.0.0.1 and localhost that everybody here trusts, and its key, made for this process. */
const char *raw_tls_certificate(void);
const char *raw_tls_key(void);

/* A connection of OpenSSL's on a socket; NULL if there is none to be had. */
SSL *raw_tls_new(int fd, int is_client);

/* A port that speaks TLS, or does not any more; a socket that was connected to a port; true, once, if that was such a
 * port. */
void raw_tls_note_port(int port, int speaks_tls);
void raw_tls_note_socket(int fd, int port);
int raw_tls_take_socket(int fd);

#ifdef __cplusplus
}
#endif

#endif
