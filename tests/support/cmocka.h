/* cmocka.h with the headers that it needs before it, for tests in C. */
#ifndef HAWSER_TESTS_CMOCKA_H
#define HAWSER_TESTS_CMOCKA_H

/* The order matters. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#endif
