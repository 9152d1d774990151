/* Who calls: the library and what works for it, or the rest of the test program. */
#ifndef HAWSER_TESTS_CALLER_H
#define HAWSER_TESTS_CALLER_H

/* True for an address inside the code of libhawser or libcares: OpenSSL's sockets are only the raw peer's. */
int caller_is_library(const void *address);

#define CALLED_BY_LIBRARY caller_is_library(__builtin_return_address(0))

/* For a function of this program that takes the place of the C library's: the shared library has to see it too. */
#define INSTEAD __attribute__((visibility("default")))

#endif
