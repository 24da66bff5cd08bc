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
            struct chunk moved = locate_chunk(roomy);
            if (resize_in_place(&moved, bytes)) {
                return roomy;
            }
            (void)slow_free_chunk(&moved);
        }
    }
    if (has_grown && is_worth_run(bytes)) {
        // No class serves such an alignment.
        void *run = slow_alloc(bytes, GLOBAL_UNIT_BYTES, SLOW_QUIET);
        if (run != NULL || bytes > SIZE_CLASS_SMALL_MAX) {
            return run;
        }
    } else if (has_grown && bytes <= GROWN_RUN_BYTES) {
        size_t room = bytes + (bytes > global.arena.config.page_bytes ? bytes : bytes / 2);
        struct grant grant = {.ptr = NULL};
        if (size_class_of(room) < heap->class_count) {
            grant = heap_take(heap, size_class_of(room), bytes, SIZE_CLASS_STEP);
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
