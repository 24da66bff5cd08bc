// SPDX-License-Identifier: MIT
// Division of an offset in a zone by the zone's chunk size, without a division.
//
// With r = ceil(2^64 / size), the 128-bit product offset * r has the quotient in its upper half, and
// its lower half is below r exactly when the remainder is 0. Write r * size = 2^64 + d, 0 <= d < size.
// For offset = q * size + e the product is q * 2^64 + q * d + e * r. The claim holds while
// (q + 1) * d <= r, for which (q + 1) * size^2 <= 2^64 is enough: zones are far smaller than that
// (32 KiB chunks allow 2^34 of them).
//
// So a free finds the chunk's index and learns whether the pointer is a chunk's start with one
// multiplication and one comparison. A reciprocal of 0 fails that comparison for every pointer: it is
// how a zone sends all frees the slow way.
#ifndef FT_CORE_RECIPROCAL_H
#define FT_CORE_RECIPROCAL_H

#include <stdbool.h>
#include <stdint.h>

struct quotient {
    uint64_t index;     // how many whole chunks lie below the offset
    uint64_t remainder; // below the reciprocal if and only if the offset is a chunk's start
};

// ANY. The reciprocal of size, which is at least 2.
static inline uint64_t reciprocal_of(uint64_t size)
{
    return UINT64_MAX / size + 1;
}

#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 reciprocal_product;

// ANY. offset divided by the size that reciprocal stands for.
static inline struct quotient reciprocal_divide(uint64_t offset, uint64_t reciprocal)
{
    reciprocal_product product = (reciprocal_product)offset * reciprocal;
    return (struct quotient){.index = (uint64_t)(product >> 64), .remainder = (uint64_t)product};
}
#else
// ANY. The same from four products of half words, where the machine has no wide multiplication.
static inline struct quotient reciprocal_divide(uint64_t offset, uint64_t reciprocal)
{
    uint64_t low = (offset & UINT32_MAX) * (reciprocal & UINT32_MAX);
    uint64_t middle = (offset >> 32) * (reciprocal & UINT32_MAX) + (low >> 32);
    uint64_t carry = (offset & UINT32_MAX) * (reciprocal >> 32) + (middle & UINT32_MAX);
    return (struct quotient){
        .index = (offset >> 32) * (reciprocal >> 32) + (middle >> 32) + (carry >> 32),
        .remainder = (carry << 32) | (low & UINT32_MAX),
    };
}
#endif

// ANY. Whether the division left nothing over.
static inline bool quotient_is_exact(struct quotient quotient, uint64_t reciprocal)
{
    return quotient.remainder < reciprocal;
}

#endif
