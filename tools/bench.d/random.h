// SPDX-License-Identifier: MIT
// Numbers that look random and are the same on every machine, for whatever is measured here.
#ifndef RANDOM_H
#define RANDOM_H

#include <stddef.h>
#include <stdint.h>

// The next number of a sequence (xorshift64*). The seed is not zero.
static inline uint64_t random_next(uint64_t *seed)
{
    uint64_t x = *seed;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *seed = x;
    return x * UINT64_C(0x2545F4914F6CDD1D);
}

// A number below the limit, without a division.
static inline size_t random_below(uint64_t *seed, size_t limit)
{
    return (size_t)(((random_next(seed) >> 32) * limit) >> 32);
}

#endif
