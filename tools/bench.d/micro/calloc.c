// SPDX-License-Identifier: MIT
// Cleared chunks of 4 KiB to 1 MiB, each freed before the next one is asked for. A program that asks for zeros
// and writes little is cheap only where memory that is known to be zero is not cleared again.
#include "workload.h"

#include <stdlib.h>

enum { SIZE_COUNT = 512, BYTES_MIN = 4 << 10, DOUBLINGS = 8 };

static size_t sizes[SIZE_COUNT];

// Every power of two is as likely as any other.
static void set_up(const char *part)
{
    (void)part;
    uint64_t seed = 45;
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        size_t power = (size_t)BYTES_MIN << random_below(&seed, DOUBLINGS);
        sizes[i] = random_between(&seed, power, 2 * power);
    }
}

static void run(uint64_t rounds)
{
    for (uint64_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < SIZE_COUNT; i++) {
            unsigned char *chunk = calloc(1, sizes[i]);
            touch(chunk);
            free(chunk);
        }
    }
}

const struct workload workload = {
    .set_up = set_up,
    .run = run,
    .round_operations = SIZE_COUNT,
    .warm_up_rounds = 2,
};
