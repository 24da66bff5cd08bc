// SPDX-License-Identifier: MIT
// What a heap of the program's own does with chunks: ft_core's functions, under the heap's lock, and errno.
#include "api/export.h"
#include "api/heaps.h"
#include "core/bits.h"

#include <errno.h>
#include <stdint.h>

static const size_t align_min = 16; // of any chunk

static void note_taken(struct ft_heap *heap, size_t bytes)
{
    struct ft_heap_figures *figures = &heap->figures;
    figures->chunk_count++;
    figures->used_bytes += bytes;
    if (figures->used_bytes > figures->used_bytes_max) {
        figures->used_bytes_max = figures->used_bytes;
    }
}

static void note_freed(struct ft_heap *heap, size_t bytes)
{
    heap->figures.chunk_count--;
    heap->figures.used_bytes -= bytes;
}

// From the memory that the heap has.
static void *take(struct ft_heap *heap, size_t bytes, size_t align, bool zero)
{
    if (zero) {
        return ft_core_alloc_zeroed(&heap->core, 1, bytes);
    }
    return align <= align_min ? ft_core_alloc(&heap->core, bytes)
                              : ft_core_alloc_aligned(&heap->core, align, bytes);
}

// Allocates; NULL and ENOMEM if there is no memory.
static void *alloc(struct ft_heap *heap, size_t bytes, size_t align, bool zero, const char *call)
{
    int saved = errno;
    if (!heaps_enter(heap, call)) {
        return NULL;
    }
    void *ptr = take(heap, bytes, align, zero);
    if (ptr == NULL && heaps_grow(heap, bytes, align)) {
        ptr = take(heap, bytes, align, zero);
        if (ptr == NULL) { // the limit's last bytes were not enough
            (void)heaps_shrink(heap);
        }
    }
    if (ptr != NULL) {
        note_taken(heap, bytes);
    } else {
        heap->figures.failure_count++;
    }
    heaps_leave(heap);
    errno = ptr != NULL ? saved : ENOMEM;
    return ptr;
}

EXPORT void *ft_heap_malloc(struct ft_heap *heap, size_t bytes)
{
    return alloc(heap, bytes, align_min, false, "ft_heap_malloc");
}

EXPORT void *ft_heap_calloc(struct ft_heap *heap, size_t count, size_t each)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, each, &bytes)) {
        bytes = SIZE_MAX; // which no heap has
    }
    return alloc(heap, bytes, align_min, true, "ft_heap_calloc");
}

EXPORT void *ft_heap_aligned_alloc(struct ft_heap *heap, size_t align, size_t bytes)
{
    if (!bits_is_power_of_two(align)) {
        errno = EINVAL;
        return NULL;
    }
    return alloc(heap, bytes, align, false, "ft_heap_aligned_alloc");
}

static bool is_held_at(const struct ft_core_place *place, const void *ptr)
{
    return place->status == FT_CORE_LIVE && place->base == ptr;
}

// With the heap entered: what ptr is. False if it is no chunk in use: then the heap has been left, and that has been
// reported.
static bool find_held(struct ft_heap *heap, void *ptr, const char *call,
                      struct ft_core_place *place)
{
    *place = ft_core_locate(heap->core.core, ptr);
    if (is_held_at(place, ptr)) {
        return true;
    }
    // A free of what is no chunk in use says what is wrong with it, and changes nothing.
    enum ft_core_misuse misuse = ft_core_free(&heap->core, ptr);
    heaps_leave(heap);
    heaps_report(heap, call, misuse, ptr, place);
    return false;
}

static void free_held(struct ft_heap *heap, void *ptr, const struct ft_core_place *place)
{
    (void)ft_core_free(&heap->core, ptr);
    note_freed(heap, place->bytes);
}

EXPORT void ft_heap_free(struct ft_heap *heap, void *ptr)
{
    int saved = errno;
    struct ft_core_place place;
    if (ptr != NULL && heaps_enter(heap, "ft_heap_free")) {
        if (find_held(heap, ptr, "ft_heap_free", &place)) {
            free_held(heap, ptr, &place);
            heaps_leave(heap);
        }
    }
    errno = saved;
}

// The chunk of a heap that was entered with another size. NULL and ENOMEM if there is no memory.
static void *resize(struct ft_heap *heap, void *ptr, size_t bytes, size_t old_bytes)
{
    int saved = errno;
    void *moved = ft_core_realloc(&heap->core, ptr, bytes);
    if (moved == NULL && heaps_grow(heap, bytes, align_min)) {
        moved = ft_core_realloc(&heap->core, ptr, bytes);
        if (moved == NULL) {
            (void)heaps_shrink(heap);
        }
    }
    if (moved != NULL) {
        note_freed(heap, old_bytes);
        note_taken(heap, bytes);
    } else {
        heap->figures.failure_count++;
    }
    errno = moved != NULL ? saved : ENOMEM;
    return moved;
}

EXPORT void *ft_heap_realloc(struct ft_heap *heap, void *ptr, size_t bytes)
{
    if (ptr == NULL) {
        return alloc(heap, bytes, align_min, false, "ft_heap_realloc");
    }
    if (!heaps_enter(heap, "ft_heap_realloc")) {
        return NULL;
    }
    struct ft_core_place place;
    if (!find_held(heap, ptr, "ft_heap_realloc", &place)) {
        errno = EINVAL;
        return NULL;
    }
    void *moved = NULL;
    if (bytes == 0) {
        free_held(heap, ptr, &place);
    } else {
        moved = resize(heap, ptr, bytes, place.bytes);
    }
    heaps_leave(heap);
    return moved;
}

EXPORT size_t ft_heap_usable_size(struct ft_heap *heap, void *ptr)
{
    int saved = errno;
    struct ft_core_place place = {.bytes = 0};
    if (ptr != NULL && heaps_enter(heap, "ft_heap_usable_size")) {
        if (find_held(heap, ptr, "ft_heap_usable_size", &place)) {
            heaps_leave(heap);
        } else {
            place.bytes = 0;
        }
    }
    errno = saved;
    return place.bytes;
}
