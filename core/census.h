// SPDX-License-Identifier: MIT
// Where an arena's memory is: what the program holds, what rounding takes, what is free and where, what the arena
// itself needs. Every byte that is committed is in exactly one part:
//
//   committed = live + rounding               what the program requested, and what chunks and runs are larger by
//             + zones + stacks + hands + home chunks without a holder
//             + dirty + clean + virgin        units that no run has: used, known to be zero, never used
//             + leaving                       on its way to the system
//             + metadata                      headers, run tables, records, heaps, leaves of the map
//
// The left side is told by the bounds of sections and mappings, the right side by runs and chunk states, so that
// each is held against the other (census_is_whole).
//
// While other threads allocate and free, live chunks are counted by their states, each of which is true at the moment
// that it is read; the sum holds all the same. How much of what is free lies in stacks is told by the stacks' own
// pointers, which their threads may just be moving: a chunk more or less may be taken for one in its zone. When nobody
// else is in any call, every figure is exact.
#ifndef FT_CORE_CENSUS_H
#define FT_CORE_CENSUS_H

#include "core/arena.h"

#include <stdbool.h>
#include <stddef.h>

enum census_part {
    CENSUS_LIVE,     // requested by the program
    CENSUS_ROUNDING, // live chunks, runs and mappings less that; ends of zones too short for a chunk
    CENSUS_ZONES,    // free chunks in their zones
    CENSUS_STACKS,   // free chunks that heaps have at hand
    CENSUS_HANDS,    // LARGE ones of those
    CENSUS_HOME,     // freed by other threads than their zone's, on their way home
    CENSUS_DIRTY,    // free runs that were used
    CENSUS_CLEAN,    // free runs known to be zero
    CENSUS_VIRGIN,   // units that were never part of a run
    CENSUS_LEAVING,  // ranges being given to the system, and mappings that it would not take
    CENSUS_METADATA, // the arena's own
    CENSUS_PART_COUNT,
};

// The chunks of a size class.
struct census_class {
    size_t zone_count;
    size_t zone_bytes; // the runs of those zones
    size_t tail_bytes; // their ends, too short for a chunk
    size_t live_count;
    size_t live_bytes;     // requested
    size_t rounding_bytes; // live chunks are larger by
    size_t free_count;     // chunks that are not live
    size_t fresh_count;    // of those: their bytes are known to be zero
    size_t home_count;     // of those: on their way home
    size_t stack_count;    // of those: in stacks
};

// Chunks with memory of their own.
struct census_large {
    size_t count;
    size_t live_bytes; // requested
    size_t rounding_bytes;
};

struct census {
    struct census_class classes[SIZE_CLASS_COUNT];
    struct census_large runs;
    struct census_large mappings;
    size_t bytes[CENSUS_PART_COUNT];
    size_t hand_count;          // HANDS
    size_t heap_bytes;          // of METADATA: heaps, with the memory of their stacks
    size_t leaf_bytes;          // of METADATA: leaves of the zone map
    size_t free_run_count;      // CLEAN and DIRTY
    size_t committed_bytes;     // all that may be read and written
    size_t committed_bytes_max; // the most that ever was
    size_t section_bytes;       // of COMMITTED: everything but mappings of single chunks
    size_t section_bytes_max;
    // Of it: never written since it was last zero, as far as that is known. No page of memory stands behind it, but where
    // it shares one with what was written.
    size_t untouched_bytes;
    size_t reserved_bytes; // address space of sections without access
    size_t section_count;
    size_t heap_count; // ever made: as many threads have allocated at a time, at most
};

// LOCKED. Counts everything. Takes a step for each run and each chunk of a zone: a millisecond for some 700 000.
void census_take(const struct arena *arena, struct census *census);

// ANY. Whether the parts add up to what is committed.
bool census_is_whole(const struct census *census);

#endif
