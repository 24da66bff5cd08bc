// SPDX-License-Identifier: MIT
// Visits every zone and every live chunk of an arena in increasing address order.
//
// A walk is a cursor. It may stop at any step, let go of the lock, and go on later: it then continues
// above the last thing it told, with whatever is there by then. What nobody touches meanwhile is told
// exactly once and exactly as it is.
#ifndef FT_CORE_WALK_H
#define FT_CORE_WALK_H

#include "core/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum walk_what { WALK_END, WALK_ZONE, WALK_CHUNK };

struct walk_step {
    enum walk_what what;
    enum zone_kind kind; // of the zone
    void *base;          // of the zone or chunk
    size_t bytes;        // ZONE: of its run or mapping; CHUNK: the bytes requested
};

struct walk {
    uintptr_t next;    // zones below were told
    uintptr_t zone;    // the zone whose chunks are being told, its base; 0: none
    uintptr_t told;    // the end of the last chunk of it that was told
    uint32_t index;    // its next chunk
    uintptr_t section; // the section of `unit`, from the arena; 0: to be found again
    uint32_t unit;     // first unit of the run to look at next
};

// LOCKED. Tells the next zone or chunk. A walk begins zeroed.
struct walk_step walk_next(const struct arena *arena, struct walk *walk);

// LOCKED. To be called before the first walk_next() after the lock was let go.
void walk_resume(struct walk *walk);

#endif
