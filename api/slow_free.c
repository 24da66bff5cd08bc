// SPDX-License-Identifier: MIT
#include "api/slow.h"

#include "api/give_back.h"
#include "api/global.h"
#include "api/locate.h"
#include "api/report.h"
#include "api/root.h"
#include "api/settle.h"
#include "api/watch.h"
#include "core/heap_fast.h"
#include "core/heap_hand.h"
#include "core/misuse.h"

#include <errno.h>

// Frees a LARGE chunk that was found to be held. False if another thread has freed it meanwhile.
static bool free_large(const struct chunk *chunk)
{
    struct heap *heap = global_heap_own();
    if (heap_hand_put(heap, chunk->base)) {
        return true;
    }
    struct leaving leaving = {.kind = LEAVING_NOTHING};
    global_lock();
    bool freed = heap_free_large(&global.arena, chunk, &leaving);
    if (chunk->zone->kind == ZONE_LARGE) {
        size_t units = arena_units_for(&global.arena, chunk->capacity);
        heap_hand_make_room(heap, units, chunk->requested);
    }
    give_back_runs(1);
    global_unlock();
    give_back_mapping(&leaving);
    return freed;
}

bool slow_free_chunk(const struct chunk *chunk)
{
    if (chunk->zone->chunk_bytes == 0) {
        return free_large(chunk);
    }
    root_note_far(chunk->base);
    // A thread that only frees gets a heap as well, to gather in what it sends home.
    struct heap *heap = global_heap_get(0);
    if (heap == NULL) {
        bool sent = heap_send(NULL, &global.arena, chunk);
        settle_heap(NULL);
        return sent;
    }
    bool is_own = heap_owns(heap, chunk->zone) || heap_take_back(heap, chunk->zone);
    bool freed = is_own ? heap_put(heap, chunk) : heap_send(heap, &global.arena, chunk);
    settle_heap(heap);
    return freed;
}

// Frees what is no chunk that the fast paths free.
static void free_other(void *ptr, const char *call)
{
    struct chunk chunk = locate_chunk(ptr);
    if (!chunk_is_held_at(&chunk, ptr)) {
        report_misuse(call, misuse_of(&chunk, ptr), ptr, 0, &chunk);
    } else if (!slow_free_chunk(&chunk)) {
        report_misuse(call, MISUSE_DOUBLE_FREE, ptr, 0, &chunk);
    }
}

// The same at the end of a call that leaves errno as it is, while somebody watches.
__attribute__((noinline)) static void free_watched(void *ptr, const char *call)
{
    int saved = errno;
    struct chunk chunk = locate_chunk(ptr);
    watch_free(&chunk, ptr, __builtin_frame_address(0));
    // Only what is held is freed so.
    if (!heap_fast_free(global_heap_own(), &global.arena, ptr)) {
        free_other(ptr, call);
    }
    settle_twice(call);
    errno = saved;
}

// The same at the end of a call that leaves errno as it is. Not inlined: what comes before it saves no register.
__attribute__((noinline)) static void free_other_quietly(void *ptr, const char *call)
{
    struct heap *heap = global_heap();
    if (heap_far_free(heap, &global.arena, ptr)) {
        root_note_far(ptr);
        return;
    }
    if (heap_hand_put(heap, ptr)) {
        return;
    }
    if (watch_is_on()) {
        free_watched(ptr, call);
        return;
    }
    int saved = errno;
    free_other(ptr, call);
    settle_twice(call);
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
        struct chunk chunk = locate_chunk(ptr);
        if (!slow_free_chunk(&chunk)) {
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
        settle_heap(heap);
    } else if (!watch_is_on()) {
        free_other(ptr, call);
    } else if (!free_at_hand(ptr, zone, state, call)) {
        free_watched(ptr, call);
    }
    settle_twice(call);
    errno = saved;
}

// What is wrong with freeing what ptr was found to be as a chunk of so many bytes.
static enum misuse_kind misuse_of_sized(const struct chunk *chunk, const void *ptr, size_t bytes)
{
    // Who says what he asked for brings in nothing that lies apart.
    if (chunk_is_held_at(chunk, ptr) && chunk->requested == bytes) {
        return MISUSE_NONE;
    }
    enum misuse_kind misuse = misuse_of(chunk, ptr);
    return misuse != MISUSE_NONE ? misuse : misuse_of_size(&global.arena, chunk, bytes);
}

void slow_free_sized(void *ptr, size_t bytes, size_t align, const char *call)
{
    bool is_aligned = ((uintptr_t)ptr & (align - 1)) == 0;
    if (ptr == NULL ||
        (is_aligned && heap_small_free_sized(global_heap(), &global.arena, ptr, bytes))) {
        return;
    }
    int saved = errno;
    struct chunk chunk = locate_chunk(ptr);
    enum misuse_kind misuse = misuse_of_sized(&chunk, ptr, bytes);
    if (misuse == MISUSE_NONE && !is_aligned) {
        misuse = MISUSE_WRONG_ALIGNMENT;
    }
    if (watch_is_on() && misuse == MISUSE_NONE) {
        watch_free(&chunk, ptr, __builtin_frame_address(0));
    } else if (watch_is_on()) {
        watch_misuse(FT_MALLOC_EVENT_FREE, ptr, 0, __builtin_frame_address(0));
    }
    if (misuse == MISUSE_NONE && !slow_free_chunk(&chunk)) {
        misuse = MISUSE_DOUBLE_FREE;
    }
    if (misuse != MISUSE_NONE) {
        report_misuse(call, misuse, ptr, bytes, &chunk);
    }
    errno = saved;
}
