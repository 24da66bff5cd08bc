// SPDX-License-Identifier: MIT
#include "api/slow.h"

#include "api/exhausted.h"
#include "api/give_back.h"
#include "api/global.h"
#include "api/memory.h"
#include "api/report.h"
#include "api/watch.h"
#include "core/heap_fast.h"
#include "core/large.h"
#include "core/misuse.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

// Reports that two threads freed one chunk at a time, if that has come out by now.
static void report_twice(const char *call)
{
    void *twice = heap_freed_twice(&global.arena);
    if (twice != NULL) {
        struct chunk chunk = chunk_locate(&global.arena, twice);
        report_misuse(call, MISUSE_RACING_FREE, twice, 0, &chunk);
    }
}

// Gives back what the heap's last call has emptied: zones, its own and those of heaps without a thread, and what of their
// memory is more than may be kept.
static void settle(struct heap *heap)
{
    bool has_empty = heap != NULL && heap_has_empty(heap);
    if (has_empty || heap_has_idle_home(&global.arena)) {
        global_lock();
        size_t before = global.arena.zone_count;
        while (heap != NULL && heap_give_empty(heap)) {
        }
        struct heap *idle = heap_receive_idle(&global.arena);
        if (idle != NULL) {
            give_back_pages(idle);
        }
        give_back_runs(before - global.arena.zone_count);
        global_unlock();
    }
    if (heap != NULL) {
        give_back_pages(heap);
        give_back_demanded(heap);
    }
}

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
    bool tried = global.arena.config.limit_bytes != 0 && memory_wastes_unit(bytes);
    if (tried) {
        grant = alloc_mapping(bytes, align);
    }
    if (grant.ptr == NULL) {
        grant = large_take(&global.arena, bytes, align, &need);
    }
    if (grant.ptr == NULL && !memory_prefers_mapping(&need, bytes) && memory_meet(&need)) {
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
    while (grant.ptr == NULL && ++*asks <= ASKS_MAX && memory_meet(&need)) {
        grant = heap_alloc(heap, bytes, align, &need);
    }
    return grant;
}

// Serves a chunk of a class for which there is no zone as one that is LARGE: of what is there, else as a mapping.
static struct grant alloc_alone(size_t bytes, size_t align, unsigned asks)
{
    struct need need;
    struct grant grant = large_take(&global.arena, bytes, align, &need);
    return grant.ptr != NULL || asks >= ASKS_MAX ? grant : alloc_mapping(bytes, align);
}

// Allocates with the lock held. size_class: what heap_class_for() says.
static struct grant alloc_with(struct heap *heap, unsigned size_class, size_t bytes, size_t align)
{
    if (size_class != SIZE_CLASS_NONE) {
        unsigned asks = 0;
        struct grant grant = alloc_small(heap, bytes, align, &asks);
        grant = grant.ptr != NULL ? grant : heap_scrape(heap, bytes, align);
        return grant.ptr != NULL ? grant : alloc_alone(bytes, align, asks);
    }
    struct grant grant = alloc_large(bytes, align);
    return grant.ptr != NULL ? grant : heap_scrape(heap, bytes, align);
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
    global_unlock();
    return grant;
}

// Refuses an allocation of so many bytes.
__attribute__((noinline)) static void *refuse(size_t bytes, enum slow_how how)
{
    if (how != SLOW_QUIET) {
        exhausted_tell(bytes);
    }
    errno = ENOMEM;
    return NULL;
}

void *slow_malloc(size_t bytes)
{
    void *ptr = heap_small_alloc(global_heap(), bytes);
    return ptr != NULL ? ptr : slow_alloc(bytes, SIZE_CLASS_STEP, SLOW_PLAIN);
}

