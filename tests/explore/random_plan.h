// SPDX-License-Identifier: MIT
// Plans that chance makes, for long searches.
#ifndef FT_TESTS_EXPLORE_RANDOM_PLAN_H
#define FT_TESTS_EXPLORE_RANDOM_PLAN_H

#include "tests/explore/kit.h"

enum { RANDOM_PROGRAM_BYTES = 16 };

struct random_plan {
    struct kit_plan plan; // its programs are those below
    char programs[KIT_HEAPS_MAX][RANDOM_PROGRAM_BYTES];
};

// Makes the plan of a seed.
void random_plan_make(struct random_plan *made, uint32_t seed);

#endif
