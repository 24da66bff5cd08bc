// SPDX-License-Identifier: MIT
// cmocka with the headers that it wants before it.

#ifndef FT_TESTS_CMOCKA_API_H
#define FT_TESTS_CMOCKA_API_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
