#include "client_hello.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "bench/load/fault.hpp"
#include "bench/load/stream.hpp"

namespace soak {

std::string make_client_hello() {
  static SSL_CTX *const context = load::make_client_tls();
  SSL *ssl = SSL_new(context);
  BIO *input = BIO_new(BIO_s_mem()), *output = BIO_new(BIO_s_mem());
  if (ssl == nullptr || input == nullptr || output == nullptr) load::fail("no memory for TLS");
  SSL_set_bio(ssl, input, output);
  SSL_set_connect_state(ssl);
  SSL_do_handshake(ssl);  // wants the answer
  ERR_clear_error();
  const char *bytes = nullptr;
  const long size = BIO_get_mem_data(output, &bytes);
  std::string hello(bytes, static_cast<size_t>(size));
  SSL_free(ssl);
  return hello;
}

}  // namespace soak
