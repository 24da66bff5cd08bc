// SPDX-License-Identifier: MIT
// One case of the fault campaign: a sequence on a configuration of the fake platform, with faults.
//
//   play with faults ► audit ► the memory is back: probe ► free ► probe ► threads end ► what remains
//
// The same sequence without faults says how many calls there are to refuse, and what may remain.
#ifndef FT_TESTS_FAKE_CAMPAIGN_H
#define FT_TESTS_FAKE_CAMPAIGN_H

#include "tests/fake/fake.h"
#include "tests/fake/player.h"
#include "tests/fake/sequences.h"

#include <stdint.h>

struct outcome {
    uint64_t refusable; // calls during the sequence
    uint64_t refused_by_plan;
    uint64_t unreleased_bytes;
    uint64_t failures; // allocations that gave NULL
    unsigned asks_most;
    struct remains remains;
};

// Plays a case. undisturbed: what the sequence did without faults, to compare with; NULL: this is it. A
// finding ends the process.
struct outcome campaign_case(const struct sequence *sequence, const struct fake_config *config,
                             const struct fake_faults *faults, uint64_t seed,
                             const struct outcome *undisturbed);

// Has a crash say what was being played.
void campaign_watch(void);

#endif
