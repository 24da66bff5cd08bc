// SPDX-License-Identifier: MIT
// What ft_core does with chunks: without the caller's lock as long as the heap at hand has what it needs.
#include "core/check.h"
#include "core/ft_core_state.h"
#include "core/heap_fast.h"
#include "core/large.h"
#include "core/misuse.h"
#include "core/poison.h"
#include "core/zone_home.h"

#include <string.h>

_Static_assert((int)FT_CORE_WRONG_SIZE == (int)MISUSE_WRONG_SIZE, "a misuse is told as it is");

// Serves what no free run could: from virgin units, a new zone, or what the heap gives up.
static struct grant alloc_unusual(struct ft_core_heap *handle, unsigned size_class, size_t bytes,
                                  size_t align)
{
    struct heap *heap = handle->heap;
    struct arena *arena = &handle->core->arena;
    struct need need;
    struct grant grant = size_class == SIZE_CLASS_NONE ? large_take(arena, bytes, align, &need)
                                                       : heap_alloc(heap, bytes, align, &need);
    if (grant.ptr == NULL) {
        grant = heap_scrape(heap, bytes, align);
    }
    while (heap_give_empty(heap)) {
    }
    return grant;
}

// Serves what the caller's heap could not.
static struct grant alloc_locked(struct ft_core_heap *handle, unsigned size_class, size_t bytes,
                                 size_t align)
{
    struct heap *heap = handle->heap;
    struct arena *arena = &handle->core->arena;
    struct grant grant = {.ptr = NULL};
    ft_core_lock(handle);
    if (size_class != SIZE_CLASS_NONE) {
        grant = heap_take_run(heap, size_class, bytes);
    } else if (align <= arena->config.unit_bytes) {
        grant = large_take_free(arena, bytes);
    }
    if (grant.ptr == NULL) {
        grant = alloc_unusual(handle, size_class, bytes, align);
    }
    ft_core_unlock(handle);
    return grant;
}

static struct grant alloc(struct ft_core_heap *handle, size_t bytes, size_t align)
{
    struct heap *heap = handle->heap;
    struct grant grant = {.ptr = NULL};
    if (bytes > PTRDIFF_MAX || align > PTRDIFF_MAX) {
        return grant;
    }
    unsigned size_class = bytes > handle->core->arena.class_bytes_max
                              ? SIZE_CLASS_NONE
                              : heap_class_for(heap, bytes, align);
    if (size_class != SIZE_CLASS_NONE && !heap_lacks(heap, size_class)) {
        grant = heap_take(heap, size_class, bytes, align);
    }
    return grant.ptr != NULL ? grant : alloc_locked(handle, size_class, bytes, align);
}

// Counts a request that no memory could serve.
static void *refuse(struct ft_core_heap *heap)
{
    ft_core_lock(heap);
    heap->core->arena.failure_count++;
    ft_core_unlock(heap);
    return NULL;
}

// What the program gets. The bytes at the end that were not asked for stay nobody's.
static void *hand_over(struct ft_core_heap *heap, void *ptr, size_t bytes)
{
    if (ptr == NULL) {
        return refuse(heap);
    }
    poison_lift(ptr, bytes);
    return ptr;
}

FT_CORE_PUBLIC void *ft_core_alloc(struct ft_core_heap *heap, size_t bytes)
{
    void *ptr = NULL;
    if (heap_has_fast_stack(heap->heap, bytes)) {
        ptr = heap_fast_alloc(heap->heap, bytes);
    }
    return hand_over(heap, ptr != NULL ? ptr : alloc(heap, bytes, SIZE_CLASS_STEP).ptr, bytes);
}

FT_CORE_PUBLIC void *ft_core_alloc_zeroed(struct ft_core_heap *heap, size_t count, size_t each)
{
    if (each != 0 && count > PTRDIFF_MAX / each) {
        return refuse(heap);
    }
    size_t bytes = count * each;
    struct grant grant = alloc(heap, bytes, SIZE_CLASS_STEP);
    void *ptr = hand_over(heap, grant.ptr, bytes);
    if (ptr != NULL && !grant.is_zero) {
        memset(ptr, 0, bytes);
    }
    return ptr;
}

