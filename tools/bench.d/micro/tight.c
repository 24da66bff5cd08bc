// SPDX-License-Identifier: MIT
// One size again and again: the shortest life a chunk can have.
#include "workload.h"

#include <stdlib.h>

static void set_up(const char *part)
{
    (void)part;
}

static void run(uint64_t rounds)
{
    for (uint64_t i = 0; i < rounds; i++) {
        void *chunk = malloc(16);
        touch(chunk);
        free(chunk);
    }
}

const struct workload workload = {
    .set_up = set_up,
    .run = run,
    .round_operations = 1,
    .warm_up_rounds = 200000,
};
