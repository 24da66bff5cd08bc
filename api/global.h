// SPDX-License-Identifier: MIT
// The one global: the process's arena, the lock that guards it, the options. The other object of state
// is the thread slot, which holds the calling thread's heap.
//
// All of it is zero at first, and every entry point works on it in that form: the loader calls malloc
// before any constructor.
#ifndef FT_API_GLOBAL_H
#define FT_API_GLOBAL_H

#include "api/heaps.h"
#include "api/history.h"
#include "api/holders.h"
#include "api/leaks.h"
#include "api/options.h"
#include "api/output.h"
#include "api/root.h"
#include "api/stacks.h"
#include "api/trace.h"
#include "core/arena.h"
#include "core/heap.h"
#include "platform/platform.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    GLOBAL_UNIT_BYTES = 1 << ZONE_MAP_WIDE_UNIT_SHIFT,
    GLOBAL_HEAP_BYTES = 2 * GLOBAL_UNIT_BYTES, // a heap: its lists, and memory for deep stacks
    GLOBAL_CALLS_BEFORE_HEAP = 8,              // that a thread makes without a heap of its own
    GLOBAL_STACK_BYTES_MAX = 1 << 20,          // chunks that a heap keeps at hand
    GLOBAL_HAND_BYTES_MAX = 1 << 20,           // LARGE chunks beside
    GLOBAL_PARCEL_COUNT = 64,                  // words that it gathers what it frees for others for
    GLOBAL_FIRST_BYTES = 5 << 19,      // the first section, in the library's own zeroed data
    GLOBAL_SECTION_BYTES = 1 << 30,    // later ones, where limits allow
    GLOBAL_RUN_BYTES_MAX = 256 << 20,  // larger chunks get a mapping of their own
    GLOBAL_DIRTY_BYTES_MAX = 16 << 20, // free memory kept, beside an eighth of what is in use
};

// What those have in common who watch (watch.h).
struct watch {
    _Atomic bool is_on;
    _Atomic uint64_t count; // of events
    _Atomic unsigned thread_count;
};

// The first section's end and most of the map's tables lie side by side, so that one call makes all that a small process
// does not write rest (root.h).
struct global {
    _Alignas(4096) unsigned char first[GLOBAL_FIRST_BYTES];
    struct zone_map_wide wide; // directly below the arena (zone_map.h)
    struct arena arena;
    uint64_t root_rests[ROOT_REST_WORDS]; // pages of the map's tables (root.h)
    _Atomic uint32_t far_count;           // chunks that were not found `near`, because it rests
    struct platform_lock lock;            // guards the arena, `exit` and `holders`
    struct platform_exit exit;
    // The thread that forks: it has the lock, and the handlers of other libraries allocate.
    _Atomic(const void *) forker;
    bool has_streams;       // it has libc's list of streams, too; guarded by the lock
    bool is_alone;          // it is the process's only thread; guarded by the lock
    _Atomic bool has_first; // the process's first thread has its heap
    bool is_ready; // for who has the lock: the arena is open, and no heap is as a fork has left it
    _Atomic bool is_child; // of a fork, and all heaps are as they were
    _Atomic bool is_short; // what arena_is_short() said when the system was last to be asked
    struct options options;
    struct output output;
    struct watch watch;
    struct history history;
    struct leaks leaks;
    struct stacks stacks;
    struct trace trace;
    struct heaps heaps;
    struct holders
        holders; // of heaps, but for the process's first thread: last, as many processes have no other
};

_Static_assert(offsetof(struct global, arena) ==
                   offsetof(struct global, wide) + sizeof(struct zone_map_wide),
               "the map needs this");

// Hidden where it is declared, so that the fast path has an address inside it in one instruction.
extern struct global global __attribute__((visibility("hidden")));

// The number of the next call that is watched. is_alone: no other thread may ask meanwhile.
static inline uint64_t global_number_call(bool is_alone)
{
    // Relaxed: who hands a chunk to another thread synchronises with it, and so orders their calls.
    _Atomic uint64_t *count = &global.watch.count;
    if (is_alone) {
        uint64_t number = atomic_load_explicit(count, memory_order_relaxed) + 1;
        atomic_store_explicit(count, number, memory_order_relaxed);
        return number;
    }
    return atomic_fetch_add_explicit(count, 1, memory_order_relaxed) + 1;
}

// The calling thread's heap, or the one of threads that have none (heap_is_none).
static inline struct heap *global_heap(void)
{
    return platform_slot();
}

// The same, or what it has aside.
static inline struct heap *global_heap_own(void)
{
    struct heap *heap = global_heap();
    return heap_is_none(heap) && platform_aside() != NULL ? platform_aside() : heap;
}

// Puts the calling thread's heap, if it has one in its slot, where the fast paths do not find it.
void global_put_aside(void);

// The calling thread's heap; it gets one if it has none. bytes: of the chunk that is wanted, 0 if none is. NULL if there
// is no memory for it, in a thread's first few calls, and if nobody would hear of the thread's end. Takes the lock.
struct heap *global_heap_get(size_t bytes);

// With the lock held. The heap of all threads without one, to be used until the lock is let go. NULL if there is no
// memory for it.
struct heap *global_heap_common(void);

// Takes the arena's lock, and makes the arena ready at the first time.
void global_lock(void);

// Lets the arena's lock go.
void global_unlock(void);

// With the lock held. So much free memory is kept from now on, beside a share of what is in use; less than SIZE_MAX.
void global_keep(size_t bytes);

// Whether the calling thread is in the middle of a fork, and so has every lock of ours.
static inline bool global_is_forking(void)
{
    // Relaxed: a thread finds there what it wrote itself, or another.
    return atomic_load_explicit(&global.forker, memory_order_relaxed) == platform_thread_self();
}

// Takes and lets go another lock of those that a fork takes: the thread that forks has it, and the handlers of other
// libraries allocate.
static inline void global_lock_other(struct platform_lock *lock)
{
    if (!global_is_forking()) {
        platform_lock(lock);
    }
}

static inline void global_unlock_other(struct platform_lock *lock)
{
    if (!global_is_forking()) {
        platform_unlock(lock);
    }
}

// Gives the process's first thread its heap, if there is none yet, and asks to be called around forks. To be called without
// locks; also before global_start().
void global_begin(void);

// Called as early as the loader allows, and once. The arena works before that, too.
void global_start(void);

#endif
