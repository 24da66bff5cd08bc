// SPDX-License-Identifier: MIT
// A heap's hand: the LARGE chunks that its thread freed last, for its next requests of as many units. What goes into the
// hand and comes out of it needs no lock; its run stays a run, whose state says that the chunk is freed.
//
// Who frees a LARGE chunk claims it first, by its state, whether it goes into a hand or back to the arena: of two who free
// one chunk at a time, one at most does.
#ifndef FT_CORE_HEAP_HAND_H
#define FT_CORE_HEAP_HAND_H

#include "core/heap.h"

// OWNER. A chunk for `bytes`, which are more than a class serves, out of the hand; its bytes are not known to be zero. NULL
// if there is none of as many units.
void *heap_hand_take(struct heap *heap, size_t bytes);

// OWNER. Frees the chunk at ptr into the hand. False, and nothing has changed, if there is no live LARGE chunk of a run at
// ptr, no room for it, or it was requested with as few bytes as a class serves.
bool heap_hand_put(struct heap *heap, void *ptr);

// OWNER and LOCKED. Makes room for a chunk of so many units, of which so many bytes were requested, if it is one for the hand:
// what was freed first goes back to the arena.
void heap_hand_make_room(struct heap *heap, size_t units, size_t bytes);

// OWNER and LOCKED. Gives all of it back to the arena if a run for so many bytes would be virgin memory otherwise.
void heap_hand_yield(struct heap *heap, size_t bytes);

// OWNER and LOCKED. Gives all that is in the hand back to the arena.
void heap_hand_drop(struct heap *heap);

// LOCKED, while nobody else is in any call. Gives back what is in the hands of heaps that know of nothing any more.
void heap_hand_drop_lost(struct arena *arena, struct section *section);

// OWNER and LOCKED, while nobody else is in any call. Whether what the hand says of its chunks is true.
bool heap_hand_is_valid(const struct heap *heap);

// LOCKED. Gives a LARGE chunk back to the arena that the program held. False if it was freed meanwhile: then nothing has
// changed. *leaving, empty before, says what goes back to the system.
bool heap_free_large(struct arena *arena, const struct chunk *chunk, struct leaving *leaving);

#endif
