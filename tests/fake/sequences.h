// SPDX-License-Identifier: MIT
// The operation sequences of the fault campaign. Each asks the platform for something in as many ways as
// its name tells, and goes on whatever is refused.
#ifndef FT_TESTS_FAKE_SEQUENCES_H
#define FT_TESTS_FAKE_SEQUENCES_H

#include "tests/fake/player.h"

#include <stddef.h>

struct sequence {
    const char *name;
    void (*play)(struct player *player);
    bool has_limits; // of its own: allocations fail although no fault is planned
};

extern const struct sequence sequences[];
extern const size_t sequence_count;

#endif
