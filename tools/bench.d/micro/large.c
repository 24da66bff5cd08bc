// SPDX-License-Identifier: MIT
// Large chunks, of 64 KiB to 8 MiB, every page of which is touched: with the part `one` each is freed before the next
// one is asked for, with `live` sixteen are alive at a time.
#include "workload.h"

#include <stdlib.h>
#include <string.h>

enum {
    STEP_COUNT = 1000,
    LIVE_COUNT = 16,
    BYTES_MIN = 64 << 10,
    DOUBLINGS = 7,
    STRIDE_BYTES = 4096, // the smallest page there is
};

static size_t sizes[STEP_COUNT];
static size_t places[STEP_COUNT];

static void set_up(const char *part)
{
    size_t live_count = strcmp(part, "one") == 0 ? 1 : LIVE_COUNT;
    uint64_t seed = 46;
    for (size_t i = 0; i < STEP_COUNT; i++) {
        size_t power = (size_t)BYTES_MIN << random_below(&seed, DOUBLINGS);
        sizes[i] = random_between(&seed, power, 2 * power);
        places[i] = random_below(&seed, live_count);
    }
}

static void run(uint64_t rounds)
{
    static char *chunks[LIVE_COUNT];
    for (uint64_t round = 0; round < rounds; round++) {
        size_t step = round % STEP_COUNT;
        char **chunk = &chunks[places[step]];
        free(*chunk);
        *chunk = malloc(sizes[step]);
        for (size_t at = 0; at < sizes[step]; at += STRIDE_BYTES) {
            touch(*chunk + at);
        }
    }
    for (size_t i = 0; i < LIVE_COUNT; i++) {
        free(chunks[i]);
        chunks[i] = NULL;
    }
}

const struct workload workload = {
    .set_up = set_up,
    .run = run,
    .round_operations = 1,
    .warm_up_rounds = 10,
};
