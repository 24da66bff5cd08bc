// SPDX-License-Identifier: MIT
// core/reciprocal.h as it is compiled where no wide multiplication exists.
#ifndef FT_TESTS_CORE_PORTABLE_H
#define FT_TESTS_CORE_PORTABLE_H

#include <stdint.h>

struct portable_quotient {
    uint64_t index;
    uint64_t remainder;
};

struct portable_quotient portable_divide(uint64_t offset, uint64_t reciprocal);

#endif
