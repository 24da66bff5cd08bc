// SPDX-License-Identifier: MIT
// Calls made to be as expensive as calls can be: runs of one size that overfill every cache and empty it
// again, sweeps through all sizes, survivors that keep whole neighbourhoods in use, alignments, and the
// last bytes of the region. What comes next depends on what was refused; the same answers give the same calls.
#ifndef FT_TESTS_REGIONS_ADVERSARY_H
#define FT_TESTS_REGIONS_ADVERSARY_H

#include "tests/core/random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum adversary_verb {
    ADVERSARY_ALLOC,
    ADVERSARY_ALIGNED,
    ADVERSARY_FREE,
    ADVERSARY_RESIZE,
    ADVERSARY_VERB_COUNT,
};

struct adversary_call {
    enum adversary_verb verb;
    size_t bytes;
    size_t align;
    void *ptr; // of FREE and RESIZE
};

struct adversary_chunk {
    void *ptr;
    size_t bytes;
};

enum adversary_pattern {
    PATTERN_SAME,    // many of one size
    PATTERN_SWEEP,   // one of each size, upwards
    PATTERN_ALIGNED, // many at one alignment
    PATTERN_EXHAUST, // any sizes, until several are refused
    PATTERN_NEWEST,  // frees from here on: the newest first,
    PATTERN_OLDEST,  // the oldest first,
    PATTERN_ANY,     // in any order,
    PATTERN_COMB,    // all of the newest but every so many-th
    PATTERN_RESIZE,  // other sizes, larger and smaller
    PATTERN_ONE,     // one, there and back
    PATTERN_COUNT,
};

struct adversary {
    struct random random;
    size_t region_bytes;
    struct adversary_chunk *chunks; // in use, by age but for holes that were filled from the end
    size_t count;
    size_t room;
    enum adversary_pattern pattern;
    size_t left;    // calls of this pattern
    size_t bytes;   // the pattern's size
    size_t align;   //
    size_t at;      // the chunk that the pattern is at
    size_t step;    //
    size_t subject; // the chunk of the call that was told last
};

// room: chunks that may be in use at once.
struct adversary adversary_new(size_t region_bytes, size_t room, uint64_t seed);

void adversary_delete(struct adversary *adversary);

// What to call next.
struct adversary_call adversary_next(struct adversary *adversary);

// What came of it: ptr of an allocation, or NULL if it was refused; whether it was resized.
void adversary_answer(struct adversary *adversary, const struct adversary_call *call, void *ptr,
                      bool resized);

#endif
