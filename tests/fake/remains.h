// SPDX-License-Identifier: MIT
// What is left when a player has freed everything: whatever is still mapped must have an owner. What the
// arena keeps in sections is its reserve; mappings of single chunks must be gone, except those whose
// release was refused, and these it must know.
#ifndef FT_TESTS_FAKE_REMAINS_H
#define FT_TESTS_FAKE_REMAINS_H

#include "tests/fake/player.h"

#include <stddef.h>

struct remains {
    size_t mapped_bytes; // the sum of the next three
    size_t section_bytes;
    size_t kept_bytes; // mappings whose release was refused, for later use
    size_t lost_bytes; // the same that the arena does not know: they never became part of it
    size_t committed_bytes;
    size_t own_units; // runs of the arena's own: heaps, leaves, records
};

// Ends every thread, audits, checks that no chunk and no run of one is left, and finds an owner for
// everything that is mapped.
struct remains remains_of(struct player *player);

#endif
