// SPDX-License-Identifier: MIT
#include "api/slow.h"

#include "api/exhausted.h"
#include "api/give_back.h"
#include "api/global.h"
#include "api/memory.h"
#include "api/settle.h"
#include "api/watch.h"
#include "core/heap_fast.h"
#include "core/heap_hand.h"
#include "core/heap_return.h"
#include "core/large.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

// Serves a request as a mapping of its own.
static struct grant alloc_mapping(size_t bytes, size_t align)
{
    struct need need = large_need_for_mapping(&global.arena, bytes, align);
    if (need.kind != NEED_MAPPING) {
        return (struct grant){.ptr = NULL};
    }
    return (struct grant){.ptr = memory_meet_mapping(&need, bytes), .is_zero = true};
}

// Serves a chunk as a run, or as a mapping where that is all there is room for. Asks the system twice at most.
static struct grant alloc_large(size_t bytes, size_t align)
{
    struct need need;
    struct grant grant = {.ptr = NULL};
    bool tried = arena_is_scarce(&global.arena) && large_wastes_unit(&global.arena, bytes);
    if (tried) {
        grant = alloc_mapping(bytes, align);
    }
    if (grant.ptr == NULL) {
        grant = large_take(&global.arena, bytes, align, &need);
    }
    if (grant.ptr == NULL && !memory_prefers_mapping(&need) && memory_meet(&need)) {
        grant = large_take(&global.arena, bytes, align, &need);
    }
    return grant.ptr != NULL || tried ? grant : alloc_mapping(bytes, align);
}

enum { ASKS_MAX = 2 }; // of the system, in one allocation

// Serves a chunk of a class from a zone, or as the heap sees fit. *asks counts what the system was asked for.
static struct grant alloc_small(struct heap *heap, size_t bytes, size_t align, unsigned *asks)
{
    struct need need;
    struct grant grant = heap_alloc(heap, bytes, align, &need);
    if (grant.ptr == NULL && global.arena.idle_heaps != 0) {
        heap_trim_idle(&global.arena);
        grant = heap_alloc(heap, bytes, align, &need);
    }
    while (grant.ptr == NULL && ++*asks <= ASKS_MAX) {
        if (need.kind == NEED_MAPPING) {
            return alloc_mapping(bytes, align);
        }
        if (!memory_meet(&need)) {
            break;
        }
        grant = heap_alloc(heap, bytes, align, &need);
    }
    return grant;
}

// Serves any chunk as one that is LARGE: of what is there, else, if it may ask, of what is reserved or as a mapping.
static struct grant alloc_alone(size_t bytes, size_t align, bool may_ask)
{
    struct need need;
    struct grant grant = large_take(&global.arena, bytes, align, &need);
    if (grant.ptr != NULL || !may_ask) {
        return grant;
    }
    // What is reserved already, before anything else is.
    if (need.kind != NEED_COMMIT) {
        return alloc_mapping(bytes, align);
    }
    return memory_meet(&need) ? large_take(&global.arena, bytes, align, &need) : grant;
}

// Serves what neither the arena nor the system had: of what this heap keeps, and those that wait for a thread. What they give
// up may be elsewhere than where it is wanted, but counts for no limit any more: so the system is asked once more. Not
// inlined: it hardly ever runs, and lies apart from what does.
__attribute__((noinline)) static struct grant alloc_last(struct heap *heap, size_t bytes,
                                                         size_t align, unsigned asks)
{
    size_t used = global.arena.used_unit_count;
    struct grant grant = heap_scrape(heap, bytes, align);
    bool may_ask = asks < ASKS_MAX || global.arena.used_unit_count < used;
    return grant.ptr != NULL ? grant : alloc_alone(bytes, align, may_ask);
}

// Allocates with the lock held. size_class: what heap_class_for() says.
static struct grant alloc_with(struct heap *heap, unsigned size_class, size_t bytes, size_t align)
{
    unsigned asks = 0;
    struct grant grant = {.ptr = NULL};
    if (size_class != SIZE_CLASS_NONE) {
        grant = alloc_small(heap, bytes, align, &asks);
    } else {
        heap_hand_yield(heap, bytes);
        grant = alloc_large(bytes, align);
        asks = ASKS_MAX;
    }
    return grant.ptr != NULL ? grant : alloc_last(heap, bytes, align, asks);
}

enum { LINE_BYTES = 64 }; // of a processor's cache

// Allocates with the arena's help. Threads without a heap have one in common, but no cache line.
static struct grant alloc_locked(struct heap *heap, unsigned size_class, size_t bytes, size_t align)
{
    struct grant grant = {.ptr = NULL};
    global_lock();
    if (heap != NULL) {
        grant = alloc_with(heap, size_class, bytes, align);
    } else if (global_heap_common() != NULL) {
        heap = global_heap_common();
        align = align > LINE_BYTES ? align : LINE_BYTES;
        grant = alloc_with(heap, heap_class_for(heap, bytes, align), bytes, align);
    }
    give_back_grown();
    global_unlock();
    return grant;
}

