// SPDX-License-Identifier: MIT
// How deep the stacks of a heap become, from which memory, and which of them nobody uses.
//
// A stack that overflows becomes twice as deep, as long as the budget for all stacks of the heap together allows it; then its
// older half goes home. A part of the budget is kept for stacks that swing: that sent chunks home and want as many again, so
// that what the program frees and takes in turn would stay if only there was room for it. Where such a stack finds no memory,
// the heap gets more from the arena than it began with, and each time twice as much in place of that.
//
// In its memory the stacks lie one behind the other, by their class. When one becomes deeper, or loses what it has since nobody
// uses it, those of larger classes make room, or close up: a deepening costs what they hold, and nothing lies idle between them.
#ifndef FT_CORE_HEAP_STACKS_H
#define FT_CORE_HEAP_STACKS_H

#include "core/heap.h"

// What a heap knows of stacks that swing, of idle ones, and of others, in memory behind its struct heap_return. OWNER.
struct heap_swing {
    uintptr_t memory;       // written LOCKED: more of it than the heap began with, from the heap,
    uintptr_t memory_bytes; // and how much; 0: it has got none yet
    uintptr_t budget;       // bytes of chunks that stacks which swing may still grow by
    bool wants_memory;
    bool wants_budget; // a stack could not become deeper since others are
    struct heap_paid {
        uint32_t first; // out of the heap's own budget
        uint32_t swing; // out of the one for stacks that swing
    } paid[SIZE_CLASS_COUNT];
    // Chunks of larger classes that requests of each have got (heap_grow.h).
    uint16_t borrowed[SIZE_CLASS_COUNT];
    uint8_t flushes
        [SIZE_CLASS_COUNT]; // of each class's stack, since it was deepened last, up to what counts
    uint8_t next_look;      // the class whose stack heap_look_for_idle() looks at next
    struct heap_look {
        uint16_t count; // entries when it was looked at last
        // Looks in a row at which it held as many as before, and none had gone home or come from there.
        uint8_t same;
        uint8_t given; // how often it has gone home for that, up to what counts
    } looks[SIZE_CLASS_COUNT];
};

// OWNER. What the heap knows of stacks that swing, or NULL if its arena does not grow.
static inline struct heap_swing *heap_swing(const struct heap *heap)
{
    struct heap_return *back = heap_returns(heap);
    return back != NULL ? (struct heap_swing *)(back + 1) : NULL;
}

// OWNER. No stack holds anything or has memory, and all memory is to be had again.
void heap_begin_stacks(struct heap *heap);

// OWNER and LOCKED, while nobody else is in any call. Whether each stack lies where it belongs; the arena may have moved since
// its pointers were written.
bool heap_stacks_are_in_place(const struct heap *heap);

// OWNER. Makes a stack that is full twice as deep, or gives it its first memory. False if budget or memory do not allow it.
bool heap_deepen(struct heap *heap, unsigned size_class);

// OWNER. The older half of a stack has gone home for want of room.
void heap_note_flush(struct heap *heap, unsigned size_class);

// OWNER. A stack was empty, and is filled.
void heap_note_refill(struct heap *heap, unsigned size_class);

// OWNER. A stack is empty, and chunks that were freed are about to fill it: makes it twice as deep if it swings, and the rest
// of the budget allows it.
void heap_deepen_swinging(struct heap *heap, unsigned size_class);

// OWNER. Looks at one stack more, in turn. Its class if it has memory, has held as many chunks at several looks in a row, and
// is to go home whole; the more often that was so, the longer it may rest. Else SIZE_CLASS_NONE.
unsigned heap_look_for_idle(struct heap *heap);

// OWNER. A stack of such a class, which is empty, has no memory any more: its depth is there for others.
void heap_flatten(struct heap *heap, unsigned size_class);

// OWNER. Whether a stack could not become deeper since this was asked last, for want of budget.
bool heap_lacks_budget(struct heap *heap);

// OWNER. Whether a stack that swings has found no memory.
bool heap_wants_memory(const struct heap *heap);

// OWNER and LOCKED. Gives the heap the memory that it wants. False if the arena has none, and *need then says what would help;
// the heap wants it no more, until a stack that swings finds none again.
bool heap_take_memory(struct heap *heap, struct need *need);

// ANY. The bytes that the heap takes, a multiple of a unit: itself, and the memory of its stacks.
size_t heap_own_bytes(const struct heap *heap);

#endif
