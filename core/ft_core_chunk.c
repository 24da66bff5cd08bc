// SPDX-License-Identifier: MIT
// What ft_core does with chunks: without the caller's lock as long as the heap at hand has what it needs.
#include "core/check.h"
#include "core/ft_core_state.h"
#include "core/heap.h"
#include "core/large.h"
#include "core/misuse.h"
#include "core/poison.h"

#include <string.h>

_Static_assert((int)FT_CORE_WRONG_SIZE == (int)MISUSE_WRONG_SIZE, "a misuse is told as it is");

// The bytes at the end of a chunk that were not asked for stay nobody's.
static void *handed_out(void *ptr, size_t bytes)
{
    if (ptr != NULL) {
        poison_lift(ptr, bytes);
    }
    return ptr;
}

static struct grant alloc(struct ft_core_heap *handle, size_t bytes, size_t align)
{
    struct heap *heap = handle->heap;
    unsigned size_class = heap_class_for(heap, bytes, align);
    struct grant grant = {.ptr = NULL};
    if (size_class != SIZE_CLASS_NONE) {
        grant = heap_take(heap, size_class, bytes);
    }
    if (grant.ptr != NULL) {
        return grant;
    }
    struct need need;
    ft_core_lock(handle);
    grant = heap_alloc(heap, bytes, align, &need);
    if (grant.ptr == NULL) {
        grant = heap_scrape(heap, bytes, align);
    }
    if (grant.ptr == NULL) {
        handle->core->arena.failure_count++;
    }
    while (heap_give_empty(heap, NULL)) {
    }
    ft_core_unlock(handle);
    return grant;
}

// Counts a request that no memory could serve.
static void *refuse(struct ft_core_heap *heap)
{
    ft_core_lock(heap);
    heap->core->arena.failure_count++;
    ft_core_unlock(heap);
    return NULL;
}

FT_CORE_PUBLIC void *ft_core_alloc(struct ft_core_heap *heap, size_t bytes)
{
    if (bytes > PTRDIFF_MAX) {
        return refuse(heap);
    }
    return handed_out(alloc(heap, bytes, SIZE_CLASS_STEP).ptr, bytes);
}

FT_CORE_PUBLIC void *ft_core_alloc_zeroed(struct ft_core_heap *heap, size_t count, size_t each)
{
    if (each != 0 && count > PTRDIFF_MAX / each) {
        return refuse(heap);
    }
    size_t bytes = count * each;
    struct grant grant = alloc(heap, bytes, SIZE_CLASS_STEP);
    handed_out(grant.ptr, bytes);
    if (grant.ptr != NULL && !grant.is_zero) {
        memset(grant.ptr, 0, bytes);
    }
    return grant.ptr;
}

FT_CORE_PUBLIC void *ft_core_alloc_aligned(struct ft_core_heap *heap, size_t align, size_t bytes)
{
    if (!bits_is_power_of_two(align)) {
        return NULL;
    }
    if (bytes > PTRDIFF_MAX || align > PTRDIFF_MAX) {
        return refuse(heap);
    }
    return handed_out(alloc(heap, bytes, align).ptr, bytes);
}

static void give_empty_zones(struct ft_core_heap *handle)
{
    if (!heap_has_empty(handle->heap)) {
        return;
    }
    ft_core_lock(handle);
    while (heap_give_empty(handle->heap, NULL)) {
    }
    ft_core_unlock(handle);
}

// Frees a chunk that is this heap's to free, as chunk_locate() found it.
static enum ft_core_misuse free_chunk(struct ft_core_heap *handle, const struct chunk *chunk)
{
    enum misuse_kind misuse = MISUSE_NONE;
    poison_lay(chunk->base, chunk->capacity);
    if (heap_owns(handle->heap, chunk)) {
        heap_put(handle->heap, chunk);
        give_empty_zones(handle);
        return FT_CORE_OK;
    }
    struct leaving leaving = {.kind = LEAVING_NOTHING};
    ft_core_lock(handle);
    if (!heap_free(&handle->core->arena, chunk, &leaving)) {
        misuse = MISUSE_DOUBLE_FREE;
    }
    ft_core_unlock(handle);
    return (enum ft_core_misuse)misuse;
}

// What a pointer is. What is no chunk in use may be changing just now: it is looked at under the lock.
static struct chunk locate(const struct ft_core_heap *heap, const void *ptr)
{
    struct chunk chunk = chunk_locate(&heap->core->arena, ptr);
    if (!chunk_is_held_at(&chunk, ptr)) {
        ft_core_lock(heap);
        chunk = chunk_locate(&heap->core->arena, ptr);
        ft_core_unlock(heap);
    }
    return chunk;
}

FT_CORE_PUBLIC enum ft_core_misuse ft_core_free(struct ft_core_heap *heap, void *ptr)
{
    if (ptr == NULL) {
        return FT_CORE_OK;
    }
    struct chunk chunk = locate(heap, ptr);
    enum misuse_kind misuse = misuse_of(&chunk, ptr);
    return misuse == MISUSE_NONE ? free_chunk(heap, &chunk) : (enum ft_core_misuse)misuse;
}

FT_CORE_PUBLIC enum ft_core_misuse ft_core_free_sized(struct ft_core_heap *heap, void *ptr,
                                                      size_t bytes)
{
    if (ptr == NULL) {
        return FT_CORE_OK;
    }
    struct chunk chunk = locate(heap, ptr);
    enum misuse_kind misuse = misuse_of(&chunk, ptr);
    if (misuse == MISUSE_NONE) {
        misuse = misuse_of_size(&heap->core->arena, &chunk, bytes);
    }
    return misuse == MISUSE_NONE ? free_chunk(heap, &chunk) : (enum ft_core_misuse)misuse;
}

// Changes the size of a chunk in use where it is; tight: even if it were better off elsewhere.
static bool resize(struct ft_core_heap *handle, const struct chunk *chunk, size_t bytes, bool tight)
{
    struct need need;
    bool resized = chunk_resize(chunk, bytes);
    if (!resized && chunk->zone->chunk_bytes != 0) {
        resized = tight && bytes <= chunk->requested && chunk_shrink(chunk, bytes);
    } else if (!resized && bytes <= PTRDIFF_MAX) {
        ft_core_lock(handle);
        resized = large_resize(&handle->core->arena, chunk, bytes, &need);
        ft_core_unlock(handle);
    }
    if (resized) {
        struct chunk now = chunk_locate(&handle->core->arena, chunk->base);
        poison_lay(now.base, now.capacity > chunk->capacity ? now.capacity : chunk->capacity);
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
    void *moved = ft_core_alloc(heap, bytes);
    if (moved == NULL) {
        return resize(heap, &chunk, bytes, true) ? ptr : NULL;
    }
    memcpy(moved, ptr, chunk.requested < bytes ? chunk.requested : bytes);
    CHECK(ft_core_free(heap, ptr) == FT_CORE_OK);
    return moved;
}
