// SPDX-License-Identifier: MIT
// A thousand small chunks, of 8 to 128 bytes, freed in the order in which they came.
#include "batch.h"

static void set_up(const char *part)
{
    (void)part;
    uint64_t seed = 44;
    batch_set_up_sizes(&seed, 128);
    batch_set_up_order();
}

const struct workload workload = {
    .set_up = set_up,
    .run = batch_run,
    .round_operations = BATCH_COUNT,
    .warm_up_rounds = 200,
};
