// SPDX-License-Identifier: MIT
// What a player does beside allocating and freeing: misuse, looking at the heap, forking.
#ifndef FT_TESTS_FAKE_PLAY_MORE_H
#define FT_TESTS_FAKE_PLAY_MORE_H

#include "tests/fake/player.h"

#include <stdbool.h>
#include <stddef.h>

// Pointers that are no chunk in use.
enum play_wrong {
    WRONG_STALE,    // what was freed last
    WRONG_INTERIOR, // somewhere in the chunk at `at`
    WRONG_FOREIGN,  // not the allocator's
    WRONG_NOWHERE,  // not even mapped
    WRONG_COUNT,
};

// Calls that a pointer which is no chunk in use is given to.
enum play_wrong_call {
    WRONG_FREE,
    WRONG_FREE_SIZED,
    WRONG_FREE_ALIGNED_SIZED,
    WRONG_REALLOC,
    WRONG_REALLOCF,
    WRONG_REALLOCARR,
    WRONG_RECALLOCARRAY,
    WRONG_FREEZERO,
    WRONG_USABLE_SIZE,
    WRONG_CALL_COUNT,
};

// Misuses `call` with a pointer of this kind, with the option misuse=warn or ignore, and checks the answer:
// one line or none, EINVAL where it is due, and nothing changed. Nothing happens if there is no such
// pointer.
void play_misuse(struct player *player, enum play_wrong wrong, enum play_wrong_call call,
                 unsigned at, bool warn);

// Frees the chunk at `at` with a size of another class, or with an alignment that it has not: it stays.
void play_wrong_size(struct player *player, unsigned at, bool wrong_align, bool warn);

// Shows the heap, and holds each line against what the player has.
void play_show(struct player *player);

// Forks: the handlers run as in a real fork, with allocations while the lock is held. The child goes on
// with everything that the parent had, frees it, and ends.
void play_fork(struct player *player);

#endif
