// SPDX-License-Identifier: MIT
// Makes of an arena what threads leave of it that stop in the middle of anything they do without the lock: of all that
// they write on the way, any of the values.
#ifndef FT_TESTS_CORE_INTERRUPT_H
#define FT_TESTS_CORE_INTERRUPT_H

#include "core/heap.h"
#include "tests/core/random.h"

// What every heap knows of itself is anything at all.
void interrupt_heaps(struct arena *arena, struct random *random);

// What is known of every zone but its chunks' states is anything at all, of records without a zone what is said of
// their way home; and free chunks are freed, or on their way.
void interrupt_zones(struct arena *arena, struct random *random);

// Some free runs are on their way to the system. Returns how many.
size_t interrupt_purges(struct arena *arena, struct random *random);

#endif
