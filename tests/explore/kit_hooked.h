// SPDX-License-Identifier: MIT
// The part of the kit that is compiled like the core: what its fibers do at the same time, and the search is to see.
// The books that the rest of it keeps are none of the program's.
#ifndef FT_TESTS_EXPLORE_KIT_HOOKED_H
#define FT_TESTS_EXPLORE_KIT_HOOKED_H

#include "core/heap.h"

// Frees a chunk as the api does it. False if it is told to have been freed.
bool kit_hooked_free(struct arena *arena, struct heap *heap, void *ptr);

// The same, by a thread that has no heap.
bool kit_hooked_free_without_heap(struct arena *arena, void *ptr);

// A LARGE chunk for so many bytes out of the heap's hand. NULL if there is none.
void *kit_hooked_take(struct heap *heap, size_t bytes);

// Whether a chunk was found to have been freed twice, since this was last asked.
bool kit_hooked_is_late(struct arena *arena);

// The program writes to a chunk that it holds.
void kit_hooked_use(void *chunk);

// Lets another fiber go on, which waits for that.
void kit_hooked_pass_on(_Atomic uintptr_t *mail);
void kit_hooked_wait_for(_Atomic uintptr_t *mail);

#endif
