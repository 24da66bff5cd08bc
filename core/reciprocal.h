// SPDX-License-Identifier: MIT
// Division of an offset in a zone by the zone's chunk size, without a division.
//
// With r = floor(2^64 / size) + 1, the 128-bit product offset * r has the quotient in its upper half.
// Its lower half tells whether the offset is a chunk's start. Write r * size = 2^64 + d, 0 < d <= size.
// For offset = q * size + e, 0 <= e < size, the product is q * 2^64 + q * d + e * r. So the lower half of
// the k-th chunk's start is k * d, and that of anything between two starts is at least r, as long as
// (q + 1) * d <= r: for offsets below 2^48 and sizes up to 2^15 both sides are far apart. The bound
// chunk_count * d, then, is above the lower half of every chunk's start in the zone, and not above that
// of any other offset: neither of one between starts, nor of one beyond the last chunk. Nor of an address below
// chunk 0: for -(q * size + e) the lower half is 2^64 - q * d - e * r, which is at least r - (q + 1) * d. So whether two
// addresses of 48 bits have anything to do with each other need not be known before.
//
// So a free finds the chunk's index, and learns whether the pointer is the start of a chunk of the zone,
// with one multiplication and one comparison. A bound of 0 refuses every pointer: it is how a zone sends
// all frees the slow way.
#ifndef FT_CORE_RECIPROCAL_H
#define FT_CORE_RECIPROCAL_H

#include <stdint.h>

struct quotient {
    uint64_t index;     // how many whole chunks lie below the offset
    uint64_t remainder; // below the bound if and only if the offset is a chunk's start
};

// ANY. The reciprocal of size, which is at least 2: floor(2^64 / size) + 1, from floor((2^64 - size) / size).
static inline uint64_t reciprocal_of(uint64_t size)
{
    return (0 - size) / size + 2;
}

#if defined(__SIZEOF_INT128__) && UINTPTR_MAX > UINT32_MAX // for a narrower machine it is a call
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

// ANY. The bound for `count` chunks of `size` bytes, whose reciprocal this is.
static inline uint64_t reciprocal_bound(uint64_t reciprocal, uint64_t size, uint64_t count)
{
    // reciprocal * size is d, modulo 2^64.
    return count * (reciprocal * size);
}

#endif
