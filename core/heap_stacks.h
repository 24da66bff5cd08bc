// SPDX-License-Identifier: MIT
// How deep the stacks of a heap become, from which memory, and which of them nobody uses.
//
// A stack that overflows becomes twice as deep, as long as the budget for all stacks of the heap together allows it; then its
// older half goes home. A part of the budget is kept for stacks that swing: that sent chunks home and want as many again, so
// that what the program frees and takes in turn would stay if only there was room for it. Memory for more entries than the
// heap began with it gets from the arena once, when such a stack finds none.
#ifndef FT_CORE_HEAP_STACKS_H
#define FT_CORE_HEAP_STACKS_H

#include "core/heap.h"

// OWNER. No stack holds anything or has memory, and all memory is to be had again.
void heap_begin_stacks(struct heap *heap);

// OWNER. Makes a stack that is full twice as deep, or gives it its first memory. False if budget or memory do not allow it.
bool heap_deepen(struct heap *heap, unsigned size_class);

// OWNER. The older half of a stack has gone home for want of room.
void heap_note_flush(struct heap *heap, unsigned size_class);

// OWNER. A stack is empty, and chunks that were freed are about to fill it: makes it twice as deep if it swings, and the rest
// of the budget allows it.
void heap_deepen_swinging(struct heap *heap, unsigned size_class);

// OWNER. Looks at one stack more, in turn. Its class if it holds chunks, has held as many at several looks in a row, and is to
// go home whole; the more often that was so, the longer it may rest. Else SIZE_CLASS_NONE.
unsigned heap_look_for_idle(struct heap *heap);

// OWNER. Whether a stack that swings has found no memory.
bool heap_wants_memory(const struct heap *heap);

// OWNER and LOCKED. Gives the heap the memory that it wants, if the arena has it at hand.
void heap_take_memory(struct heap *heap);

// ANY. The bytes that the heap takes, a multiple of a unit: itself, and the memory of its stacks.
size_t heap_own_bytes(const struct heap *heap);

#endif
