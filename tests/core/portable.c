// SPDX-License-Identifier: MIT
#undef __SIZEOF_INT128__
#include "core/reciprocal.h"

#include "tests/core/portable.h"

struct portable_quotient portable_divide(uint64_t offset, uint64_t reciprocal)
{
    struct quotient quotient = reciprocal_divide(offset, reciprocal);
    return (struct portable_quotient){
        .index = quotient.index,
        .remainder = quotient.remainder,
    };
}
