// SPDX-License-Identifier: MIT
// Arithmetic on powers of two and single bits. Everything here is ANY.
#ifndef FT_CORE_BITS_H
#define FT_CORE_BITS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bitmaps are made of machine words, the widest thing that is atomic everywhere.
enum { BITS_PER_WORD = sizeof(uintptr_t) * CHAR_BIT };

// ANY. Whether exactly one bit of value is set.
static inline bool bits_is_power_of_two(size_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

// ANY. The index of the lowest set bit. value is not 0.
static inline unsigned bits_lowest(uintptr_t value)
{
    return (unsigned)__builtin_ctzll((unsigned long long)value);
}

// ANY. The index of the highest set bit. value is not 0.
static inline unsigned bits_highest(uintptr_t value)
{
    return 63U - (unsigned)__builtin_clzll((unsigned long long)value);
}

// ANY. How many bits are set.
static inline unsigned bits_count(uintptr_t value)
{
    // Sums of two bits, of four, of eight, side by side; the product adds up the bytes in its highest.
    const uint64_t ones = UINT64_MAX / 3;
    const uint64_t pairs = UINT64_MAX / 5;
    const uint64_t halves = UINT64_MAX / 17;
    uint64_t sums = value;
    sums -= sums >> 1 & ones;
    sums = (sums & pairs) + (sums >> 2 & pairs);
    sums = (sums + (sums >> 4)) & halves;
    return (unsigned)(sums * (UINT64_MAX / 255) >> 56);
}

// ANY. value rounded up to a multiple of step, a power of two. value + step - 1 does not overflow.
static inline uintptr_t bits_align_up(uintptr_t value, uintptr_t step)
{
    return (value + (step - 1)) & ~(step - 1);
}

// ANY. How many pieces of `piece` bytes hold `bytes` bytes. Does not overflow.
static inline size_t bits_divide_up(size_t bytes, size_t piece)
{
    return bytes / piece + (bytes % piece != 0);
}

#endif
