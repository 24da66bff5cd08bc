// SPDX-License-Identifier: MIT
// One case of the fault campaign: a sequence on a configuration of the fake platform, with faults.
//
//   play with faults ► audit ► the memory is back: probe ► free ► threads end ► what remains
//                              and, if asked for: ► play and free twice more ► the same remains
//
// The same sequence without faults says how many calls there are to refuse.
#ifndef FT_TESTS_FAKE_CAMPAIGN_H
#define FT_TESTS_FAKE_CAMPAIGN_H

#include "tests/fake/fake.h"
#include "tests/fake/player.h"
#include "tests/fake/remains.h"
#include "tests/fake/sequences.h"

#include <stdbool.h>
#include <stdint.h>

struct setting {
    struct fake_config fake;
    bool is_thrifty; // the arena (player_begin)
    uint64_t seed;
    bool plays_again; // the same sequence twice more, undisturbed
};

struct outcome {
    uint64_t calls[FAKE_REFUSABLE_COUNT]; // during the sequence
    uint64_t refused_by_plan;
    uint64_t failures;  // allocations that gave NULL
    unsigned asks_most; // of one allocation
    unsigned resize_asks_most;
    unsigned rounds; // to play again until nothing grew any more
    struct remains remains;
};

// Plays a case. A finding ends the process.
struct outcome campaign_case(const struct sequence *sequence, const struct setting *setting,
                             const struct fake_faults *faults);

// Has a crash say what was being played.
void campaign_watch(void);

#endif
