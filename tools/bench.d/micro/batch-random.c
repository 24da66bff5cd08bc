// SPDX-License-Identifier: MIT
// A thousand chunks of 8 to 1024 bytes, freed in one fixed random order.
#include "batch.h"

static void set_up(const char *part)
{
    (void)part;
    uint64_t seed = 42;
    batch_set_up_sizes(&seed, 1024);
    random_order(&seed, batch_order, BATCH_COUNT);
}

const struct workload workload = {
    .set_up = set_up,
    .run = batch_run,
    .round_operations = BATCH_COUNT,
    .warm_up_rounds = 200,
};
