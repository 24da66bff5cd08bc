// SPDX-License-Identifier: MIT
// Chunks that the program holds, and keeps: they are resized, and asked for their size.
#include "api/slow.h"

#include "api/give_back.h"
#include "api/global.h"
#include "api/locate.h"
#include "api/memory.h"
#include "api/move.h"
#include "api/report.h"
#include "api/root.h"
#include "api/watch.h"
#include "core/heap_fast.h"
#include "core/large.h"
#include "core/misuse.h"

#include <errno.h>
#include <string.h>

// Gives the system the end of a mapping whose chunk has become much smaller. If it is refused, it stays.
static void cut_mapping(const struct chunk *chunk)
{
    struct range end = large_surplus(&global.arena, chunk);
    if (end.bytes != 0 && platform_release((void *)end.base, end.bytes)) {
        large_cut(&global.arena, chunk, end.bytes);
    }
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
    cut_mapping(chunk);
    if (resized && bytes < chunk->requested) {
        give_back_runs(1);
    }
    give_back_grown();
    global_unlock();
    return resized;
}

static bool resize_in_place(const struct chunk *chunk, size_t bytes)
{
    if (chunk_resize(chunk, bytes)) {
        root_note_far(chunk->base);
        return true;
    }
    return chunk->zone->chunk_bytes == 0 && !chunk_shrinks_much(chunk->requested, bytes) &&
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
    struct chunk chunk = locate_chunk(ptr);
    return check_held(&chunk, ptr, call);
}

enum { GROWN_RUN_BYTES = 8192 }; // chunks that outgrow this get a run, which grows where it is

// Whether a chunk that has grown to so many bytes is worth a run of its own: not if memory is short and a class serves them.
static bool is_worth_run(size_t bytes)
{
    // Relaxed: advice.
    return bytes > SIZE_CLASS_SMALL_MAX ||
           (bytes > GROWN_RUN_BYTES &&
            !atomic_load_explicit(&global.is_short, memory_order_relaxed));
}

// Of how many bytes a chunk is taken that has grown to so many, beyond TINY: who grows once often goes on.
static size_t with_room(size_t bytes)
{
    return bytes + bytes / 2;
}

// A chunk out of the heap's stacks in place of one that held so many bytes; NULL if there is none of the right size.
static void *take_at_hand(struct heap *heap, size_t held, size_t bytes)
{
    if (bytes <= SIZE_CLASS_TINY_MAX) {
        return heap_fast_alloc(heap, bytes);
    }
    if (bytes > held) {
        size_t room = with_room(bytes);
        void *roomy = bytes <= GROWN_RUN_BYTES ? heap_small_alloc_roomy(heap, bytes, room) : NULL;
        if (roomy != NULL || bytes > GROWN_RUN_BYTES || !heap_lacks(heap, size_class_of(room))) {
            return roomy;
        }
    }
    return heap_small_alloc(heap, bytes);
}

// Resizes a chunk where it is, or moves a TINY or SMALL one to one out of the heap's stacks. NULL if ptr is no chunk, or that
// is not all there is to it: then nothing has changed.
static void *resize_at_hand(struct heap *heap, void *ptr, size_t bytes, const char *call)
{
    if (bytes == 0 || !zone_map_is_within(ptr)) {
        return NULL;
    }
    struct zone *zone = zone_map_find_wide(&global.arena.map, ptr);
    void *state;
    if (zone->kind == ZONE_LARGE) {
        return chunk_resize_run((const struct section *)zone, ptr, bytes) ? ptr : NULL;
    }
    if (!heap_fast_find(zone, zone->fast_start, ptr, &state)) {
        return NULL;
    }
    root_note_far(ptr);
    size_t held = heap_fast_requested(zone, state);
    if (chunk_stays(zone, held, bytes)) {
        zone_set_live(zone, state, bytes);
        return ptr;
    }
    void *moved = take_at_hand(heap, held, bytes);
    if (moved == NULL) {
        return NULL;
    }
    memcpy(moved, ptr, held < bytes ? held : bytes);
    // Who frees the chunk meanwhile, which is an error, has its state.
    if (!state_is_live(state_read(state)) ||
        heap_fast_take_back(heap, zone, state, ptr) != HEAP_PUT) {
        slow_free(ptr, call);
    }
    return moved;
}