FT_CORE_PUBLIC void *ft_core_alloc_aligned(struct ft_core_heap *heap, size_t align, size_t bytes)
{
    if (!bits_is_power_of_two(align)) {
        return NULL;
    }
    return hand_over(heap, alloc(heap, bytes, align).ptr, bytes);
}

// Gives back what the last call has emptied.
static void give_empty_zones(struct ft_core_heap *handle)
{
    struct arena *arena = &handle->core->arena;
    if (!heap_has_empty(handle->heap) && !heap_has_idle_home(arena)) {
        return;
    }
    ft_core_lock(handle);
    while (heap_give_empty(handle->heap)) {
    }
    (void)heap_receive_idle(arena);
    ft_core_unlock(handle);
}

// What is wrong with freeing what ptr was found to be; bytes: what a sized free says, or NULL.
static enum misuse_kind misuse_in(const struct arena *arena, const struct chunk *chunk,
                                  const void *ptr, const size_t *bytes)
{
    enum misuse_kind misuse = misuse_of(chunk, ptr);
    if (misuse == MISUSE_NONE && bytes != NULL) {
        misuse = misuse_of_size(arena, chunk, *bytes);
    }
    return misuse;
}

// Frees a chunk of a zone, without the lock. False if ptr is not one, or misused.
static bool free_in_zone(struct ft_core_heap *handle, void *ptr, const size_t *bytes)
{
    struct arena *arena = &handle->core->arena;
    struct chunk chunk = chunk_find(arena, ptr);
    if (misuse_in(arena, &chunk, ptr, bytes) != MISUSE_NONE || chunk.zone->chunk_bytes == 0) {
        return false;
    }
    bool freed = true;
    if (heap_owns(handle->heap, chunk.zone) || heap_take_back(handle->heap, chunk.zone)) {
        // Nobody else hands it out before the next call.
        freed = heap_put(handle->heap, &chunk);
        poison_lay(chunk.base, freed ? chunk.capacity : 0);
    } else {
        freed = zone_claim(chunk.zone, chunk.index);
        if (freed) {
            poison_lay(chunk.base, chunk.capacity);
            heap_send_claimed(handle->heap, arena, chunk.zone, chunk.index);
        }
    }
    give_empty_zones(handle);
    return freed;
}

// A free that raced with another of the same chunk may be told by any later one.
static enum ft_core_misuse late_misuse(struct ft_core_heap *handle)
{
    return heap_freed_twice(&handle->core->arena) == NULL ? FT_CORE_OK : FT_CORE_DOUBLE_FREE;
}

// Frees a chunk that is held. False if it is not LARGE: then another thread was faster, and it is in use again.
static bool free_large(struct ft_core_heap *handle, const struct chunk *chunk)
{
    struct leaving leaving = {.kind = LEAVING_NOTHING};
    bool is_large = chunk->zone->chunk_bytes == 0;
    if (is_large) {
        poison_lay(chunk->base, chunk->capacity);
        heap_note_run_freed(handle->heap, chunk->requested);
        large_give(&handle->core->arena, chunk, &leaving);
    }
    return is_large;
}

static enum ft_core_misuse free_locked(struct ft_core_heap *handle, void *ptr, const size_t *bytes)
{
    const struct arena *arena = &handle->core->arena;
    ft_core_lock(handle);
    struct chunk chunk = chunk_locate(arena, ptr);
    enum misuse_kind misuse = misuse_in(arena, &chunk, ptr, bytes);
    if (misuse == MISUSE_NONE) {
        misuse = free_large(handle, &chunk) ? MISUSE_NONE : MISUSE_DOUBLE_FREE;
    }
    ft_core_unlock(handle);
    return (enum ft_core_misuse)misuse;
}

// Frees a chunk that is a run of its own, which is everybody's. False if ptr is not the start of one.
static bool free_run(struct ft_core_heap *handle, struct section *section, void *ptr)
{
    struct arena *arena = &handle->core->arena;
    ft_core_lock(handle);
    uint32_t first = section_unit_of(section, ptr);
    struct unit unit = *run_unit(section_runs(section), first);
    bool is_held =
        unit.kind == RUN_LARGE && unit.note != RUN_TAIL && section_unit_at(section, first) == ptr;
    if (is_held) {
        poison_lay(ptr, (size_t)unit.length << section->unit_shift);
        if (unit.note <= arena->class_bytes_max) {
            heap_note_run_freed(handle->heap, unit.note);
        }
        arena->large_count--;
        arena_give_run(arena, section, first);
    }
    ft_core_unlock(handle);
    return is_held;
}

