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

// sequences.c and sequences_rare.c
extern const struct sequence sequences_common[];
extern const size_t sequence_common_count;
extern const struct sequence sequences_rare[];
extern const size_t sequence_rare_count;

// All of them; NULL behind the last one.
const struct sequence *sequence_at(size_t index);

#endif
