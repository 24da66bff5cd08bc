// SPDX-License-Identifier: MIT
// A thousand chunks of 8 to 1024 bytes, freed in the order in which they came.
#include "batch.h"

static void set_up(const char *part)
{
    (void)part;
    uint64_t seed = 42;
    batch_set_up_sizes(&seed, 1024);
    batch_set_up_order();
}

const struct workload workload = {
    .set_up = set_up,
    .run = batch_run,
    .round_operations = BATCH_COUNT,
    .warm_up_rounds = 200,
};
