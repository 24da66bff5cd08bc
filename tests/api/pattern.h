// SPDX-License-Identifier: MIT
// Bytes that depend on a seed and their index, so that a chunk proves it is still itself, and
// a small random generator whose seed replays a run.

#ifndef FT_TESTS_PATTERN_H
#define FT_TESTS_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// splitmix64
static inline uint64_t random_next(uint64_t *state)
{
    *state += 0x9E3779B97F4A7C15u;
    uint64_t mixed = *state;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return mixed ^ (mixed >> 31);
}

// A number below `limit`, which is not zero.
static inline size_t random_below(uint64_t *state, size_t limit)
{
    return (size_t)(random_next(state) % limit);
}

// Mostly small sizes, some medium, few large: one in 20 reaches up to 2 MiB, spread evenly over
// the powers of two below.
static inline size_t random_size(uint64_t *state)
{
    uint64_t draw = random_next(state);
    unsigned bits = 10;
    if (draw % 20 == 0) {
        bits = 12 + (unsigned)(draw / 20 % 10);
    } else if (draw % 20 < 4) {
        bits = 11 + (unsigned)(draw / 20 % 5);
    }
    return random_below(state, ((size_t)1 << bits) + 1);
}

static inline uint64_t pattern_word(uint64_t seed, size_t index)
{
    return (seed ^ index) * 0x9E3779B97F4A7C15u + index;
}

static inline void pattern_fill(void *ptr, size_t bytes, uint64_t seed)
{
    unsigned char *at = ptr;
    for (size_t done = 0; done < bytes; done += 8) {
        uint64_t word = pattern_word(seed, done / 8);
        memcpy(at + done, &word, bytes - done < 8 ? bytes - done : 8);
    }
}

static inline bool pattern_holds(const void *ptr, size_t bytes, uint64_t seed)
{
    const unsigned char *at = ptr;
    for (size_t done = 0; done < bytes; done += 8) {
        uint64_t word = pattern_word(seed, done / 8);
        if (memcmp(at + done, &word, bytes - done < 8 ? bytes - done : 8) != 0) {
            return false;
        }
    }
    return true;
}

static inline bool bytes_are(const void *ptr, size_t bytes, unsigned char value)
{
    const unsigned char *at = ptr;
    return bytes == 0 || (at[0] == value && memcmp(at, at + 1, bytes - 1) == 0);
}

static inline bool is_aligned(const void *ptr, size_t alignment)
{
    return (uintptr_t)ptr % alignment == 0;
}

#endif
