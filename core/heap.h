// SPDX-License-Identifier: MIT
// A heap is what one thread owns: for each size class a stack of free chunks, and behind it the zones
// that the class's chunks come from.
//
//   alloc: pop ◄── stack ◄── refill: lowest addresses of the fullest zone ◄── a new zone (LOCKED)
//   free:  push ─► stack ─► flush: the older half goes home ─► an empty zone goes back (LOCKED)
//
// Stacks begin small and become deeper when they overflow, within a budget for all classes together,
// so that a program's usual swing of allocations and frees never leaves them. An entry below the
// bottom of each stack holds no chunk; it is what an empty stack pops.
//
// A chunk freed by a thread that does not own its zone goes on its way home (zone.h). Its zone is then
// in the owning heap's `home` list until the owner drains it.
//
// Invariants, all checked by heap_is_valid():
//   H1  Every entry of a stack is a chunk of its class, of a zone of this heap, neither live nor on its
//       way home, and not in its zone.
//   H2  A zone of this heap is in the list of its fill, or in none if it has nothing to take.
//   H3  A zone that has chunks on their way home is in the `home` list, and no other is.
//
// What a heap holds in pointers (its stacks) means nothing to another process, and is set right when a heap
// that has moved is acquired; zones and lists are offsets.
#ifndef FT_CORE_HEAP_H
#define FT_CORE_HEAP_H

#include "core/arena.h"
#include "core/chunk.h"
#include "core/large.h"
#include "core/size_class.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HEAP_OWNER_SHIFT = 12, // an owner word: the heap's id above, a stack's place below
    HEAP_OWNER_MASK = (1 << HEAP_OWNER_SHIFT) - 1,
    HEAP_ID_MAX = (1 << 20) - 2,      // heaps of one arena; the id above means none
    HEAP_STACK_LEVELS = 14,           // capacities of stacks: 1 << level
    HEAP_STACK_BYTES_MAX = 256 << 10, // chunks that one stack may hold
    HEAP_RUNS_BEFORE_ZONE = 4,   // chunks of a large class served as runs, before it gets a zone
    HEAP_RUN_CLASS_BYTES = 4096, // classes above are large in that sense
};

struct heap_stack {
    struct chunk_entry *top;   // one above the entry that is popped next
    struct chunk_entry *limit; // the highest value of top
    struct chunk_entry *bottom;
    uint16_t capacity; // entries from bottom to limit
    uint16_t
        served; // chunks of the class served as runs: so far, up to the limit; on a buffer, by now
};

// Every member is one word, so that stacks are found by their number of words on any machine.
struct heap {
    uint32_t owner;        // the id, shifted; the lower bits are 0
    uintptr_t is_idle;     // LOCKED: no thread has it
    uintptr_t class_count; // classes that are served as zones: those below this one
    uintptr_t address;     // of this heap, when its pointers were written
    uintptr_t arena;       // from this heap
    uintptr_t lists;       // of zones, by class and fill (heap_lists), from this heap
    uintptr_t home;        // LOCKED: zones with chunks on their way home, from the arena
    uintptr_t empties;     // OWNER: zones that became empty and go back, from the arena
    uintptr_t next_heap;   // LOCKED: the arena's list of all heaps
    uintptr_t next_idle;   // LOCKED: the arena's list of heaps without a thread
    uintptr_t budget;      // bytes of chunks that stacks may still grow by
    uintptr_t memory_next; // memory for stacks, from this heap
    uintptr_t memory_end;
    struct chunk_entry *spare[HEAP_STACK_LEVELS]; // outgrown memory of stacks, by level
    struct chunk_entry none;                    // what a stack without memory has below its bottom
    struct heap_stack stacks[SIZE_CLASS_COUNT]; // there is memory for class_count of them
};

// What the stacks of HEAP_NONE have below their bottom.
extern const struct chunk_entry heap_no_entry[1];

// The heap of a thread that has none: its stacks are empty and full at once, so that every call goes
// the slow way. The caller defines it, as a constant, with this initial value.
#define HEAP_OWNER_NONE (UINT32_MAX & ~(uint32_t)HEAP_OWNER_MASK)
#define HEAP_NO_ENTRY ((struct chunk_entry *)&heap_no_entry[1])
#define HEAP_NO_STACK                                                         \
    {                                                                         \
        .top = HEAP_NO_ENTRY, .limit = HEAP_NO_ENTRY, .bottom = HEAP_NO_ENTRY \
    }
#define HEAP_NO_STACKS_8                                                                      \
    HEAP_NO_STACK, HEAP_NO_STACK, HEAP_NO_STACK, HEAP_NO_STACK, HEAP_NO_STACK, HEAP_NO_STACK, \
        HEAP_NO_STACK, HEAP_NO_STACK
#define HEAP_NONE                                                                          \
    {                                                                                      \
        .owner = HEAP_OWNER_NONE,                                                          \
        .stacks = {HEAP_NO_STACKS_8, HEAP_NO_STACKS_8, HEAP_NO_STACKS_8, HEAP_NO_STACKS_8, \
                   HEAP_NO_STACKS_8},                                                      \
    }

// ANY. Whether this is the heap of a thread that has none.
static inline bool heap_is_none(const struct heap *heap)
{
    return heap->owner == HEAP_OWNER_NONE;
}

