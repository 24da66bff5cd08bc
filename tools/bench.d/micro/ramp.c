// SPDX-License-Identifier: MIT
// A ramp: a heap grows to 300 000 chunks of 16 to 512 bytes, of which one in three is freed again on the way, and
// then everything is freed, what came last first. A round is one ramp.
#include "workload.h"

#include <stdlib.h>

enum { CHUNK_COUNT = 300000, BYTES_MIN = 16, BYTES_MAX = 512, FREED_ONE_IN = 3, FREED_BACK = 1000 };

static uint16_t sizes[CHUNK_COUNT];
static void *chunks[CHUNK_COUNT];

static void set_up(const char *part)
{
    (void)part;
    uint64_t seed = 47;
    for (size_t i = 0; i < CHUNK_COUNT; i++) {
        sizes[i] = (uint16_t)random_between(&seed, BYTES_MIN, BYTES_MAX);
    }
}

static void go_up(void)
{
    for (size_t i = 0; i < CHUNK_COUNT; i++) {
        chunks[i] = malloc(sizes[i]);
        touch(chunks[i]);
        if (i % FREED_ONE_IN == 0 && i >= FREED_BACK) {
            free(chunks[i - FREED_BACK]);
            chunks[i - FREED_BACK] = NULL;
        }
    }
}

static void run(uint64_t rounds)
{
    for (uint64_t round = 0; round < rounds; round++) {
        go_up();
        for (size_t i = CHUNK_COUNT; i-- > 0;) {
            free(chunks[i]);
        }
    }
}

const struct workload workload = {
    .set_up = set_up,
    .run = run,
    .round_operations = CHUNK_COUNT,
    .warm_up_rounds = 1,
};