void *slow_refuse(size_t bytes, enum slow_how how)
{
    if (how < SLOW_TRY) {
        exhausted_tell(bytes);
    }
    errno = ENOMEM;
    return NULL;
}

// Whether a LARGE chunk may be had of what is free already. A trim of all heaps reaches a thread in a call that does more.
static bool may_take_free(const struct heap *heap)
{
    return !heap_is_none(heap) && !heap_trim_waits(heap);
}

// A run that is free already, or NULL: there is more to it. Not inlined: the hand's way saves no register.
__attribute__((noinline)) static void *take_free_run(size_t bytes)
{
    struct grant grant = {.ptr = NULL};
    int saved = errno;
    global_lock();
    if (bytes <= global.arena.config.run_bytes_max && !arena_is_scarce(&global.arena)) {
        grant = large_take_free(&global.arena, bytes);
    }
    global_unlock();
    errno = saved;
    return grant.ptr;
}

// A LARGE chunk for a thread that has a heap, or NULL: there is more to it.
static void *alloc_run(struct heap *heap, size_t bytes)
{
    if (!may_take_free(heap)) {
        return NULL;
    }
    void *ptr = heap_hand_take(heap, bytes);
    return ptr != NULL ? ptr : take_free_run(bytes);
}

// Not inlined: what comes before it saves no register.
__attribute__((noinline)) static void *alloc_otherwise(size_t bytes)
{
    void *ptr = bytes > SIZE_CLASS_SMALL_MAX ? alloc_run(global_heap(), bytes) : NULL;
    return ptr != NULL ? ptr : slow_alloc(bytes, SIZE_CLASS_STEP, SLOW_PLAIN);
}

void *slow_malloc(size_t bytes)
{
    void *ptr = heap_small_alloc(global_heap(), bytes);
    return ptr != NULL ? ptr : alloc_otherwise(bytes);
}

static void *alloc_unwatched(size_t bytes, size_t align, enum slow_how how)
{
    int saved = errno;
    if (bytes > PTRDIFF_MAX) {
        return slow_refuse(bytes, how);
    }
    struct heap *heap = global_heap_get(bytes);
    struct grant grant = {.ptr = NULL};
    unsigned size_class =
        heap != NULL ? heap_class_for(heap, bytes, align) : (unsigned)SIZE_CLASS_NONE;
    if (size_class != SIZE_CLASS_NONE) {
        grant = heap_take(heap, size_class, bytes, align);
    } else if (heap != NULL && align <= GLOBAL_UNIT_BYTES && may_take_free(heap)) {
        grant.ptr = heap_hand_take(heap, bytes);
    }
    if (grant.ptr == NULL) {
        grant = alloc_locked(heap, size_class, bytes, align);
    }
    settle_heap(heap);
    settle_twice("malloc");
    if (grant.ptr == NULL) {
        return slow_refuse(bytes, how);
    }
    errno = saved;
    if (how == SLOW_ZEROED && !grant.is_zero) {
        memset(grant.ptr, 0, bytes);
    }
    return grant.ptr;
}

// While somebody watches: what the fast path would do, of the heap that it does not find. NULL if it could not.
static void *alloc_at_hand(size_t bytes, size_t align, enum slow_how how)
{
    struct grant grant = {.ptr = NULL};
    if (align <= SIZE_CLASS_STEP) {
        grant = heap_fast_grant(global_heap_own(), bytes);
    }
    if (how == SLOW_ZEROED && grant.ptr != NULL && !grant.is_zero) {
        memset(grant.ptr, 0, bytes);
    }
    return grant.ptr;
}

__attribute__((noinline)) static void *alloc_watched(size_t bytes, size_t align, enum slow_how how)
{
    void *ptr = alloc_at_hand(bytes, align, how);
    ptr = ptr != NULL ? ptr : alloc_unwatched(bytes, align, how);
    watch_alloc(ptr, bytes, align, how, __builtin_frame_address(0));
    return ptr;
}

void *slow_alloc(size_t bytes, size_t align, enum slow_how how)
{
    return watch_is_on() ? alloc_watched(bytes, align, how) : alloc_unwatched(bytes, align, how);
}

void *slow_calloc(size_t bytes)
{
    struct grant grant = heap_small_grant(global_heap(), bytes);
    if (grant.ptr == NULL) {
        return slow_alloc(bytes, SIZE_CLASS_STEP, SLOW_ZEROED);
    }
    return grant.is_zero ? grant.ptr : memset(grant.ptr, 0, bytes);
}

void *slow_aligned(size_t bytes, size_t align)
{
    void *ptr = heap_fast_alloc_aligned(global_heap(), bytes, align);
    return ptr != NULL ? ptr : slow_alloc(bytes, align, SLOW_PLAIN);
}
