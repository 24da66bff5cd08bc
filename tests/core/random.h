// SPDX-License-Identifier: MIT
// Random numbers that replay: a failing test runs again with the seed it printed, by FT_TEST_SEED.
#ifndef FT_TESTS_CORE_RANDOM_H
#define FT_TESTS_CORE_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

// The generator that FT_TEST_SEED names, or `seed`. Prints which.
struct random random_seeded(uint64_t seed);

// Any 64 bits (splitmix64).
static inline uint64_t random_next(struct random *random)
{
    uint64_t mixed = random->state += 0x9E3779B97F4A7C15;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
    return mixed ^ (mixed >> 31);
}

// A number below bound, which is not 0.
static inline uint32_t random_below(struct random *random, uint32_t bound)
{
    return (uint32_t)((random_next(random) >> 32) * bound >> 32);
}

static inline bool random_chance(struct random *random, uint32_t percent)
{
    return random_below(random, 100) < percent;
}

// A size up to `most`, each number of bits as likely as any other.
static inline size_t random_size(struct random *random, size_t most)
{
    unsigned bits = 64U - (unsigned)__builtin_clzll((unsigned long long)most | 1);
    size_t size = random_next(random) & (((uint64_t)2 << random_below(random, bits)) - 1);
    return size > most ? most : size;
}

#endif
