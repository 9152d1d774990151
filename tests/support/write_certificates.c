/* Writes certificates and keys for the tests that are scripts: write_certificates FOLDER. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/certificates.h"

static void write_file(const char *name, const char *text) {
  FILE *file = fopen(name, "w");
  if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
    perror(name);
    exit(1);
  }
}

/* NAME.pem and NAME.key. `issuer`: an intermediate authority that goes along; NULL: none does. */
static void write_pair(const char *name, const struct certificate *one, const struct certificate *issuer) {
  char file[64];
  snprintf(file, sizeof file, "%s.pem", name);
  write_file(file, issuer != NULL ? certificate_chain(one, issuer) : one->pem);
  snprintf(file, sizeof file, "%s.key", name);
  write_file(file, one->key_pem);
}

int main(int argc, char **argv) {
  static const char kHosts[] = "DNS:localhost,DNS:example.org,IP:127.0.0.1,IP:::1";
  struct certificate root = certificate_make("hawser test root", NULL, NULL, CERTIFICATE_AUTHORITY);
  struct certificate middle = certificate_make("hawser test authority", NULL, &root, CERTIFICATE_AUTHORITY);
  struct certificate other_root = certificate_make("another root", NULL, NULL, CERTIFICATE_AUTHORITY);
  struct certificate one;
  if (argc != 2 || (mkdir(argv[1], 0700) != 0 && access(argv[1], W_OK) != 0) || chdir(argv[1]) != 0) {
    fprintf(stderr, "usage: write_certificates FOLDER\n");
    return 1;
  }
  write_file("root.pem", root.pem);
  write_file("other_root.pem", other_root.pem);
  write_file("authority.pem", middle.pem);
  one = certificate_make("localhost", kHosts, &middle, 0);
  write_pair("server", &one, &middle);
  write_pair("without_chain", &one, NULL);
  one = certificate_make("renewed", kHosts, &root, 0);
  write_pair("renewed", &one, NULL);
  one = certificate_make("expired", kHosts, &root, CERTIFICATE_EXPIRED);
  write_pair("expired", &one, NULL);
  one = certificate_make("not yet", kHosts, &root, CERTIFICATE_NOT_YET);
  write_pair("not_yet", &one, NULL);
  one = certificate_make("127.0.0.1", "DNS:other.example", &root, 0);
  write_pair("wrong_host", &one, NULL);
  one = certificate_make("localhost", "IP:127.0.0.2", &root, 0);
  write_pair("wrong_address", &one, NULL);
  one = certificate_make("self", kHosts, NULL, 0);
  write_pair("self_signed", &one, NULL);
  one = certificate_make("localhost", kHosts, &other_root, 0);
  write_pair("wrong_authority", &one, NULL);
  one = certificate_make("a client", NULL, &root, 0);
  write_pair("client", &one, NULL);
  one = certificate_make("a stranger", NULL, &other_root, 0);
  write_pair("stranger", &one, NULL);
  return 0;
}
