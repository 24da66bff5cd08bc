// SPDX-License-Identifier: MIT
// Plain accesses that are not ordered with what other fibers do.
//
// Who is ordered with whom is known by epochs. A fiber's epoch ends with each of its releasing accesses, which leaves
// in its place what the fiber knows, its own epoch among that; an acquiring access of the place learns it. A plain
// access races with another fiber's to the same bytes, of an epoch that it does not know. Fences are none of this.
#ifndef FT_TESTS_EXPLORE_RACE_H
#define FT_TESTS_EXPLORE_RACE_H

#include "tests/explore/explore.h"

enum {
    RACE_RANGES_MAX = 48, // of a fiber; what it accesses beyond is not watched
    RACE_PLACES_MAX = 48, // what is released in more is taken for not released
    RACE_LOCK_PLACE = EXPLORE_MEMORY_MAX,
};

// Neighbouring bytes that were accessed in one way, in one epoch.
struct race_range {
    uint16_t start; // in the scenario's memory
    uint16_t end;   // 0 behind the last range
    uint8_t epoch;
    bool is_write;
    const void *code; // that accessed them first
};

// An atomic object, with the last epoch of each fiber that its value releases.
struct race_place {
    uint32_t at; // in the scenario's memory, or RACE_LOCK_PLACE
    uint8_t released[EXPLORE_FIBERS_MAX];
};

// All zero, nothing was done yet.
struct race_state {
    struct race_range ranges[EXPLORE_FIBERS_MAX][RACE_RANGES_MAX];
    uint8_t ended[EXPLORE_FIBERS_MAX];                     // epochs, of each fiber, that have ended
    uint8_t known[EXPLORE_FIBERS_MAX][EXPLORE_FIBERS_MAX]; // by the first, of the second
    struct race_place places[RACE_PLACES_MAX]; // by address; 0 released: behind the last
    uint32_t place_count;
};

// The value of a place is learnt from, or changed: by adding to what it releases, or anew.
void race_acquire(struct race_state *state, unsigned self, uint32_t place);
void race_release(struct race_state *state, unsigned self, uint32_t place, bool adds);
void race_overwrite(struct race_state *state, uint32_t place);

// The range of another fiber that a plain access races with, or NULL; *other is whose. The access is noted.
const struct race_range *race_access(struct race_state *state, unsigned self,
                                     const struct race_range *access, unsigned *other);

// Forgets what makes no difference any more, and counts epochs anew, so that states that differ in nothing else are
// the same. is_over: the fibers that have ended, a bit each.
void race_settle(struct race_state *state, unsigned fiber_count, unsigned is_over);

#endif
