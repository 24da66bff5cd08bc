// SPDX-License-Identifier: MIT
// A thousand mallocs of 8 bytes and more, then a thousand frees in an order the program names.
//
// In all programs the loops are the same instructions over fixed sizes: only the numbers in
// batch_order differ, so that what differs in time is the order.
#ifndef BATCH_H
#define BATCH_H

#include "workload.h"

#include <stdlib.h>

enum { BATCH_COUNT = 1000 };

static size_t batch_bytes[BATCH_COUNT];
static uint32_t batch_order[BATCH_COUNT];
static void *batch_chunks[BATCH_COUNT];

static inline void batch_set_up_sizes(uint64_t *seed, size_t bytes_max)
{
    for (size_t i = 0; i < BATCH_COUNT; i++) {
        batch_bytes[i] = random_between(seed, 8, bytes_max);
    }
}

// First in, first out.
static inline void batch_set_up_order(void)
{
    for (size_t i = 0; i < BATCH_COUNT; i++) {
        batch_order[i] = (uint32_t)i;
    }
}

static inline void batch_run(uint64_t rounds)
{
    for (uint64_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < BATCH_COUNT; i++) {
            batch_chunks[i] = malloc(batch_bytes[i]);
            touch(batch_chunks[i]);
        }
        for (size_t i = 0; i < BATCH_COUNT; i++) {
            free(batch_chunks[batch_order[i]]);
        }
    }
}

#endif
