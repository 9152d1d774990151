// The history of this field: what went wrong in other WebSocket libraries, each with a test that it cannot go wrong
// here. advisories.def is the table; docs/reference/history.md is made from it.
#pragma once

#include <memory>  // before cmocka makes a macro of fail

#include "support/cmocka.hpp"

#define HAWSER_ADVISORY(test, numbers, happened, holds) void test(void **state);
#include "history/advisories.def"
#undef HAWSER_ADVISORY