// A chunk in place of a mapping that has grown, with room, or NULL: it cannot grow where it is, and what is not touched costs
// nothing. Not inlined: it hardly ever runs, and lies apart from what does.
__attribute__((noinline)) static void *alloc_roomy(size_t bytes)
{
    void *roomy = bytes <= PTRDIFF_MAX / 2
                      ? slow_alloc(bytes + bytes / 2, GLOBAL_UNIT_BYTES, SLOW_QUIET)
                      : NULL;
    if (roomy == NULL) {
        return NULL;
    }
    struct chunk chunk = locate_chunk(roomy);
    if (!resize_in_place(&chunk, bytes)) {
        (void)slow_free_chunk(&chunk);
        return NULL;
    }
    return roomy;
}

// A chunk in place of one that cannot stay, when the heap's stacks have none; or NULL without a word.
static void *alloc_moved(const struct chunk *chunk, size_t bytes)
{
    struct heap *heap = global_heap_own();
    bool has_grown = bytes > chunk->requested && bytes > SIZE_CLASS_TINY_MAX;
    if (has_grown && chunk->zone->kind == ZONE_MAPPED) {
        void *roomy = alloc_roomy(bytes);
        if (roomy != NULL) {
            return roomy;
        }
    }
    if (has_grown && is_worth_run(bytes)) {
        // No class serves such an alignment.
        void *run = slow_alloc(bytes, GLOBAL_UNIT_BYTES, SLOW_QUIET);
        if (run != NULL || bytes > SIZE_CLASS_SMALL_MAX) {
            return run;
        }
    } else if (has_grown && bytes <= GROWN_RUN_BYTES) {
        unsigned size_class = size_class_of(with_room(bytes));
        struct grant grant = {.ptr = NULL};
        if (size_class < heap->class_count) {
            grant = heap_take(heap, size_class, bytes, SIZE_CLASS_STEP);
        }
        if (grant.ptr != NULL) {
            return grant.ptr;
        }
    }
    return slow_alloc(bytes, SIZE_CLASS_STEP, SLOW_QUIET);
}

void *slow_realloc(void *ptr, size_t bytes, const char *call)
{
    // As in realloc(), which has tried what needs no more for TINY chunks.
    void *at_hand =
        heap_is_none(global_heap()) ? NULL : resize_at_hand(global_heap(), ptr, bytes, call);
    if (at_hand != NULL) {
        return at_hand;
    }
    struct chunk chunk = locate_chunk(ptr);
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
    size_t begun = move_begin(&chunk);
    void *moved = bytes != 0 ? alloc_moved(&chunk, bytes) : NULL;
    if (moved == NULL && bytes != 0) {
        bool is_shrunk = shrink_where_it_is(&chunk, bytes);
        if (watch_is_on()) {
            watch_resize(&chunk, is_shrunk ? ptr : NULL, bytes, __builtin_frame_address(0));
        }
        if (!is_shrunk) {
            return slow_refuse(bytes, SLOW_PLAIN);
        }
        errno = saved;
        return ptr;
    }
    if (moved != NULL) {
        move_bytes(&chunk, moved, chunk.requested < bytes ? chunk.requested : bytes, begun);
    }
    if (watch_is_on()) {
        watch_resize(&chunk, moved, bytes, __builtin_frame_address(0));
    }
    if (!heap_fast_free(global_heap(), &global.arena, ptr) && !slow_free_chunk(&chunk)) {
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
    struct chunk chunk = locate_chunk(ptr);
    if (chunk_is_held_at(&chunk, ptr)) {
        return chunk.requested;
    }
    int saved = errno;
    report_misuse(call, misuse_of(&chunk, ptr), ptr, 0, &chunk);
    errno = saved;
    return 0;
}
