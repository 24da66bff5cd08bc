// SPDX-License-Identifier: MIT
// The world that a search goes back and forth in: fibers on stacks at fixed addresses, the scenario's memory, and the
// lock. It can be saved and put back, so that a step is a function of the world, and of the fiber that makes it.
#ifndef FT_TESTS_EXPLORE_WORLD_H
#define FT_TESTS_EXPLORE_WORLD_H

#include "tests/explore/explore.h"

enum {
    WORLD_NOBODY = EXPLORE_FIBERS_MAX,
    WORLD_SAVED_MAX = 128 << 10, // bytes of a saved world, at most
};

// Two worlds with the same print are taken for the same.
struct world_print {
    uint64_t words[2];
};

// Makes the world of a scenario: its memory set up, each fiber before its first access. The accesses of the
// set-up are not stops, nor are those of a verdict.
void world_begin(const struct explore_scenario *scenario);

// Whether a fiber can make a step: it has not ended, and does not wait for the lock.
bool world_can_step(unsigned fiber);

// Whether all fibers have ended.
bool world_has_ended(void);

// Asks the scenario for its verdict if all fibers have ended; the world may be changed by it. It is a failure if none
// can make a step and not all have ended.
void world_judge(void);

// What the fiber will do next, if it has not ended.
struct explore_access world_next(unsigned fiber);

// The fiber makes one step.
void world_step(unsigned fiber);

// What went wrong so far, or NULL.
const char *world_failure(void);

// Two plain accesses that race.
struct world_race {
    const void *at;
    const void *codes[2]; // the addresses behind the accesses
};

// If that is what went wrong, else NULL.
const struct world_race *world_race(void);

// What a world consists of, as far as it is in use. The first part tells how long the others are.
struct world_part {
    unsigned char *start;
    size_t bytes;
};

enum { WORLD_PARTS_MAX = 2 + EXPLORE_FIBERS_MAX };

// Returns how many parts there are.
unsigned world_parts(struct world_part parts[WORLD_PARTS_MAX]);

// Saves the world. Returns the bytes that it took.
size_t world_save(unsigned char *saved);

// Puts a world back.
void world_restore(const unsigned char *saved);

struct world_print world_print_of(void);

// The scenario's memory.
const void *world_memory(void);

#endif