FT_CORE_PUBLIC enum ft_core_misuse ft_core_free(struct ft_core_heap *heap, void *ptr)
{
    struct zone *zone = zone_map_find_narrow(&heap->core->arena.map, ptr);
    if (zone->kind == ZONE_LARGE && free_run(heap, (struct section *)zone, ptr)) {
        return FT_CORE_OK;
    }
    if (heap_fast_put(heap->heap, zone, (uintptr_t)zone_base(zone), ptr)) {
        poison_lay(ptr, zone->chunk_bytes);
        return FT_CORE_OK;
    }
    // A LARGE chunk is everybody's.
    if (ptr == NULL || (zone->chunk_bytes != 0 && free_in_zone(heap, ptr, NULL))) {
        return late_misuse(heap);
    }
    return free_locked(heap, ptr, NULL);
}

FT_CORE_PUBLIC enum ft_core_misuse ft_core_free_sized(struct ft_core_heap *heap, void *ptr,
                                                      size_t bytes)
{
    if (ptr == NULL || free_in_zone(heap, ptr, &bytes)) {
        return late_misuse(heap);
    }
    return free_locked(heap, ptr, &bytes);
}

// What a pointer is. What is no chunk in use may be changing just now: it is looked at under the lock.
static struct chunk locate(const struct ft_core_heap *heap, const void *ptr)
{
    struct chunk chunk = chunk_find(&heap->core->arena, ptr);
    if (!chunk_is_held_at(&chunk, ptr)) {
        ft_core_lock(heap);
        chunk = chunk_locate(&heap->core->arena, ptr);
        ft_core_unlock(heap);
    }
    return chunk;
}

// Changes the size of a chunk in use where it is; tight: even if it were better off elsewhere.
static bool resize(struct ft_core_heap *handle, const struct chunk *chunk, size_t bytes, bool tight)
{
    struct need need;
    bool resized = chunk_resize(chunk, bytes);
    if (!resized && chunk->zone->chunk_bytes != 0) {
        resized = tight && bytes <= chunk->requested && chunk_shrink(chunk, bytes);
    } else if (!resized && bytes <= PTRDIFF_MAX) {
        // Units that it loses are laid before others can have them.
        ft_core_lock(handle);
        resized = large_resize(&handle->core->arena, chunk, bytes, &need);
        poison_lay(chunk->base, resized ? chunk->capacity : 0);
        ft_core_unlock(handle);
    }
    if (resized) {
        struct chunk now = chunk_find(&handle->core->arena, chunk->base);
        poison_lay(now.base, now.capacity);
        poison_lift(now.base, bytes);
    }
    return resized;
}

FT_CORE_PUBLIC bool ft_core_resize(struct ft_core_heap *heap, void *ptr, size_t bytes)
{
    struct chunk chunk = locate(heap, ptr);
    return chunk_is_held_at(&chunk, ptr) && resize(heap, &chunk, bytes, true);
}

FT_CORE_PUBLIC void *ft_core_realloc(struct ft_core_heap *heap, void *ptr, size_t bytes)
{
    if (ptr == NULL) {
        return ft_core_alloc(heap, bytes);
    }
    struct chunk chunk = locate(heap, ptr);
    if (!chunk_is_held_at(&chunk, ptr)) {
        return NULL;
    }
    if (resize(heap, &chunk, bytes, false)) {
        return ptr;
    }
    void *moved = alloc(heap, bytes, SIZE_CLASS_STEP).ptr;
    if (moved == NULL && resize(heap, &chunk, bytes, true)) {
        return ptr;
    }
    if (hand_over(heap, moved, bytes) == NULL) {
        return NULL;
    }
    memcpy(moved, ptr, chunk.requested < bytes ? chunk.requested : bytes);
    (void)ft_core_free(heap, ptr);
    return moved;
}