static void *alloc_unwatched(size_t bytes, size_t align, enum slow_how how)
{
    int saved = errno;
    if (bytes > PTRDIFF_MAX) {
        return refuse(bytes, how);
    }
    struct heap *heap = global_heap_get(bytes);
    struct grant grant = {.ptr = NULL};
    unsigned size_class =
        heap != NULL ? heap_class_for(heap, bytes, align) : (unsigned)SIZE_CLASS_NONE;
    if (size_class != SIZE_CLASS_NONE) {
        grant = heap_take(heap, size_class, bytes);
    }
    if (grant.ptr == NULL) {
        grant = alloc_locked(heap, size_class, bytes, align);
    }
    settle(heap);
    report_twice("malloc");
    if (grant.ptr == NULL) {
        return refuse(bytes, how);
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

// Frees a LARGE chunk that was found to be held. False if another thread has freed it meanwhile.
static bool free_large(const struct chunk *chunk)
{
    struct leaving leaving = {.kind = LEAVING_NOTHING};
    global_lock();
    bool freed = heap_free_large(&global.arena, chunk, &leaving);
    give_back_runs(1);
    global_unlock();
    give_back_mapping(&leaving);
    return freed;
}

// Frees a chunk that was found to be held. False if another thread has freed it meanwhile.
static bool free_chunk(const struct chunk *chunk)
{
    if (chunk->zone->chunk_bytes == 0) {
        return free_large(chunk);
    }
    // A thread that only frees gets a heap as well, to gather in what it sends home.
    struct heap *heap = global_heap_get(0);
    if (heap == NULL) {
        bool sent = heap_send(NULL, &global.arena, chunk);
        settle(NULL);
        return sent;
    }
    bool is_own = heap_owns(heap, chunk->zone) || heap_take_back(heap, chunk->zone);
    bool freed = is_own ? heap_put(heap, chunk) : heap_send(heap, &global.arena, chunk);
    settle(heap);
    return freed;
}

// Frees what is no chunk that the fast paths free.
static void free_other(void *ptr, const char *call)
{
    struct chunk chunk = chunk_locate(&global.arena, ptr);
    if (!chunk_is_held_at(&chunk, ptr)) {
        report_misuse(call, misuse_of(&chunk, ptr), ptr, 0, &chunk);
    } else if (!free_chunk(&chunk)) {
        report_misuse(call, MISUSE_DOUBLE_FREE, ptr, 0, &chunk);
    }
}

// The same at the end of a call that leaves errno as it is, while somebody watches.
__attribute__((noinline)) static void free_watched(void *ptr, const char *call)
{
    int saved = errno;
    struct chunk chunk = chunk_locate(&global.arena, ptr);
    watch_free(&chunk, ptr, __builtin_frame_address(0));
    // Only what is held is freed so.
    if (!heap_fast_free(global_heap_own(), &global.arena, ptr)) {
        free_other(ptr, call);
    }
    report_twice(call);
    errno = saved;
}

// The same at the end of a call that leaves errno as it is. Not inlined: what comes before it saves no register.
__attribute__((noinline)) static void free_other_quietly(void *ptr, const char *call)
{
    if (heap_far_free(global_heap(), &global.arena, ptr)) {
        return;
    }
    if (watch_is_on()) {
        free_watched(ptr, call);
        return;
    }
    int saved = errno;
    free_other(ptr, call);
    report_twice(call);
    errno = saved;
}

void slow_free(void *ptr, const char *call)
{
    if (ptr != NULL) {
        free_other_quietly(ptr, call);
    }
}

// While somebody watches: frees a chunk with this state as the fast path would, of the heap that it does not find. False if
// the zone is another heap's or the chunk is not held; then nobody was told.
static bool free_at_hand(void *ptr, struct zone *zone, void *state, const char *call)
{
    struct heap *heap = global_heap_own();
    uint32_t index = (uint32_t)((uintptr_t)state - (uintptr_t)zone_state_at(zone, 0));
    unsigned before = state_read(state);
    if (!state_is_live(before) || !heap_owns(heap, zone)) {
        return false;
    }
    const struct chunk told = {
        .status = CHUNK_LIVE,
        .zone = zone,
        .base = ptr,
        .requested = zone_requested(zone, index, before),
    };
    watch_free(&told, ptr, __builtin_frame_address(0));
    if (heap_fast_take_back(heap, zone, state, ptr) != HEAP_PUT) {
        struct chunk chunk = chunk_locate(&global.arena, ptr);
        if (!free_chunk(&chunk)) {
            report_misuse(call, MISUSE_DOUBLE_FREE, ptr, 0, &chunk);
        }
    }
    return true;
}

void slow_free_away(void *ptr, struct zone *zone, void *state, const char *call)
{
    struct heap *heap = global_heap();
    enum heap_sent sent = heap_send_away(heap, zone, state);
    if (sent == HEAP_GATHERED) {
        return;
    }
    int saved = errno;
    if (sent == HEAP_SENT) {
        settle(heap);
    } else if (!watch_is_on()) {
        free_other(ptr, call);
    } else if (!free_at_hand(ptr, zone, state, call)) {
        free_watched(ptr, call);
    }
    report_twice(call);
    errno = saved;
}

void slow_free_sized(void *ptr, size_t bytes, size_t align, const char *call)
{
    if (ptr == NULL ||
        (align == 1 && heap_small_free_sized(global_heap(), &global.arena, ptr, bytes))) {
        return;
    }
    int saved = errno;
    struct chunk chunk = chunk_locate(&global.arena, ptr);
    enum misuse_kind misuse = misuse_of(&chunk, ptr);
    if (misuse == MISUSE_NONE) {
        misuse = misuse_of_size(&global.arena, &chunk, bytes);
    }
    if (misuse == MISUSE_NONE && ((uintptr_t)ptr & (align - 1)) != 0) {
        misuse = MISUSE_WRONG_ALIGNMENT;
    }
    if (watch_is_on() && misuse == MISUSE_NONE) {
        watch_free(&chunk, ptr, __builtin_frame_address(0));
    } else if (watch_is_on()) {
        watch_misuse(FT_MALLOC_EVENT_FREE, ptr, 0, __builtin_frame_address(0));
    }
    if (misuse == MISUSE_NONE && !free_chunk(&chunk)) {
        misuse = MISUSE_DOUBLE_FREE;
    }
    if (misuse != MISUSE_NONE) {
        report_misuse(call, misuse, ptr, bytes, &chunk);
    }
    errno = saved;
}

// Resizes a LARGE chunk where it is.
static bool resize_large(const struct chunk *chunk, size_t bytes)
{
    struct need need;
    global_lock();
    bool resized = large_resize(&global.arena, chunk, bytes, &need);
    if (!resized && memory_meet(&need)) {
        resized = large_resize(&global.arena, chunk, bytes, &need);
    }
    global_unlock();
    return resized;
}

static bool resize_in_place(const struct chunk *chunk, size_t bytes)
{
    if (chunk_resize(chunk, bytes)) {
        return true;
    }
    return chunk->zone->chunk_bytes == 0 && !chunk_shrinks_much(chunk, bytes) &&
           resize_large(chunk, bytes);
}

// Makes a chunk smaller without other memory, however much that wastes. False if it cannot note so much
// slack.
static bool shrink_where_it_is(const struct chunk *chunk, size_t bytes)
{
    if (bytes > chunk->requested) {
        return false;
    }
    return chunk->zone->chunk_bytes != 0 ? chunk_shrink(chunk, bytes) : resize_large(chunk, bytes);
}

// Whether the program holds the chunk that ptr was found to be, at its start. If not, that is reported.
static bool check_held(const struct chunk *chunk, const void *ptr, const char *call)
{
    if (chunk_is_held_at(chunk, ptr)) {
        return true;
    }
    report_misuse(call, misuse_of(chunk, ptr), ptr, 0, chunk);
    errno = EINVAL;
    return false;
}

bool slow_is_held(const void *ptr, const char *call)
{
    struct chunk chunk = chunk_locate(&global.arena, ptr);
    return check_held(&chunk, ptr, call);
}

enum { GROWN_RUN_BYTES = 8192 }; // chunks that outgrow this get a run, which grows where it is

// A chunk in place of one that cannot stay, or NULL without a word. One that has grown beyond TINY gets room to grow
// further where it is: who grows once often goes on, and above a page most of the room costs nothing until it is touched.
static void *alloc_moved(const struct chunk *chunk, size_t bytes)
{
    struct heap *heap = global_heap_own();
    bool has_grown = bytes > chunk->requested && bytes > SIZE_CLASS_TINY_MAX;
    if (has_grown && chunk->zone->kind == ZONE_MAPPED && bytes <= PTRDIFF_MAX / 2) {
        // A mapping cannot grow where it is; what is not touched costs nothing.
        void *roomy = slow_alloc(bytes + bytes / 2, GLOBAL_UNIT_BYTES, SLOW_QUIET);
        if (roomy != NULL) {
            struct chunk moved = chunk_locate(&global.arena, roomy);
            if (resize_in_place(&moved, bytes)) {
                return roomy;
            }
            (void)free_chunk(&moved);
        }
    }
    if (has_grown && bytes > GROWN_RUN_BYTES) {
        // No class serves such an alignment.
        return slow_alloc(bytes, GLOBAL_UNIT_BYTES, SLOW_QUIET);
    }
    if (has_grown) {
        size_t room = bytes + (bytes > global.arena.config.page_bytes ? bytes : bytes / 2);
        struct grant grant = {.ptr = NULL};
        if (size_class_of(room) < heap->class_count) {
            grant = heap_take(heap, size_class_of(room), bytes);
        }
        if (grant.ptr != NULL) {
            return grant.ptr;
        }
    }
    void *ptr = heap_fast_alloc(heap, bytes);
    ptr = ptr != NULL ? ptr : heap_small_alloc(heap, bytes);
    return ptr != NULL ? ptr : slow_alloc(bytes, SIZE_CLASS_STEP, SLOW_QUIET);
}

void *slow_realloc(void *ptr, size_t bytes, const char *call)
{
    // As in realloc(), which has tried the same for TINY chunks.
    if (!heap_is_none(global_heap()) && heap_small_resize(&global.arena, ptr, bytes)) {
        return ptr;
    }
    struct chunk chunk = chunk_locate(&global.arena, ptr);
    if (!check_held(&chunk, ptr, call)) {
        if (watch_is_on()) {
            watch_misuse(FT_MALLOC_EVENT_REALLOC, ptr, bytes, __builtin_frame_address(0));
        }
        return NULL;
    }
    int saved = errno;
    if (bytes != 0 && bytes <= PTRDIFF_MAX && resize_in_place(&chunk, bytes)) {
        if (watch_is_on()) {
            watch_resize(&chunk, ptr, bytes, __builtin_frame_address(0));
        }
        errno = saved;
        return ptr;
    }
    void *moved = bytes != 0 ? alloc_moved(&chunk, bytes) : NULL;
    if (moved == NULL && bytes != 0) {
        bool is_shrunk = shrink_where_it_is(&chunk, bytes);
        if (watch_is_on()) {
            watch_resize(&chunk, is_shrunk ? ptr : NULL, bytes, __builtin_frame_address(0));
        }
        if (!is_shrunk) {
            return refuse(bytes, SLOW_PLAIN);
        }
        errno = saved;
        return ptr;
    }
    if (moved != NULL) {
        memcpy(moved, ptr, chunk.requested < bytes ? chunk.requested : bytes);
    }
    if (watch_is_on()) {
        watch_resize(&chunk, moved, bytes, __builtin_frame_address(0));
    }
    if (!heap_fast_free(global_heap(), &global.arena, ptr) && !free_chunk(&chunk)) {
        report_misuse(call, MISUSE_DOUBLE_FREE, ptr, 0, &chunk);
    }
    errno = saved;
    return moved;
}

size_t slow_size(const void *ptr, const char *call)
{
    if (ptr == NULL) {
        return 0;
    }
    struct chunk chunk = chunk_locate(&global.arena, ptr);
    if (chunk_is_held_at(&chunk, ptr)) {
        return chunk.requested;
    }
    int saved = errno;
    report_misuse(call, misuse_of(&chunk, ptr), ptr, 0, &chunk);
    errno = saved;
    return 0;
}
