// SPDX-License-Identifier: MIT
// A million live chunks of 8 to 128 bytes; each step replaces one of them, chosen at random.
//
// Which chunk and what size is one word of a table of two million steps, read in order: the table streams
// through the cache, so that what misses is the heap. Victims are drawn with replacement: a permutation gone
// through again and again would free in the order of allocation, a queue and no random replacement.
#include "workload.h"

#include <stdlib.h>

enum {
    LIVE_COUNT = 1000000,
    STEP_COUNT = 1 << 21,
    SIZE_SHIFT = 24, // a step: the chunk's index below, its new size above
};

static uint32_t steps[STEP_COUNT];
static void *chunks[LIVE_COUNT];
static size_t step_index;

static void set_up(const char *part)
{
    (void)part;
    uint64_t seed = 43;
    for (size_t i = 0; i < STEP_COUNT; i++) {
        size_t victim = random_between(&seed, 0, LIVE_COUNT - 1);
        size_t bytes = random_between(&seed, 8, 128);
        steps[i] = (uint32_t)(victim | bytes << SIZE_SHIFT);
    }
    for (size_t i = 0; i < LIVE_COUNT; i++) {
        chunks[i] = malloc(steps[i] >> SIZE_SHIFT);
        touch(chunks[i]);
    }
}

static void run(uint64_t rounds)
{
    for (uint64_t round = 0; round < rounds; round++) {
        uint32_t step = steps[step_index++ % STEP_COUNT];
        void **chunk = &chunks[step & ((1u << SIZE_SHIFT) - 1)];
        free(*chunk);
        *chunk = malloc(step >> SIZE_SHIFT);
        touch(*chunk);
    }
}

const struct workload workload = {
    .set_up = set_up,
    .run = run,
    .round_operations = 1,
    .warm_up_rounds = LIVE_COUNT,
};