// Where a TINY request is served, and the state that its chunk gets.
struct heap_place {
    uint8_t stack_word; // the class's stack in a heap, in words of a pointer's size
    uint8_t live_state; // STATE_LIVE + slack
};

// For each number of bytes.
extern const struct heap_place heap_places[SIZE_CLASS_TINY_MAX + 1];

// ANY. The smallest memory that a heap of this arena can use, in bytes: it has no stacks.
size_t heap_bytes_min(const struct arena *arena);

// ANY. What the first stack of a TINY class takes beside that, the largest of all classes.
size_t heap_first_stack_bytes(void);

// ANY. The arena that a heap belongs to.
static inline struct arena *heap_arena(const struct heap *heap)
{
    return (struct arena *)((uintptr_t)heap + heap->arena);
}

// OWNER. The first zone of each fill of a class, from the arena.
static inline uintptr_t *heap_lists(const struct heap *heap, unsigned size_class)
{
    return (uintptr_t *)((uintptr_t)heap + heap->lists) + (size_t)size_class * ZONE_FILL_COUNT;
}

// OWNER. Whether the heap has nothing of this class at hand: its stack is empty, and none of its zones has a chunk.
static inline bool heap_lacks(const struct heap *heap, unsigned size_class)
{
    const uintptr_t *lists = heap_lists(heap, size_class);
    uintptr_t any = 0;
    for (unsigned fill = 0; fill < ZONE_FILL_COUNT; fill++) {
        any |= lists[fill];
    }
    return any == 0 && heap->stacks[size_class].top == heap->stacks[size_class].bottom;
}

// LOCKED. Gives the calling thread a heap: one that waits for a thread, or a new one with `bytes` of
// memory. NULL and *need on failure.
struct heap *heap_acquire(struct arena *arena, size_t bytes, struct need *need);

// OWNER and LOCKED. The heap's thread ends: what its stacks hold goes home, empty zones go back, and
// the heap waits for the next thread.
void heap_retire(struct heap *heap);

// LOCKED. Takes every heap from whoever had it, while nobody is in any call: their stacks' chunks go home, and
// all wait for the next thread. The arena may have moved since.
void heap_revive_all(struct arena *arena);

// OWNER. Hands out a chunk of this class, for `bytes` that it holds and whose slack it can note, from
// the stack or the heap's own zones. ptr is NULL if they have none.
struct grant heap_take(struct heap *heap, unsigned size_class, size_t bytes);

// OWNER and LOCKED. Hands out a chunk for any request: what has come home, a new zone, a run. ptr is
// NULL on failure, and *need then says what would help. align is a power of two.
struct grant heap_alloc(struct heap *heap, size_t bytes, size_t align, struct need *need);

// ANY. The class that serves a request in this heap, or SIZE_CLASS_NONE if a run does.
unsigned heap_class_for(const struct heap *heap, size_t bytes, size_t align);

// OWNER. Whether the heap owns the zone of a chunk that chunk_locate() found.
bool heap_owns(const struct heap *heap, const struct chunk *chunk);

// OWNER and LOCKED. On a buffer, for a class that the heap lacks: a run that is free already, if the class is
// still served as runs. ptr is NULL if not, or if heap_alloc() has more to try.
struct grant heap_take_run(struct heap *heap, unsigned size_class, size_t bytes);

// OWNER. Takes back a chunk that the program held, of a zone of this heap.
void heap_put(struct heap *heap, const struct chunk *chunk);

// OWNER. On a buffer: the heap's thread has freed a run that served a request of so many bytes. Where several
// heaps free each other's chunks, the count is a guess.
void heap_note_run_freed(struct heap *heap, size_t bytes);

// LOCKED. Takes back a chunk that the program held and the calling thread does not own: a LARGE one, or
// one of another heap's zone, which goes on its way home. False if it was freed in the meantime: then
// nothing has changed. *leaving, empty before, says what goes back to the system.
bool heap_free(struct arena *arena, const struct chunk *chunk, struct leaving *leaving);

// LOCKED. The same for a chunk that was found to be held under this lock. False if its owner freed it since.
bool heap_free_held(struct arena *arena, const struct chunk *chunk, struct leaving *leaving);

// OWNER. Whether zones wait for heap_give_empty().
static inline bool heap_has_empty(const struct heap *heap)
{
    return heap->empties != 0;
}

// OWNER and LOCKED. Gives one empty zone back to its section. False if there was none.
bool heap_give_empty(struct heap *heap, struct leaving *leaving);

// OWNER. Returns every chunk in the stacks to its zone.
void heap_flush(struct heap *heap);

// OWNER and LOCKED. Takes back what other threads have freed.
void heap_drain(struct heap *heap);

// OWNER. Makes the empty zones that were kept, of this class and those above, wait for heap_give_empty(), too.
void heap_unlist_empty(struct heap *heap, unsigned size_class);

// OWNER and LOCKED. Gives up what the heap keeps at hand: its stacks' chunks go home, and its empty zones
// back to their sections. Nothing leaves for the system.
void heap_trim(struct heap *heap);

// LOCKED. The same for all heaps that wait for a thread.
void heap_trim_idle(struct arena *arena);

// OWNER and LOCKED. The last resort when no need can be met: trims the heap and looks again,
// at last for a chunk of a larger class.
struct grant heap_scrape(struct heap *heap, size_t bytes, size_t align);

// OWNER and LOCKED. Whether the invariants hold, those of the heap's zones included.
bool heap_is_valid(const struct heap *heap);

#endif
