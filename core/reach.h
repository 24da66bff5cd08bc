// SPDX-License-Identifier: MIT
// Which chunks can be reached from words that a program holds: a word leads to a chunk if it is its address or one inside,
// whatever the word really is. What is reached is looked at in turn, by a list of what is still to be looked at that runs
// through the chunks' own entries. All of it lies in a region of memory of the caller's, who also reads the words, so that
// nothing here touches what may not be readable.
#ifndef FT_CORE_REACH_H
#define FT_CORE_REACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reach_chunk {
    uintptr_t base;
    size_t bytes;
    size_t
        next; // 0: not reached; else the next one that is to be looked at, its index and 2, or 1 at the end
};

struct reach {
    struct reach_chunk *chunks; // by increasing address
    size_t count;
    size_t room;
    size_t first; // that is to be looked at, as in `next`
};

// ANY. Makes an empty set in a region.
void reach_init(struct reach *reach, void *region, size_t bytes);

// LOCKED. Adds a chunk, which lies above all that were added before. False if the region is full.
bool reach_add(struct reach *reach, uintptr_t base, size_t bytes);

// LOCKED. Notes what some words lead to.
void reach_look(struct reach *reach, const uintptr_t *words, size_t count);

// LOCKED. Takes a chunk that was reached and whose own words were not looked at. NULL if there is none.
const struct reach_chunk *reach_next(struct reach *reach);

// LOCKED. The chunk that an address lies in, or is the start of, or else the first above it; NULL if there is none.
const struct reach_chunk *reach_above(const struct reach *reach, uintptr_t address);

// LOCKED. Whether the chunk at an address was reached; yes for what is no chunk.
bool reach_has(const struct reach *reach, uintptr_t base);

#endif
