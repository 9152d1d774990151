// cmocka.h with the headers that it needs before it. A failed assertion longjmps past destructors: keep assertions in
// the test body.
#pragma once

// clang-format off: the order matters
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
extern "C" {  // cmocka 1.1.5 does not say so itself
#include <cmocka.h>
}
// clang-format on
