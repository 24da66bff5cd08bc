// SPDX-License-Identifier: MIT
// The worlds that were seen, by their prints.
#ifndef FT_TESTS_EXPLORE_SEEN_H
#define FT_TESTS_EXPLORE_SEEN_H

#include "tests/explore/world.h"

// A table with open addressing, at most half full. All zero, it is empty.
struct seen {
    struct world_print *prints;
    size_t capacity; // a power of two, or 0
    size_t count;
};

// Notes a world. False if it was there already.
bool seen_add(struct seen *seen, struct world_print print);

void seen_clear(struct seen *seen);

#endif
