// SPDX-License-Identifier: MIT
// What every unit test includes: cmocka with the headers it wants before it.
#ifndef FT_TESTS_CORE_TEST_H
#define FT_TESTS_CORE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
