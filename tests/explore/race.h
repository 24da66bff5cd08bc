// SPDX-License-Identifier: MIT
// Plain accesses of a fiber since its last atomic one: whatever another fiber does before this one's next step is not
// ordered with them.
#ifndef FT_TESTS_EXPLORE_RACE_H
#define FT_TESTS_EXPLORE_RACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RACE_RANGES_MAX = 24 }; // what a step accesses beyond so many ranges is not watched

// Neighbouring bytes that were accessed in one way.
struct race_range {
    uint32_t start; // in the scenario's memory
    uint32_t end;   // 0 behind the last range
    uint64_t is_write;
    const void *code; // that accessed them first
};

struct race_ranges {
    struct race_range ranges[RACE_RANGES_MAX];
};

// Notes an access.
void race_note(struct race_ranges *own, const struct race_range *access);

// A range of another fiber that the access is in the way of, or NULL.
const struct race_range *race_find(const struct race_ranges *other,
                                   const struct race_range *access);

#endif
